"""A whole run of a worker, as `memlab run` starts it, in the bench's own `MEMLAB_HOME`.

What is timed goes from the first stack's begin to the end of the last, with every row, event and
checkpoint that a run writes; Python's start, the imports and the reading of data come before.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from memlab import child, settings
from memlab.bench.cases import Bench
from memlab.errors import TrainingFailed
from memlab.experiment.reading import to_toml
from memlab.experiment.spec import Experiment
from memlab.runs import run_folder
from memlab.runs.environment import describe
from memlab.runs.event_log import EventReader
from memlab.runs.run_folder import RunFolder

LOOK_SECONDS = 0.02


@dataclass(frozen=True)
class WorkerRun:
    """A run that has finished: seconds of training, and the most memory of all its processes."""

    folder: RunFolder
    seconds: float
    memory: int

    @property
    def bytes_on_disk(self) -> int:
        """What the run's folder holds."""
        return sum(p.stat().st_size for p in self.folder.path.rglob("*") if p.is_file())


def home(bench: Bench) -> dict[str, str]:
    """The environment of processes that live in the bench's folder."""
    return child.environment({**os.environ, settings.HOME_VARIABLE: str(bench.folder)})


def work(bench: Bench, experiment: Experiment) -> WorkerRun:
    """Runs the experiment by a worker of its own, to its end.

    Raises:
        TrainingFailed: if the run has not finished.
    """
    with started(bench, experiment) as (folder, process):
        memory = _followed(process)
    if folder.state.state != "finished":
        raise TrainingFailed(f"A run of the bench {folder.state.state}: {folder.state.message}")
    return WorkerRun(folder, _trained_seconds(folder), memory)


@contextmanager
def started(
    bench: Bench, experiment: Experiment
) -> Iterator[tuple[RunFolder, subprocess.Popen[bytes]]]:
    """A run and its worker, which ends with the block.

    Raises:
        TrainingFailed: if the machine cannot be calibrated.
    """
    environ = home(bench)
    calibrated(environ)
    runs = settings.prepared(settings.runs_folder(environ))
    facts = {**describe(sys.argv), "requested_device": str(bench.device)}
    folder, lock = run_folder.create(runs, "bench", to_toml(experiment), facts)
    lock.close()
    words = child.command("-m", "memlab.worker", str(folder.path))
    with subprocess.Popen(
        words, stdin=subprocess.DEVNULL, stdout=sys.stderr, cwd=child.FOLDER, env=environ
    ) as process:
        try:
            yield folder, process
        finally:
            process.terminate()


def calibrated(environ: Mapping[str, str]) -> None:
    """Measures the machine once, as an idle standby does, so that runs are planned by it.

    Raises:
        TrainingFailed: if that is not possible.
    """
    if (settings.data_folder(environ) / "calibration.json").exists():
        return
    words = child.command("-m", "memlab.worker.calibrating")
    done = subprocess.run(
        words, stdin=subprocess.DEVNULL, stdout=sys.stderr, cwd=child.FOLDER, env=dict(environ)
    )
    if done.returncode not in (0, 3):
        raise TrainingFailed("The machine could not be calibrated; what was printed is above.")


def _followed(process: subprocess.Popen[bytes]) -> int:
    """The most memory that the worker and its children had at once, until it ends."""
    most = 0
    while process.poll() is None:
        most = max(most, memory_of(process.pid))
        time.sleep(LOOK_SECONDS)
    return most


def _trained_seconds(folder: RunFolder) -> float:
    times: dict[str, float] = {}
    for event in EventReader(folder.events).read():
        if event.type != "stack-started" or event.type not in times:
            times[event.type] = event.time
    return times["worker-ended"] - times["stack-started"]


def memory_of(pid: int) -> int:
    """Bytes that a process and its descendants have for themselves; 0 where there is no /proc."""
    try:
        _, resident, shared, *_ = Path(f"/proc/{pid}/statm").read_text().split()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return 0
    own = (int(resident) - int(shared)) * os.sysconf("SC_PAGE_SIZE")
    return own + sum(memory_of(int(each)) for each in children)
