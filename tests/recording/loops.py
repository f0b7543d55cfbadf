"""Plain training loops, each with and without the recorder, and small data for them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

import memlab

CLASSES, FEATURES = 3, 6


@dataclass(frozen=True)
class Data:
    """Three blobs, a fifth of the training labels wrong."""

    x: Tensor
    y: Tensor
    true: Tensor
    xv: Tensor
    yv: Tensor

    @property
    def wrong(self) -> Tensor:
        return self.y != self.true

    def loader(self, batch: int = 16) -> DataLoader[Any]:
        return DataLoader(TensorDataset(self.x, self.y), batch_size=batch, shuffle=True)


def made_data(train: int = 120, validation: int = 60, seed: int = 0) -> Data:
    drawn = torch.Generator().manual_seed(seed)
    centres = 3 * torch.randn(CLASSES, FEATURES, generator=drawn)
    true = torch.arange(train + validation) % CLASSES
    x = centres[true] + torch.randn(train + validation, FEATURES, generator=drawn)
    given = true[:train].clone()
    wrong = torch.randperm(train, generator=drawn)[: train // 5]
    given[wrong] = (given[wrong] + 1) % CLASSES
    return Data(x[:train], given, true[:train], x[train:], true[train:])


def mlp(dropout: float = 0.0, normalized: bool = False) -> nn.Sequential:
    layers: list[nn.Module] = [nn.Linear(FEATURES, 16)]
    layers += [nn.BatchNorm1d(16)] if normalized else []
    layers += [nn.ReLU(), nn.Dropout(dropout), nn.Linear(16, CLASSES)]
    return nn.Sequential(*layers)


Step = Callable[[nn.Module, torch.optim.Optimizer, Tensor, Tensor, int], Tensor]


def plain_step(
    model: nn.Module, optimizer: torch.optim.Optimizer, x: Tensor, y: Tensor, at: int
) -> Tensor:
    logits: Tensor = model(x)
    loss = nn.functional.cross_entropy(logits, y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return logits


def train(
    data: Data,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    epochs: int = 3,
    step: Step = plain_step,
    **recorded: Any,
) -> memlab.recording.recording.Recording | None:
    """Trains; recorded where there are arguments for the recorder."""
    if not recorded:
        at = 0
        for _ in range(epochs):
            model.train()
            for x, y in data.loader():
                step(model, optimizer, x, y, at)
                at += 1
        return None
    given = {"train": (data.x, data.y), "optimizer": optimizer, "instruments": None} | recorded
    with memlab.record(model, **given) as run:
        at = 0
        for _ in range(epochs):
            model.train()
            for x, y, index in memlab.indexed(data.loader()):
                logits = step(model, optimizer, x, y, at)
                run.step(logits, y, index)
                at += 1
            run.epoch()
    return run


@contextmanager
def told() -> Iterator[list[str]]:
    """What memlab warns of."""
    found: list[str] = []
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        yield found
        found += [str(each.message) for each in seen if str(each.message).startswith("memlab:")]
