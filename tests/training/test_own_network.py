"""A network of the user's own trains as memlab's do: the same numbers, alone, stacked, resumed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from memlab.errors import InvalidExperiment
from memlab.experiment import reading
from memlab.experiment.architecture import count
from memlab.experiment.material_spec import ModelSpec
from memlab.experiment.own_network import NotLookedAt
from memlab.models import own_import
from memlab.models.module_stack import ModuleStack
from memlab.models.own import look
from memlab.models.stacked import Shape
from memlab.training.arrays import StackArrays
from memlab.training.plan import groups_of, plan, stacked
from memlab.training.trainer import Shapes, StackTrainer
from memlab.worker import device as devices
from tests.own_nets import address, written
from tests.training.conftest import (
    CLASSES,
    CPU,
    FEATURES,
    TRAIN,
    data_for,
    members_of,
    trainer_of,
)

SHAPE = Shape(None, FEATURES, CLASSES)
Make = Callable[..., StackTrainer]


@pytest.fixture(scope="module", autouse=True)
def permitted(tmp_path_factory: pytest.TempPathFactory) -> None:
    own_import.permit([written(tmp_path_factory.mktemp("project"))])


def own(
    name: str,
    model: dict[str, object] | None = None,
    image: bool = False,
    device: torch.device = CPU,
    **tree: object,
) -> StackTrainer:
    """A trainer of three of these networks, in one stack whether that pays or not."""
    members = members_of(model={"name": address(name), **(model or {})}, **tree)
    groups = groups_of(members, [TRAIN] * len(members), [100] * len(members))
    (made,) = stacked(groups, [[member.index for member in members]])
    arrays = StackArrays.of([data_for(m.seed, image) for m in members], CLASSES, device)
    shapes = Shapes((1, 8, 8), 64, CLASSES) if image else Shapes(None, FEATURES, CLASSES)
    return StackTrainer(made, arrays, shapes, device)


def trained(trainer: StackTrainer, updates: int) -> StackTrainer:
    for _ in range(updates):
        trainer.step()
    return trainer


OPTIMIZERS = [
    {"name": "sgd"},
    {"name": "sgd", "momentum": 0.9, "nesterov": True},
    {"name": "adam", "learning_rate": 0.01},
    {"name": "adamw", "learning_rate": 0.01},
]


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
@pytest.mark.parametrize("fused", [True, False])
def test_a_plain_network_of_ones_own_trains_to_the_numbers_of_the_built_in_one(optimizer, fused):
    tree = {
        "optimizer": optimizer,
        "regularization": {"weight_decay": 0.01},
        "schedule": {"kind": "cosine"},
        "loss": {"label_smoothing": 0.1},
    }
    ours, theirs = own("make", **tree), trainer_of(members_of(**tree), fused)
    weights, biases = theirs.model.perceptron()
    state = ours.model.state_dict()
    for at, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        layer = 2 * at + 1
        state[f"network.{layer}.weight"] = weight.detach().mT.clone()
        state[f"network.{layer}.bias"] = bias.detach()[:, 0].clone()
    ours.model.load_state_dict(state)
    trained(ours, 12), trained(theirs, 12)
    found, expected = ours.evaluate(margins=True), theirs.evaluate(margins=True)
    for name, values in expected.metrics.items():
        torch.testing.assert_close(
            found.metrics[name], values, rtol=2e-4, atol=2e-5, equal_nan=True, msg=name
        )
    torch.testing.assert_close(found.train.margins, expected.train.margins, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", ["make", "normalized", "noisy"])
def test_a_member_alone_is_the_member_of_a_stack(name):
    stack = trained(own(name), 10)
    alone = trained(own(name, seeds=[2]), 10)
    for key, tensor in alone.model.state_dict().items():
        torch.testing.assert_close(
            tensor[0], stack.model.state_dict()[key][2], rtol=1e-4, atol=1e-6
        )
    whole, single = stack.evaluate().metrics, alone.evaluate().metrics
    np.testing.assert_allclose(single["train_loss"][0], whole["train_loss"][2], rtol=1e-5)


@pytest.mark.parametrize("name", ["make", "normalized", "noisy"])
def test_a_resumed_stack_goes_on_bit_for_bit(name):
    momentum = {"momentum": 0.9}
    whole = trained(own(name, optimizer=momentum), 14)
    first = trained(own(name, optimizer=momentum), 6)
    saved = {key: tensor.clone() for key, tensor in first.state().items()}
    torch.manual_seed(12345)  # what the process drew meanwhile is nothing to it
    second = own(name, optimizer=momentum)
    second.restore(saved, first.update, list(first.active), first.steps)
    trained(second, 8)
    assert whole.state().keys() == second.state().keys()
    for key, tensor in whole.state().items():
        assert torch.equal(tensor, second.state()[key]), key


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
@pytest.mark.parametrize("name", ["make", "normalized", "noisy"])
def test_on_a_gpu_it_resumes_bit_for_bit(name):
    devices.be_deterministic()
    cuda = torch.device("cuda:0")
    whole, first = (trained(own(name, device=cuda), n) for n in (10, 4))
    second = own(name, device=cuda)
    second.restore(dict(first.state()), first.update, list(first.active), first.steps)
    trained(second, 6)
    for key, tensor in whole.state().items():
        assert torch.equal(tensor, second.state()[key]), key


def test_members_that_go_on_without_the_others_draw_what_they_drew_before():
    left, whole = trained(own("noisy"), 5), trained(own("noisy"), 10)
    left.keep([0, 2])
    trained(left, 5)
    for key, tensor in left.model.state_dict().items():
        torch.testing.assert_close(tensor, whole.model.state_dict()[key][[0, 2]], msg=key)


def test_running_statistics_move_in_training_alone():
    trainer = own("normalized")
    name = "network.2.running_mean"
    trained(trainer, 3)
    before = trainer.model.state_dict()[name].clone()
    trainer.evaluate()
    assert torch.equal(trainer.model.state_dict()[name], before)
    trainer.step()
    assert not torch.equal(trainer.model.state_dict()[name], before)


def test_what_asks_for_no_gradient_stays_and_what_no_logit_needs_does_no_harm():
    frozen = own("half_frozen", regularization={"weight_decay": 0.1})
    before = frozen.model.state_dict()["network.1.weight"].clone()
    trained(frozen, 4)
    assert torch.equal(frozen.model.state_dict()["network.1.weight"], before)
    idle = trained(own("idle"), 4)
    assert torch.isfinite(idle.evaluate().metrics["train_loss"]).all()


def test_a_weight_that_a_hook_computes_is_that_of_each_member():
    trainer = own("weighed")
    before = trainer.evaluate().metrics["train_loss"]
    trained(trainer, 8)
    assert (trainer.evaluate().metrics["train_loss"] < before).all()
    assert len({*before.tolist()}) == 3


def test_adversarial_training_and_input_noise_work_on_it():
    tree = {"regularization": {"adversarial_weight": 0.5, "input_noise": 0.1, "input_dropout": 0.1}}
    trainer = trained(own("noisy", **tree), 3)
    assert torch.isfinite(trainer.evaluate().metrics["train_loss"]).all()


@pytest.mark.parametrize(
    "tree",
    [{"training": {"precision": "bf16"}}, {"regularization": {"fisher_penalty": 0.1}}],
    ids=["bf16", "fisher"],
)
def test_another_arithmetic_and_a_penalty_on_gradients_work_on_it(tree):
    trainer = trained(own("normalized", **tree), 3)
    plain = trained(own("normalized"), 3)
    losses = trainer.evaluate().metrics["train_loss"]
    assert torch.isfinite(losses).all()
    assert not torch.equal(losses, plain.evaluate().metrics["train_loss"])


def test_outputs_measured_from_the_start_begin_at_nothing():
    trainer = own("make", model={"output_scale": 10.0})
    logits = trainer.model(torch.randn(1, 5, FEATURES))
    assert torch.equal(logits, torch.zeros_like(logits))
    with pytest.raises(InvalidExperiment, match="running statistics"):
        own("normalized", model={"output_scale": 10.0})


def test_a_network_for_images_gets_images():
    trainer = own("lazy", image=True)
    assert isinstance(trainer.model, ModuleStack)
    assert trainer.model.state_dict()["network.3.weight"].shape == (3, CLASSES, 4 * 36)
    facts = look(ModelSpec(name=address("lazy")), Shape((1, 8, 8), 64, CLASSES))
    assert facts.stacking == "stacked by vmap"
    assert facts.parameters == 4 * 9 + 4 + CLASSES * 145
    assert facts.multiply_adds == 36 * 4 * 9 + 144 * CLASSES
    trained(trainer, 2)


def test_large_convolutions_are_trained_in_a_stack_of_their_own():
    spec = {"name": address("lazy"), "settings": {"channels": 64, "more": True}}
    facts = look(ModelSpec.model_validate(spec), Shape((1, 8, 8), 64, CLASSES))
    assert facts.alone
    assert "convolutions of this size" in facts.stacking
    members = members_of(model=spec)
    assert len(plan(members, [TRAIN] * 3, [100] * 3)) == 3
    assert len(plan(members_of(model={"name": address("make")}), [TRAIN] * 3, [100] * 3)) == 1


def test_settings_reach_the_callable_and_what_was_found_is_counted():
    spec = ModelSpec(name=address("make"), settings={"hidden": 5})
    with pytest.raises(NotLookedAt):
        count(spec, None, 7, 3)
    facts = look(spec, Shape(None, 7, 3))
    assert facts.parameters == 7 * 5 + 5 + 30 + 5 * 3 + 3
    assert facts.stacking == "stacked by vmap"
    assert not facts.alone
    counted = count(spec, None, 7, 3)
    assert (counted.parameters, counted.multiply_adds) == (facts.parameters, 35 + 25 + 15)


WRONG = {
    "raises": r"failed when it was called with image_shape=None, features=12, classes=4:"
    r" RuntimeError: no such thing\.",
    "leaves": "SystemExit: 3",
    "number": "returned a int, not a torch.nn.Module",
    "wide": r"gives \(4, 5\) \(torch.float32\) for a batch \[4, 12\]; logits of 4 classes are",
    "empty": "has no parameters to train",
    "pair": "gives a tuple, not a tensor of logits",
    "narrow": r"failed when it was given a batch \[4, 12\] in evaluation: RuntimeError",
    "counting": r"changes its calls, which no checkpoint would have.*register_buffer",
    "mak": "has no 'mak'; did you mean 'make'",
    "scripted": "failed when it was computed over other parameters than its own",
    "constant": "is no callable: it is of type int",
}


@pytest.mark.parametrize(("name", "sentence"), WRONG.items(), ids=WRONG)
def test_what_is_wrong_with_a_network_is_said_in_a_sentence(name, sentence):
    with pytest.raises(InvalidExperiment, match=sentence) as caught:
        own(name)
    assert "\n" not in str(caught.value)
    assert "model.name" in caught.value.fields


def test_a_module_that_nobody_permitted_is_not_imported():
    with pytest.raises(InvalidExperiment, match="--allow-code not_permitted"):
        look(ModelSpec(name="python:not_permitted:make"), SHAPE)


REFUSED = {
    "regularization.dropout=0.1": "no place in a network of your own",
    "model.settings.classes=3": "'classes' is given by the data",
    "model.settings.x-y=3": "can be no argument",
    "model.name=python:nets": "is no address of a network",
    "model.name=python:nets:class": "'class' is a word of Python's own",
    "model.name=mlp": "are given to a network of your own, not to mlp",
}


@pytest.mark.parametrize(("setting", "sentence"), REFUSED.items(), ids=REFUSED)
def test_what_a_network_of_ones_own_cannot_take_is_refused(setting, sentence):
    tree = {"model": {"name": address("make"), "settings": {"hidden": 3}}}
    with pytest.raises(InvalidExperiment, match=sentence):
        reading.experiment(tree, "test", [setting])


def test_settings_are_axes_too_and_come_back_from_toml():
    tree = {"model": {"name": address("make"), "settings": {"hidden": [4, 6], "bias": True}}}
    made = reading.experiment(tree, "test", ["model.settings.rate=0.5"])
    assert made.axes == {"model.settings.hidden": [4, 6]}
    assert made.model.settings == {"bias": True, "rate": 0.5}
    again = reading.experiment(reading.from_toml(reading.to_toml(made), "again"), "again")
    assert again == made
    hidden = [member.experiment.model.settings["hidden"] for member in members_of(**tree, seeds=1)]
    assert hidden == [4, 6]
    assert reading.experiment(tree, "test", ["model.settings.hidden=5"]).axes == {}
