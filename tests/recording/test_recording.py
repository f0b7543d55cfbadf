"""A recorded run is a run: what the loop told is in the folder that every reader reads."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import memlab
from memlab.errors import InvalidDataset, InvalidExperiment
from memlab.recording.sampling import chosen
from memlab.recording.validating import Validation
from memlab.runs.ledger import read_ledger
from memlab.runs.run import Run
from memlab.runs.run_folder import RunFolder
from tests.recording.loops import CLASSES, FEATURES, Data, mlp, train

SHARP = ("sharpness", "edge")


def recorded(data: Data, epochs: int = 6, **more: object) -> memlab.Run:
    torch.manual_seed(0)
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    run = train(data, model, optimizer, epochs, name="three blobs", **more)
    assert run is not None
    return memlab.load(run.id)


def test_accuracy_on_clean_and_corrupted_labels_is_that_of_the_batches(data: Data) -> None:
    torch.manual_seed(0)
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    logits: list[torch.Tensor] = []
    asked: list[torch.Tensor] = []
    with memlab.record(model, (data.x, data.y), clean=data.true, instruments=None) as run:
        for x, y, index in memlab.indexed(data.loader()):
            found = model(x)
            logits.append(found.detach().clone())
            asked.append(index)
            loss = torch.nn.functional.cross_entropy(found, y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            run.step(found, y, index)
        run.epoch()
    answers, index = torch.cat(logits), torch.cat(asked)
    given, wrong, predicted = data.y[index], data.wrong[index], torch.cat(logits).argmax(1)
    expected = {
        "train_loss": torch.nn.functional.cross_entropy(answers, given).item(),
        "train_accuracy": (predicted == given).double().mean().item(),
        "train_accuracy_clean": (predicted == given)[~wrong].double().mean().item(),
        "train_accuracy_corrupted": (predicted == given)[wrong].double().mean().item(),
        "recovered_true_labels": (predicted == data.true[index])[wrong].double().mean().item(),
    }
    opened = memlab.load(run.id)
    for name, value in expected.items():
        assert opened.series(name).values[0, -1] == pytest.approx(value, abs=1e-6)


def test_an_epochs_row_is_of_the_whole_epoch_whatever_rows_were_within_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The last batch of an epoch may have been in a row already: nothing is left for the next."""
    monkeypatch.setattr("memlab.recording.rows.ROW_SECONDS", 0.0)
    logits, y = torch.tensor([[3.0, 0.0], [0.0, 1.0]]), torch.tensor([[0, 0], [0, 1], [1, 1]])
    with memlab.record(torch.nn.Linear(2, 2), train=6, instruments=None, name="rows") as run:
        for given in (y, 1 - y):
            for labels in given:
                run.step(logits, labels)
                run._settle()
            run.epoch()
    opened = memlab.load(run.id)
    accuracy, loss = opened.series("train_accuracy"), opened.series("train_loss")
    at = [accuracy.epochs.tolist().index(epoch) for epoch in (1.0, 2.0)]
    assert len(accuracy.epochs) == 8
    assert accuracy.values[0, at].tolist() == [4 / 6, 2 / 6]
    entropy, shown = torch.nn.functional.cross_entropy, logits.repeat(3, 1)
    whole = [entropy(shown, given.reshape(-1)).item() for given in (y, 1 - y)]
    np.testing.assert_allclose(loss.values[0, at], whole, rtol=1e-6)


def test_rows_within_an_epoch_are_of_as_many_presentations_as_it_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An epoch's row that looked back further than those around it would show as a fall."""
    monkeypatch.setattr("memlab.recording.rows.ROW_SECONDS", 0.0)
    logits = torch.tensor([[1.0, 0.0]])
    right = [0, 0, 0, 1, 1, 1, 1, 1]  # of each presentation; four are an epoch
    with memlab.record(torch.nn.Linear(2, 2), train=4, instruments=None) as run:
        for at, good in enumerate(right, 1):
            run.step(logits, torch.tensor([1 - good]))
            run._settle()
            if at % 4 == 0:
                run.epoch()
    accuracy = memlab.load(run.id).series("train_accuracy")
    assert accuracy.epochs.tolist() == [0.25, 0.5, 0.75, 0.999, 1.0, 1.25, 1.5, 1.75, 1.999, 2.0]
    expected = [0, 0, 0, 1 / 4, 1 / 4, 2 / 4, 3 / 4, 1, 1, 1]
    np.testing.assert_allclose(accuracy.values[0], expected)


def test_in_a_long_epoch_rows_look_back_half_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("memlab.recording.rows.time.monotonic", lambda: now[0])
    logits = torch.tensor([[1.0, 0.0]])
    with memlab.record(torch.nn.Linear(2, 2), train=1000, instruments=None) as run:
        for at in range(20):  # a row every ten seconds, right from the tenth on
            now[0] += 10.0
            run.step(logits, torch.tensor([int(at < 10)]))
            run._settle()
    accuracy = memlab.load(run.id).series("train_accuracy").values[0]
    np.testing.assert_allclose(accuracy[:20], [0] * 10 + [1 / 4, 2 / 4, 3 / 4] + [1] * 7)


def test_of_a_network_that_has_diverged_nothing_earlier_is_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("memlab.recording.rows.ROW_SECONDS", 0.0)
    with memlab.record(torch.nn.Linear(2, 2), train=4, instruments=None) as run:
        for value in (1.0, float("nan")):
            run.step(torch.tensor([[value, 0.0]]), torch.tensor([0]))
            run._settle()
    loss = memlab.load(run.id).series("train_loss").values[0]
    assert np.isfinite(loss[0])
    assert np.isnan(loss[1])


def test_validation_is_that_of_the_network_in_evaluation_mode(data: Data) -> None:
    torch.manual_seed(0)
    model = mlp(dropout=0.5, normalized=True)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    run = train(data, model, optimizer, 2, validation=(data.xv, data.yv))
    assert run is not None
    model.eval()
    with torch.no_grad():
        right = (model(data.xv).argmax(1) == data.yv).double().mean().item()
        loss = torch.nn.functional.cross_entropy(model(data.xv), data.yv).item()
    opened = memlab.load(run.id)
    assert opened.series("validation_accuracy").values[0, -1] == pytest.approx(right)
    assert opened.series("validation_loss").values[0, -1] == pytest.approx(loss, rel=1e-5)


def test_a_data_set_is_as_good_a_validation_as_its_arrays(data: Data) -> None:
    both = torch.utils.data.TensorDataset(data.xv, data.yv)
    found = []
    for given in ((data.xv, data.yv), torch.utils.data.Subset(both, range(len(both)))):
        opened = recorded(data, 2, validation=given)
        found.append([opened.series(f"validation_{what}").values for what in ("loss", "accuracy")])
    np.testing.assert_array_equal(*found)


def test_of_a_large_data_set_the_same_few_are_asked_about(monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = Pictures()
    monkeypatch.setattr("memlab.recording.validating.MOST_BYTES", 7 * 16 * 4 + 1)
    before = torch.get_rng_state()
    found = [Validation.of(pictures) for _ in range(2)]
    assert torch.equal(torch.get_rng_state(), before)
    assert [len(one) for one in found] == [7, 7]
    assert torch.equal(found[0].x, found[1].x)
    at = chosen(len(pictures), 7)
    assert found[0].labels.tolist() == [pictures.targets[index] for index in at]


def test_the_ledger_has_margins_and_forgetting_of_presentations(data: Data) -> None:
    count = len(data.x)
    script = torch.full((5, count, CLASSES), 0.0)
    answered = torch.randint(0, CLASSES, (5, count), generator=torch.Generator().manual_seed(3))
    script.scatter_(2, answered.unsqueeze(2), 2.0)
    with memlab.record(mlp(), (data.x, data.y), instruments=None) as run:
        for logits in script:
            for part in torch.arange(count).split(16):
                run.step(logits[part], data.y[part], part)
            run.epoch()
    ledger = read_ledger(RunFolder(run.path or data))[0]  # type: ignore[arg-type]
    right = (answered == data.y).numpy()
    forgotten = (right[:-1] & ~right[1:]).sum(0)
    margins = np.where(right, 2.0, -2.0).mean(0)
    assert ledger.presented is not None
    np.testing.assert_array_equal(ledger.presented["forgetting"][0], forgotten)
    np.testing.assert_array_equal(ledger.presented["learned"][0], right.any(0))
    np.testing.assert_allclose(ledger.scores["aum"][0], margins, atol=1e-6)
    first = np.where(right.any(0), right.argmax(0) + 1.0, np.inf)
    np.testing.assert_array_equal(ledger.scores["first_learned"][0], first)
    assert ledger.history is not None
    assert ledger.history.epoch.tolist() == [1, 2, 3, 4, 5]
    np.testing.assert_array_equal(ledger.history.predicted[:, 0], answered.numpy())


def test_an_example_that_is_drawn_twice_in_one_window_counts_twice() -> None:
    labels = torch.zeros(2, dtype=torch.int64)
    right, wrong = [3.0, 0.0], [0.0, 3.0]
    with memlab.record(mlp(), (torch.zeros(2, 2), labels), instruments=None) as run:
        run.step(torch.tensor([right, right, wrong, right]), labels[[0, 0, 0, 1]], [0, 0, 0, 1])
        run.step(torch.tensor([right, wrong]), labels, [0, 1])
        run.epoch()
    ledger = read_ledger(RunFolder(run.path))[0]  # type: ignore[arg-type]
    assert ledger.presented is not None
    assert ledger.presented["forgetting"][0].tolist() == [1, 1]
    np.testing.assert_allclose(ledger.scores["aum"][0], [(3 + 3 - 3 + 3) / 4, 0.0])


def test_suspects_are_the_wrong_labels(data: Data) -> None:
    run = recorded(data, epochs=12)
    found = run.suspects()
    wrong = int(data.wrong.sum())
    assert data.wrong[torch.from_numpy(found["index"][:wrong])].double().mean() > 0.8
    assert len(found) == len(data.x)


def test_what_nobody_said_is_not_shown(data: Data) -> None:
    run = recorded(data)
    for name in ("train_accuracy_clean", "train_accuracy_corrupted", "recovered_true_labels"):
        assert np.isnan(run.series(name).values).all()
    text = run.report()
    assert "To run it again" not in text
    for word in ("noise", "digits", "mlp", "lies"):
        assert word not in text, word
    assert run.findings.reproduce == ""
    assert set(run.findings.experiment) >= {"recorded", "title"}
    assert "model" not in run.findings.experiment


def test_labels_may_come_with_the_batches_alone(data: Data) -> None:
    torch.manual_seed(0)
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    run = train(data, model, optimizer, 2, train=len(data.x))
    assert run is not None
    ledger = read_ledger(RunFolder(run.path))[0]  # type: ignore[arg-type]
    np.testing.assert_array_equal(ledger.given[0], data.y.numpy())


def test_logged_values_and_learning_rate_are_recorded(data: Data) -> None:
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    with memlab.record(
        model, (data.x, data.y), optimizer=optimizer, instruments=None, name="logs"
    ) as run:
        for number in range(3):
            run.step(model(data.x), data.y, torch.arange(len(data.x)))
            run.log(grad_norm=torch.tensor(float(number)), stiffness=2)
            optimizer.param_groups[0]["lr"] /= 2
            run.epoch()
    opened = memlab.load(run.id)
    assert opened.series("learning_rate").values[0].tolist() == [0.25, 0.125, 0.0625]
    assert opened.series("logged-grad-norm.grad_norm").values[0].tolist() == [0, 1, 2]
    assert opened.series("logged-stiffness.stiffness").values[0].tolist() == [2, 2, 2]
    assert opened.series("grad_norm").values[0].tolist() == [0, 1, 2]
    assert opened.series("stiffness").name == "stiffness"


class Gates(torch.nn.Module):
    """A layer that no rule of the Gram matrix holds for."""

    def __init__(self) -> None:
        super().__init__()
        self.gru, self.out = torch.nn.GRU(3, 4, batch_first=True), torch.nn.Linear(4, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.out(self.gru(x)[0][:, -1])


def test_what_an_instrument_says_of_how_it_measures_is_recorded_once_and_reported() -> None:
    model, x, y = Gates(), torch.randn(12, 5, 3), torch.arange(12) % 2
    asked = {"stiffness": {"examples": 8}}
    with memlab.record(model, (x, y), instruments=asked, share=10.0) as run:
        for step in range(60):
            run.step(model(x), y, torch.arange(12))
            if step % 20 == 19:
                run.epoch()
    opened = memlab.load(run.id)
    notes = [event.data["note"] for event in opened.events if event.type == "instrument-note"]
    assert notes == ["By per-example gradients, as no rule holds: gru."]
    assert notes[0] in " ".join(opened.report().split())


def test_instruments_measure_by_the_optimizer_that_the_loop_names_later(data: Data) -> None:
    model, index = mlp(), torch.arange(len(data.x))
    asked = {"curvature": {"examples": 64}}
    with memlab.record(model, (data.x, data.y), instruments=asked, share=10.0) as run:
        run.follow(torch.optim.SGD(model.parameters(), lr=0.25))
        for _ in range(3):
            run.step(model(data.x), data.y, index)
            run.epoch()
    opened = memlab.load(run.id)
    sharpness, edge = (opened.series(f"curvature.{name}").values[0] for name in SHARP)
    assert np.isfinite(edge).any()
    np.testing.assert_allclose(edge, sharpness * 0.25 / 2, rtol=1e-6)


def test_one_logit_is_two_classes() -> None:
    y = torch.tensor([0, 1, 1, 0])
    logits = torch.tensor([-1.0, 2.0, -3.0, 4.0])
    with memlab.record(mlp(), (torch.zeros(4, 2), y), instruments=None) as run:
        run.step(logits, y, torch.arange(4))
        run.epoch()
    expected = torch.nn.functional.binary_cross_entropy_with_logits(logits, y.float()).item()
    opened = memlab.load(run.id)
    assert opened.series("train_accuracy").values[0, -1] == 0.5
    assert opened.series("train_loss").values[0, -1] == pytest.approx(expected, rel=1e-6)


def test_the_state_says_how_the_loop_ended(data: Data) -> None:
    with pytest.raises(ZeroDivisionError), memlab.record(mlp(), (data.x, data.y)) as run:
        raise ZeroDivisionError("a wrong line")
    state = RunFolder(run.path).state  # type: ignore[arg-type]
    assert state.state == "failed"
    assert "ZeroDivisionError: a wrong line" in state.message
    run = memlab.record(mlp(), (data.x, data.y))
    assert RunFolder(run.path).state.living  # type: ignore[arg-type]
    with pytest.raises(KeyboardInterrupt), run:
        raise KeyboardInterrupt
    assert RunFolder(run.path).state.state == "interrupted"  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"train": (torch.zeros(3, 2), torch.zeros(4))}, "3 inputs and 4 labels"),
        ({"train": "digits"}, "not str"),
        ({"train": (torch.zeros(2, 2), torch.tensor([0.5, 1.0]))}, "one class number"),
        ({"train": (torch.zeros(2, 2), torch.tensor([-1, 1]))}, "from -1 to 1"),
        ({"train": 0}, "takes one or more"),
        ({"train": 4, "clean": torch.ones(3, dtype=torch.bool)}, "all 4 training examples"),
        ({"train": 4, "clean": torch.ones(4, dtype=torch.int64)}, "train=(x, y)"),
        ({"train": 4, "validation": torch.zeros(4, 2)}, "validation is (x, y) or a data set whose"),
        ({"train": 4, "validation": 7}, "a data set with a length, not int"),
        ({"train": 4, "validation": {"x": [1.0], "y": [0]}}, "whose examples are (input, label)"),
        ({"train": 4, "validation": [("a", 0)]}, "inputs are numbers of one shape"),
        ({"train": 4, "validation": (torch.zeros(4, 2), torch.zeros(3))}, "one class number for"),
    ],
)
def test_arguments_that_cannot_be_are_one_sentence(
    arguments: dict[str, object], words: str
) -> None:
    with pytest.raises(InvalidDataset) as caught:
        memlab.record(mlp(), **arguments)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_instrument_is_named(data: Data) -> None:
    with pytest.raises(InvalidExperiment, match="'stifness'"):
        memlab.record(mlp(), (data.x, data.y), instruments=["stifness"])


def test_pictures_are_kept_for_the_microscope() -> None:
    x, y = torch.rand(10, 3, 8, 8), torch.arange(10) % 2
    with memlab.record(torch.nn.Identity(), (x, y), instruments=None) as run:
        run.step(torch.randn(10, 2), y, torch.arange(10))
        run.epoch()
    ledger = read_ledger(RunFolder(run.path))[0]  # type: ignore[arg-type]
    assert ledger.pictures is not None
    assert ledger.pictures.shape == (10, 8, 8)
    mean = x.mean(1).numpy()
    assert np.corrcoef(ledger.pictures.ravel(), mean.ravel())[0, 1] > 0.98


def test_a_recorded_run_is_read_by_the_reader_of_all_runs(data: Data) -> None:
    run = Run(RunFolder(recorded(data).folder.path))
    assert run.experiment.recorded is not None
    assert run.experiment.recorded.network == "Sequential"
    assert run.experiment.recorded.optimizer == "SGD"
    assert run.experiment.recorded.examples == len(data.x)
    assert run.view.problems == ()
    assert run.experiment.recorded.parameters == FEATURES * 16 + 16 + 16 * CLASSES + CLASSES


class Pictures(torch.utils.data.Dataset):  # type: ignore[type-arg]
    """As torchvision's: `targets`, and items that are drawn anew at every look."""

    def __init__(self) -> None:
        self.targets = [number % 2 for number in range(40)]

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        noise = torch.randn(1, 4, 4)
        return noise + 3 * self.targets[index], self.targets[index]


def test_a_data_set_gives_labels_and_inputs_and_draws_nothing_more() -> None:
    data = Pictures()
    loader = torch.utils.data.DataLoader(data, batch_size=8, shuffle=True)
    ended = []
    for recorded in (False, True):
        torch.manual_seed(0)
        model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(16, 2))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        run = None
        if recorded:
            asked = {"instruments": ["stiffness", "ledger"], "share": 10.0}
            run = memlab.record(model, data, validation=data, **asked)
        for _ in range(4):
            batches = loader if run is None else run.batches(loader)
            for x, y, *index in batches:
                logits = model(x)
                optimizer.zero_grad()
                torch.nn.functional.cross_entropy(logits, y).backward()
                optimizer.step()
                if run is not None:
                    run.step(logits, y, *index)
        if run is not None:
            run.close()
            opened = memlab.load(run.id)
            ledger = read_ledger(RunFolder(opened.folder.path))[0]
            assert ledger.given[0].tolist() == data.targets
            assert np.isfinite(opened.instrument("stiffness", "within").values).any()
        ended.append(torch.cat([p.detach().reshape(-1) for p in model.parameters()]))
    assert torch.equal(*ended)
