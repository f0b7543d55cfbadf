"""A training loop on a GPU is the same to the last bit with the recorder and without it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import memlab
from memlab.worker import device as devices
from tests.recording.loops import Data, mlp, plain_step, told, train
from tests.recording.test_bits import differing, everything, seeded

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA"),
]
CUDA = torch.device("cuda:0")


def on_gpu(
    model: nn.Module, optimizer: torch.optim.Optimizer, x: Tensor, y: Tensor, at: int
) -> Tensor:
    return plain_step(model, optimizer, x.to(CUDA), y.to(CUDA), at)


def half(
    model: nn.Module, optimizer: torch.optim.Optimizer, x: Tensor, y: Tensor, at: int
) -> Tensor:
    """In float16 with a scaler of gradients, as on GPUs."""
    scaler = optimizer.__dict__.setdefault("scaler", torch.amp.GradScaler("cuda"))
    with torch.autocast("cuda", dtype=torch.float16):
        logits: Tensor = model(x.to(CUDA))
        loss = nn.functional.cross_entropy(logits, y.to(CUDA))
    optimizer.zero_grad()
    scaler.scale(loss).backward()
    scaler.step(optimizer)
    scaler.update()
    return logits


@pytest.mark.parametrize("step", [on_gpu, half])
@pytest.mark.parametrize("instruments", [None, ["stiffness", "curvature", "ledger"]])
def test_nothing_differs(
    step: Callable[..., Tensor], instruments: list[str] | None, data: Data
) -> None:
    devices.be_deterministic()
    results, runs = [], []
    recorded = {"validation": (data.xv, data.yv), "clean": data.true, "share": 10.0}
    for more in ({}, {**recorded, "instruments": instruments}):
        seeded()
        model = mlp(dropout=0.4, normalized=True).to(CUDA)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        with told() as warned:
            runs.append(train(data, model, optimizer, 20, step, **more))
        found: dict[str, Any] = everything(model, optimizer)
        found["cuda"] = torch.cuda.get_rng_state(CUDA)
        scaler = optimizer.__dict__.get("scaler")
        found["scaler"] = None if scaler is None else scaler.state_dict()
        results.append(found)
        assert [line for line in warned if "too short for it" not in line] == []
    assert differing(*results) == []
    run = memlab.load(runs[1].id)
    with torch.no_grad():
        right = (model.eval()(data.xv.to(CUDA)).argmax(1).cpu() == data.yv).double().mean()
    assert run.series("validation_accuracy").values[0, -1] == pytest.approx(float(right))
    if instruments is not None:
        assert np.isfinite(run.instrument("stiffness", "within").values).any()
        assert np.isfinite(run.instrument("ledger", "learned").values).all()
