"""The app quits at once, whatever its readers are waiting for."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from synthetic_run import start
from terminal import Terminal

SECONDS = 5.0
RESTORED = b"\x1b[?1049l"  # the alternate screen is left

#: Blocks every reader of the Library and of a run's state for ever, as a dead server would.
BLOCKED = """
import sys, threading
from memlab.cli import app
from memlab.runs.run_folder import RunFolder
from memlab.tui.library.reader import LibraryReader

for_ever = threading.Event().wait
LibraryReader.read = lambda self, *_: for_ever()
RunFolder.state = property(lambda self: for_ever())
sys.exit(app.run(open_run=sys.argv[1], screen=sys.argv[2]))
"""


@pytest.fixture
def blocked(home: Path, tmp_path: Path) -> Iterator[Terminal]:
    script = tmp_path / "blocked.py"
    script.write_text(BLOCKED)
    run = start(home / "runs")
    run.end()
    app = Terminal(run.folder.id, "library", program=(str(script),), PYTHONPATH=os.getcwd())
    yield app
    app.close()


@pytest.mark.parametrize("keys", [b"q", b"4q", b"2q", b"3q", b"2l4q"], ids=repr)
def test_q_ends_the_app_though_readers_hang_for_ever(blocked: Terminal, keys: bytes) -> None:
    blocked.until(b"reads the runs folder")
    for key in keys:
        blocked.press(bytes([key]))
        time.sleep(0.05)  # a person's pace; nothing is shown that could be awaited
    begun = time.monotonic()
    blocked.until(RESTORED, SECONDS)
    assert blocked.process.wait(SECONDS) == 0
    assert time.monotonic() - begun < SECONDS


@pytest.mark.parametrize("name", ["state.json", "events.jsonl", "experiment.toml", "worker.log"])
def test_a_fifo_in_a_run_does_not_keep_the_app_from_quitting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("MEMLAB_HOME", str(tmp_path))
    run = start(tmp_path / "runs")
    run.end()
    path = run.folder.path / name
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    app = Terminal()
    try:
        app.until(b"commands")
        app.press(b"4")
        app.until(b"filter")
        app.press(b"q")
        app.until(RESTORED, SECONDS)
        assert app.process.wait(SECONDS) == 0
    finally:
        app.close()
