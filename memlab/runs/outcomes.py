"""What became of every example in every network of a run: `examples/stack-NNN/outcomes*`.

Training and test examples stand in one row, training first. What is estimated from them is
`memorization.py`; the worker writes them at a stack's end (`memlab.worker.outcomes`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memlab.errors import RunFolderError
from memlab.runs.door import Place
from memlab.runs.run_folder import RunFolder
from memlab.runs.stack_arrays import read_arrays, read_header, require_within, stack_places

SCHEMA = 1
#: Of fewer evaluations, it cannot be told when an example was learned.
LEAST_EVALUATIONS = 6
HEADER_FILE = "outcomes.json"
#: Of all arrays that there may be, `outcomes-NAME.npy`.
PREFIX = "outcomes-"
NAMES = (
    "index",
    "given",
    "true",
    "corrupted",
    "own",
    "correct",
    "early",
    "margin",
    "epoch",
    "trace",
    "neighbours",
    "pictures",
    "values",
    "nearest",
    "votes",
)
Mask = NDArray[np.bool_]
Half = NDArray[np.float16]


@dataclass(frozen=True)
class OutcomeHeader:
    """`outcomes.json`: what the arrays of one stack are.

    `members` are indices in the run, `traced` those of them whose margins were kept at each of
    `evaluations`; `same` says whether all were given the same labels for the same inputs;
    `neighbours` whether the examples' neighbours were looked at here. `picture` is height and width
    of the examples' pictures and `features` the count of their values, where these were kept here;
    `nearest` counts the kept neighbours of each example in the last hidden layer, and `votes` says
    whether the answers of networks that had not seen it were counted; `early` whether it was kept
    what each network was right on after one epoch.
    """

    stack: int
    dataset: str
    members: tuple[int, ...]
    traced: tuple[int, ...]
    evaluations: int
    train: int
    test: int
    class_names: tuple[str, ...]
    same: bool
    neighbours: bool
    picture: tuple[int, int] | None = None
    features: int = 0
    nearest: int = 0
    votes: bool = False
    early: bool = False

    @property
    def examples(self) -> int:
        """Training and test examples."""
        return self.train + self.test

    def arrays(self) -> dict[str, tuple[np.dtype[Any], tuple[int, ...]]]:
        """dtype and shape of every file `outcomes-NAME.npy`."""
        members, examples = len(self.members), self.examples
        bits, half = np.dtype("|u1"), np.dtype("<f2")
        found: dict[str, tuple[np.dtype[Any], tuple[int, ...]]] = {
            "index": (np.dtype("<i8"), (examples,)),
            "given": (np.dtype("<i4"), (examples,)),
            "true": (np.dtype("<i4"), (examples,)),
            "corrupted": (np.dtype("?"), (self.train,)),
            "own": (bits, (members, -(-self.train // 8))),
            "correct": (bits, (members, -(-examples // 8))),
            "margin": (half, (members, examples)),
        }
        if self.traced:
            found["epoch"] = (np.dtype("<f8"), (self.evaluations,))
            found["trace"] = (half, (self.evaluations, len(self.traced), examples))
        if self.neighbours:
            found["neighbours"] = (np.dtype("<f4"), (self.train,))
        if self.picture is not None:
            found["pictures"] = (np.dtype("|u1"), (examples, *self.picture))
        if self.features:
            found["values"] = (half, (examples, self.features))
        if self.nearest:
            found["nearest"] = (np.dtype("<i4"), (examples, self.nearest))
        if self.early:
            found["early"] = found["correct"]
        if self.votes:
            found["votes"] = (np.dtype("<u4"), (examples, len(self.class_names)))
        return found

    def document(self) -> dict[str, object]:
        """As it is written."""
        return {"schema": SCHEMA, **asdict(self)}

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> OutcomeHeader:
        """From what was written.

        Raises:
            KeyError, TypeError, ValueError: if it is not what `document` makes.
        """
        picture = document.get("picture")
        made = cls(
            stack=int(document["stack"]),
            dataset=str(document["dataset"]),
            members=tuple(map(int, document["members"])),
            traced=tuple(map(int, document["traced"])),
            evaluations=int(document["evaluations"]),
            train=int(document["train"]),
            test=int(document["test"]),
            class_names=tuple(map(str, document["class_names"])),
            same=bool(document["same"]),
            neighbours=bool(document["neighbours"]),
            picture=None if picture is None else (int(picture[0]), int(picture[1])),
            features=int(document.get("features", 0)),
            nearest=int(document.get("nearest", 0)),
            votes=bool(document.get("votes", False)),
            early=bool(document.get("early", False)),
        )
        own = (made.train, made.test, len(made.members), len(made.class_names))
        sizes = (*own, *(made.picture or ()))
        counts = (made.evaluations, made.features, made.nearest)
        if min(sizes) < 1 or min(counts) < 0 or not set(made.traced) <= set(made.members):
            raise ValueError("sizes do not agree")
        return made


@dataclass(frozen=True, eq=False)
class StackOutcomes:
    """One stack's outcomes, arrays by the names of `OutcomeHeader.arrays`, read-only maps."""

    header: OutcomeHeader
    arrays: Mapping[str, NDArray[Any]]

    @property
    def own(self) -> Mask:
        """Which training examples each network was trained on, `[members, train]`."""
        return unpacked(self.arrays["own"], self.header.train)

    @property
    def correct(self) -> Mask:
        """Whether each was right on each example at its end, `[members, train + test]`."""
        return unpacked(self.arrays["correct"], self.header.examples)

    @property
    def early(self) -> Mask | None:
        """The same after one epoch; None where that was not kept."""
        if not self.header.early:
            return None
        return unpacked(self.arrays["early"], self.header.examples)


def unpacked(bits: NDArray[np.uint8], count: int) -> Mask:
    """Rows of packed bits as bool `[rows, count]`."""
    return np.unpackbits(bits, axis=1, count=count).view(np.bool_)


def stack_outcomes(folder: Place) -> StackOutcomes:
    """The outcomes in one stack's folder.

    Raises:
        Missing: if there are none.
        RunFolderError: if they are damaged, incomplete, or of a newer version.
    """
    return _with_arrays(folder, _header(folder))


def _header(folder: Place) -> OutcomeHeader:
    return read_header(folder / HEADER_FILE, SCHEMA, OutcomeHeader.of, "outcomes")


def _with_arrays(folder: Place, header: OutcomeHeader) -> StackOutcomes:
    arrays = read_arrays(folder, header, PREFIX)
    for name in ("given", "true"):
        require_within(folder / f"{PREFIX}{name}.npy", arrays[name], 0, len(header.class_names))
    if header.nearest:
        require_within(folder / f"{PREFIX}nearest.npy", arrays["nearest"], 0, header.train)
    return StackOutcomes(header, arrays)


@dataclass(frozen=True, eq=False)
class Outcomes:
    """Networks that were given the same data but for their subsets, over stacks and runs.

    `own` `[networks, train]`, `correct` and `margin` `[networks, train + test]`; `given` and
    `true` `[train + test]`; `corrupted` `[train]`; `seeds` `[networks]`. `neighbours` `[train]` is
    the share of nearest neighbours with the same label, `first_learned` `[train]` the mean epoch at
    which traced networks that had the example got it right, `early` as `correct` after one epoch;
    None where not known. Networks that diverged are not among them.
    """

    own: Mask
    correct: Mask
    margin: Half
    given: NDArray[np.int32]
    true: NDArray[np.int32]
    corrupted: Mask
    index: NDArray[np.int64]
    class_names: tuple[str, ...]
    seeds: NDArray[np.int64]
    neighbours: NDArray[np.float32] | None = None
    first_learned: NDArray[np.float32] | None = None
    inputs: Half | None = None
    early: Mask | None = None
    dataset: str = ""

    @property
    def train(self) -> int:
        """How many training examples there are."""
        return int(self.own.shape[1])

    @property
    def networks(self) -> int:
        """How many networks there are."""
        return len(self.own)


def read_stacks(
    folder: RunFolder, members: Collection[int] | None = None
) -> tuple[StackOutcomes, ...]:
    """The outcomes of the run's stacks that have ended; empty where none were kept.

    With `members` only of stacks that have one of them: a run of 24 groups has 24 stacks, and
    who asks for one group should not pay for all.

    Raises:
        RunFolderError: as `stack_outcomes`.
    """
    headers = [(place, _header(place)) for place in stack_places(folder, HEADER_FILE)]
    return tuple(
        _with_arrays(place, header)
        for place, header in headers
        if members is None or not set(members).isdisjoint(header.members)
    )


def joined(
    stacks: Sequence[StackOutcomes], seeds: Mapping[int, int], members: Sequence[int]
) -> Outcomes | None:
    """The networks `members` (indices in the run) of these stacks; None where there are none.

    `seeds` are the members' by their index. Networks come in the order of their seeds.

    Raises:
        RunFolderError: if they were not given the same labels, so that they cannot be compared.
    """
    wanted = set(members)
    parts = [(s, [at for at, m in enumerate(s.header.members) if m in wanted]) for s in stacks]
    parts = [(stack, rows) for stack, rows in parts if rows]
    if not parts:
        return None
    first = parts[0][0]
    if not all(_comparable(first, stack) for stack, _ in parts):
        raise RunFolderError(
            "These networks were given different labels or inputs; memorization is estimated over "
            "networks that differ in their subsets alone (corruption.shared = true)."
        )
    numbers = np.array([seeds[s.header.members[at]] for s, rows in parts for at in rows])
    margin = np.concatenate([stack.arrays["margin"][rows] for stack, rows in parts])
    fine = np.isfinite(margin).all(1)
    order = np.argsort(numbers, kind="stable")
    order = order[fine[order]]
    early = [None if stack.early is None else stack.early[rows] for stack, rows in parts]
    near = next((s.arrays["neighbours"] for s, _ in parts if s.header.neighbours), None)
    return Outcomes(
        own=np.concatenate([stack.own[rows] for stack, rows in parts])[order],
        correct=np.concatenate([stack.correct[rows] for stack, rows in parts])[order],
        margin=margin[order],
        given=first.arrays["given"],
        true=first.arrays["true"],
        corrupted=first.arrays["corrupted"],
        index=first.arrays["index"],
        class_names=first.header.class_names,
        seeds=numbers[order],
        neighbours=near,
        first_learned=first_learned([stack for stack, _ in parts]),
        inputs=next((s.arrays["values"] for s, _ in parts if s.header.features), None),
        early=_early(early, order),
        dataset=first.header.dataset,
    )


def first_learned(stacks: Sequence[StackOutcomes]) -> NDArray[np.float32] | None:
    """Mean epoch of the first right answer after the start in traced networks, `[train]`.

    Over those that had the example and learned it, NaN where there is none; None where fewer than
    `LEAST_EVALUATIONS` were kept.
    """
    total, count = np.zeros(0), np.zeros(0)
    for stack in stacks:
        header = stack.header
        if not header.traced or header.evaluations < LEAST_EVALUATIONS:
            continue
        seats = [header.members.index(member) for member in header.traced]
        right = np.asarray(stack.arrays["trace"][1:, :, : header.train] > 0)
        found = right.any(0) & stack.own[seats]
        epochs = stack.arrays["epoch"][1:][right.argmax(0)]
        total = np.where(found, epochs, 0.0).sum(0) + (total if len(total) else 0.0)
        count = found.sum(0) + (count if len(count) else 0.0)
    if not len(total):
        return None
    with np.errstate(invalid="ignore"):
        return np.asarray(total / count, np.float32)


def together(parts: Sequence[Outcomes]) -> Outcomes:
    """The networks of several runs on the same data, in the order of their seeds, none twice.

    Raises:
        RunFolderError: if the data differ.
    """
    first = parts[0]
    names = ("given", "true", "index")
    for other in parts[1:]:
        if any(not np.array_equal(getattr(first, n), getattr(other, n)) for n in names):
            raise RunFolderError("The linked runs were trained on different examples or labels.")
    seeds, order = np.unique(np.concatenate([part.seeds for part in parts]), return_index=True)
    return Outcomes(
        own=np.concatenate([part.own for part in parts])[order],
        correct=np.concatenate([part.correct for part in parts])[order],
        margin=np.concatenate([part.margin for part in parts])[order],
        given=first.given,
        true=first.true,
        corrupted=first.corrupted,
        index=first.index,
        class_names=first.class_names,
        seeds=seeds,
        neighbours=next((p.neighbours for p in parts if p.neighbours is not None), None),
        first_learned=next((p.first_learned for p in parts if p.first_learned is not None), None),
        inputs=next((p.inputs for p in parts if p.inputs is not None), None),
        early=_early([part.early for part in parts], order),
        dataset=first.dataset,
    )


def _early(parts: Sequence[Mask | None], order: NDArray[np.int64]) -> Mask | None:
    """Of all networks in this order; None where it is not known of each."""
    known = [part for part in parts if part is not None]
    return np.concatenate(known)[order] if len(known) == len(parts) else None


def _comparable(one: StackOutcomes, other: StackOutcomes) -> bool:
    same = one.header.same and other.header.same
    return same and all(
        np.array_equal(one.arrays[name], other.arrays[name]) for name in ("given", "true", "index")
    )
