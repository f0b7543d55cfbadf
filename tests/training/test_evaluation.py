"""What is measured: parts, blocks of members, and layouts, against counting by the model itself."""

from __future__ import annotations

import pytest
import torch

from memlab.training import evaluation
from memlab.training.trainer import StackTrainer
from tests.training.conftest import members_of, trainer_of
from tests.training.test_trainer import train

PARTS = ("train", "validation", "test")


def by_hand(trainer: StackTrainer, part: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Loss and accuracy of each member in double precision, from the model's own logits."""
    arrays = getattr(trainer.arrays, part)
    with torch.no_grad():
        logits = trainer.model(arrays.inputs.stretch(0, arrays.inputs.examples)).double()
    right = (logits.argmax(-1) == arrays.labels).double().mean(1)
    if trainer.loss == "squared":
        hot = torch.nn.functional.one_hot(arrays.labels, logits.shape[-1])
        return (0.5 * (logits - hot).square().sum(-1)).mean(1), right
    chosen = logits.gather(-1, arrays.labels.unsqueeze(-1)).squeeze(-1)
    return (logits.logsumexp(-1) - chosen).mean(1), right


@pytest.mark.parametrize("layout", ["contiguous", "padded"])
@pytest.mark.parametrize("loss", ["cross-entropy", "squared"])
@pytest.mark.parametrize("block", [1, 1 << 10, 1 << 18])
def test_blocks_of_any_size_measure_what_the_model_says(monkeypatch, layout, loss, block):
    monkeypatch.setattr(evaluation, "BLOCK_FLOATS", block)
    monkeypatch.setattr(evaluation, "BLOCK_EXAMPLES", 16)
    tree = {"loss": {"name": loss}, "optimizer": {"learning_rate": 0.05}, "seeds": 5}
    trainer = train(trainer_of(members_of(**tree), layout=layout), 9)
    found = trainer.evaluate().metrics
    for part in PARTS:
        losses, right = by_hand(trainer, part)
        torch.testing.assert_close(found[f"{part}_loss"], losses, rtol=1e-5, atol=1e-6)
        assert torch.equal(found[f"{part}_accuracy"], right)


@pytest.mark.parametrize("layout", ["contiguous", "padded"])
def test_margins_are_of_the_classes_alone(layout):
    trainer = train(trainer_of(members_of(), layout=layout), 9)
    outcome = trainer.evaluate(margins=True).train
    train_part = trainer.arrays.train
    with torch.no_grad():
        logits = trainer.model(train_part.inputs.stretch(0, train_part.inputs.examples))
    for member, labels in enumerate(train_part.labels):
        for example, label in enumerate(labels):
            own = logits[member, example].tolist()
            others = {at: value for at, value in enumerate(own) if at != label}
            rival = max(others, key=others.get)
            assert outcome.rivals[member, example] == rival
            expected = own[label] - others[rival]
            assert float(outcome.margins[member, example]) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    "kept", [("train",), ("test",), ("train", "test"), ("train", "validation")]
)
def test_a_part_that_is_left_out_is_nan_and_the_others_are_what_they_were(kept):
    whole = train(trainer_of(members_of()), 5).evaluate()
    some = train(trainer_of(members_of(evaluation={"parts": list(kept)})), 5).evaluate()
    assert list(some.metrics) == list(whole.metrics)
    for name, values in whole.metrics.items():
        part = "train" if name.startswith(("train", "recovered")) else name.partition("_")[0]
        if part in kept or part == "learning":
            assert torch.equal(some.metrics[name], values), name
        else:
            assert some.metrics[name].isnan().all(), name
    assert (some.train is None) == (some.repeated is None) == ("train" not in kept)


def test_margins_asked_for_measure_the_training_set_in_any_case():
    trainer = trainer_of(members_of(evaluation={"parts": ["test"]}))
    assert trainer.evaluate(margins=True).train.margins is not None


@pytest.mark.parametrize("layout", ["contiguous", "channels_last"])
@pytest.mark.parametrize("floats", [1, 1 << 12, 1 << 23])
def test_a_convnet_in_chunks_of_any_size_measures_what_the_model_says(monkeypatch, layout, floats):
    monkeypatch.setattr("memlab.training.trainer.evaluation_floats", lambda model: floats)
    tree = {"model": {"name": "cnn", "width": 4}, "seeds": 1}
    trainer = train(trainer_of(members_of(**tree), image=True, layout=layout), 3)
    found = trainer.evaluate().metrics
    for part in PARTS:
        losses, right = by_hand(trainer, part)
        torch.testing.assert_close(found[f"{part}_loss"], losses, rtol=1e-5, atol=1e-6)
        assert torch.equal(found[f"{part}_accuracy"], right)


def test_networks_with_large_dense_layers_are_measured_in_larger_chunks():
    sizes = {}
    for name in ("cnn", "resnet20"):
        trainer = trainer_of(members_of(model={"name": name, "width": 4}, seeds=1), image=True)
        forward = trainer._forward()
        _, examples = forward.sizes(1, torch.device("cpu"))
        sizes[name] = examples * forward.width
    assert sizes["cnn"] > 4 * sizes["resnet20"]
