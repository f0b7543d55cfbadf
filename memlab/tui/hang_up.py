"""A terminal that is gone or closing: the app ends, and what it started goes on."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType

SECONDS = 2.0


def on_hang_up(leave: Callable[[], None], seconds: float = SECONDS) -> None:
    """Calls `leave` at SIGHUP and SIGTERM, and ends the process where that takes too long.

    A terminal that takes no output would hold back its own restoration for ever. Only the main
    thread of a process can listen; elsewhere nothing happens.
    """
    if threading.current_thread() is not threading.main_thread():
        return

    def hung_up(_number: int, _frame: FrameType | None) -> None:
        late = threading.Timer(seconds, os._exit, (0,))
        late.daemon = True
        late.start()
        leave()

    for number in (signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, hung_up)
