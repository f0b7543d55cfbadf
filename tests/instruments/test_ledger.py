"""The ledger against a plain loop over examples, over a resume, and within its limits."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from memlab.errors import RunFolderError
from memlab.instruments.ledger import Ledger, Observed
from memlab.instruments.ledger_store import LedgerFacts, LedgerLimits, history_room
from memlab.runs.door import Place
from memlab.runs.ledger import LedgerView, read_ledger
from memlab.runs.run_folder import RunFolder

CPU = torch.device("cpu")
MEMBERS, EXAMPLES, CLASSES, EVALUATIONS = 3, 40, 5, 9


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    (tmp_path / "examples").mkdir()
    return RunFolder(tmp_path)


def facts(**changes: object) -> LedgerFacts:
    """Three members; the last two share their labels."""
    generator = np.random.default_rng(0)
    true = generator.integers(0, CLASSES, EXAMPLES)
    given = [true.copy(), true.copy()]
    for labels in given:
        labels[:10] = generator.integers(0, CLASSES, 10)
    given.append(given[1].copy())
    made = LedgerFacts(
        stack=2,
        dataset="npz:mine.npz",
        members=[4, 7, 8],
        class_names=[f"class {c}" for c in range(CLASSES)],
        index=np.arange(EXAMPLES)[::-1] * 3,
        true=true,
        given=given,
        corrupted=[labels != true for labels in given],
        evaluations=EVALUATIONS,
    )
    return dataclasses.replace(made, **changes)  # type: ignore[arg-type]


def outputs(evaluation: int) -> torch.Tensor:
    """Logits `[members, examples, classes]` of an evaluation, as if the labels were learned."""
    generator = torch.Generator().manual_seed(evaluation)
    labels = torch.from_numpy(np.stack(facts().given))
    learned = torch.nn.functional.one_hot(labels, CLASSES) * (0.3 * evaluation)
    return torch.randn(MEMBERS, EXAMPLES, CLASSES, generator=generator) + learned


def accuracies(evaluation: int) -> torch.Tensor:
    """Best at evaluations 5 and 6 for the first member, 3 for the second, unknown for the third."""
    first = 1 - max(abs(evaluation - 5.5), 0.5) / 10
    return torch.tensor([first, 1 - abs(evaluation - 3) / 10, torch.nan])


def seen(evaluation: int, active: Sequence[int]) -> Observed:
    """What the ledger is given, in two pieces as an evaluation in chunks makes them."""
    rows = list(active)
    logits = outputs(evaluation)[rows]
    labels = torch.from_numpy(np.stack(facts().given))[rows]
    losses = -logits.log_softmax(-1).gather(-1, labels.unsqueeze(-1)).squeeze(-1)
    pieces = [
        Observed.of(logits[:, s], labels[:, s], losses[:, s], logits[:, s].argmax(-1))
        for s in (slice(0, 17), slice(17, None))
    ]
    return Observed.joined(pieces)


def record(ledger: Ledger, evaluations: Sequence[int], active: Sequence[int] = (0, 1, 2)) -> None:
    for evaluation in evaluations:
        accuracy = accuracies(evaluation)[list(active)]
        ledger.record(evaluation / 2, seen(evaluation, active), active, accuracy)


def filled(folder: RunFolder, made: LedgerFacts, evaluations: int = EVALUATIONS) -> LedgerView:
    ledger = Ledger(folder.examples / "stack-002", made, CPU)
    ledger.begin()
    record(ledger, range(evaluations))
    ledger.publish()
    ledger.close()
    return read_ledger(folder)[0]


def by_hand(member: int, example: int, evaluations: int) -> dict[str, float]:
    """One example's scores, computed from its logits one evaluation after another."""
    given = int(facts().given[member][example])
    first = good = np.inf
    before, forgotten, margins, losses, rivals = False, 0, [], [], []
    for evaluation in range(1, evaluations):
        logits = outputs(evaluation)[member, example].double().numpy()
        others = np.delete(logits, given)
        margins.append(logits[given] - others.max())
        losses.append(np.log(np.exp(logits).sum()) - logits[given])
        rivals.append(int(np.delete(np.arange(CLASSES), given)[others.argmax()]))
        right = int(logits.argmax()) == given
        forgotten += before and not right
        first = min(first, evaluation / 2) if right else first
        good = (good if before else evaluation / 2) if right else np.inf
        before = right
    best = {0: 5, 1: 3, 2: evaluations - 1}[member]
    return {
        "first_learned": first,
        "learned_for_good": good,
        "forgetting": forgotten,
        "aum": float(np.mean(margins)),
        "aum_best": float(np.mean(margins[:best])),
        "mean_loss": float(np.mean(losses)),
        "predicted": int(outputs(evaluations - 1)[member, example].argmax()),
    }


def test_running_scores_equal_a_loop_over_examples_and_evaluations(folder: RunFolder) -> None:
    view = filled(folder, facts())
    forgotten = 0
    for member in range(MEMBERS):
        for example in range(EXAMPLES):
            expected = by_hand(member, example, EVALUATIONS)
            forgotten += int(expected["forgetting"])
            for name, value in expected.items():
                found = float(view.scores[member, example][name])
                assert found == pytest.approx(value, rel=1e-6, abs=1e-6), (name, member, example)
    assert forgotten > 20


def test_first_answers_of_the_untrained_network_are_not_learning(folder: RunFolder) -> None:
    view = filled(folder, facts(), 1)
    right = np.stack(facts().given) == outputs(0).argmax(-1).numpy()
    assert right.any()
    assert np.isinf(view.scores["first_learned"]).all()
    assert list(view.progress["evaluations"]) == [0, 0, 0]


def test_best_epoch_is_the_first_of_the_best_validation_accuracy(folder: RunFolder) -> None:
    view = filled(folder, facts())
    assert list(view.progress["best_epoch"][:2]) == [2.5, 1.5]
    assert np.isnan(view.progress["best_epoch"][2])


def test_votes_count_the_likeliest_class_other_than_the_given_one(folder: RunFolder) -> None:
    view = filled(folder, facts())
    assert view.header.labelling == (0, 1, 1)
    assert view.votes is not None
    expected = np.zeros((2, EXAMPLES, CLASSES), int)
    for evaluation in range(1, EVALUATIONS):
        logits = outputs(evaluation).numpy()
        for member in range(MEMBERS):
            for example in range(EXAMPLES):
                row = logits[member, example].copy()
                row[facts().given[member][example]] = -np.inf
                expected[view.header.labelling[member], example, row.argmax()] += 1
    assert np.array_equal(view.votes, expected)


def test_history_holds_every_evaluation_while_it_fits(folder: RunFolder) -> None:
    history = filled(folder, facts()).history
    assert history is not None
    assert history.epoch.tolist() == [e / 2 for e in range(EVALUATIONS)]
    for evaluation in range(EVALUATIONS):
        expected = seen(evaluation, range(MEMBERS))
        half = expected.margins.to(torch.float16).numpy()
        assert np.array_equal(history.margin[evaluation], half)
        assert np.array_equal(history.predicted[evaluation], expected.predicted.numpy())
        assert np.array_equal(history.loss[evaluation], expected.losses.to(torch.float16).numpy())


def test_history_beyond_its_limit_is_thinned_and_scores_stay_exact(tmp_path: Path) -> None:
    views = []
    for limit in (1 << 20, 3 * 5 * MEMBERS * EXAMPLES, 10):
        path = tmp_path / str(limit)
        (path / "examples").mkdir(parents=True)
        views.append(filled(RunFolder(path), facts(limits=LedgerLimits(history_bytes=limit))))
    whole, thin, none = views
    assert none.history is None
    assert thin.history is not None
    assert thin.history.epoch.tolist() == [0.0, 2.0, 4.0]
    assert whole.history is not None
    assert np.array_equal(thin.history.loss, whole.history.loss[::4])
    for view in (thin, none):
        assert np.array_equal(view.scores, whole.scores)


@pytest.mark.parametrize("evaluations", [1, 2, 7, 8, 100])
@pytest.mark.parametrize("limit", [0, 9, 10, 35, 1000])
def test_history_never_exceeds_its_limit_nor_wastes_half_of_it(
    evaluations: int, limit: int
) -> None:
    rows, stride = history_room(evaluations, 10, limit)
    assert rows * 10 <= limit
    assert rows == 0 or rows == -(-evaluations // stride)
    if rows == 0:
        assert limit < 10
    elif stride > 1:
        assert -(-evaluations // (stride // 2)) * 10 > limit


def test_votes_and_pictures_beyond_their_limits_are_left_out(folder: RunFolder) -> None:
    pictures = np.zeros((EXAMPLES, 4, 4), np.uint8)
    limits = LedgerLimits(votes_bytes=4 * 2 * EXAMPLES * CLASSES - 1, pictures_bytes=16 * EXAMPLES)
    view = filled(folder, facts(pictures=pictures, limits=limits))
    assert view.votes is None
    assert view.pictures is not None


@pytest.mark.parametrize("at", [0, 1, 4, 8])
@pytest.mark.parametrize("limit", [1 << 20, 3 * 5 * MEMBERS * EXAMPLES])
def test_resumed_ledger_equals_the_uninterrupted_one_bit_for_bit(
    tmp_path: Path, at: int, limit: int
) -> None:
    made = facts(limits=LedgerLimits(history_bytes=limit))
    folders = [tmp_path / "one" / "examples", tmp_path / "two" / "examples"]
    for path in folders:
        path.mkdir(parents=True)
    filled(RunFolder(folders[0].parent), made)

    ledger = Ledger(Place(folders[1].parent) / "examples" / "stack-002", made, CPU)
    ledger.begin()
    record(ledger, range(at))
    kept = {name: tensor.clone() for name, tensor in ledger.state().items()}
    record(ledger, range(at, min(at + 3, EVALUATIONS)))
    ledger.publish()
    again = Ledger(Place(folders[1].parent) / "examples" / "stack-002", made, CPU)
    again.restore(kept)
    assert kept == {}
    history = read_ledger(RunFolder(folders[1].parent))[0].history
    assert history is not None
    assert (history.epoch < max(at, 0.5) / 2).all()
    record(again, range(at, EVALUATIONS))
    again.publish()
    again.close()
    for file in sorted((folders[0] / "stack-002").iterdir()):
        assert file.read_bytes() == (folders[1] / "stack-002" / file.name).read_bytes(), file.name


def answered(ledger: Ledger, epochs: Sequence[int]) -> None:
    """Each epoch all examples once, in two mini-batches, some of the answers right."""
    assert ledger.presented is not None
    labels = torch.from_numpy(np.stack(facts().given))
    nowhere = torch.full((MEMBERS,), -1)
    ledger.presented.follow(range(MEMBERS), labels, lambda: nowhere)
    for epoch in epochs:
        generator = torch.Generator().manual_seed(epoch)
        order = torch.stack([torch.randperm(EXAMPLES, generator=generator) for _ in range(3)])
        right = torch.rand(order.shape, generator=generator) < 0.3
        said = torch.where(right, labels.gather(1, order), CLASSES)
        for part in (slice(0, 25), slice(25, None)):
            ledger.presented.take(order[:, part], said[:, part], epoch, EXAMPLES - part.start)


def test_presentations_are_kept_beside_the_evaluations_and_survive_a_resume(
    folder: RunFolder,
) -> None:
    place = folder.examples / "stack-002"
    ledger = Ledger(place, facts(), CPU)
    ledger.begin()
    answered(ledger, range(5))
    kept = {name: tensor.clone() for name, tensor in ledger.state().items()}
    answered(ledger, range(5, 8))
    ledger.publish()
    whole = read_ledger(folder)[0].presented
    assert whole is not None
    assert whole["forgetting"].max() >= 2
    assert 0 < whole["learned"].mean() < 1
    found = whole.tobytes()
    again = Ledger(place, facts(), CPU)
    again.restore(kept)
    again.publish()
    assert read_ledger(folder)[0].presented.tobytes() != found
    answered(again, range(5, 8))
    again.publish()
    assert read_ledger(folder)[0].presented.tobytes() == found
    shares = again.shares([0, 2])
    for row, member in enumerate((0, 2)):
        events = whole["forgetting"][member][whole["learned"][member]]
        assert float(shares["forgetting"][row]) == pytest.approx(events.mean())


def test_a_ledger_that_began_without_presentations_goes_on_without(folder: RunFolder) -> None:
    """As version 0.1 wrote it: no word of presentations in header, checkpoint and files."""
    place = folder.examples / "stack-002"
    filled(folder, facts())
    header = json.loads((place / "ledger.json").path.read_text())
    del header["presentations"]
    (place / "ledger.json").path.write_text(json.dumps(header) + "\n")
    (place / "presentations.npy").path.unlink()
    view = read_ledger(folder)[0]
    assert view.presented is None
    ledger = Ledger(place, facts(), CPU)
    assert ledger.presented is None
    ledger.begin()
    record(ledger, range(4))
    kept = ledger.state()
    assert not any("presented" in name for name in kept)
    again = Ledger(place, facts(), CPU)
    again.restore(kept)
    record(again, range(4, EVALUATIONS))
    again.publish()
    shares = again.shares(range(MEMBERS))
    assert torch.equal(shares["forgetting"], shares["forgetting_sampled"])
    assert read_ledger(folder)[0].scores.tobytes() == view.scores.tobytes()
    assert not (place / "presentations.npy").is_file()


def test_restored_ledger_does_not_change_the_checkpoint_it_came_from(folder: RunFolder) -> None:
    ledger = Ledger(folder.examples / "stack-002", facts(), CPU)
    ledger.begin()
    record(ledger, range(3))
    kept = {name: tensor.clone() for name, tensor in ledger.state().items()}
    shown = kept["ledger.margin_sum"]
    before = shown.clone()
    again = Ledger(folder.examples / "stack-002", facts(), CPU)
    again.restore(dict(kept))
    record(again, range(3, 5))
    assert torch.equal(shown, before)


def test_ended_member_keeps_its_scores_and_has_no_history_after(folder: RunFolder) -> None:
    ledger = Ledger(folder.examples / "stack-002", facts(), CPU)
    ledger.begin()
    record(ledger, range(4))
    record(ledger, range(4, 6), active=(0, 2))
    ledger.publish()
    view = read_ledger(folder)[0]
    assert list(view.progress["evaluations"]) == [5, 3, 5]
    for example in range(EXAMPLES):
        assert view.scores[1, example]["aum"] == pytest.approx(
            by_hand(1, example, 4)["aum"], rel=1e-6
        )
        assert view.scores[2, example]["aum"] == pytest.approx(
            by_hand(2, example, 6)["aum"], rel=1e-6
        )
    history = view.history
    assert history is not None
    assert np.isnan(history.margin[4:, 1]).all()
    assert (history.predicted[4:, 1] == history.nobody).all()
    assert np.isfinite(history.margin[:, [0, 2]]).all()


def test_diverged_member_keeps_what_it_had_and_the_others_go_on(folder: RunFolder) -> None:
    ledger = Ledger(folder.examples / "stack-002", facts(), CPU)
    ledger.begin()
    record(ledger, range(4))
    broken = seen(4, range(MEMBERS))
    broken.margins[1, 3] = torch.nan
    ledger.record(2.0, broken, range(MEMBERS), accuracies(4))
    ledger.publish()
    view = read_ledger(folder)[0]
    assert list(view.progress["evaluations"]) == [4, 3, 4]
    assert np.isfinite(view.scores["aum"]).all()
    assert view.scores[1, 0]["aum"] == pytest.approx(by_hand(1, 0, 4)["aum"], rel=1e-6)
    assert view.scores[2, 0]["aum"] == pytest.approx(by_hand(2, 0, 5)["aum"], rel=1e-6)


def test_large_losses_stay_finite_in_the_history(folder: RunFolder) -> None:
    ledger = Ledger(folder.examples / "stack-002", facts(), CPU)
    ledger.begin()
    large = seen(0, range(MEMBERS))
    large.losses[0, 0] = 1e9
    ledger.record(0.0, large, range(MEMBERS), accuracies(0))
    history = read_ledger(folder)[0].history
    assert history is not None
    assert float(history.loss[0, 0, 0]) == 65504.0


def test_checkpoint_without_a_ledger_is_refused_in_words(folder: RunFolder) -> None:
    ledger = Ledger(folder.examples / "stack-002", facts(), CPU)
    with pytest.raises(RunFolderError, match="has no 'first_learned' for the ledger"):
        ledger.restore({"model.weight": torch.zeros(1)})


def test_history_that_lost_rows_before_the_checkpoint_is_refused(folder: RunFolder) -> None:
    ledger = Ledger(folder.examples / "stack-002", facts(), CPU)
    ledger.begin()
    record(ledger, range(4))
    kept = ledger.state()
    (folder.examples.path / "stack-002" / "history-epoch.npy").unlink()
    with pytest.raises(RunFolderError, match="too few rows"):
        Ledger(folder.examples / "stack-002", facts(), CPU).restore(kept)


def test_folder_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "examples").write_text("a file")
    with pytest.raises(RunFolderError, match="is a file where a folder is due"):
        Ledger(Place(tmp_path) / "examples" / "stack-002", facts(), CPU)
