"""What steers a worker from outside: requests in the run folder, and SIGTERM."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from memlab.errors import RunFolderError
from memlab.runs import requests
from memlab.runs.requests import Request

POLL_SECONDS = 0.05


class Control:
    """Requests of one run, polled between updates."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._next = 0.0
        self._terminated = False
        self._kept: list[Request] = []
        self.ignored: list[str] = []

    def listen(self) -> None:
        """Turns SIGTERM into a request to stop, and ignores hang-ups of any terminal."""
        signal.signal(signal.SIGTERM, self._terminate)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def _terminate(self, number: int, frame: FrameType | None) -> None:
        self._terminated = True

    def poll(self, force: bool = False) -> list[Request]:
        """New requests in order; looks at the folder 20 times a second at most."""
        if self._terminated:
            self._terminated = False
            return [Request("stop", {"by": "SIGTERM"})]
        now = time.monotonic()
        kept, self._kept = self._kept, []
        if not force and now < self._next:
            return kept
        self._next = now + POLL_SECONDS
        try:
            taken = requests.take_all(self._folder)
        except RunFolderError:
            return kept  # the folder of requests was replaced by something else; training goes on
        self.ignored.extend(taken.ignored)
        return kept + list(taken.requests)

    def keep(self, later: list[Request]) -> None:
        """Hands requests back that cannot be answered yet; the next poll gives them again."""
        self._kept = later

    def wait(self, until: Callable[[Request], bool]) -> Request:
        """Blocks until a request for which `until` holds; others are dropped."""
        while True:
            for request in self.poll(force=True):
                if until(request):
                    return request
            time.sleep(POLL_SECONDS)
