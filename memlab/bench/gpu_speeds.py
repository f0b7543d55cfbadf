"""What a GPU makes of a stack of perceptrons: each way to carry out updates, beside its peak.

Run in a process of its own by `memlab.bench.gpu`; prints one JSON list. The peak is what one large
matrix product reaches in the same precision, measured in the same process.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from memlab.data.corruption import Corrupted
from memlab.experiment import grid
from memlab.experiment.architecture import multiply_adds
from memlab.experiment.reading import experiment as read_experiment
from memlab.training.arrays import StackArrays
from memlab.training.captured import Execution
from memlab.training.plan import plan
from memlab.training.trainer import Shapes, StackTrainer
from memlab.worker import device as devices

FEATURES, CLASSES = 784, 10
GRAPH, DIRECT = Execution(True, "graph"), Execution(True, "direct")
STATIC = Execution(True, "static")
#: Name, what it changes of the experiment, whether it is captured.
WAYS: tuple[tuple[str, dict[str, Any], bool], ...] = (
    ("captured", {}, True),
    ("not captured", {}, False),
    ("momentum", {"optimizer": {"momentum": 0.9}}, True),
    ("adam", {"optimizer": {"name": "adam"}}, True),
    ("dropout", {"regularization": {"dropout": 0.2}}, True),
    ("gaussian noise", {"regularization": {"hidden_noise": 0.1}}, True),
    ("tf32", {"training": {"precision": "tf32"}}, True),
    ("bf16", {"training": {"precision": "bf16"}}, True),
)


def main() -> int:
    """Prints a row for each size and way."""
    parser = argparse.ArgumentParser(prog="python -m memlab.bench.gpu_speeds")
    parser.add_argument("--device", default="cuda")
    options = parser.parse_args()
    device = devices.choose(options.device)
    devices.be_deterministic()
    sizes = ((64, 1024, 256, 50), (100, 64, 128, 300))
    json.dump([row for size in sizes for row in rows(device, *size)], sys.stdout)
    return 0


def rows(
    device: torch.device, members: int, width: int, batch: int, updates: int, side: int = 8192
) -> list[dict[str, Any]]:
    """Updates a second of `members` networks 2×`width`, and their share of the matrix peak."""
    found = []
    for name, changes, captured in WAYS:
        precision = str(changes.get("training", {}).get("precision", "float32"))
        devices.compute_in(precision)
        trainer = _trainer(device, members, width, batch, changes, captured)
        seconds = _seconds(trainer.step, device, updates)
        spec = trainer.plan.members[0].experiment.model
        work = multiply_adds(spec, None, FEATURES, CLASSES) * 6.0 * batch * members
        peak = _peak(device, torch.bfloat16 if precision == "bf16" else torch.float32, side)
        found.append(
            {
                "case": f"{members} × 2×{width}, S {batch}: {name}",
                "updates_per_second": 1 / seconds,
                "share_of_peak": work / seconds / peak,
                "peak_tflops": peak / 1e12,
            }
        )
    devices.compute_in("float32")
    return found


def _trainer(
    device: torch.device,
    members: int,
    width: int,
    batch: int,
    changes: dict[str, Any],
    captured: bool,
) -> StackTrainer:
    tree: dict[str, Any] = {
        "model": {"name": "mlp", "width": width, "depth": 2},
        "optimizer": {"batch_size": batch, "learning_rate": 0.001},
        "stop": {"epochs": 1000},
        "seeds": members,
    }
    for section, body in changes.items():
        tree[section] = {**tree.get(section, {}), **body}
    made = grid.members(read_experiment(tree, "bench"))
    data = _data(16 * batch)
    (stack,) = plan(made, [16 * batch] * members, [1] * members)
    arrays = StackArrays.of([data] * members, CLASSES, device)
    graph = GRAPH if device.type == "cuda" else STATIC
    shapes = Shapes(None, FEATURES, CLASSES)
    return StackTrainer(stack, arrays, shapes, device, execution=graph if captured else DIRECT)


def _data(examples: int) -> Corrupted:
    drawn = np.random.default_rng(0)
    x = drawn.standard_normal((examples, FEATURES)).astype(np.float32)
    y = drawn.integers(0, CLASSES, examples)
    none = np.zeros(examples, bool)
    few = slice(0, 64)
    return Corrupted(
        train_x=x,
        train_given=y,
        train_true=y,
        corrupted=none,
        drawn=none,
        validation_x=x[few],
        validation_y=y[few],
        test_x=x[few],
        test_y=y[few],
        changed_fraction=0.0,
    )


def _peak(device: torch.device, dtype: torch.dtype, side: int) -> float:
    """Operations a second of one square matrix product."""
    a = torch.randn(side, side, device=device).to(dtype)
    return 2.0 * side**3 / _seconds(lambda: torch.mm(a, a), device, 10)


def _seconds(work: Callable[[], object], device: torch.device, times: int) -> float:
    """Seconds of one call, the mean of `times` after a few to warm up."""
    for _ in range(5):
        work()
    _wait(device)
    began = time.perf_counter()
    for _ in range(times):
        work()
    _wait(device)
    return (time.perf_counter() - began) / times


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


if __name__ == "__main__":
    sys.exit(main())
