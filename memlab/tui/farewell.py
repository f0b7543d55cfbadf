"""What is said when the app ends: which runs go on, and how to come back to them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


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
        f"The run {living[0]} goes on without the app.\n"
        "Come back with `memlab`, or follow it with `memlab watch last`."
    )
