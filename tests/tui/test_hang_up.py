"""Signals at every instant of the app's first half second: a whole terminal, and no traceback."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from terminal import Terminal

#: The app, which signals itself when a function is entered or left for the first time.
PROGRAM = """
import os, sys
from functools import wraps
from importlib import import_module
from memlab.cli.main import main
number, module, path, moment = sys.argv[1:5]
owner, _, name = path.rpartition(".")
holder = import_module(module)
holder = getattr(holder, owner) if owner else holder
real, done = getattr(holder, name), []
def signalled():
    if not done:
        done.append(True)
        os.kill(os.getpid(), int(number))
@wraps(real)
def watched(*arguments, **options):
    if moment == "entered": signalled()
    result = real(*arguments, **options)
    if moment == "left": signalled()
    return result
setattr(holder, name, watched)
sys.exit(main([]))
"""
INSTANTS = [
    ("memlab.tui.app", "MemlabApp.run", "entered"),
    ("textual.drivers.linux_driver", "LinuxDriver.start_application_mode", "entered"),
    ("textual.drivers.linux_driver", "LinuxDriver.start_application_mode", "left"),
    ("memlab.tui.app", "MemlabApp.on_ready", "entered"),
    ("memlab.tui.app", "MemlabApp._first_paint", "entered"),
    ("memlab.tui.compose.panels", "fill", "entered"),
    ("memlab.tui.app", "MemlabApp.ready", "left"),
]
ON, OFF = b"\x1b[?1049h", b"\x1b[?1049l"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize(("module", "path", "moment"), INSTANTS)
def test_a_signal_leaves_the_terminal_whole(
    home: Path, number: int, module: str, path: str, moment: str
) -> None:
    app = Terminal(str(int(number)), module, path, moment, program=("-c", PROGRAM))
    before = app.settings()
    try:
        assert app.ended() == 0
        assert b"Traceback" not in app.seen
        assert b"NoMatches" not in app.seen
        assert app.seen.rfind(OFF) >= app.seen.rfind(ON)
        assert app.settings() == before
    finally:
        app.close()
        os.close(app.master)


def test_an_app_that_cannot_end_in_time_is_ended_with_its_terminal_restored(home: Path) -> None:
    stuck = PROGRAM.replace(
        "os.kill(os.getpid(), int(number))",
        "os.kill(os.getpid(), int(number)); import time; time.sleep(600)",
    )
    app = Terminal(str(int(signal.SIGTERM)), *INSTANTS[-1], program=("-c", stuck))
    before = app.settings()
    try:
        assert app.ended() == 0
        assert app.seen.rindex(OFF) > app.seen.rindex(ON)
        assert app.settings() == before
    finally:
        app.close()
        os.close(app.master)
