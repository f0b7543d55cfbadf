"""A screen that shows what a thread reads, again and again while it is seen.

It asks one question at a time and shows the answer. Where an update takes long, because there is
much to read, the next one waits the longer; and where the machine has no idle time for it, because
it trains, updates take a small share of the cores.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from textual import work
from textual.message import Message
from textual.screen import Screen
from textual.timer import Timer

from memlab.cores import idle_seconds, usable_cores
from memlab.tui.shell import reason

Frame = TypeVar("Frame")
SHARE = 0.2  # of the time from one update to the next that an update may take
BUSY_SHARE = 0.015  # of the processor time of all cores that updates take from others' work
LONGEST_SECONDS = 2.0
CALM_SECONDS = 0.9  # between updates where nothing is under way


class LiveScreen(Screen[None], Generic[Frame]):
    """Asks `question` every `UPDATE_SECONDS` and shows its answers."""

    UPDATE_SECONDS: ClassVar[float] = 0.5
    RESTS: ClassVar[bool] = True  # whether it reads nothing while another screen is shown

    @dataclass
    class Read(Message):
        """A thread has read, or could not."""

        about: object
        frame: Any
        error: str = ""

    def __init__(self) -> None:
        super().__init__()
        self.about: object = None  # what is shown; answers about anything else are dropped
        self.update_seconds = 0.0  # from question to repaint, of the latest updates
        self.calm = False  # nothing of what is shown can change by itself soon
        self._meter = Meter()
        self._reading = self._again = False
        self._asked_at = 0.0
        self._timer: Timer | None = None

    def question(self) -> Callable[[], Frame] | None:
        """What a thread shall read now; None for nothing."""
        raise NotImplementedError

    def show(self, frame: Frame) -> None:
        """Shows an answer."""
        raise NotImplementedError

    def complain(self, problem: str) -> None:
        """Says why nothing could be read."""
        raise NotImplementedError

    def on_mount(self) -> None:
        paused = self.RESTS and not self.is_current
        self._timer = self.set_interval(self.UPDATE_SECONDS, self.tick, pause=paused)
        self.look()

    def on_screen_resume(self) -> None:
        if self._timer is not None:
            self._timer.resume()
            self.look()

    def on_screen_suspend(self) -> None:
        if self.RESTS and self._timer is not None:
            self._timer.pause()

    def tick(self) -> None:
        """Looks again, unless the last update was so dear that the machine needs a rest."""
        calm = CALM_SECONDS if self.calm else 0.0
        rest = min(max(self.update_seconds / SHARE, self._meter.rest, calm), LONGEST_SECONDS)
        if not self._reading and time.monotonic() >= self._asked_at + rest:
            self.look()

    def look(self) -> None:
        """Asks now, or as soon as the answer before is there."""
        read = self.question()
        if read is None:
            return
        if self._reading:
            self._again = True
            return
        self._reading, self._again, self._asked_at = True, False, time.monotonic()
        self._meter.begin()
        self._read(read, self.about)

    @work(thread=True, group="read", exit_on_error=False)
    def _read(self, read: Callable[[], Frame], about: object) -> None:
        try:
            self.post_message(self.Read(about, read()))
        except Exception as error:
            self.post_message(self.Read(about, None, reason(error)))

    def on_live_screen_read(self, message: Read) -> None:
        self._reading = False
        if message.about == self.about:
            if message.error:
                self.complain(message.error)
            else:
                self.show(message.frame)
            self.call_after_refresh(self._painted, self._asked_at)
        if self._again:
            self.look()

    def _painted(self, asked_at: float) -> None:
        self.update_seconds = (self.update_seconds + time.monotonic() - asked_at) / 2
        self._meter.end()


class Meter:
    """What updates cost the machine: how long to rest after one, in seconds, so that others work.

    An update costs nobody anything while the cores have idle time for it.
    """

    def __init__(self) -> None:
        self.rest = 0.0
        self._spent = 0.0
        self._began_at = time.process_time()
        self._idle = idle_seconds()

    def begin(self) -> None:
        """An update begins; the time since the one before tells whether the machine is busy."""
        idle = idle_seconds()
        free = None if idle is None or self._idle is None else idle - self._idle
        busy = free is not None and free < self._spent
        self.rest = self._spent / (BUSY_SHARE * usable_cores()) if busy else 0.0
        self._idle, self._began_at = idle, time.process_time()

    def end(self) -> None:
        """It has been painted."""
        self._spent = (self._spent + time.process_time() - self._began_at) / 2
