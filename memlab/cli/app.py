"""`memlab` without a command: the app, where there is a terminal for it."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from memlab.errors import MemlabError

if TYPE_CHECKING:
    from memlab.tui.app import MemlabApp

READERS = 32  # threads; one that hangs for ever in a read must not take all
GRACE_SECONDS = 0.5


def run(open_run: str | None = None, screen: str = "compose", review: bool = False) -> int:
    """Opens the app; what it leaves to say is printed after the terminal is restored.

    With `review`, the review of the run's suspects lies over the screen.

    Raises:
        MemlabError: where there is no terminal.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise MemlabError("The app needs a terminal; without one, use `memlab run noise-ladder`.")
    gc.disable()
    from memlab.tui.app import MemlabApp
    from memlab.tui.hang_up import on_hang_up

    app = MemlabApp(open_run=open_run, screen=screen, review=review)
    on_hang_up(app.leave)  # before the terminal is switched
    return to_the_end(app)


def to_the_end(app: MemlabApp) -> int:
    """Runs the app; its exit code, or the end of the process where a reader hangs in a read.

    Textual's workers are threads of the loop's executor, for which both the loop and the
    interpreter would wait at the end, and a read from a dead server may never return.
    """
    readers = ThreadPoolExecutor(READERS, thread_name_prefix="reader")
    loop = asyncio.new_event_loop()
    loop.set_default_executor(readers)
    asyncio.set_event_loop(loop)
    code = 1
    try:
        app.run(loop=loop)
        code = int(app.return_code or 0)
    finally:
        readers.shutdown(wait=False, cancel_futures=True)
        if _anyone_left():
            if code and (error := sys.exception()) is not None:
                sys.excepthook(type(error), error, error.__traceback__)
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    loop.close()
    return code


def _anyone_left() -> bool:
    """Whether a thread that the interpreter would wait for is still busy after a moment."""
    end = time.monotonic() + GRACE_SECONDS
    for thread in threading.enumerate():
        if thread is not threading.main_thread() and not thread.daemon:
            thread.join(max(0.0, end - time.monotonic()))
            if thread.is_alive():
                return True
    return False
