"""The files of one stack in a run folder, by name: what may cross between machines, and no other.

A name is `series/stack-003.rows`: relative to the run folder, of at most two folders and a file.
Rows are appended, history is written in place, everything else is replaced as a whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from memlab.runs.committee_sums import ARRAYS as COMMITTEE
from memlab.runs.committee_sums import HEADER_FILE as COMMITTEE_FILE
from memlab.runs.door import Place
from memlab.runs.ledger import HEADER_FILE, HISTORY
from memlab.runs.outcomes import HEADER_FILE as OUTCOMES_FILE
from memlab.runs.outcomes import NAMES as OUTCOMES
from memlab.runs.run_folder import CHECKPOINT, RunFolder

#: Bytes in one message; files are cut into pieces of this size.
PIECE = 1 << 20
#: The ledger's arrays that are written row by row in place; the epoch, which makes a row count,
#: is last.
HISTORIES = (*(f"history-{name}.npy" for name in HISTORY), "history-epoch.npy")
#: The ledger's other files, those of outcomes and of a committee; the header, which says what the
#: others are, is last of each.
ARRAYS = (
    "index",
    "true",
    "given",
    "corrupted",
    "pictures",
    "votes",
    "members",
    "presentations",
    "scores",
)
WHOLES = (
    *(f"{name}.npy" for name in ARRAYS),
    HEADER_FILE,
    *(f"outcomes-{name}.npy" for name in OUTCOMES),
    OUTCOMES_FILE,
    *(f"committee-{name}.npy" for name in COMMITTEE),
    COMMITTEE_FILE,
)


@dataclass(frozen=True)
class StackFiles:
    """The names of the files of stack `stack`, whose run has these instruments."""

    stack: int
    instruments: Sequence[str]

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables, without suffix."""
        number = f"{self.stack:03d}"
        names = (f"instrument-{name}-{number}" for name in self.instruments)
        return tuple(
            f"series/{name}" for name in (f"stack-{number}", f"memorized-{number}", *names)
        )

    @property
    def ledger(self) -> str:
        """The folder of the stack's ledger."""
        return f"examples/stack-{self.stack:03d}"

    def histories(self) -> Iterator[str]:
        """Files that are written in place."""
        return (f"{self.ledger}/{name}" for name in HISTORIES)

    def wholes(self) -> Iterator[str]:
        """Files of ledger, outcomes and committee, which are replaced as a whole."""
        return (f"{self.ledger}/{name}" for name in WHOLES)

    def is_rows(self, name: str) -> bool:
        """Whether it holds a table's rows."""
        return name.endswith(".rows") and name.removesuffix(".rows") in self.tables

    def is_description(self, name: str) -> bool:
        """Whether it describes a table."""
        return name.endswith(".json") and name.removesuffix(".json") in self.tables

    def checkpoint_update(self, name: str) -> int | None:
        """The update of which it is a checkpoint; None where it is none of this stack."""
        folder, _, file = name.partition("/")
        found = CHECKPOINT.fullmatch(file) if folder == "checkpoints" else None
        if found is None or len(found[2]) > 15 or int(found[1]) != self.stack:
            return None
        update = int(found[2])
        return update if file == f"stack-{self.stack:03d}-update-{update:09d}.safetensors" else None

    def is_own(self, name: str) -> bool:
        """Whether it is a file of this stack."""
        return (
            self.is_rows(name)
            or self.is_description(name)
            or self.checkpoint_update(name) is not None
            or name in (*self.histories(), *self.wholes())
        )


def place_of(folder: RunFolder, name: str) -> Place:
    """Where the file of that name lies; raises RunFolderError where it can be no name."""
    place = folder.place
    for part in name.split("/"):
        place = place / part
    return place
