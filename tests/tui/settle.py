"""Waits for what an app has begun, without sleeping."""

from __future__ import annotations

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
