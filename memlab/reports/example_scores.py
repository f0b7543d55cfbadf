"""From the ledger to findings about single examples: which are mislabelled, hard or easy.

Members that were trained on the same labels are taken together, whatever stack they were in.
Nothing here reads files; views come from `memlab.runs.ledger`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memlab.reports.roc import Area, roc_area
from memlab.runs.ledger import LedgerView

Values = NDArray[np.float64]
Integers = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Score:
    """A score of examples: its field in the ledger, and whether a low value is suspect."""

    field: str
    title: str
    low_is_suspect: bool


SCORES = {
    "aum-until-best": Score("aum_best", "margin until best", True),
    "aum": Score("aum", "mean margin", True),
    "first-learned": Score("first_learned", "first learned", False),
    "learned-for-good": Score("learned_for_good", "learned for good", False),
    "forgetting": Score("forgetting", "times forgotten", False),
    "loss": Score("mean_loss", "mean loss", False),
}
DEFAULT_SCORE = "aum-until-best"
ANSWERS = ("given", "true")


@dataclass(frozen=True, eq=False)
class Labelling:
    """Members (indices in the run) that were given the same labels for the same examples.

    `index`, `true`, `given` and `corrupted` are `[examples]`; `parts` are their views, the
    positions of the members in each and the row of the labelling there. Only members with an
    evaluation after the first update are among them.
    """

    members: tuple[int, ...]
    index: Integers
    true: Integers
    given: Integers
    corrupted: Mask
    parts: tuple[tuple[LedgerView, Integers, int], ...]

    @property
    def classes(self) -> int:
        """How many classes there are."""
        return self.parts[0][0].header.classes

    @property
    def truth_known(self) -> bool:
        """Whether examples were corrupted on purpose, so that a ranking can be checked."""
        return bool(self.corrupted.any())


def labellings(views: Sequence[LedgerView]) -> list[Labelling]:
    """All labellings, those of the most members first, then in the order of their first member."""
    found: dict[tuple[bytes, bytes, bytes], list[tuple[LedgerView, Integers, int]]] = {}
    for view in views:
        of = np.asarray(view.header.labelling)
        seen = view.progress["evaluations"] > 0
        for row in range(view.header.labellings):
            positions = np.flatnonzero((of == row) & seen)
            if len(positions):
                arrays = (view.index, view.given[row], view.corrupted[row])
                identity = tuple(array.tobytes() for array in arrays)
                found.setdefault((identity[0], identity[1], identity[2]), []).append(
                    (view, positions, row)
                )
    made = [_labelling(parts) for parts in found.values()]
    return sorted(made, key=lambda one: (-len(one.members), one.members[0]))


def _labelling(parts: Sequence[tuple[LedgerView, Integers, int]]) -> Labelling:
    view, _, row = parts[0]
    members = [part.header.members[at] for part, positions, _ in parts for at in positions]
    return Labelling(
        members=tuple(sorted(members)),
        index=np.asarray(view.index, np.int64),
        true=np.asarray(view.true, np.int64),
        given=np.asarray(view.given[row], np.int64),
        corrupted=np.array(view.corrupted[row]),
        parts=tuple(parts),
    )


def member_scores(labelling: Labelling, name: str) -> Values:
    """The score `name` of `SCORES`, `[members, examples]`, always finite.

    Never learned counts as one more than the largest of that member (Toneva 2019 for forgetting).
    """
    field = SCORES[name].field
    blocks = []
    for view, positions, _ in labelling.parts:
        records = view.scores[positions]
        values = records[field].astype(np.float64)
        never = np.isinf(values)
        if field == "forgetting":
            never = np.isinf(records["first_learned"])
        blocks.append(_beyond(values, never))
    return np.concatenate(blocks)


def _beyond(values: Values, never: Mask) -> Values:
    largest = np.where(never, 0.0, values).max(axis=1, keepdims=True, initial=0.0)
    return np.where(never, largest + 1.0, values)


def mean_scores(labelling: Labelling, name: str) -> Values:
    """The mean of a score over the members, `[examples]`."""
    return np.asarray(member_scores(labelling, name).mean(axis=0))


def suspicion(labelling: Labelling, name: str) -> Values:
    """The mean score turned so that high means suspect, `[examples]`."""
    values = mean_scores(labelling, name)
    return -values if SCORES[name].low_is_suspect else values


def detection(labelling: Labelling, name: str) -> Area:
    """How well the mean score finds the corrupted examples."""
    return roc_area(suspicion(labelling, name), labelling.corrupted)


def member_detection(labelling: Labelling, name: str) -> dict[int, float]:
    """Area under the ROC curve of each member's own score, by its index in the run."""
    values = member_scores(labelling, name)
    values = -values if SCORES[name].low_is_suspect else values
    order = [part.header.members[at] for part, positions, _ in labelling.parts for at in positions]
    areas = (roc_area(row, labelling.corrupted).auc for row in values)
    return dict(zip(order, areas, strict=True))


def suggestions(labelling: Labelling) -> Integers:
    """The class that most evaluations of most members held for the likeliest but the given one.

    `[examples]`, the lower class of equals. Where votes were too large to be kept, the newest
    predictions count instead; -1 where all of them are the given label.
    """
    classes, given = labelling.classes, labelling.given
    votes = np.zeros((len(given), classes), np.int64)
    for view, positions, row in labelling.parts:
        if view.votes is not None:
            votes += view.votes[row]
        else:
            for predicted in view.scores["predicted"][positions]:
                votes[np.arange(len(given)), predicted] += 1
    votes[np.arange(len(given)), given] = 0
    return np.where(votes.max(1) > 0, votes.argmax(1), -1)


def ranking(labelling: Labelling, name: str = DEFAULT_SCORE) -> Integers:
    """Positions of all examples, most suspect first; of equals the one of smaller margin."""
    margin = mean_scores(labelling, "aum")
    return np.lexsort((labelling.index, margin, -suspicion(labelling, name)))


def fake_class_samples(
    examples: int, classes: int, generator: np.random.Generator
) -> tuple[Integers, Integers]:
    """Two disjoint sets of N / (c + 1) examples for a fake class (Pleiss 2020, section 3.3).

    A run supplies threshold samples by training a member with one more class, the first set
    labelled with it, and a second member with the second set, so that each example is judged by
    the network in which its label is its own. Their mean margins go to `aum_threshold`.
    """
    size = examples // (classes + 1)
    order = generator.permutation(examples)
    return np.sort(order[:size]), np.sort(order[size : 2 * size])


def aum_threshold(threshold_samples: Values, percentile: float = 99.0) -> float:
    """The area under the margin at or below which an example is held for mislabelled.

    `threshold_samples` are the areas of the examples with the fake label; the 99th percentile by
    Pleiss 2020, section 3.3, because they behave as mislabelled ones do.
    """
    return float(np.percentile(threshold_samples, percentile))


@dataclass(frozen=True, eq=False)
class EasyExamples:
    """Arpit 2017, figure 1: share of members that get each example right, `[examples]`.

    `deviation` is the standard deviation of the share over examples, `binomial` that of as many
    members which are right independently of the example; `excess` their difference with its 95 %
    bootstrap interval over examples.
    """

    share: Values
    mean: float
    deviation: float
    binomial: float
    excess: float
    low: float
    high: float


def easy_examples(right: Mask, generator: np.random.Generator, draws: int = 1000) -> EasyExamples:
    """From `right` `[members, examples]`; the statistic of science.md, section 2."""
    members, examples = right.shape
    share = right.mean(axis=0, dtype=np.float64)
    sampled = [
        _excess(share[generator.integers(0, examples, examples)], members) for _ in range(draws)
    ]
    low, high = np.quantile(sampled, (0.025, 0.975)) if draws else (np.nan, np.nan)
    mean = float(share.mean())
    binomial = (mean * (1 - mean) / members) ** 0.5
    excess = _excess(share, members)
    return EasyExamples(share, mean, float(share.std()), binomial, excess, float(low), float(high))


def _excess(share: Values, members: int) -> float:
    mean = float(share.mean())
    return float(share.std() - np.sqrt(mean * (1 - mean) / members))


def right_at(labelling: Labelling, epoch: float, answer: str = "given") -> tuple[float, Mask]:
    """(the epoch, right `[members, examples]`) at the first kept evaluation from `epoch` on.

    `answer` is `given` or `true`, the label that counts as right. Members that had ended are left
    out. Nothing is right, with epoch NaN, where no evaluation so late was kept.
    """
    target = labelling.given if answer == "given" else labelling.true
    blocks, found = [], np.nan
    for view, positions, _ in labelling.parts:
        history = view.history
        if history is None or not (history.epoch >= epoch - 1e-9).any():
            continue
        rows = np.flatnonzero(history.epoch >= epoch - 1e-9)
        found = float(history.epoch[rows[0]])
        predicted = history.predicted[rows[0]][positions]
        there = (predicted != history.nobody).any(axis=1)
        blocks.append(predicted[there] == target)
    if not blocks:
        return np.nan, np.zeros((0, len(target)), np.bool_)
    return found, np.concatenate(blocks)
