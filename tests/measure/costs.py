"""What runs cost beside what was estimated: every architecture trained briefly by a real worker.

`taskset -c 1 python -m tests.measure.costs` calibrates in a home of its own, then prints a table:
processor seconds of training (the worker's without its imports), its largest resident set, and the
run folder, each as estimate ÷ truth. On one core, so that a busy machine does not disturb it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from memlab import child
from memlab.experiment import presets, reading
from memlab.experiment.cost import Cost, estimate
from memlab.experiment.spec import Experiment
from memlab.runs import calibration, run_folder

DIGITS = {"train": 256, "validation": 64, "test": 64}
#: One small and one large network of every architecture; a second or two of training each.
CASES: dict[str, dict[str, Any]] = {
    "linear": {"model": {"name": "linear"}, "stop": {"epochs": 300}},
    "linear × 20": {"model": {"name": "linear"}, "stop": {"epochs": 100}, "seeds": 20},
    "mlp 2×64": {"model": {"width": 64}, "stop": {"epochs": 200}},
    "mlp 2×64 × 32": {"model": {"width": 64}, "stop": {"epochs": 40}, "seeds": 32},
    "mlp 3×512": {"model": {"width": 512, "depth": 3}, "stop": {"epochs": 60}},
    "mlp 2×128 dropout": {
        "model": {"width": 128},
        "stop": {"epochs": 60},
        "seeds": 8,
        "regularization": {"dropout": 0.3},
    },
    "mlp 2×128 adam": {
        "model": {"width": 128},
        "stop": {"epochs": 60},
        "seeds": 8,
        "optimizer": {"name": "adam", "learning_rate": 0.001},
    },
    "cnn 32": {"model": {"name": "cnn", "width": 32}, "stop": {"epochs": 6}},
    "cnn": {"model": {"name": "cnn"}, "stop": {"epochs": 1}},
    "alexnet-small": {"model": {"name": "alexnet-small"}, "stop": {"epochs": 8}},
    "inception-small": {"model": {"name": "inception-small"}, "stop": {"epochs": 1}},
    "resnet20": {"model": {"name": "resnet20"}, "stop": {"epochs": 6}},
    "wrn16-4": {"model": {"name": "wrn16-4", "width": 32}, "stop": {"epochs": 3}},
    "instruments": {
        "model": {"width": 128},
        "stop": {"epochs": 100},
        "seeds": 4,
        "instruments": {"on": ["default"]},
    },
}


@dataclass(frozen=True)
class Truth:
    """What a worker took: processor seconds in all and of its imports, bytes of memory and disk."""

    seconds: float
    wall: float
    memory: int
    disk: int
    parts: Mapping[str, int]


def made(name: str) -> Experiment:
    """The experiment of a case, or of a preset of that name."""
    if name not in CASES:
        return next(p for p in presets.find_all() if p.name == name).experiment()
    tree = {"dataset": {"name": "digits"}, **CASES[name]}
    tree["optimizer"] = {"batch_size": 32, **tree.get("optimizer", {})}
    return reading.experiment(tree, name)


def trained(experiment: Experiment, home: Path) -> Truth:
    """Trains it by a worker of its own and measures that."""
    folder, lock = run_folder.create(home / "runs", "cost", reading.to_toml(experiment), {})
    began = time.monotonic()
    with lock:
        words = ("-m", "memlab.worker", str(folder.path), "--lock-fd", str(lock.descriptor))
        environment = child.environment(os.environ) | {"MEMLAB_HOME": str(home)}
        log = os.open(folder.path / "worker.log", os.O_WRONLY | os.O_CREAT)
        process = subprocess.Popen(
            child.command(*words),
            cwd="/",
            env=environment,
            stdout=log,
            stderr=log,
            pass_fds=(lock.descriptor,),
        )
        os.close(log)
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0, (folder.path / "worker.log").read_text()
    parts: dict[str, int] = {}
    for path in folder.path.rglob("*"):
        if path.is_file():
            top = path.relative_to(folder.path).parts[0]
            parts[top] = parts.get(top, 0) + path.stat().st_size
    return Truth(
        usage.ru_utime + usage.ru_stime,
        time.monotonic() - began,
        usage.ru_maxrss * 1024,
        sum(parts.values()),
        parts,
    )


def start_seconds() -> float:
    """Processor seconds until a worker has its imports behind it."""
    before = os.times()
    child.run(["-c", "import memlab.worker.session as s; s.devices.be_deterministic()"])
    after = os.times()
    return (
        after.children_user
        + after.children_system
        - (before.children_user + before.children_system)
    )


def compared(names: Sequence[str], home: Path) -> list[tuple[str, Cost, Truth]]:
    """Estimate and truth of each case; the estimate is made before the run is known."""
    speeds = calibration.load_kind("cpu")
    found = []
    start = min(start_seconds() for _ in range(2))
    for name in names:
        experiment = made(name)
        cost = estimate(experiment, "cpu", speeds)
        assert cost is not None
        truth = trained(experiment, home)
        least = Truth(truth.seconds - start, truth.wall, truth.memory, truth.disk, truth.parts)
        found.append((name, cost, least))
    return found


def main() -> int:
    """Prints the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.measure.costs", description=__doc__)
    parser.add_argument("names", nargs="*", help="cases or presets; all cases by default")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MEMLAB_HOME"] = folder
        print(child.run(["-m", "memlab.worker.calibrating"]).stdout.strip(), flush=True)
        for name in options.names or list(CASES):
            for _, cost, truth in compared([name], Path(folder)):
                print(
                    f"{name:22} {cost.seconds:7.1f} s of {truth.seconds:7.1f}"
                    f" ×{cost.seconds / truth.seconds:5.2f}"
                    f" | {cost.memory / 1e6:6.0f} MB of {truth.memory / 1e6:6.0f}"
                    f" ×{cost.memory / truth.memory:5.2f}"
                    f" | {cost.disk / 1e6:7.2f} MB of {truth.disk / 1e6:7.2f}"
                    f" ×{cost.disk / truth.disk:5.2f}",
                    {k: round(v / 1e6, 2) for k, v in truth.parts.items() if v > 20_000},
                    flush=True,
                )
    return 0


if __name__ == "__main__":
    sys.exit(main())
