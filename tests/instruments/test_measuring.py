"""`memlab.measure`: an instrument on a network that is nobody's stack."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

import memlab
from memlab.errors import BadInput, MemlabError
from memlab.experiment.instruments import BUILT_IN, instrument
from memlab.instruments.measuring import measured, subject_of_module
from memlab.instruments.module_layers import hidden_of
from memlab.instruments.module_plan import Trial
from memlab.instruments.representation import activations
from memlab.instruments.undisturbed import bare_copy
from memlab.models.module_stack import ModuleStack
from memlab.models.stacked import Shape
from tests.instruments.module_cases import CASES, CLASSES, explicit
from tests.instruments.test_module_gram import state_of

EXAMPLES = 24
ASKED = [name for name in BUILT_IN if name not in ("ledger", "unrolled-sensitivity")]


def plain() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, CLASSES))


def data(count: int = EXAMPLES) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(2)
    return torch.randn(count, 4, generator=generator), torch.arange(count) % CLASSES


def test_stiffness_is_the_cosine_of_explicit_gradients() -> None:
    network = CASES["convolutions"].network().eval()
    x, y = CASES["convolutions"].data(EXAMPLES)
    gram = sum(explicit(network, x, y).values())
    norms = gram.diagonal().sqrt()
    cosines = gram / norms[:, None] / norms
    pairs = ~torch.eye(EXAMPLES, dtype=torch.bool)
    means = []
    for label in range(CLASSES):
        own = y == label
        means.append(cosines[own[:, None] & own & pairs].mean())
    found = memlab.measure("stiffness", network, x, y)
    assert found["within"] == pytest.approx(float(torch.stack(means).nanmean()), rel=1e-9)
    assert np.isnan(found["within_unseen"])
    assert found["classes"].shape == (CLASSES, CLASSES)


@pytest.mark.parametrize("name", ["text"])
def test_every_instrument_measures_it_and_changes_nothing(name: str) -> None:
    network = CASES[name].network().train()
    network.register_forward_hook(lambda *_: pytest.fail("a hook of the user's is called"))
    x, y = CASES[name].data(2 * EXAMPLES)
    before, values = state_of(network), {n: t.clone() for n, t in network.state_dict().items()}
    drawn = torch.get_rng_state()
    for asked in ASKED:
        declared = {q.name for q in instrument(asked).quantities}
        found = memlab.measure(
            asked,
            network,
            x[:EXAMPLES],
            y[:EXAMPLES],
            validation=(x[EXAMPLES:], y[EXAMPLES:]),
            examples=EXAMPLES if asked != "curvature" else 8,
        )
        assert set(found) == declared
        assert np.isfinite(found[instrument(asked).headline]) or asked in ("margins", "alignment")
    assert state_of(network) == before
    assert all(torch.equal(values[n], t) for n, t in network.state_dict().items())
    assert torch.equal(drawn, torch.get_rng_state())


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"name": "stifness"}, "did you mean 'stiffness'"),
        ({"name": "ledger"}, "memlab.record"),
        ({"y": torch.zeros(5, dtype=torch.int64)}, "24 examples and y 5 labels"),
        ({"y": torch.full((EXAMPLES,), 3)}, "label 3; the model gives 3 logits"),
        ({"y": torch.full((EXAMPLES,), -1)}, "label -1"),
        ({"y": torch.full((EXAMPLES,), 0.5)}, "whole numbers"),
        ({"y": torch.zeros(EXAMPLES, CLASSES)}, r"shape \[24, 3\]"),
        ({"x": torch.full((EXAMPLES, 4), torch.nan)}, "NaN"),
        ({"x": torch.zeros(EXAMPLES, 3)}, "does not take x of shape"),
        ({"x": None}, "Examples are needed"),
        ({"x": ["a"] * EXAMPLES}, "cannot be read as numbers"),
        ({"exampels": 8}, "did you mean 'examples'"),
        ({"examples": 1}, "greater than or equal to 2"),
        ({"loss": "mse"}, "'cross-entropy' or 'squared'"),
        ({"model": len}, "not a torch.nn.Module"),
        ({"model": nn.Flatten()}, "no parameters"),
        ({"model": nn.Sequential(nn.Linear(4, 3), nn.Unflatten(1, (3, 1)))}, "logits"),
        ({"validation": (torch.zeros(3, 5), torch.zeros(3))}, "validation's x has the shape"),
        ({"name": "probes"}, "no validation examples"),
        ({"name": "probes", "layers": ["1x"], "validation": data()}, "no submodule '1x'"),
        ({"name": "unrolled-sensitivity"}, "initial="),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(change: dict[str, object], says: str) -> None:
    x, y = data()
    given: dict[str, object] = {"name": "curvature-trace", "model": plain(), "x": x, "y": y}
    with pytest.raises(MemlabError, match=says) as caught:
        memlab.measure(**{**given, **change})  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


def test_a_network_without_finite_answers_is_refused() -> None:
    network = plain()
    with torch.no_grad():
        network[0].weight[0, 0] = torch.nan
    with pytest.raises(BadInput, match="NaN or infinite"):
        memlab.measure("fisher", network, *data())


def test_sensitivity_to_tokens_is_at_their_embeddings() -> None:
    network = CASES["text"].network().eval()
    x, y = CASES["text"].data(EXAMPLES)
    rows = []
    for i in range(EXAMPLES):
        held: list[Tensor] = []
        handle = network.table.register_forward_hook(
            lambda _m, _i, output, held=held: (
                held.append(output.detach().requires_grad_()) or held[0]
            )
        )
        loss = F.cross_entropy(network(x[i : i + 1]), y[i : i + 1])
        rows.append(torch.autograd.grad(loss, held[0])[0].abs().sum())
        handle.remove()
    found = memlab.measure("sensitivity", network, x, y)
    assert found["mean"] == pytest.approx(float(torch.stack(rows).mean()), rel=1e-9)
    assert any("embeddings, by table" in note for note in found.notes)


def test_layers_that_no_rule_holds_for_are_named() -> None:
    found = memlab.measure("stiffness", CASES["gru"].network(), *CASES["gru"].data(EXAMPLES))
    assert found.notes == ("By per-example gradients, as no rule holds: gru.",)
    assert memlab.measure("stiffness", plain(), *data()).notes == ()


def test_critical_tokens_are_found_within_any_radius_and_more_of_them_in_larger_ones() -> None:
    network = CASES["text"].network().eval()
    x, y = CASES["text"].data(EXAMPLES)
    ratios = memlab.measure("critical-samples", network, x, y, radii=(1e-9, 20.0), radius=20.0)
    assert ratios["ratios"][0] == 0
    assert ratios["ratio"] > 0.5


def test_hidden_layers_are_entries_of_lists_with_what_follows_them() -> None:
    network = bare_copy(CASES["convolutions"].network())
    x, _ = CASES["convolutions"].data(4)
    assert hidden_of(network, x) == {
        "0": ["0", "1", "2"],
        "3": ["3", "4", "5"],
        "6": ["6", "7"],
        "8": ["8", "9"],
        "10": ["10", "11"],
    }
    sound = bare_copy(CASES["convolutions-1d"].network())
    assert hidden_of(sound, CASES["convolutions-1d"].data(4)[0])["0"] == ["0", "1", "2"]
    text = bare_copy(CASES["text"].network())
    assert list(hidden_of(text, CASES["text"].data(4)[0])) == ["table", "encoder"]


def test_positions_are_averaged_over_and_channels_are_not() -> None:
    conv, (x, _) = CASES["convolutions-1d"].network().eval(), CASES["convolutions-1d"].data(4)
    stack = ModuleStack.of([conv], Shape(None, 39, CLASSES), way="one-by-one")
    found = activations(stack, x[None], layers=["0"])["0"]
    torch.testing.assert_close(found[0], conv[:1](x).mean(2))
    encoder, (ids, _) = CASES["text"].network().eval(), CASES["text"].data(4)
    stack = ModuleStack.of([encoder], Shape(None, 5, CLASSES), way="one-by-one")
    found = activations(stack, ids[None], layers=["table"])["table"]
    torch.testing.assert_close(found[0], encoder.table(ids).mean(1))


def test_probes_look_at_the_layers_they_are_told_to() -> None:
    network = CASES["attention"].network()
    x, y = CASES["attention"].data(2 * EXAMPLES)
    rest = (x[EXAMPLES:], y[EXAMPLES:])
    layers = ["0.linear1", "0"]
    found = memlab.measure("probes", network, x, y, validation=rest, layers=layers)
    assert found.axes["layer"] == ("0.linear1", "0")
    assert found["layers"].shape == (2,)


def test_alignment_with_the_start_needs_the_start() -> None:
    network, x = plain(), data()[0]
    y = data()[1]
    unknown = memlab.measure("alignment", network, x, y)
    assert np.isnan(unknown["with_start"])
    assert any("initial=" in note for note in unknown.notes)
    same = memlab.measure("alignment", network, x, y, initial=copy.deepcopy(network))
    assert same["with_start"] == pytest.approx(1.0)


@pytest.mark.parametrize("kind", [torch.optim.SGD, torch.optim.Adam])
def test_the_edge_is_the_optimizers(kind: type[torch.optim.Optimizer]) -> None:
    network, (x, y) = plain(), data()
    more = {"momentum": 0.9} if kind is torch.optim.SGD else {}
    optimizer = kind(network.parameters(), lr=0.1, **more)  # type: ignore[call-arg]
    for _ in range(3):
        optimizer.zero_grad()
        F.cross_entropy(network(x), y).backward()
        optimizer.step()
    settings = {"tolerance": 1e-4, "examples": EXAMPLES}
    found = memlab.measure("curvature", network, x, y, optimizer=optimizer, **settings)
    if kind is torch.optim.SGD:
        assert found["edge"] == pytest.approx(found["sharpness"] * 0.1 / 3.8)
        return
    assert found["edge"] == pytest.approx(found["preconditioned"] * 0.1 * 0.1 / (2 * 1.9))
    assert found["preconditioned"] > found["sharpness"]


def test_a_subject_sees_the_weights_as_they_are_when_it_measures() -> None:
    network, (x, y) = plain(), data()
    subject = subject_of_module(network, (x, y), evaluated=False)
    made = instrument("fisher")
    first = measured(made, subject, made.settings())["trace"]
    with torch.no_grad():
        network[2].weight.mul_(3)
    subject.shared.clear()
    second = measured(made, subject, made.settings())["trace"]
    again = memlab.measure("fisher", network, x, y)["trace"]
    assert second != first
    assert float(second[0]) == pytest.approx(again)


def test_a_network_is_tried_once_however_often_it_is_measured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tried: list[int] = []
    plan = Trial.plan
    monkeypatch.setattr(Trial, "plan", lambda self: tried.append(1) or plan(self))
    network, (x, y) = plain(), data()
    for _ in range(2):
        memlab.measure("fisher", network, x, y)
    assert len(tried) == 1
    network[0].requires_grad_(False)
    frozen = memlab.measure("fisher", network, x, y)["trace"]
    assert len(tried) == 2
    network[0].requires_grad_(True)
    assert frozen < memlab.measure("fisher", network, x, y)["trace"]


def test_arrays_lists_and_compiled_networks_are_taken() -> None:
    network, (x, y) = plain(), data()
    expected = memlab.measure("fisher", network, x, y)["trace"]
    assert memlab.measure("fisher", network, x.numpy(), y.tolist())["trace"] == expected
    assert memlab.measure("fisher", network, train=(x.tolist(), y.numpy()))["trace"] == expected
    assert memlab.measure("fisher", torch.compile(network), x, y)["trace"] == expected
    assert memlab.measure("fisher", nn.DataParallel(network), x, y)["trace"] == expected


def test_labels_known_to_be_wrong_are_told_apart() -> None:
    network, (x, y) = plain(), data()
    true = y.clone()
    true[:6] = (true[:6] + 1) % CLASSES
    found = memlab.measure("margins", network, x, y, clean=true)
    logits = network(x).detach()
    others = logits.scatter(1, y[:, None], -torch.inf).amax(1)
    margins = logits.gather(1, y[:, None])[:, 0] - others
    assert found["corrupted"] == pytest.approx(float(margins[:6].mean()), rel=1e-5)
    assert memlab.measure("margins", network, x, y, clean=true == y)["clean"] == found["clean"]
