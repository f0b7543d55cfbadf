"""A terminal that is gone or closing: the app ends, and what it started goes on."""

from __future__ import annotations

import os
import select
import signal
import sys
import termios
import threading
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any

SECONDS = 2.0
#: Mouse, focus and paste reports off, the keyboard as it was, the main screen, the cursor.
RESTORED = (
    b"\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[?1004l\x1b[?2004l\x1b[<u\x1b[?1049l\x1b[?25h"
)


def on_hang_up(leave: Callable[[], None], seconds: float = SECONDS) -> None:
    """Calls `leave` at SIGHUP and SIGTERM, and ends the process where that takes too long.

    A terminal that takes no output would hold back its own restoration for ever; one that takes
    some is restored even then. Only the main thread of a process can listen; elsewhere nothing
    happens. To be called before the terminal is switched.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    before = _attributes()

    def hung_up(_number: int, _frame: FrameType | None) -> None:
        late = threading.Timer(seconds, _end, (before,))
        late.daemon = True
        late.start()
        leave()

    for number in (signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, hung_up)


def _attributes() -> list[Any] | None:
    try:
        return termios.tcgetattr(sys.__stdin__.fileno()) if sys.__stdin__ is not None else None
    except (OSError, ValueError, termios.error):
        return None


def _end(before: list[Any] | None) -> None:
    """Ends the process at once, the terminal restored as far as it lets itself be."""
    with suppress(Exception):
        for stream in (sys.__stdout__, sys.__stderr__):
            if stream is not None and stream.isatty():
                if select.select([], [stream.fileno()], [], 0)[1]:
                    os.write(stream.fileno(), RESTORED)
                break
        if before is not None and sys.__stdin__ is not None:
            termios.tcsetattr(sys.__stdin__.fileno(), termios.TCSANOW, before)
    os._exit(0)
