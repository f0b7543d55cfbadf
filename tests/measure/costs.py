"""What runs cost beside what was estimated: every architecture trained briefly by a real worker.

`taskset -c 1 python -m tests.measure.costs` calibrates in a home of its own, then prints a table:
processor seconds of training (the worker's without its imports), its largest resident set, and the
run folder, each as estimate ÷ truth. On one core, so that a busy machine does not disturb it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from memlab import child
from memlab.experiment import presets, reading
from memlab.experiment.cost import START_SECONDS, Cost, estimate
from memlab.experiment.spec import Experiment
from memlab.experiment.training_spec import StopSpec
from memlab.runs import calibration, run_folder

#: One small and one large network of every architecture; a second or two of training each.
CASES: dict[str, dict[str, Any]] = {
    "linear": {"model": {"name": "linear"}, "stop": {"epochs": 500}},
    "linear × 20": {"model": {"name": "linear"}, "stop": {"epochs": 200}, "seeds": 20},
    "mlp 2×64": {"model": {"width": 64}, "stop": {"epochs": 300}},
    "mlp 2×64 × 32": {"model": {"width": 64}, "stop": {"epochs": 80}, "seeds": 32},
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
    "cnn 32": {"model": {"name": "cnn", "width": 32}, "stop": {"epochs": 20}},
    "cnn": {"model": {"name": "cnn"}, "stop": {"epochs": 2}},
    "alexnet-small": {"model": {"name": "alexnet-small"}, "stop": {"epochs": 8}},
    "inception-small": {"model": {"name": "inception-small"}, "stop": {"epochs": 1}},
    "resnet20": {"model": {"name": "resnet20"}, "stop": {"epochs": 4}},
    "wrn16-4": {"model": {"name": "wrn16-4", "width": 32}, "stop": {"epochs": 3}},
    "instruments": {
        "model": {"width": 128},
        "stop": {"epochs": 100},
        "seeds": 4,
        "instruments": {"on": ["default"]},
    },
}


#: Starts a worker and tells its status, processor seconds and bytes. Small: the most memory that
#: Linux tells of a process is at least that of the one that started it.
SMALL = """
import json, resource, subprocess, sys
lock, *command = sys.argv[1:]
status = subprocess.call(command, stdout=sys.stderr, pass_fds=(int(lock),))
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([status, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024]))
"""


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
    tree["checkpoints"] = {"every_seconds": 1e6}  # a busy machine keeps no more of them
    tree["optimizer"] = {"batch_size": 32, **tree.get("optimizer", {})}
    return reading.experiment(tree, name)


def trained(experiment: Experiment, home: Path) -> Truth:
    """Trains it by a worker of its own and measures that."""
    folder, lock = run_folder.create(home / "runs", "cost", reading.to_toml(experiment), {})
    began = time.monotonic()
    with lock:
        words = ("-m", "memlab.worker", str(folder.path), "--lock-fd", str(lock.descriptor))
        environment = child.environment(os.environ) | {"MEMLAB_HOME": str(home)}
        with (folder.path / "worker.log").open("w") as log:
            done = subprocess.run(
                [sys.executable, "-S", "-c", SMALL, str(lock.descriptor), *child.command(*words)],
                cwd="/",
                env=environment,
                stdout=subprocess.PIPE,
                stderr=log,
                pass_fds=(lock.descriptor,),
                check=True,
            )
    status, seconds, memory = json.loads(done.stdout)
    assert status == 0, (folder.path / "worker.log").read_text()
    parts: dict[str, int] = {}
    for path in folder.path.rglob("*"):
        if path.is_file():
            top = path.relative_to(folder.path).parts[0]
            parts[top] = parts.get(top, 0) + path.stat().st_size
    return Truth(
        seconds,
        time.monotonic() - began,
        memory,
        sum(parts.values()),
        parts,
    )


def start_seconds(home: Path) -> float:
    """Processor seconds of a worker that makes one update: what is no training."""
    tiny = made("linear").model_copy(update={"stop": StopSpec(updates=1)})
    return min(trained(tiny, home).seconds for _ in range(3))


def compared(name: str, home: Path, start: float) -> tuple[Cost, Truth]:
    """Estimate and truth of a case, training alone; the estimate is made before the run."""
    experiment = made(name)
    cost = estimate(experiment, "cpu", calibration.load_kind("cpu"))
    assert cost is not None
    truth = trained(experiment, home)
    cost = replace(cost, seconds=cost.seconds - START_SECONDS)
    return cost, replace(truth, seconds=truth.seconds - start)


def main() -> int:
    """Prints the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.measure.costs", description=__doc__)
    parser.add_argument("names", nargs="*", help="cases or presets; all cases by default")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MEMLAB_HOME"] = folder
        print(child.run(["-m", "memlab.worker.calibrating"]).stdout.strip(), flush=True)
        start = start_seconds(Path(folder))
        print(f"{'':22} {'seconds':^24} | {'MB of memory':^22} | {'MB on disk':^22}")
        for name in options.names or list(CASES):
            cost, truth = compared(name, Path(folder), start)
            cells = (
                (cost.seconds, truth.seconds, 2),
                (cost.memory / 1e6, truth.memory / 1e6, 0),
                (cost.disk / 1e6, truth.disk / 1e6, 2),
            )
            words = (f"{a:8.{n}f} of {b:8.{n}f} ×{a / b:5.2f}" for a, b, n in cells)
            print(f"{name:22} " + " | ".join(words), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
