"""The bench of training: a stack against plain PyTorch loops, side by side in one process.

Each case is measured twice: training alone, and with all data evaluated every epoch, on both sides.
Ours has its keyed batches and divergence checks in both, and in the second the split by corruption
and the run's table on disk; the references train one network after another. Repetitions are
interleaved, so that a machine whose speed drifts slows all alike.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from memlab.experiment import grid
from memlab.experiment.reading import experiment as read_experiment
from memlab.runs.door import Place
from memlab.training.arrays import StackArrays
from memlab.training.plan import StackPlan, plan
from memlab.training.trainer import StackTrainer
from memlab.worker.material import Material
from memlab.worker.recorder import EvaluationTable


@dataclass(frozen=True)
class Case:
    """A grid of equal networks on digits."""

    members: int
    width: int
    batch_size: int
    epochs: int
    evaluates: bool = False

    @property
    def name(self) -> str:
        """What the row is called."""
        what = ", evaluated every epoch" if self.evaluates else ""
        return f"{self.members} × mlp 2×{self.width}, batch {self.batch_size}{what}"


SHAPES = ((18, 256, 128, 6), (32, 64, 32, 6), (32, 64, 128, 10), (1, 256, 128, 20))
CASES = tuple(Case(*shape, evaluates) for shape in SHAPES for evaluates in (False, True))


def stack_of(case: Case, device: torch.device) -> tuple[StackPlan, StackArrays, StackTrainer]:
    """The case as memlab trains it, 0.4 of the labels corrupted."""
    tree = {
        "corruption": {"kind": "labels", "fraction": 0.4},
        "model": {"name": "mlp", "width": case.width, "depth": 2},
        "optimizer": {"batch_size": case.batch_size, "learning_rate": 0.1},
        "stop": {"epochs": case.epochs},
        "seeds": case.members,
    }
    members = grid.members(read_experiment(tree, "bench"))
    material = Material([], lambda done, total: None)
    shapes = material.shapes(members[0])
    counts = [len(material.splits(m).train.y) for m in members]
    (made,) = plan(members, counts, [1] * len(members))
    parts = [material.corrupted(member) for member in members]
    arrays = StackArrays.of(parts, shapes.classes, device)
    return made, arrays, StackTrainer(made, arrays, shapes, device)


def ours(case: Case, device: torch.device) -> float:
    """Samples a second of the trainer; evaluating, it also records."""
    made, _, trainer = stack_of(case, device)
    evaluations = dict(made.timeline.evaluations()) if case.evaluates else {}
    with tempfile.TemporaryDirectory() as folder:
        table = EvaluationTable(Place(Path(folder)) / "series", made)
        _settle(device)
        start = time.perf_counter()
        while True:
            if trainer.update in evaluations:
                found = trainer.evaluate()
                metrics = {name: np.asarray(v) for name, v in found.metrics.items()}
                table.append(
                    trainer.update,
                    trainer.examples,
                    evaluations[trainer.update],
                    case.batch_size,
                    metrics,
                )
            if trainer.update >= made.timeline.updates:
                break
            trainer.step()
        _settle(device)
        seconds = time.perf_counter() - start
        table.writer.close()
    return case.members * trainer.examples / seconds


def plain_loop(case: Case, device: torch.device, loader: bool) -> float:
    """Samples a second of the loop that one writes: `torch.nn`, `torch.optim`, one by one."""
    _, arrays, _ = stack_of(replace(case, members=1), device)
    x, y = arrays.train.inputs.values[0].flatten(1), arrays.train.labels[0]
    parts = [(x, y)] + [
        (part.inputs.values[0].flatten(1), part.labels[0])
        for part in (arrays.validation, arrays.test)
    ]
    networks = min(case.members, 3)
    done = 0
    _settle(device)
    start = time.perf_counter()
    for _ in range(networks):
        model = torch.nn.Sequential(
            torch.nn.Linear(x.shape[1], case.width),
            torch.nn.ReLU(),
            torch.nn.Linear(case.width, case.width),
            torch.nn.ReLU(),
            torch.nn.Linear(case.width, arrays.classes),
        ).to(device)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        criterion = torch.nn.CrossEntropyLoss()
        data = DataLoader(TensorDataset(x, y), batch_size=case.batch_size, shuffle=True)
        for _ in range(case.epochs):
            for inputs, labels in data if loader else _batches(x, y, case.batch_size):
                optimizer.zero_grad()
                criterion(model(inputs), labels).backward()
                optimizer.step()
                done += len(labels)
            if case.evaluates:
                _measure(model, parts)
    _settle(device)
    return done / (time.perf_counter() - start)


@torch.no_grad()
def _measure(model: torch.nn.Module, parts: list[tuple[Tensor, Tensor]]) -> list[float]:
    found = []
    for x, y in parts:
        logits = model(x)
        found.append(float(torch.nn.functional.cross_entropy(logits, y)))
        found.append(float((logits.argmax(1) == y).double().mean()))
    return found


def _batches(x: Tensor, y: Tensor, size: int) -> list[tuple[Tensor, Tensor]]:
    order = torch.randperm(len(y), device=y.device)
    return [(x[part], y[part]) for part in torch.split(order, size)]


def _settle(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def rows(repetitions: int, device: torch.device) -> list[dict[str, object]]:
    """One row per case and reference; the ratio is the median over interleaved repetitions."""
    made: list[dict[str, object]] = []
    for case in CASES:
        runners: dict[str, Callable[[], float]] = {
            "ours": lambda case=case: ours(case, device),  # type: ignore[misc]
            "DataLoader loop": lambda case=case: plain_loop(case, device, True),  # type: ignore[misc]
            "plain loop": lambda case=case: plain_loop(case, device, False),  # type: ignore[misc]
        }
        speeds: dict[str, list[float]] = {name: [] for name in runners}
        for repetition in range(repetitions + 1):
            for name, runner in runners.items():
                speed = runner()
                if repetition:
                    speeds[name].append(speed)
        for name in ("DataLoader loop", "plain loop"):
            ratios = [a / b for a, b in zip(speeds["ours"], speeds[name], strict=True)]
            made.append(
                {
                    "case": f"{case.name}: {name}",
                    "ours": round(statistics.median(speeds["ours"])),
                    "reference": round(statistics.median(speeds[name])),
                    "ratio": round(statistics.median(ratios), 2),
                    "unit": "samples/s",
                    "spread": [round(min(ratios), 2), round(max(ratios), 2)],
                }
            )
    return made
