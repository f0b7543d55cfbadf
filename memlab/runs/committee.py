"""What a committee thinks of every label: networks on subsets, in their sample and out of it.

A committee is a run whose training part is the whole data set (`dataset.whole`) and whose members
are trained on shares of it (`dataset.subset`) with outcomes kept. Its worker adds up, stack by
stack, what members said of each example (`memlab.worker.committee`, `examples/stack-NNN/
committee*`); here the sums are read and made into a judgement of each label. What is concluded of
all labels together (how many are wrong, which classes are mixed up) is `memlab.runs.label_noise`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memlab.errors import RunFolderError
from memlab.runs.committee_sums import HEADER_FILE, CommitteeSums, stack_sums
from memlab.runs.fake_class import below_threshold
from memlab.runs.label_noise import (
    Count,
    complete,
    confident_joint,
    flips,
    posterior,
    unmixed,
)
from memlab.runs.run import Run
from memlab.runs.stack_arrays import stack_places

#: Classes of fewer examples are too rare for a network to know one without the other.
FEW = 5
#: Below so much quality, a label is held for wrong; what neighbours count beside the networks.
ISSUE_BELOW, NEIGHBOURS_SHARE = 0.6, 0.2
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
    `is_label_issue` says that it is held for wrong, which no label of a class of fewer than `FEW`
    examples is. `in_margin` and `out_margin` are the mean
    margin of the given label in logits up to the best epoch, over networks that saw the example
    and over those that did not; `agreement` is the share of the latter that predict the given
    label. Where no network is on one side, its columns are NaN, and the other side judges.

    `below_threshold` says what lies below the threshold of a fake class and `below` how many do
    (`memlab.runs.fake_class`), None where networks had none.
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
    below_threshold: Mask | None = None
    below: Count | None = None
    files: tuple[str, ...] | None = None
    true_label: Integers | None = None
    corrupted: Mask | None = None

    def __len__(self) -> int:
        return len(self.index)

    @property
    def ranked(self) -> Integers:
        """Positions of all examples, most suspicious first; of equals the one of lower index."""
        return np.lexsort((self.index, self.label_quality))


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
    found = tuple(stack_sums(place) for place in stack_places(folder, HEADER_FILE))
    if not found:
        raise RunFolderError(f"The run {run.id} has judged nothing yet; try again later.")
    return found


def judgement(sums: Sequence[CommitteeSums]) -> Judgement:
    """From the sums of all stacks, which must be of the same examples.

    Raises:
        RunFolderError: if they are not.
    """
    first = sums[0]
    given = _given(sums)
    order = np.argsort(first.arrays["index"], kind="stable")
    networks, margins = _total(sums, "networks"), _total(sums, "margins")
    rows = np.arange(len(given))
    with np.errstate(divide="ignore", invalid="ignore"):
        in_margin, out_margin = (margins / networks)[:, order]
        sides = _total(sums, "probabilities")
        seen, unseen = (sides / sides.sum(-1, keepdims=True))[:, order]
        agreement = (_total(sums, "votes")[rows, given] / networks[1])[order]
    below, count = _below(sums)
    near = next((one.arrays["neighbours"] for one in sums if one.header.neighbours), None)
    if near is not None:
        near = _shares(near[order])
    given, networks = given[order], networks[:, order]
    suggested, confidence = suggestion(unseen, given)
    quality = label_quality(seen, unseen, given, near)
    header = first.header
    return Judgement(
        index=np.asarray(first.arrays["index"], np.int64)[order],
        given_label=given,
        suggested_label=suggested,
        label_quality=quality,
        confidence=confidence,
        is_label_issue=(quality < ISSUE_BELOW) & (np.bincount(given)[given] >= FEW),
        in_margin=in_margin,
        out_margin=out_margin,
        agreement=agreement,
        probabilities=unseen,
        unseen=np.asarray(networks[1], np.int64),
        below_threshold=None if below is None else below[order],
        below=count,
        class_names=header.class_names,
        networks=sum(len(one.header.members) for one in sums),
        dataset=header.dataset,
        files=None if header.files is None else tuple(header.files[at] for at in order),
        true_label=np.asarray(first.arrays["true"], np.int64)[order]
        if header.known_truth
        else None,
        corrupted=np.asarray(first.arrays["true"][order] != given) if header.known_truth else None,
    )


def _given(sums: Sequence[CommitteeSums]) -> Integers:
    """Each example's label, from a stack that was given it; raises as `judgement`."""
    first = sums[0]
    given = np.asarray(first.arrays["given"], np.int64)
    for one in sums[1:]:
        other = np.asarray(one.arrays["given"], np.int64)
        both = (given < first.header.classes) & (other < first.header.classes)
        same = np.array_equal(first.arrays["index"], one.arrays["index"])
        if not same or (given != other)[both].any():
            raise RunFolderError("The stacks of this committee were given different labels.")
        given = np.minimum(given, other)
    if (given == first.header.classes).any():
        raise RunFolderError("This committee has not judged all of its examples yet.")
    return given


def _total(sums: Sequence[CommitteeSums], name: str) -> Values:
    """The sum over stacks; examples of a fake class are left out of it."""
    total: Values | None = None
    for one in sums:
        part = one.arrays[name].astype(np.float64)
        if one.header.fake:
            axis = 0 if name == "votes" else 1
            part[(slice(None),) * axis + (one.arrays["fake"],)] = 0.0
        total = part if total is None else total + part
    assert total is not None
    return total


def _below(sums: Sequence[CommitteeSums]) -> tuple[Mask | None, Count | None]:
    """What lies below the thresholds of the sets of threshold samples, and how many."""
    sets: dict[bytes, list[CommitteeSums]] = {}
    for one in sums:
        if one.header.fake:
            sets.setdefault(one.arrays["fake"].tobytes(), []).append(one)
    areas, samples = [], []
    for own in sets.values():
        fake = own[0].arrays["fake"]
        networks = np.sum([one.arrays["networks"][0] for one in own], axis=0)
        margins = np.sum([one.arrays["margins"][0] for one in own], axis=0, dtype=np.float64)
        with np.errstate(divide="ignore", invalid="ignore"):
            area = margins / networks
        surely = area[fake & (networks > 0)]
        if len(surely):
            areas.append(np.where(fake, np.nan, area))
            samples.append(surely)
    return below_threshold(areas, samples) if areas else (None, None)


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


def label_quality(
    seen: Values, unseen: Values, given: Integers, near: Values | None = None
) -> Values:
    """In [0, 1], low where the label is suspicious, from probabilities in and out of sample.

    With p their mean (the one that there is, where there is one only) and a fifth of `near`, the
    neighbours' labels, it is the mean of two margins of the given class, on [0, 1]: that of p, and
    that of p corrected for labels that go one way from class to class (`label_noise.flips`), once
    the label is known. 1 where nobody judges: nothing is known against it. What else was tried:
    decision 018.
    """
    sides = np.stack([seen, unseen])
    there = complete(sides)
    both = np.where(there[..., None], sides, 0.0).sum(0) / np.maximum(there.sum(0), 1)[:, None]
    judged = np.asarray(there.any(0), np.bool_)
    both[~judged] = 1.0 / both.shape[1]
    out = unseen
    if near is not None:
        both = (1 - NEIGHBOURS_SHARE) * both + NEIGHBOURS_SHARE * near
        out = (1 - NEIGHBOURS_SHARE) * unseen + NEIGHBOURS_SHARE * near
    mixing = flips(confident_joint(out, given), len(given))
    corrected = posterior(unmixed(both, mixing), given, mixing)
    total = probability_margin(both, given) + probability_margin(corrected, given)
    return np.where(judged, np.clip((2.0 + total) / 4.0, 0.0, 1.0), 1.0)


def _shares(votes: NDArray[np.uint8]) -> Values:
    found = votes.astype(np.float64)
    return np.asarray(found / np.maximum(found.sum(1, keepdims=True), 1.0))
