"""What a committee's worker added up, as it lies on the disk: `examples/stack-NNN/committee*`.

The worker writes it at a stack's end (`memlab.worker.committee`); what it says of each label is
`memlab.runs.committee`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memlab.runs.door import Place
from memlab.runs.stack_arrays import read_arrays, read_header, require_within

SCHEMA = 1
HEADER_FILE = "committee.json"
#: Of all arrays, `committee-NAME.npy`.
PREFIX = "committee-"
ARRAYS = (
    *("index", "given", "true", "networks", "margins", "probabilities", "votes"),
    *("fake", "neighbours"),
)


@dataclass(frozen=True)
class CommitteeHeader:
    """`committee.json`: what the arrays of one stack are; `members` are indices in the run."""

    stack: int
    dataset: str
    members: tuple[int, ...]
    examples: int
    class_names: tuple[str, ...]
    best_epoch: float
    files: tuple[str, ...] | None
    known_truth: bool
    fake: bool
    neighbours: bool

    @property
    def classes(self) -> int:
        """How many classes there are."""
        return len(self.class_names)

    def arrays(self) -> dict[str, tuple[np.dtype[Any], tuple[int, ...]]]:
        """dtype and shape of every file `committee-NAME.npy`.

        `networks` counts the members in whose sample each example was, and out of whose; `margins`
        and `probabilities` are sums over them of the mean up to the best epoch; `votes` counts the
        predictions at the best epoch of those that did not see it; `neighbours`, in one stack only,
        the labels of the 15 nearest others. Examples in `fake` were given a class that is none
        (`given` is then the number of classes): they are no judgement of their label.
        """
        n, classes = self.examples, self.classes
        found: dict[str, tuple[np.dtype[Any], tuple[int, ...]]] = {
            "index": (np.dtype("<i8"), (n,)),
            "given": (np.dtype("<i4"), (n,)),
            "true": (np.dtype("<i4"), (n,)),
            "networks": (np.dtype("<i4"), (2, n)),
            "margins": (np.dtype("<f4"), (2, n)),
            "probabilities": (np.dtype("<f4"), (2, n, classes)),
            "votes": (np.dtype("<i4"), (n, classes)),
        }
        if self.fake:
            found["fake"] = (np.dtype("?"), (n,))
        if self.neighbours:
            found["neighbours"] = (np.dtype("|u1"), (n, classes))
        return found

    def at(self, best_epoch: float) -> CommitteeHeader:
        """The same with the best epoch, once it is known."""
        return replace(self, best_epoch=best_epoch)

    def document(self) -> dict[str, object]:
        """As it is written."""
        return {"schema": SCHEMA, **asdict(self)}

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> CommitteeHeader:
        """From what was written.

        Raises:
            KeyError, TypeError, ValueError: if it is not what `document` makes.
        """
        files = document["files"]
        made = cls(
            stack=int(document["stack"]),
            dataset=str(document["dataset"]),
            members=tuple(map(int, document["members"])),
            examples=int(document["examples"]),
            class_names=tuple(map(str, document["class_names"])),
            best_epoch=float(document["best_epoch"]),
            files=None if files is None else tuple(map(str, files)),
            known_truth=bool(document["known_truth"]),
            fake=bool(document["fake"]),
            neighbours=bool(document["neighbours"]),
        )
        if made.examples < 1 or not made.members or not made.class_names:
            raise ValueError("sizes do not agree")
        if made.files is not None and len(made.files) != made.examples:
            raise ValueError("sizes do not agree")
        return made


@dataclass(frozen=True, eq=False)
class CommitteeSums:
    """One stack's sums, arrays by the names of `CommitteeHeader.arrays`, read-only maps."""

    header: CommitteeHeader
    arrays: Mapping[str, NDArray[Any]]


def stack_sums(folder: Place) -> CommitteeSums:
    """The sums in one stack's folder.

    Raises:
        RunFolderError: if they are damaged, incomplete, or of a newer version.
    """
    header = read_header(folder / HEADER_FILE, SCHEMA, CommitteeHeader.of, "a committee")
    arrays = read_arrays(folder, header, PREFIX)
    networks = len(header.members) + 1
    for name, end in (
        ("given", header.classes + header.fake),
        ("true", header.classes),
        ("networks", networks),
        ("votes", networks),
    ):
        require_within(folder / f"{PREFIX}{name}.npy", arrays[name], 0, end)
    return CommitteeSums(header, arrays)
