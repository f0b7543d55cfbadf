"""The real runs that hostile folders are made from: one of each kind of end."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.torture import training
from tests.torture.forked import Say, forked
from tests.torture.layer import Layer

SECONDS = 120.0
KINDS = ("finished", "fork", "failed", "interrupted", "stacks")
KILLED_AT = 150  # of the operations of a short run: it has recorded, and has a checkpoint


def make(home: Path, kinds: Sequence[str] = KINDS) -> list[Path]:
    """Trains them below `home`; their folders, in the order of `kinds`, with names that stay.

    To be called from a process that has called `training.warm_up`.
    """
    os.environ["MEMLAB_HOME"] = str(home)
    runs = home / "runs"
    runs.mkdir(parents=True, exist_ok=True)
    made: dict[str, Path] = {}
    for kind in KINDS:
        if kind in kinds or (kind == "finished" and "fork" in kinds):
            made[kind] = _made(kind, runs, made)
    return [_named(made[kind], kind) for kind in kinds]


def _named(path: Path, kind: str) -> Path:
    """The run under a name that does not depend on when it was made."""
    target = path.parent.parent / "originals" / f"20260101-0000-{kind}-aaaa"
    target.parent.mkdir(exist_ok=True)
    shutil.copytree(path, target, symlinks=True)
    return target


def _made(kind: str, runs: Path, made: dict[str, Path]) -> Path:
    before = set(os.listdir(runs))

    def work(say: Say) -> None:
        WORK[kind](runs, made)

    ended = forked(work, cpu_seconds=SECONDS, asleep_seconds=SECONDS, data_limit=None)
    fresh = [name for name in set(os.listdir(runs)) - before if not name.startswith(".")]
    if len(fresh) != 1:
        raise RuntimeError(f"the original {kind!r} was not made: {ended}")
    path = runs / fresh[0]
    state = (path / "state.json").read_text()
    expected = {"failed": "failed", "interrupted": "running"}.get(kind, "finished")
    if not re.search(rf'"state": "{expected}"', state):
        raise RuntimeError(f"the original {kind!r}: {state}\n{(path / 'worker.log').read_text()}")
    if kind == "finished":
        _review(path)
    return path


def _review(path: Path) -> None:
    """What a person said of the run's suspects: a few verdicts of each kind, one taken back."""
    from memlab.reports.review_list import review_list
    from memlab.runs.review import ReviewLog
    from memlab.runs.run import Run
    from memlab.runs.run_folder import RunFolder

    folder = RunFolder(path)
    index = review_list(Run(folder)).index.tolist()
    log = ReviewLog(folder)
    try:
        for at, kind in enumerate(("right", "drop", "skip", "right", "drop")):
            log.give(index[at], kind)
        log.give(index[5], "label", 3)
        log.undo()
        log.give(index[6], "label", 4)
    finally:
        log.close()


def _finished(runs: Path, made: dict[str, Path]) -> None:
    toml = training.experiment_toml(
        baselines={"on": ["1-nn", "ridge"]}, instruments={"on": ["ledger", "margins", "stiffness"]}
    )
    training.start(runs, toml, "finished")


def _fork(runs: Path, made: dict[str, Path]) -> None:
    training.start_fork(made["finished"], runs)


def _failed(runs: Path, made: dict[str, Path]) -> None:
    training.start(runs, training.experiment_toml(), "failed", device="cuda:9")


def _interrupted(runs: Path, made: dict[str, Path]) -> None:
    Layer(runs, KILLED_AT).install()
    training.start(runs, training.experiment_toml(), "interrupted")


def _stacks(runs: Path, made: dict[str, Path]) -> None:
    axes = {"model.width": [8, 16], "corruption.fraction": [0.0, 0.4]}
    training.start(runs, training.experiment_toml(axes=axes), "stacks")


WORK: dict[str, Callable[[Path, dict[str, Path]], None]] = {
    "finished": _finished,
    "fork": _fork,
    "failed": _failed,
    "interrupted": _interrupted,
    "stacks": _stacks,
}


def main(folder: Path, kinds: Sequence[str]) -> None:
    """Makes them below `folder`, for a process that must not import torch itself."""
    began = time.monotonic()
    training.warm_up()
    print(f"{len(make(folder, kinds))} runs in {time.monotonic() - began:.1f} s", flush=True)


if __name__ == "__main__":
    import sys

    main(Path(sys.argv[1]), sys.argv[2:] or KINDS)
    os._exit(0)  # torch's teardown prints what it leaked
