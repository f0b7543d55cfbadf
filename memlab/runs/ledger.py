"""The ledger of every example as a viewer reads it: `examples/stack-NNN/`, without torch.

`ledger.json` says what the arrays beside it are; all are `.npy` of fixed size, seen through memory
maps. What the running scores mean is written here, at `SCORES`. Writing is
`memlab.instruments.ledger_store`; rankings and statistics are `memlab.runs.example_scores`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memlab.errors import RunFolderError
from memlab.runs.door import Place
from memlab.runs.run_folder import RunFolder
from memlab.runs.stack_arrays import read_arrays, read_header, require_within, stack_places

SCHEMA = 1
HEADER_FILE = "ledger.json"
LABEL = np.dtype("<i4")
#: `scores.npy`, one record per member and example, over the evaluations after the first update:
#: `first_learned` epoch of the first right answer and `learned_for_good` the one since which all
#: answers were right, infinity for never; `forgetting` how often a right answer became wrong at
#: the next evaluation, a sampled version of what `PRESENTED` counts, 0 also where `first_learned`
#: is infinity;
#: `aum` mean margin (Pleiss 2020, section 3.1), `aum_best` the same up to the evaluation of best
#: validation accuracy (all of them where there is no validation); `mean_loss`; `predicted` the
#: newest answer, -1 before the first.
SCORES = np.dtype(
    [
        ("first_learned", "<f4"),
        ("learned_for_good", "<f4"),
        ("forgetting", "<u4"),
        ("aum", "<f4"),
        ("aum_best", "<f4"),
        ("mean_loss", "<f4"),
        ("predicted", "<i4"),
    ]
)
#: `presentations.npy`, one record per member and example, over the mini-batches that it was in:
#: `forgetting` how often a right answer before the update was wrong at the next presentation
#: (Toneva 2019, algorithm 1), `learned` whether any was right. Runs from before have none.
PRESENTED = np.dtype([("forgetting", "<u4"), ("learned", "?")])
#: `members.npy`, one record per member; the best epoch is NaN before there is one.
MEMBERS = np.dtype(
    [("evaluations", "<i8"), ("best_epoch", "<f8"), ("best_validation_accuracy", "<f8")]
)
HISTORY = ("loss", "margin", "predicted")


@dataclass(frozen=True)
class LedgerHeader:
    """`ledger.json`: what the arrays of one stack are.

    `members` are indices in the run; `labelling[m]` is the row of `given` and `corrupted` that
    member m was trained on; `history_rows` is the room for kept evaluations, of which every
    `history_stride`-th is one; `picture` is height and width; `files` names each example's file;
    `fake_class` says that the last class is none: it was given to threshold samples;
    `presentations` that answers at presentations are counted.
    """

    stack: int
    dataset: str
    members: tuple[int, ...]
    labelling: tuple[int, ...]
    examples: int
    class_names: tuple[str, ...]
    history_rows: int
    history_stride: int
    votes: bool
    picture: tuple[int, int] | None
    files: tuple[str, ...] | None
    fake_class: bool = False
    presentations: bool = False

    @property
    def classes(self) -> int:
        """How many classes there are."""
        return len(self.class_names)

    @property
    def labellings(self) -> int:
        """How many different labellings the members have."""
        return max(self.labelling) + 1

    @property
    def predicted_dtype(self) -> np.dtype[Any]:
        """Of the history's predictions; the largest value stands for none."""
        return np.dtype("<u1" if self.classes < 255 else "<u2" if self.classes < 65535 else "<u4")

    def arrays(self) -> dict[str, tuple[np.dtype[Any], tuple[int, ...]]]:
        """dtype and shape of every file `NAME.npy`."""
        members, examples = len(self.members), self.examples
        found: dict[str, tuple[np.dtype[Any], tuple[int, ...]]] = {
            "index": (np.dtype("<i8"), (examples,)),
            "true": (LABEL, (examples,)),
            "given": (LABEL, (self.labellings, examples)),
            "corrupted": (np.dtype("?"), (self.labellings, examples)),
            "scores": (SCORES, (members, examples)),
            "members": (MEMBERS, (members,)),
        }
        if self.presentations:
            found["presentations"] = (PRESENTED, (members, examples))
        if self.votes:
            found["votes"] = (np.dtype("<u4"), (self.labellings, examples, self.classes))
        if self.picture is not None:
            found["pictures"] = (np.dtype("|u1"), (examples, *self.picture))
        if self.history_rows:
            shape = (self.history_rows, members, examples)
            half = np.dtype("<f2")
            found["history-epoch"] = (np.dtype("<f8"), (self.history_rows,))
            found["history-loss"] = (half, shape)
            found["history-margin"] = (half, shape)
            found["history-predicted"] = (self.predicted_dtype, shape)
        return found

    def document(self) -> dict[str, object]:
        """As it is written, and was before there were presentations where there are none."""
        written = {"schema": SCHEMA, **asdict(self)}
        if not self.presentations:
            del written["presentations"]
        return written

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> LedgerHeader:
        """From what was written.

        Raises:
            KeyError, TypeError, ValueError: if it is not what `document` makes.
        """
        picture, files = document["picture"], document["files"]
        made = cls(
            stack=int(document["stack"]),
            dataset=str(document["dataset"]),
            members=tuple(map(int, document["members"])),
            labelling=tuple(map(int, document["labelling"])),
            examples=int(document["examples"]),
            class_names=tuple(map(str, document["class_names"])),
            history_rows=int(document["history_rows"]),
            history_stride=int(document["history_stride"]),
            votes=bool(document["votes"]),
            picture=None if picture is None else (int(picture[0]), int(picture[1])),
            files=None if files is None else tuple(map(str, files)),
            fake_class=bool(document.get("fake_class", False)),
            presentations=bool(document.get("presentations", False)),
        )
        sizes = (made.examples, made.classes, len(made.members), made.history_stride)
        wrong = (
            min(sizes) < 1
            or made.history_rows < 0
            or min(made.members) < 0
            or len(made.labelling) != len(made.members)
            or not all(0 <= row < len(made.members) for row in made.labelling)
            or set(made.labelling) != set(range(made.labellings))
            or (made.files is not None and len(made.files) != made.examples)
        )
        if wrong:
            raise ValueError("sizes do not agree")
        return made


@dataclass(frozen=True, eq=False)
class LedgerHistory:
    """Kept evaluations: `epoch` [rows], `loss` and `margin` float16 and `predicted`
    [rows, members, examples]; a member that had ended or diverged has NaN and `nobody`."""

    epoch: NDArray[np.float64]
    loss: NDArray[np.float16]
    margin: NDArray[np.float16]
    predicted: NDArray[np.unsignedinteger[Any]]
    nobody: int


@dataclass(frozen=True, eq=False)
class LedgerView:
    """The ledger of one stack, read-only memory maps.

    `index` [examples] rows in the dataset's own training file; `true` [examples]; `given` and
    `corrupted` [labellings, examples]; `scores` [members, examples] of `SCORES`; `progress`
    [members] of `MEMBERS`; `votes` [labellings, examples, classes]: how often, over members and
    evaluations, a class was the most probable one other than the given label; `presented`
    [members, examples] of `PRESENTED`, None in runs from before.
    """

    header: LedgerHeader
    index: NDArray[np.int64]
    true: NDArray[np.int32]
    given: NDArray[np.int32]
    corrupted: NDArray[np.bool_]
    scores: NDArray[np.void]
    progress: NDArray[np.void]
    votes: NDArray[np.uint32] | None
    pictures: NDArray[np.uint8] | None
    history: LedgerHistory | None
    presented: NDArray[np.void] | None = None


def stack_folder(folder: RunFolder, stack: int) -> Place:
    """Where the ledger of stack `stack` lies."""
    return folder.examples / f"stack-{stack:03d}"


def read_ledger(folder: RunFolder) -> tuple[LedgerView, ...]:
    """The ledgers of the run's stacks, in their order; empty where none was kept.

    Raises:
        RunFolderError: if a file is missing, torn, of another shape or out of bounds, cannot be
            read, or is of a newer version.
    """
    return tuple(read_stack(place) for place in stack_places(folder, HEADER_FILE))


def read_stack(folder: Place) -> LedgerView:
    """The ledger in one stack's folder; raises as `read_ledger`."""
    header = read_header(folder / HEADER_FILE, SCHEMA, LedgerHeader.of, "a ledger")
    arrays = read_arrays(folder, header)
    require_within(folder / "index.npy", arrays["index"], 0, None)
    for name in ("true", "given"):
        require_within(folder / f"{name}.npy", arrays[name], 0, header.classes)
    require_within(folder / "scores.npy", arrays["scores"]["predicted"], -1, header.classes)
    return LedgerView(
        header=header,
        index=arrays["index"],
        true=arrays["true"],
        given=arrays["given"],
        corrupted=arrays["corrupted"],
        scores=arrays["scores"],
        progress=arrays["members"],
        votes=arrays.get("votes"),
        pictures=arrays.get("pictures"),
        history=_history(folder, header, arrays) if header.history_rows else None,
        presented=arrays.get("presentations"),
    )


def _history(
    folder: Place, header: LedgerHeader, arrays: Mapping[str, NDArray[Any]]
) -> LedgerHistory:
    epoch = np.array(arrays["history-epoch"])
    empty = np.flatnonzero(~np.isfinite(epoch))
    rows = int(empty[0]) if empty.size else len(epoch)
    if (np.diff(epoch[:rows]) <= 0).any():
        raise RunFolderError(f"{folder / 'history-epoch.npy'} is damaged: its epochs do not rise.")
    loss, margin, predicted = (arrays[f"history-{name}"][:rows] for name in HISTORY)
    nobody = int(np.iinfo(header.predicted_dtype).max)
    return LedgerHistory(epoch[:rows], loss, margin, predicted, nobody)
