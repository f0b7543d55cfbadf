"""Training is the same to the last bit with the recorder and without it."""

from __future__ import annotations

import random
import shutil
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

import memlab
from tests.recording.loops import CLASSES, FEATURES, Data, mlp, plain_step, train

Made = tuple[nn.Module, torch.optim.Optimizer]


def everything(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """All that a loop could notice, random states among it."""
    found: dict[str, Any] = {f"state.{k}": v.clone() for k, v in model.state_dict().items()}
    for name, parameter in model.named_parameters():
        found[f"gradient.{name}"] = parameter.grad
        found[f"requires.{name}"] = parameter.requires_grad
    for name, module in model.named_modules():
        found[f"mode.{name}"] = module.training
        found[f"hooks.{name}"] = (len(module._forward_hooks), len(module._backward_hooks))
    for at, state in optimizer.state_dict()["state"].items():
        found |= {f"optimizer.{at}.{k}": v for k, v in state.items()}
    numpy_state: Any = np.random.get_state()
    found["torch"], found["python"] = torch.random.get_rng_state(), random.getstate()
    found["numpy"] = torch.from_numpy(numpy_state[1].astype(np.int64))
    return found


def differing(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    assert one.keys() == other.keys()
    return [
        key
        for key, value in one.items()
        if not (
            torch.equal(value, other[key]) if isinstance(value, Tensor) else value == other[key]
        )
    ]


def seeded(seed: int = 1) -> None:
    torch.manual_seed(seed)
    np.random.seed(seed)
    random.seed(seed)


def dropout() -> Made:
    model = mlp(dropout=0.4)
    return model, torch.optim.Adam(model.parameters(), lr=0.01)


def batch_norm() -> Made:
    model = mlp(normalized=True)
    return model, torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)


def frozen() -> Made:
    model = mlp()
    model[0].requires_grad_(False)
    model[2].eval()
    return model, torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)


class Noisy(nn.Module):
    """Draws from three generators in training and in evaluation, and counts its calls."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = mlp()
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        shift = random.random() + float(np.random.rand()) + torch.rand(())
        return self.inner(x + 0.1 * shift)  # type: ignore[no-any-return]


def noisy() -> Made:
    model = Noisy()
    return model, torch.optim.SGD(model.parameters(), lr=0.1)


def bfloat16(
    model: nn.Module, optimizer: torch.optim.Optimizer, x: Tensor, y: Tensor, at: int
) -> Tensor:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits: Tensor = model(x)
        loss = nn.functional.cross_entropy(logits, y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return logits


def accumulated(
    model: nn.Module, optimizer: torch.optim.Optimizer, x: Tensor, y: Tensor, at: int
) -> Tensor:
    logits: Tensor = model(x)
    (nn.functional.cross_entropy(logits, y) / 3).backward()
    if at % 3 == 2:
        optimizer.step()
        optimizer.zero_grad()
    return logits


def scaled(
    model: nn.Module, optimizer: torch.optim.Optimizer, x: Tensor, y: Tensor, at: int
) -> Tensor:
    """A scaler of gradients, whose state is the optimizer's group's business here."""
    scaler = optimizer.__dict__.setdefault("scaler", torch.amp.GradScaler("cpu"))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits: Tensor = model(x)
        loss = nn.functional.cross_entropy(logits, y)
    optimizer.zero_grad()
    scaler.scale(loss).backward()
    scaler.step(optimizer)
    scaler.update()
    return logits


@pytest.mark.parametrize("make", [dropout, batch_norm, frozen, noisy])
@pytest.mark.parametrize("instruments", [None, ["stiffness", "ledger"]])
def test_nothing_differs(
    make: Callable[[], Made], instruments: list[str] | None, data: Data
) -> None:
    results = []
    for more in ({}, {"validation": (data.xv, data.yv), "share": 10.0, "instruments": instruments}):
        seeded()
        model, optimizer = make()
        run = train(data, model, optimizer, 3, plain_step, **more)
        results.append(everything(model, optimizer))
    assert differing(*results) == []
    assert run is not None
    if instruments is not None and make is not noisy:  # whose answers are never the same
        measured = memlab.load(run.id)
        assert np.isfinite(measured.instrument("stiffness", "within").values).any()
        assert np.isfinite(measured.instrument("ledger", "learned").values).all()


@pytest.mark.parametrize("step", [bfloat16, accumulated, scaled])
def test_nothing_differs_whatever_the_step_is(step: Any, data: Data) -> None:
    results = []
    for more in ({}, {"validation": (data.xv, data.yv), "clean": data.true}):
        seeded()
        model, optimizer = batch_norm()
        train(data, model, optimizer, 3, step, **more)
        scaler = optimizer.__dict__.get("scaler")
        found = everything(model, optimizer)
        found["scaler"] = None if scaler is None else scaler.state_dict()
        results.append(found)
    assert differing(*results) == []


def test_her_hooks_are_not_called_by_the_recorder(data: Data) -> None:
    counts = []
    for more in ({}, {"validation": (data.xv, data.yv)}):
        seeded()
        model, optimizer = dropout()
        calls: list[int] = []
        model[0].register_forward_hook(lambda *a, c=calls: c.append(1))
        train(data, model, optimizer, 2, plain_step, **more)
        counts.append(len(calls))
    assert counts[0] == counts[1] > 0


def test_weights_that_hooks_compute_are_evaluated(data: Data) -> None:
    model = nn.Sequential(nn.utils.weight_norm(nn.Linear(FEATURES, CLASSES)))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with warnings.catch_warnings(record=True) as told:
        run = train(data, model, optimizer, 2, plain_step, validation=(data.xv, data.yv))
    assert [str(each.message) for each in told if "memlab" in str(each.message)] == []
    assert run is not None
    with torch.no_grad():
        right = (model(data.xv).argmax(1) == data.yv).double().mean().item()
    assert memlab.load(run.id).series("validation_accuracy").values[0, -1] == pytest.approx(right)


def test_logits_that_are_changed_in_place_afterwards_are_those_of_the_step(data: Data) -> None:
    index = torch.arange(len(data.x))
    with memlab.record(mlp(), (data.x, data.y), instruments=None) as run:
        logits = nn.functional.one_hot(data.y, CLASSES).float()
        run.step(logits, data.y, index)
        logits.neg_()
        run.epoch()
    assert memlab.load(run.id).series("train_accuracy").values[0, -1] == 1.0


@pytest.mark.parametrize("workers", [0, pytest.param(2, marks=pytest.mark.full)])
def test_an_indexed_loader_draws_what_the_loader_draws(workers: int, data: Data) -> None:
    def loader() -> DataLoader[Any]:
        return DataLoader(
            TensorDataset(data.x, data.y), batch_size=7, shuffle=True, num_workers=workers
        )

    seeded()
    plain = [(x, y) for _ in range(2) for x, y in loader()]
    after = torch.random.get_rng_state()
    seeded()
    found = [batch for _ in range(2) for batch in memlab.indexed(loader())]
    assert torch.equal(after, torch.random.get_rng_state())
    assert len(plain) == len(found)
    for (x, y), (xi, yi, index) in zip(plain, found, strict=True):
        assert torch.equal(x, xi)
        assert torch.equal(y, yi)
        assert torch.equal(data.x[index], x)


@pytest.mark.full
@pytest.mark.skipif(shutil.which("cc") is None, reason="torch.compile needs a compiler")
def test_a_compiled_network_trains_the_same(data: Data) -> None:
    results = []
    for more in ({}, {"validation": (data.xv, data.yv)}):
        seeded()
        torch.compiler.reset()  # what it learned of the shapes before is forgotten
        inner, _ = batch_norm()
        optimizer = torch.optim.SGD(inner.parameters(), lr=0.1)
        model = torch.compile(inner)
        train(data, model, optimizer, 2, plain_step, **more)  # type: ignore[arg-type]
        results.append(everything(inner, optimizer))
    assert differing(*results) == []
