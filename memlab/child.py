"""How memlab starts Python processes of its own: the command, the environment and the folder.

A process that starts where the user stands would run a `numpy.py` that lies there. Each one
therefore starts in `/`, with `-P`, and with nothing on its path but what the user has put there.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import memlab

PYTHON = sys.executable
FOLDER = "/"


def command(*words: str) -> tuple[str, ...]:
    """This Python with `words`; the folder of a script is not on the path, nor the working one."""
    return PYTHON, "-P", *words


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment for a process in `/`: relative paths made absolute, memlab importable.

    An empty entry of PYTHONPATH means the working folder, which nobody wants who wrote it: a
    trailing colon does. It is dropped; `.` stays.

    OpenMP's threads wait almost without spinning, unless the user decides: beside other work on the
    same cores each thread that spins takes the time that another needs to come to the same barrier.
    """
    made = {**environ, "PYTHONSAFEPATH": "1"}
    if "OMP_WAIT_POLICY" not in made:
        made.setdefault("GOMP_SPINCOUNT", "1000")
    if made.get("MEMLAB_HOME", "").strip():
        made["MEMLAB_HOME"] = os.path.abspath(os.path.expanduser(made["MEMLAB_HOME"].strip()))
    paths = [os.path.abspath(p) for p in made.pop("PYTHONPATH", "").split(os.pathsep) if p]
    top = Path(memlab.__file__).resolve().parents[1]
    if top.name not in ("site-packages", "dist-packages"):
        paths.insert(0, str(top))
    if paths:
        made["PYTHONPATH"] = os.pathsep.join(paths)
    return made


def run(
    words: Sequence[str], *, keep_errors: bool = True, seconds: float | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs `command(*words)` to its end; its exit status is the caller's to look at.

    Args:
        keep_errors: keep what it prints on standard error too; else that goes where ours goes.

    Raises:
        OSError: if it cannot be started.
        subprocess.TimeoutExpired: if it has not ended after `seconds`; it is killed.
    """
    return subprocess.run(
        command(*words),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE if keep_errors else None,
        encoding="utf-8",
        errors="replace",
        cwd=FOLDER,
        env=environment(os.environ),
        timeout=seconds,
        check=False,
    )
