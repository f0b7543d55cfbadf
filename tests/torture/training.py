"""Real runs, trained in forked children of a process whose imports (torch!) are done.

The one place of the harness that knows how a worker is started: instead of a new interpreter,
`lifecycle` is given a launch that trains in the process that asks.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

SINGLE = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

#: A short run with everything that is recorded: two networks, ledger, instrument, checkpoints.
SHORT: dict[str, Any] = {
    "title": "Short",
    "question": "Is anything lost?",
    "dataset": {"name": "digits", "train": 200},
    "corruption": {"kind": "labels"},
    "model": {"name": "mlp", "width": 16, "depth": 1},
    "optimizer": {"batch_size": 64, "learning_rate": 0.3},
    "regularization": {"dropout": 0.1},
    "stop": {"epochs": 2},
    "axes": {"corruption.fraction": [0.0, 0.5]},
    "checkpoints": {"every_seconds": 0.0, "keep": 2},
    "instruments": {"on": ["ledger", "margins"], "cadence": 1.0},
    "seeds": 1,
}


def warm_up() -> None:
    """Imports all that a worker needs; starts no thread, or no child could be forked."""
    os.environ.update(SINGLE)
    import sklearn.datasets  # noqa: F401
    import torch

    from memlab.worker import device

    torch.set_num_threads(1)
    device.be_deterministic()
    assert threading.active_count() == 1, "who forks must have one thread"


def experiment_toml(**changes: Any) -> str:
    """The short experiment with sections replaced or overlaid."""
    from memlab.experiment import reading

    tree = dict(SHORT)
    for name, value in changes.items():
        old = tree.get(name)
        both = isinstance(old, dict) and isinstance(value, dict)
        tree[name] = {**old, **value} if both else value  # type: ignore[dict-item]
    return reading.to_toml(reading.experiment(tree, "torture"))


def train_here() -> None:
    """From now on `lifecycle.start` and `resume` train in this process instead of a new one."""
    from memlab.atomic import storing
    from memlab.runs import lifecycle
    from memlab.worker.__main__ import _work
    from memlab.worker.recorder import ProgressTable

    def launch(folder: Path, lock: Any, worker: Sequence[str] = (), *more: Any) -> int:
        log = folder / "worker.log"
        with storing(log):
            redirected = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(redirected, 1)
        os.dup2(redirected, 2)
        os.close(redirected)
        _work(folder, lock)
        return os.getpid()

    lifecycle.launch = launch
    ProgressTable.due = lambda self: True  # by the clock, the k-th operation would vary


def start(
    runs: Path,
    toml: str,
    name: str,
    fill: Callable[[Any], object] | None = None,
    device: str = "cpu",
) -> Path:
    """A run made and trained in this process, to its end; its folder."""
    from memlab.runs import lifecycle

    train_here()
    environment = {"requested_device": device}
    return lifecycle.start(toml, name, runs, environment=environment, fill=fill).path


def start_fork(source: Path, runs: Path) -> Path:
    """A fork of a finished short run at its epoch 1.5, trained to its end; its folder."""
    from memlab.experiment import reading
    from memlab.runs import forking
    from memlab.runs.run_folder import RunFolder

    origin = RunFolder(source)
    made = forking.forked(origin, 1.5, ["learning_rate=0.05"])
    return start(
        runs, reading.to_toml(made), "fork", lambda new: forking.inherit(origin, made, new)
    )


def resume(folder: Path) -> None:
    """Goes on with a run, in this process, to its end."""
    from memlab.runs import lifecycle
    from memlab.runs.run_folder import RunFolder

    train_here()
    lifecycle.resume(RunFolder(folder))
