"""Ctrl-C, SIGTERM and hang-ups while a command has a run in its hands.

Between the start of a worker and the moment when somebody follows it, a signal must neither end
the command without a word nor be lost. It is held back there, and raised where it is answered.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, Self


class Interrupted(KeyboardInterrupt):
    """A signal, by its `number`, that asks the command to end."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number

    @property
    def exit_code(self) -> int:
        """130 for Ctrl-C, 143 for SIGTERM, 129 for a hang-up."""
        return 128 + self.number

    @property
    def hung_up(self) -> bool:
        """Whether the terminal is gone, and with it nobody who wants the run stopped."""
        return self.number == signal.SIGHUP


class Interruptions:
    """Signals are held back from entering on, until `release`; then they raise `Interrupted`.

    A second Ctrl-C is never held back. After the first that was raised, SIGTERM is no longer heard,
    which `timeout` sends twice at once. A signal that was ignored before (`nohup`, `&`) stays so.
    Outside of the main thread, which alone can listen, nothing happens.
    """

    def __init__(self) -> None:
        self._held = True
        self._came: int | None = None
        self._raised: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                if signal.getsignal(number) not in (signal.SIG_IGN, None):
                    self._before[number] = signal.signal(number, self._heard)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _heard(self, number: int, _frame: FrameType | None) -> None:
        again = number == signal.SIGINT and self._came is not None
        if self._held and not again:
            self._came = self._came or number
        elif number != signal.SIGTERM or self._raised is None:
            self._raised = number
            raise Interrupted(number)

    @property
    def hung_up(self) -> bool:
        """Whether the terminal is gone; what is written to it then fails."""
        return self._raised == signal.SIGHUP

    def release(self) -> None:
        """Holds nothing back from here on.

        Raises:
            Interrupted: if a signal came meanwhile.
        """
        self._held = False
        if self._came is not None:
            number, self._came = self._came, None
            self._heard(number, None)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Holds back what comes while something is done that must be whole; raises it after."""
        self._held = True
        try:
            yield
        except BaseException:
            self._held = False
            raise
        self.release()
