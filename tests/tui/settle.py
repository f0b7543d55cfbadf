"""Waits for what an app or another process has begun."""

from __future__ import annotations

import time
from collections.abc import Callable

from textual.pilot import Pilot

from tests.patience import SECONDS


async def settle(pilot: Pilot[None], rounds: int = 4) -> None:
    """Until thread workers have answered and their messages are handled."""
    for _ in range(rounds):
        await pilot.app.workers.wait_for_complete()
        await pilot.pause()


async def until(pilot: Pilot[None], holds: Callable[[], object], seconds: float = SECONDS) -> None:
    """Until a condition holds, settling meanwhile; fails after so many seconds."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it never came to hold"
        await settle(pilot, 1)


async def until_process(
    pilot: Pilot[None], holds: Callable[[], object], seconds: float = SECONDS
) -> None:
    """Until another process has brought something about; fails after so many seconds."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it never came to hold"
        await pilot.pause(0.02)
