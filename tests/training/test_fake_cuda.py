"""Training with tensors that say they are on a GPU, on a machine without one.

`FakeTensorMode` follows every operation's shape and device, and refuses what mixes two devices. It
computes nothing, and torch's autograd cannot run under it without a card: for the paths with
autograd, meta tensors stand in (no numbers either, and an autograd that runs).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import nn
from torch._subclasses import FakeTensorMode

from memlab.experiment.architecture import WIDTHS
from memlab.training import philox
from memlab.training.adversarial import LANGEVIN
from memlab.training.captured import Execution
from memlab.training.device_noise import DeviceNoise, DeviceStream, noise_on
from memlab.training.randomness import KeyedNoise, Rates
from memlab.training.trainer import StackTrainer
from tests.training.conftest import members_of, trainer_of
from tests.training.test_trainer import VARIANTS

CUDA, META = torch.device("cuda:0"), torch.device("meta")
DIRECT = Execution(counts_there=True, step="direct")
STATIC = Execution(counts_there=True, step="static")
ADAMW = {"optimizer": {"name": "adamw", "learning_rate": 0.01}}
ALL = VARIANTS | {"adamw": ADAMW | {"regularization": {"weight_decay": 0.1, "dropout": 0.2}}}
BOTH_AUGMENTED = ("shift", "crop-flip")


def _moved(module: nn.Module, device: torch.device) -> nn.Module:
    """`nn.Module.to`, which cannot swap fake parameters for others: with new ones."""
    for part in module.modules():
        for name, parameter in part._parameters.items():
            if parameter is not None:
                part._parameters[name] = nn.Parameter(parameter.detach().to(device))
        for name, buffer in part._buffers.items():
            part._buffers[name] = buffer.to(device)
    return module


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever is made within lies where it says, without memory."""
    monkeypatch.setattr(nn.Module, "to", _moved)
    monkeypatch.setattr(philox, "_kernel", lambda device: None)
    with FakeTensorMode():
        yield


def all_there(trainer: StackTrainer, device: torch.device) -> None:
    for name, tensor in trainer.state().items():
        assert tensor.device == device, name


def test_the_mode_finds_what_mixes_devices(fake):
    there = torch.zeros(3, device=CUDA)
    with pytest.raises(RuntimeError, match=r"same device|two different devices"):
        there + torch.zeros(3)


@pytest.mark.usefixtures("fake")
@pytest.mark.parametrize("how", [DIRECT, STATIC], ids=["direct", "static"])
@pytest.mark.parametrize("variant", ALL, ids=str)
def test_a_perceptrons_step_mixes_no_devices(variant, how):
    trainer = trainer_of(members_of(**ALL[variant]), execution=how, device=CUDA)
    assert trainer._fused is not None
    for _ in range(5):  # across the border of an epoch, too
        trainer.step()
    all_there(trainer, CUDA)


@pytest.mark.usefixtures("fake")
@pytest.mark.parametrize("variant", ["plain", "adam", "dropout"])
def test_stopping_members_and_resuming_mix_no_devices(variant):
    trainer = trainer_of(members_of(**ALL[variant]), execution=STATIC, device=CUDA)
    trainer.step()
    saved = {name: tensor.cpu() for name, tensor in trainer.state().items()}
    resumed = trainer_of(members_of(**ALL[variant]), execution=STATIC, device=CUDA)
    resumed.restore(saved, trainer.update, trainer.active, trainer.steps)
    resumed.step()
    resumed.keep([0, 2])
    resumed.step()
    all_there(resumed, CUDA)


@pytest.mark.usefixtures("fake")
@pytest.mark.parametrize("margins", [False, True])
def test_an_evaluation_mixes_no_devices(margins):
    trainer = trainer_of(members_of(), execution=DIRECT, device=CUDA)
    metrics = trainer.evaluate(margins).metrics
    assert all(value.device.type == "cpu" for value in metrics.values())


@pytest.mark.usefixtures("fake")
@pytest.mark.parametrize("name", WIDTHS)
def test_every_architecture_passes_forward_on_one_device_in_training_and_evaluation(name):
    model = {"name": name, "width": None if name == "linear" else 8, "depth": None}
    noise = {"dropout": 0.2, "input_dropout": 0.1, "input_noise": 0.1, "hidden_noise": 0.1}
    members = members_of(seeds=1, model=model, regularization=noise)
    trainer = trainer_of(members, fused=False, image=name not in ("linear", "mlp"), device=CUDA)
    x = trainer.arrays.train.inputs.batch(torch.zeros(1, 6, dtype=torch.int64, device=CUDA))
    with torch.no_grad():
        assert trainer.model(x, trainer._noise()).device == CUDA
    trainer.evaluate(margins=True)


@pytest.mark.usefixtures("fake")
@pytest.mark.parametrize("normalization", ["none", "batch", "layer", "group"])
def test_every_normalization_and_its_ghost_batches_stay_on_one_device(normalization):
    ghost = 4 if normalization == "batch" else None
    model = {"normalization": normalization, "ghost_batch": ghost, "width": 32}
    trainer = trainer_of(members_of(model=model), fused=False, device=CUDA)
    with torch.no_grad():
        x = torch.zeros(3, 8, 12, device=CUDA)
        assert trainer.model(x, trainer._noise()).device == CUDA


@pytest.mark.usefixtures("fake")
@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
def test_every_optimizer_moves_convolutions_on_their_device(optimizer):
    tree = {"model": {"name": "cnn", "width": 3, "depth": None}, "optimizer": {"name": optimizer}}
    trainer = trainer_of(members_of(seeds=1, **tree), image=True, execution=DIRECT, device=CUDA)
    gradients = [torch.zeros_like(p) for p in trainer.model.parameters()]
    trainer._optimizer.step(gradients, trainer._schedule.vector(0))
    all_there(trainer, CUDA)


@pytest.mark.usefixtures("fake")
@pytest.mark.parametrize("kind", BOTH_AUGMENTED)
@pytest.mark.parametrize("how", [DIRECT, Execution(False, "direct")], ids=["device", "host"])
def test_augmentation_stays_on_the_device(kind, how):
    tree = {"model": {"name": "cnn", "width": 3, "depth": None}}
    members = members_of(seeds=1, regularization={"augmentation": kind}, **tree)
    trainer = trainer_of(members, image=True, execution=how, device=CUDA)
    assert trainer._augmented(torch.zeros(1, 6, 1, 8, 8, device=CUDA)).device == CUDA


@pytest.mark.usefixtures("fake")
def test_noise_drawn_on_the_device_or_sent_to_it_lies_there():
    zeros = np.zeros(2)
    rates = Rates(np.array([0.0, 0.3]), zeros, zeros + 0.1, zeros)
    like = torch.zeros(2, 3, 5, device=CUDA)
    there = DeviceNoise(DeviceStream([0, 1], rates, CUDA, 0))
    for noise in (there, KeyedNoise([0, 1], rates, 0), noise_on(CUDA, [0, 1], rates, 0)):
        for drawn in (
            noise.keep_mask("hidden0", rates.dropout, like),
            noise.gaussian("input", rates.input_noise, like),
        ):
            assert drawn is not None
            assert drawn.device == CUDA
            assert (LANGEVIN * drawn + like).dtype == torch.float32


AUTOGRAD = {
    **{name: tree for name, tree in ALL.items() if name != "linear"},
    "batch norm": {"model": {"normalization": "batch"}},
    "layer norm": {"model": {"normalization": "layer"}},
    "adversarial": {"regularization": {"adversarial_weight": 0.5}},
}


@pytest.mark.parametrize("variant", AUTOGRAD, ids=str)
def test_a_step_with_autograd_mixes_no_devices(variant):
    trainer = trainer_of(
        members_of(**AUTOGRAD[variant]), fused=False, execution=STATIC, device=META
    )
    trainer.step()
    all_there(trainer, META)


@pytest.mark.parametrize("name", [name for name in WIDTHS if name not in ("linear", "mlp")])
def test_a_convnets_step_mixes_no_devices(name):
    members = members_of(
        seeds=1,
        model={"name": name, "width": 8, "depth": None},
        regularization={"augmentation": "crop-flip", "dropout": 0.1},
    )
    trainer = trainer_of(members, image=True, execution=STATIC, device=META)
    trainer.step()
    all_there(trainer, META)


def test_meta_tensors_find_what_mixes_devices_too():
    there = torch.zeros(3, device=META, requires_grad=True)
    with pytest.raises(RuntimeError, match="device"):
        torch.autograd.grad((there * torch.zeros(3)).sum(), [there])
