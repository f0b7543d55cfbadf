"""Waits for what an app or another process has begun."""

from __future__ import annotations

import time
from collections.abc import Callable

from textual.pilot import Pilot


async def settle(pilot: Pilot[None], rounds: int = 4) -> None:
    """Until thread workers have answered and their messages are handled."""
    for _ in range(rounds):
        await pilot.app.workers.wait_for_complete()
        await pilot.pause()


async def until(pilot: Pilot[None], holds: Callable[[], bool], rounds: int = 200) -> None:
    """Until a condition holds; fails after that many rounds."""
    for _ in range(rounds):
        if holds():
            return
        await settle(pilot, 1)
    raise AssertionError("it never came to hold")


async def until_process(
    pilot: Pilot[None], holds: Callable[[], object], seconds: float = 60.0
) -> None:
    """Until another process has brought something about; fails after so many seconds."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it never came to hold"
        await pilot.pause(0.02)


def wait_for(holds: Callable[[], object], seconds: float = 60.0) -> None:
    """The same without an app."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it never came to hold"
        time.sleep(0.01)
