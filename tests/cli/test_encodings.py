"""A terminal that is not UTF-8 shows `?` for what it does not know, never a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import hostile_run

ASCII = {"LANG": "C", "LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}


@pytest.mark.parametrize(
    "words",
    [("runs",), ("report", "last"), ("report", "last", "--format", "md"), ("presets",),
     ("presets", "noise-ladder"), ("suspects", "last"), ("doctor",), ("--help",),
     ("report", "--help"), ("report", "ν\u202eo such run"), ("schema", "--table")],
    ids=" ".join,
)  # fmt: skip
def test_a_terminal_that_is_not_utf_8_gives_no_traceback(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    hostile_run.write(tmp_path / "runs")
    done = subprocess.run(
        [sys.executable, "-m", "memlab", *words],
        env={**os.environ, **ASCII, "PYTHONCOERCECLOCALE": "0", "MEMLAB_HOME": str(tmp_path)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=120,
        check=False,
    )
    printed = (done.stdout + done.stderr).decode("ascii")
    assert "Traceback" not in printed
    assert done.returncode in (0, 1, 2)
    assert hostile_run.steering(printed) == set()
