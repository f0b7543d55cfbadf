"""Instruments on networks that lie on a GPU: what the CPU measures, and nothing is disturbed."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import memlab
from memlab.experiment.instruments import BUILT_IN
from memlab.instruments.ggn_product import ggn_product
from memlab.instruments.gram import gram
from memlab.instruments.hessian_product import hessian_product
from memlab.worker import device as devices
from tests.instruments.module_cases import CASES
from tests.instruments.test_module_gram import stack, state_of

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA"),
]
CUDA = torch.device("cuda:0")
ASKED = [name for name in BUILT_IN if name not in ("ledger", "unrolled-sensitivity")]


@pytest.fixture(autouse=True)
def _exact() -> None:
    devices.compute_in("float32")


def both(name: str) -> tuple[tuple[nn.Module, nn.Module], tuple[Tensor, Tensor]]:
    here = CASES[name].network().eval()
    return (here, copy.deepcopy(here).to(CUDA)), CASES[name].data(6)


def close(found: Tensor, expected: Tensor, tolerance: float = 1e-9) -> None:
    assert found.device.type == "cuda"
    assert float((found.cpu() - expected).abs().max()) <= tolerance * float(expected.abs().max())


@pytest.mark.parametrize("name", CASES)
def test_the_gram_matrix_of_each_kind_of_layer_is_the_cpus(name: str) -> None:
    (here, there), (x, y) = both(name)
    expected = gram(stack(here), x[None], y[None], "cross-entropy")
    found = gram(stack(there), x[None].to(CUDA), y[None].to(CUDA), "cross-entropy")
    # CUDA's hard sigmoid multiplies by a sixth in float32, in float64 too.
    close(found, expected, 1e-6 if name == "convolutions" else 1e-9)


@pytest.mark.parametrize("name", ["convolutions-1d", "attention", "linear-and-norms"])
def test_nothing_is_rounded_to_tf32_as_the_users_own_network_is(name: str) -> None:
    (here, there), (x, y) = both(name)
    devices.compute_in("tf32")
    try:
        found = gram(
            stack(there.float()), x[None].to(CUDA, torch.float32), y[None].to(CUDA), "cross-entropy"
        )
        assert torch.backends.cuda.matmul.allow_tf32
        assert torch.backends.cudnn.allow_tf32
    finally:
        devices.compute_in("float32")
    expected = gram(stack(here), x[None], y[None], "cross-entropy")
    assert float((found.cpu() - expected).abs().max()) <= 3e-5 * float(expected.abs().max())


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("make", [hessian_product, ggn_product])
def test_curvature_times_a_vector_is_the_cpus(name: str, make) -> None:  # type: ignore[no-untyped-def]
    (here, there), (x, y) = both(name)
    vector = torch.randn(1, sum(p.numel() for p in here.parameters()), dtype=torch.float64)
    expected = make(stack(here), x[None], y[None])(vector)
    close(make(stack(there), x[None].to(CUDA), y[None].to(CUDA))(vector.to(CUDA)), expected)


@pytest.mark.parametrize("name", ["text", "convolutions-1d", "lstm"])
@pytest.mark.parametrize("asked", ASKED)
def test_each_instrument_measures_what_it_measures_on_the_cpu(asked: str, name: str) -> None:
    here = CASES[name].network().train()
    there = copy.deepcopy(here).to(CUDA)
    x, y = CASES[name].data(48)
    examples = 8 if asked == "curvature" else 24
    before, drawn = state_of(there), torch.cuda.get_rng_state(CUDA)
    host = torch.get_rng_state()
    found = [
        memlab.measure(
            asked,
            network,
            x[:24].to(device),
            y[:24].to(device),
            validation=(x[24:].to(device), y[24:].to(device)),
            examples=examples,
        )
        for network, device in ((here, "cpu"), (there, CUDA))
    ]
    assert state_of(there) == before
    assert torch.equal(torch.cuda.get_rng_state(CUDA), drawn)
    assert torch.equal(torch.get_rng_state(), host)
    assert set(found[0]) == set(found[1])
    # Critical samples are looked for with noise, and a GPU draws its own (decision 017).
    few = 2 / 24 * 5 if asked == "critical-samples" else 0.0
    for quantity, expected in found[0].items():
        np.testing.assert_allclose(
            found[1][quantity], expected, rtol=1e-5, atol=few, err_msg=quantity
        )
