"""How long a run's workers worked, from its events: the one meaning of a run's time.

It is wall-clock time from the instant a worker has its data to the end that it tells of. Pauses
count, waiting in the queue and between two workers does not; a worker that was killed worked until
its last sign of life.
"""

from __future__ import annotations

from dataclasses import dataclass

from memlab.runs.event_log import Event

START = "worker-started"
ENDS = ("finished", "failed", "stopped")


@dataclass
class WorkerTime:
    """Adds up as the events come; `last` is the unix time of the newest of them."""

    total: float = 0.0
    start: float | None = None
    last: float = 0.0
    started: bool = False

    def note(self, event: Event) -> None:
        """Takes the next event of the log."""
        if event.type == START:
            self.total += self._open(self.last)
            self.start, self.started = event.time, True
        elif event.type in ENDS:
            self.total += self._open(event.time)
            self.start = None
        self.last = event.time

    def seconds(self, sign: float = 0.0) -> float | None:
        """Seconds so far; None where no worker has begun. `sign` is another sign of life."""
        if not self.started:
            return None
        return round(self.total + self._open(max(self.last, sign)), 3)

    def _open(self, until: float) -> float:
        """What the worker that has not ended has worked until then."""
        return 0.0 if self.start is None else max(0.0, until - self.start)
