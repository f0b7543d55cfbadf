"""The step that a GPU captures, over its buffers but without a graph, on the CPU.

What a graph cannot see (numbers of the host that change from update to update) shows here as a
difference from training that is not captured.
"""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
import torch

from memlab.training.captured import Execution, _uncollected
from memlab.training.trainer import StackTrainer
from memlab.worker import device as devices
from tests.training.conftest import members_of, trainer_of

HOST = Execution(counts_there=False, step="direct")
DIRECT = Execution(counts_there=True, step="direct")
STATIC = Execution(counts_there=True, step="static")
ADAM = {"optimizer": {"name": "adam", "learning_rate": 0.01}}
ADAMW = {
    "optimizer": {"name": "adamw", "learning_rate": 0.01},
    "regularization": {"weight_decay": 0.1},
}
#: What no draw changes: the same bits wherever updates are counted.
STILL = {
    "plain": {},
    "momentum": {"optimizer": {"momentum": 0.9, "learning_rate": 0.02}},
    "cosine": {"schedule": {"kind": "cosine", "warmup": 1.0}},
    "growing batch": {"schedule": {"kind": "grow-batch", "milestones": [2.0], "factor": 2.0}},
    "fork": {"fork": {"at": 2.0, "learning_rate": 0.05}},
    "batch norm": {"model": {"normalization": "batch"}},
}
DRAWN = {
    "dropout": {"regularization": {"dropout": 0.3, "input_dropout": 0.1}},
    "noise": {"regularization": {"input_noise": 0.4, "hidden_noise": 0.1}},
    "adversarial": {"regularization": {"adversarial_weight": 0.5}},
    "dropout, adam": {**ADAM, "regularization": {"dropout": 0.3}},
    "dropout from the fork on": {"fork": {"at": 2.0, "dropout": 0.4}},
}
ALL = STILL | DRAWN
IMAGES = {
    "shift": {"model": {"name": "cnn", "width": 3}, "regularization": {"augmentation": "shift"}},
    "crop-flip": {
        "model": {"name": "cnn", "width": 3},
        "regularization": {"augmentation": "crop-flip", "dropout": 0.2},
        **ADAM,
    },
}


def trained(how: Execution, updates: int = 12, image: bool = False, **tree) -> StackTrainer:
    trainer = trainer_of(members_of(**tree), image=image, execution=how)
    for _ in range(updates):
        trainer.step()
    return trainer


def assert_same_bits(a: StackTrainer, b: StackTrainer) -> None:
    one, other = a.state(), b.state()
    assert one.keys() == other.keys()
    for name, tensor in one.items():
        assert torch.equal(tensor, other[name]), name


@pytest.mark.parametrize("variant", STILL, ids=str)
def test_a_captured_steps_body_does_what_training_does_bit_for_bit(variant):
    expected = trained(HOST, **STILL[variant])
    for how in (DIRECT, STATIC):
        assert_same_bits(trained(how, **STILL[variant]), expected)


@pytest.mark.parametrize("variant", [ADAM, ADAMW], ids=["adam", "adamw"])
def test_bias_correction_from_a_tensor_is_that_of_the_host(variant):
    expected = trained(HOST, **variant)
    found = trained(STATIC, **variant)
    assert_same_bits(trained(DIRECT, **variant), found)
    assert found.steps == expected.steps == 12
    for name, tensor in expected.state().items():
        torch.testing.assert_close(found.state()[name], tensor, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("variant", DRAWN, ids=str)
def test_draws_on_the_device_are_the_same_over_fixed_buffers(variant):
    assert_same_bits(trained(DIRECT, **DRAWN[variant]), trained(STATIC, **DRAWN[variant]))


@pytest.mark.parametrize("variant", IMAGES, ids=str)
def test_images_are_augmented_the_same_over_fixed_buffers(variant):
    tree = {"seeds": 1, **IMAGES[variant]}
    direct, static = (trained(how, 5, image=True, **tree) for how in (DIRECT, STATIC))
    assert_same_bits(direct, static)


def test_every_update_draws_anew():
    trainer = trainer_of(
        members_of(optimizer={"learning_rate": 1e-9}, regularization={"input_noise": 0.5}),
        execution=STATIC,
    )
    drawn = []
    for _ in range(4):
        assert trainer._stream is not None
        drawn.append(trainer._noise().gaussian("input", np.ones(3), torch.empty(3, 2, 5)))
        trainer.step()
    assert all(not torch.equal(drawn[0], other) for other in drawn[1:])


@pytest.mark.parametrize("variant", ["dropout", "dropout, adam", "dropout from the fork on"])
def test_a_resumed_stack_draws_and_counts_on_where_it_stopped(variant):
    tree = DRAWN[variant]
    whole, half = trained(STATIC, **tree), trained(STATIC, 7, **tree)
    state = {name: tensor.clone() for name, tensor in half.state().items()}
    resumed = trainer_of(members_of(**tree), execution=STATIC)
    resumed.restore(state, half.update, half.active, half.steps)
    for _ in range(5):
        resumed.step()
    assert_same_bits(resumed, whole)


@pytest.mark.parametrize("variant", ["dropout", "dropout, adam"])
def test_members_that_go_on_without_the_others_draw_what_they_would_have(variant):
    whole, part = trained(STATIC, **DRAWN[variant]), trained(STATIC, 6, **DRAWN[variant])
    part.keep([0, 2])
    for _ in range(6):
        part.step()
    for name, tensor in part.state().items():
        if name != "diverged":
            torch.testing.assert_close(tensor, whole.state()[name][[0, 2]], rtol=1e-4, atol=1e-6)


def test_a_network_learns_with_draws_of_the_device_as_with_those_of_the_host():
    tree = {"regularization": {"dropout": 0.2, "input_noise": 0.1}, "seeds": 8}
    losses = []
    for how in (HOST, STATIC):
        trainer = trained(how, updates=19, **tree)
        losses.append(float(trainer.evaluate().metrics["train_loss"].mean()))
    assert losses[1] == pytest.approx(losses[0], rel=0.15)


@pytest.mark.parametrize("variant", ["plain", "momentum", "dropout"])
def test_memory_that_is_fresh_each_time_as_on_a_gpu_holds_the_batch(variant):
    expected = trained(STATIC, **ALL[variant])
    fresh = trainer_of(members_of(**ALL[variant]), execution=STATIC)
    assert fresh._fused is not None
    for workspace in (fresh._workspace, fresh._fused.workspace):
        workspace._keeps = False
    devices.be_deterministic()  # which fills what is fresh with NaN
    try:
        for _ in range(12):
            fresh.step()
        assert bool(fresh.evaluate().metrics["train_loss"].isfinite().all())
    finally:
        torch.use_deterministic_algorithms(False)
    assert_same_bits(fresh, expected)


def test_nothing_is_collected_while_a_graph_is_captured():
    class Graph:
        """Part of a cycle, as a trainer and its graphs are."""

        def __init__(self):
            self.me = self

    gone = []
    weakref.finalize(Graph(), gone.append, 1)
    with _uncollected():
        rubbish = [[] for _ in range(200_000)]  # enough that collecting would be due
        del rubbish
        assert not gone
    assert gc.isenabled()
    gc.collect()
    assert gone
