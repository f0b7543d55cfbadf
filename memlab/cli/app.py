"""`memlab` without a command: the app, where there is a terminal for it."""

from __future__ import annotations

import gc
import sys

from memlab.errors import MemlabError

SMALLEST = (80, 24)


def run(open_run: str | None = None, screen: str = "compose") -> int:
    """Opens the app; what it leaves to say is printed after the terminal is restored.

    Raises:
        MemlabError: where there is no terminal.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise MemlabError("The app needs a terminal; without one, use `memlab run noise-ladder`.")
    gc.disable()
    from memlab.tui.app import MemlabApp
    from memlab.tui.hang_up import on_hang_up

    app = MemlabApp(open_run=open_run, screen=screen)
    on_hang_up(app.leave)  # before the terminal is switched
    app.run()
    return int(app.return_code or 0)
