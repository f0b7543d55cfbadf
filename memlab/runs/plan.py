"""`plan.json`: how a run's grid is cut and where it is trained, written before the first update.

Stack width and threads change the last bits of results, so a resume uses the plan that the run
began with, and `memlab run --plan FILE` repeats one elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal

from memlab.errors import InvalidExperiment, RunFolderError
from memlab.runs import documents
from memlab.runs.door import Missing, Place

PLAN_FILE = "plan.json"
SCHEMA = 1
MOST_PROCESSES, MOST_THREADS, MOST_MEMBERS = 4_096, 256, 1 << 20
#: contiguous; the logits of perceptrons padded to whole vectors; maps with their channels innermost
Layout = Literal["contiguous", "padded", "channels_last"]
CONTIGUOUS: Final = "contiguous"
PADDED: Final = "padded"
CHANNELS_LAST: Final = "channels_last"
LAYOUTS: Final[tuple[Layout, ...]] = (CONTIGUOUS, PADDED, CHANNELS_LAST)


@dataclass(frozen=True)
class RunPlan:
    """`stacks` holds the members' indices of each stack; `threads` are of each process."""

    stacks: tuple[tuple[int, ...], ...]
    processes: int
    threads: int
    layout: Layout = CONTIGUOUS

    @property
    def cores(self) -> int:
        """How many processor cores it keeps busy."""
        return self.processes * self.threads

    def document(self) -> dict[str, Any]:
        """As JSON has it."""
        return {documents.SCHEMA_KEY: SCHEMA, **asdict(self)}


def write(place: Place, plan: RunPlan) -> None:
    """Writes the plan of a run; raises StorageError."""
    place.replace((json.dumps(plan.document()) + "\n").encode())


def read(place: Place) -> RunPlan | None:
    """The plan of a run; None for a run from before there were plans.

    Raises:
        RunFolderError: if it is damaged or of a newer version.
    """
    try:
        document = documents.read(place, documents.LARGE_BYTES, SCHEMA)
    except Missing:
        return None
    try:
        return _valid(document)
    except (KeyError, TypeError, ValueError) as error:
        raise RunFolderError(f"{place} is damaged: {_reason(error)}.") from error


def read_file(path: Path) -> RunPlan:
    """A plan that the user names.

    Raises:
        InvalidExperiment: if there is none, in a sentence.
    """
    try:
        found = read(Place(path.expanduser().resolve().parent) / path.name)
    except RunFolderError as error:
        raise InvalidExperiment(str(error)) from error
    if found is None:
        raise InvalidExperiment(f"There is no plan {path}; give the plan.json of a run.")
    return found


def _valid(document: dict[str, Any]) -> RunPlan:
    stacks = document["stacks"]
    if not isinstance(stacks, list) or not all(isinstance(stack, list) for stack in stacks):
        raise ValueError("its stacks are no lists")
    layout = next((one for one in LAYOUTS if one == document.get("layout", CONTIGUOUS)), None)
    if layout is None:
        raise ValueError(f"its layout is none of {', '.join(LAYOUTS)}")
    return RunPlan(
        stacks=tuple(tuple(_whole(m, 0, MOST_MEMBERS) for m in stack) for stack in stacks),
        processes=_whole(document["processes"], 1, MOST_PROCESSES),
        threads=_whole(document["threads"], 1, MOST_THREADS),
        layout=layout,
    )


def _whole(value: object, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ValueError(f"a number in it is not within {least} and {most}")
    return value


def _reason(error: Exception) -> str:
    return f"it has no {error}" if isinstance(error, KeyError) else str(error)


def covers(plan: RunPlan, members: Sequence[int]) -> bool:
    """Whether every member stands in exactly one stack, and no stack is empty."""
    placed = [member for stack in plan.stacks for member in stack]
    return all(plan.stacks) and len(placed) == len(members) and set(placed) == set(members)
