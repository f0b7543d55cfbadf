"""What a committee thinks of every label: networks on subsets, in their sample and out of it.

A committee is a run whose training part is the whole data set (`dataset.whole`) and whose members
are trained on shares of it (`dataset.subset`) with outcomes kept. Its worker adds up, stack by
stack, what members said of each example (`memlab.worker.committee`, `examples/stack-NNN/
committee*`); here the sums are read and made into a judgement of each label. What is concluded of
all labels together (how many are wrong, which classes are mixed up) is `memlab.runs.label_noise`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memlab.errors import RunFolderError
from memlab.runs import documents
from memlab.runs.door import Missing, Place
from memlab.runs.label_noise import (
    complete,
    confident_class,
    confident_joint,
    flips,
    posterior,
    unmixed,
)
from memlab.runs.ledger import STACK_NAME
from memlab.runs.npy import mapped
from memlab.runs.run import Run

SCHEMA = 1
HEADER_FILE = "committee.json"
#: Of all arrays, `committee-NAME.npy`.
ARRAYS = ("index", "given", "true", "networks", "margins", "probabilities", "votes")
Values = NDArray[np.float64]
Integers = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Judgement:
    """One column a name, `[examples]` each, over all examples of the data set in `index`'s order.

    `index` is the row in the source file (for a folder, of its pictures in the order of their
    names); `given_label` and `suggested_label` are class numbers into `class_names`, the suggestion
    the likeliest class but the given one, `confidence` its probability in [0, 1] by the networks
    that did not see the example. `label_quality` in [0, 1] is low where the label is suspicious;
    `is_label_issue` says that it is held for wrong. `in_margin` and `out_margin` are the mean
    margin of the given label in logits up to the best epoch, over networks that saw the example
    and over those that did not; `agreement` is the share of the latter that predict the given
    label. Where no network is on one side, its columns are NaN, and the other side judges.

    `probabilities` `[examples, classes]` are those out of sample, by `unseen` networks; `files`
    names each example's file, None where the data are no folder; `true_label` and `corrupted` are
    what a corruption of the experiment did, None where it has none.
    """

    index: Integers
    given_label: Integers
    suggested_label: Integers
    label_quality: Values
    confidence: Values
    is_label_issue: Mask
    in_margin: Values
    out_margin: Values
    agreement: Values
    probabilities: Values
    unseen: Integers
    class_names: tuple[str, ...]
    networks: int
    dataset: str
    files: tuple[str, ...] | None = None
    true_label: Integers | None = None
    corrupted: Mask | None = None

    def __len__(self) -> int:
        return len(self.index)

    @property
    def ranked(self) -> Integers:
        """Positions of all examples, most suspicious first; of equals the one of lower index."""
        return np.lexsort((self.index, self.label_quality))


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

    @property
    def classes(self) -> int:
        """How many classes there are."""
        return len(self.class_names)

    def arrays(self) -> dict[str, tuple[np.dtype[Any], tuple[int, ...]]]:
        """dtype and shape of every file `committee-NAME.npy`.

        `networks` counts the members in whose sample each example was, and out of whose; `margins`
        and `probabilities` are sums over them of the mean up to the best epoch; `votes` counts the
        predictions at the best epoch of those that did not see it.
        """
        n, classes = self.examples, self.classes
        return {
            "index": (np.dtype("<i8"), (n,)),
            "given": (np.dtype("<i4"), (n,)),
            "true": (np.dtype("<i4"), (n,)),
            "networks": (np.dtype("<i4"), (2, n)),
            "margins": (np.dtype("<f4"), (2, n)),
            "probabilities": (np.dtype("<f4"), (2, n, classes)),
            "votes": (np.dtype("<i4"), (n, classes)),
        }

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


def judged(run: Run) -> Judgement:
    """The committee's judgement of every label of its data set.

    Raises:
        RunFolderError: if the run is no committee, has none of its networks done yet, or is
            damaged.
    """
    return judgement(read_sums(run))


def is_committee(run: Run) -> bool:
    """Whether the run's experiment is one of a committee."""
    made = run.experiment
    return made.dataset.whole and made.dataset.subset < 1.0 and made.evaluation.outcomes


def read_sums(run: Run) -> tuple[CommitteeSums, ...]:
    """The sums of the stacks that have ended.

    Raises:
        RunFolderError: as `judged`.
    """
    folder = run.folder
    if not is_committee(run):
        raise RunFolderError(
            f"The run {run.id} is no committee: its networks do not share a whole data set out "
            "among them; `memlab suspects DATA` trains one."
        )
    try:
        names = folder.examples.list()
    except Missing:
        names = []
    places = [folder.examples / name for name in sorted(names) if STACK_NAME.fullmatch(name)]
    found = tuple(stack_sums(place) for place in places if (place / HEADER_FILE).is_file())
    if not found:
        raise RunFolderError(f"The run {run.id} has judged nothing yet; try again later.")
    return found


def stack_sums(folder: Place) -> CommitteeSums:
    """The sums in one stack's folder.

    Raises:
        RunFolderError: if they are damaged, incomplete, or of a newer version.
    """
    place = folder / HEADER_FILE
    document = documents.read(place, documents.LARGE_BYTES, SCHEMA)
    try:
        header = CommitteeHeader.of(document)
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        raise RunFolderError(f"{place} does not describe a committee; it is damaged.") from error
    arrays = {
        name: mapped(folder / f"committee-{name}.npy", dtype, shape)
        for name, (dtype, shape) in header.arrays().items()
    }
    for name, low, end in (
        ("given", 0, header.classes),
        ("true", 0, header.classes),
        ("networks", 0, len(header.members) + 1),
        ("votes", 0, len(header.members) + 1),
    ):
        if int(arrays[name].min()) < low or int(arrays[name].max()) >= end:
            where = folder / f"committee-{name}.npy"
            raise RunFolderError(f"{where} is damaged: it has values out of bounds.")
    return CommitteeSums(header, arrays)


def judgement(sums: Sequence[CommitteeSums]) -> Judgement:
    """From the sums of all stacks, which must be of the same examples.

    Raises:
        RunFolderError: if they are not.
    """
    first = sums[0]
    for name in ("index", "given"):
        if any(not np.array_equal(first.arrays[name], one.arrays[name]) for one in sums[1:]):
            raise RunFolderError("The stacks of this committee were given different labels.")
    order = np.argsort(first.arrays["index"], kind="stable")
    networks, margins = _total(sums, "networks")[:, order], _total(sums, "margins")[:, order]
    given = np.asarray(first.arrays["given"], np.int64)[order]
    rows = np.arange(len(given))
    with np.errstate(divide="ignore", invalid="ignore"):
        in_margin, out_margin = margins / networks
        seen, unseen = _total(sums, "probabilities")[:, order] / networks[..., None]
        agreement = _total(sums, "votes")[order][rows, given] / networks[1]
    suggested, confidence = suggestion(unseen, given)
    header = first.header
    return Judgement(
        index=np.asarray(first.arrays["index"], np.int64)[order],
        given_label=given,
        suggested_label=suggested,
        label_quality=label_quality(seen, unseen, given),
        confidence=confidence,
        is_label_issue=issues(seen, unseen, given),
        in_margin=in_margin,
        out_margin=out_margin,
        agreement=agreement,
        probabilities=unseen,
        unseen=np.asarray(networks[1], np.int64),
        class_names=header.class_names,
        networks=sum(len(one.header.members) for one in sums),
        dataset=header.dataset,
        files=None if header.files is None else tuple(header.files[at] for at in order),
        true_label=np.asarray(first.arrays["true"], np.int64)[order]
        if header.known_truth
        else None,
        corrupted=np.asarray(first.arrays["true"] != first.arrays["given"])[order]
        if header.known_truth
        else None,
    )


def _total(sums: Sequence[CommitteeSums], name: str) -> Values:
    return np.asarray(np.sum([one.arrays[name] for one in sums], axis=0, dtype=np.float64))


def suggestion(probabilities: Values, given: Integers) -> tuple[Integers, Values]:
    """The likeliest class but the given one and its probability; the lower class of equals."""
    rows = np.arange(len(given))
    others = np.where(np.isnan(probabilities), 0.0, probabilities)
    others[rows, given] = -1.0
    best = others.argmax(1)
    return best, probabilities[rows, best]


def probability_margin(probabilities: Values, given: Integers) -> Values:
    """The given class's probability minus the largest other one, `[examples]`, in [-1, 1]."""
    _, largest = suggestion(probabilities, given)
    return np.asarray(probabilities[np.arange(len(given)), given] - largest)


def label_quality(seen: Values, unseen: Values, given: Integers) -> Values:
    """In [0, 1], low where the label is suspicious, from probabilities in and out of sample.

    With p their mean (the one that there is, where there is one only), the mean of two margins of
    the given class, on [0, 1]: that of p, and that of p corrected for labels that go one way from
    class to class (`label_noise.flips`), given the label. 0.5 where neither side has a network.
    What else was tried is decision 018.
    """
    sides = np.stack([seen, unseen])
    there = complete(sides)
    both = np.where(there[..., None], sides, 0.0).sum(0) / np.maximum(there.sum(0), 1)[:, None]
    judged = np.asarray(there.any(0), np.bool_)
    both[~judged] = 1.0 / both.shape[1]
    mixing = flips(confident_joint(unseen, given), len(given))
    corrected = posterior(unmixed(both, mixing), given, mixing)
    total = probability_margin(both, given) + probability_margin(corrected, given)
    return np.where(judged, (2.0 + total) / 4.0, 0.5)


def issues(seen: Values, unseen: Values, given: Integers) -> Mask:
    """Labels that are held for wrong, `[examples]`.

    Networks that were trained on the label still preferred another class, and those that were not
    count it under another (`label_noise.confident_class`).
    """
    found = confident_class(unseen, given)
    resisted = probability_margin(seen, given) < 0
    return np.asarray(resisted & (found >= 0) & (found != given), np.bool_)
