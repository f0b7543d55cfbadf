"""On a GPU: it learns what the CPU learns, and graphs, draws and resumes are exact.

Skipped where there is none; what they came to on which card is in docs/gpu.md.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from memlab.engines.failing import explained
from memlab.training.arrays import StackArrays
from memlab.training.captured import Execution
from memlab.training.device_noise import DeviceNoise, DeviceStream
from memlab.training.plan import StackPlan, groups_of
from memlab.training.randomness import Rates
from memlab.training.trainer import Shapes, StackTrainer
from memlab.worker import device as devices
from memlab.worker import memory
from tests.training.conftest import CLASSES, TRAIN, data_for, members_of, trainer_of
from tests.training.test_captured import ADAM, ADAMW, DRAWN, IMAGES, STILL, assert_same_bits

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA"),
]
CPU, CUDA = torch.device("cpu"), torch.device("cuda:0")
DIRECT, GRAPH = Execution(True, "direct"), Execution(True, "graph")
ALL = {**STILL, **DRAWN, "adam": ADAM, "adamw": ADAMW}
CONVNETS = {
    name: {"seeds": 1, "model": {"name": name, "width": 4, "depth": None}}
    for name in ("cnn", "alexnet-small", "inception-small", "resnet20", "wrn16-4")
}


@pytest.fixture(autouse=True)
def _deterministic():
    before = torch.are_deterministic_algorithms_enabled()
    devices.be_deterministic()
    yield
    torch.use_deterministic_algorithms(before)


def trained(
    how: Execution, device: torch.device = CUDA, updates: int = 12, fused: bool = True, **tree
) -> StackTrainer:
    image = tree.get("model", {}).get("name", "mlp") != "mlp"
    trainer = trainer_of(members_of(**tree), fused, image, execution=how, device=device)
    for _ in range(updates):
        trainer.step()
    return trainer


def assert_close(there: StackTrainer, here: StackTrainer, tolerance: float = 1e-3) -> None:
    for name, tensor in here.state().items():
        found = there.state()[name].cpu()
        torch.testing.assert_close(found, tensor, rtol=tolerance, atol=tolerance / 10, msg=name)


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("variant", {**STILL, "adam": ADAM, "adamw": ADAMW}, ids=str)
def test_a_gpu_learns_what_the_cpu_learns_where_nothing_is_drawn(variant, fused):
    assert_close(
        trained(GRAPH, CUDA, fused=fused, **ALL[variant]),
        trained(Execution(False, "direct"), CPU, fused=fused, **ALL[variant]),
    )


@pytest.mark.parametrize("variant", DRAWN, ids=str)
def test_a_gpu_learns_what_the_cpu_learns_from_the_same_draws(variant):
    assert_close(trained(GRAPH, CUDA, **DRAWN[variant]), trained(DIRECT, CPU, **DRAWN[variant]))


@pytest.mark.parametrize("name", CONVNETS)
def test_convnets_learn_on_a_gpu_what_they_learn_on_the_cpu(name):
    tree = {**CONVNETS[name], "optimizer": {"learning_rate": 0.02}}
    there, here = trained(GRAPH, updates=4, **tree), trained(DIRECT, CPU, 4, **tree)
    assert_close(there, here, 1e-2)


@pytest.mark.parametrize("name", CONVNETS)
def test_convnets_stacked_on_a_gpu_learn_what_each_learns_alone(name):
    members = members_of(**{**CONVNETS[name], "seeds": 3}, optimizer={"learning_rate": 0.02})
    (group,) = groups_of(members, [TRAIN] * 3, [100] * 3)
    whole = StackTrainer(
        StackPlan(0, members, group.timeline),
        StackArrays.of([data_for(m.seed, True) for m in members], CLASSES, CUDA),
        Shapes((1, 8, 8), 64, CLASSES),
        CUDA,
    )
    alone = trainer_of(members[1:2], image=True, execution=DIRECT, device=CPU)
    for _ in range(4):
        whole.step()
        alone.step()
    for part, expected in zip(whole.model.parameters(), alone.model.parameters(), strict=True):
        torch.testing.assert_close(part[1].cpu(), expected[0], rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("variant", ALL, ids=str)
def test_a_graph_does_what_its_step_does_bit_for_bit(variant, fused):
    tree = ALL[variant]
    assert_same_bits(trained(GRAPH, fused=fused, **tree), trained(DIRECT, fused=fused, **tree))


@pytest.mark.parametrize("variant", IMAGES, ids=str)
def test_a_graph_of_augmented_images_does_what_its_step_does_bit_for_bit(variant):
    tree = {"seeds": 1, **IMAGES[variant]}
    assert_same_bits(trained(GRAPH, **tree), trained(DIRECT, **tree))


@pytest.mark.parametrize("precision", ["tf32", "bf16"])
def test_graphs_are_exact_in_every_precision_and_networks_learn(precision):
    devices.compute_in(precision)
    try:
        tree = {"training": {"precision": precision}}
        graph, direct = (trained(how, updates=19, **tree) for how in (GRAPH, DIRECT))
        assert_same_bits(graph, direct)
        exact = float(trained(GRAPH, updates=19).evaluate().metrics["train_loss"].mean())
        found = float(graph.evaluate().metrics["train_loss"].mean())
        assert found == pytest.approx(exact, rel=0.1)
    finally:
        devices.compute_in("float32")


@pytest.mark.parametrize("variant", ALL, ids=str)
def test_a_resumed_stack_goes_on_bit_for_bit(variant):
    tree = ALL[variant]
    whole, half = trained(GRAPH, **tree), trained(GRAPH, updates=7, **tree)
    state = {name: tensor.cpu() for name, tensor in half.state().items()}
    resumed = trainer_of(members_of(**tree), execution=GRAPH, device=CUDA)
    resumed.restore(state, half.update, half.active, half.steps)
    for _ in range(5):
        resumed.step()
    assert_same_bits(resumed, whole)


def test_the_same_run_twice_is_the_same_to_the_bit():
    for tree in (ALL["adam"], {"seeds": 1, **IMAGES["crop-flip"]}):
        assert_same_bits(trained(GRAPH, **tree), trained(GRAPH, **tree))


def test_masks_are_the_same_on_both_devices_and_noise_to_rounding():
    zeros, seeds = np.zeros(2), [4, 5]
    rates = Rates(np.array([0.0, 0.3]), zeros, zeros + 0.5, zeros)
    here, there = (DeviceNoise(DeviceStream(seeds, rates, d, 9)) for d in (CPU, CUDA))
    like = torch.empty(2, 33, 65)
    mask = here.keep_mask("hidden0", rates.dropout, like)
    noise = here.gaussian("input", rates.input_noise, like)
    far = like.to(CUDA)
    assert torch.equal(there.keep_mask("hidden0", rates.dropout, far).cpu(), mask)
    found = there.gaussian("input", rates.input_noise, far).cpu()
    torch.testing.assert_close(found, noise, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["cnn", "mlp"])
def test_the_memory_that_was_predicted_is_enough_and_no_more_than_thrice_too_much(name):
    model = {"name": name, "width": 64, "depth": 2 if name == "mlp" else None}
    tree = {"model": model, "optimizer": {"batch_size": 48}, "seeds": 1 if name == "cnn" else 300}
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats(CUDA)
    before = torch.cuda.memory_allocated(CUDA)
    trainer = trained(GRAPH, updates=3, **tree)
    trainer.evaluate()
    taken = torch.cuda.max_memory_allocated(CUDA) - before
    parts = [data_for(m.seed, name == "cnn") for m in trainer.plan.members]
    needed = memory.of_stack(trainer.plan, parts, trainer.shapes).total
    assert taken < needed < 3 * taken + (1 << 30)


def test_out_of_memory_is_told_in_words():
    with pytest.raises(torch.cuda.OutOfMemoryError) as raised:
        torch.empty(1 << 45, device=CUDA)
    sentence, status = explained(raised.value, CUDA)
    assert sentence.startswith("Out of memory on cuda:0: lower model.width")
    assert status == 1
