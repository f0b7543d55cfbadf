"""What is said when the app ends: which runs go on, and how to come back to them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from memlab.text import plain

SECONDS = 0.5


async def said_in_time(
    runs_folder: Path, selected: str | None, launched: Sequence[str]
) -> str | None:
    """The farewell; None where the runs' disk does not answer, for quitting waits for nobody."""
    asked = asyncio.to_thread(farewell, runs_folder, selected, launched)
    try:
        return await asyncio.wait_for(asked, SECONDS)
    except TimeoutError:
        return None


def farewell(runs_folder: Path, selected: str | None, launched: Sequence[str]) -> str | None:
    """A sentence or two where a run that this app knew is alive, else None."""
    known = list(dict.fromkeys([*launched, *([selected] if selected else [])]))
    if not known:
        return None
    from memlab.runs.run_folder import RunFolder

    living = [name for name in known if RunFolder(runs_folder / name).state.living]
    if not living:
        return None
    if len(living) > 1:
        return (
            f"{len(living)} runs go on without the app.\n"
            "`memlab` opens the app again, `memlab runs` lists them."
        )
    return (
        f"The run {plain(living[0])} goes on without the app.\n"
        "Come back with `memlab`, or follow it with `memlab watch last`."
    )
