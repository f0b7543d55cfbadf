"""From the ledger to findings about single examples: which are mislabelled, hard or easy.

Members that were trained on the same labels are taken together, whatever stack they were in.
Nothing here reads files; views come from `memlab.runs.ledger`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memlab.runs.ledger import LedgerView
from memlab.runs.roc import Area, roc_area

Values = NDArray[np.float64]
Integers = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Score:
    """A score of examples: its field in the ledger, and whether a low value is suspect.

    The field `presented` is the count at presentations, in runs from before at evaluations.
    """

    field: str
    title: str
    low_is_suspect: bool


SCORES = {
    "aum-until-best": Score("aum_best", "margin until best", True),
    "aum": Score("aum", "mean margin", True),
    "first-learned": Score("first_learned", "first learned", False),
    "learned-for-good": Score("learned_for_good", "learned for good", False),
    "forgetting": Score("presented", "times forgotten", False),
    "forgetting-sampled": Score("forgetting", "forgotten at evaluations", False),
    "loss": Score("mean_loss", "mean loss", False),
}
DEFAULT_SCORE = "aum-until-best"


#: A stack's ledger, the positions of some members in it, and the row of their labelling there.
Share = tuple[LedgerView, Integers, int]


@dataclass(frozen=True, eq=False)
class Labelling:
    """Members (indices in the run) that were given the same labels for the same examples.

    `index`, `true`, `given` and `corrupted` are `[examples]`; `parts` are the ledgers that they are
    in. Only members with an evaluation after the first update are among them. Threshold samples of
    a fake class count as examples without a label: members that differ in nothing else are taken
    together, and each example is judged by those that saw its own label. `judged` `[examples]`
    says whether there are any; where there are none, `given` is the fake class.
    """

    members: tuple[int, ...]
    index: Integers
    true: Integers
    given: Integers
    corrupted: Mask
    judged: Mask
    parts: tuple[Share, ...]

    @property
    def classes(self) -> int:
        """How many classes there are, without the fake one."""
        header = self.parts[0][0].header
        return header.classes - header.fake_class

    @property
    def truth_known(self) -> bool:
        """Whether examples were corrupted on purpose, so that a ranking can be checked."""
        return bool(self.corrupted[self.judged].any())


def own_label(part: Share) -> Mask:
    """Which examples the members of a part saw with a label of their own, `[examples]`."""
    view, _, row = part
    given = np.asarray(view.given[row])
    if not view.header.fake_class:
        return np.ones(len(given), np.bool_)
    return np.asarray(given != view.header.classes - 1)


def labellings(views: Sequence[LedgerView]) -> list[Labelling]:
    """All labellings, those of the most members first, then in the order of their first member."""
    sampled = _threshold_samples(views)
    found: dict[bytes, list[list[Share]]] = {}
    for view in views:
        of = np.asarray(view.header.labelling)
        seen = view.progress["evaluations"] > 0
        for row in range(view.header.labellings):
            positions = np.flatnonzero((of == row) & seen)
            if not len(positions):
                continue
            part = (view, positions, row)
            kept = ~sampled[view.index.tobytes()]
            arrays = (view.index, view.given[row][kept], view.corrupted[row][kept])
            groups = found.setdefault(b"".join(array.tobytes() for array in arrays), [])
            fitting = next((g for g in groups if all(_agree(part, other) for other in g)), None)
            if fitting is None:
                groups.append([part])
            else:
                fitting.append(part)
    made = [_labelling(parts) for groups in found.values() for parts in groups]
    return sorted(made, key=lambda one: (-len(one.members), one.members[0]))


def _threshold_samples(views: Sequence[LedgerView]) -> dict[bytes, Mask]:
    """By the examples' indices, which of them any member was given a fake class for."""
    found: dict[bytes, Mask] = {}
    for view in views:
        mask = found.setdefault(view.index.tobytes(), np.zeros(len(view.index), np.bool_))
        if view.header.fake_class:
            mask |= (view.given == view.header.classes - 1).any(axis=0)
    return found


def _agree(one: Share, other: Share) -> bool:
    """Whether two parts gave the same label wherever both gave one."""
    both = own_label(one) & own_label(other)
    return bool((one[0].given[one[2]][both] == other[0].given[other[2]][both]).all())


def _labelling(parts: Sequence[Share]) -> Labelling:
    view, _, row = parts[0]
    members = [part.header.members[at] for part, positions, _ in parts for at in positions]
    given, corrupted = np.array(view.given[row], np.int64), np.array(view.corrupted[row])
    judged = own_label(parts[0])
    for part in parts[1:]:
        more = own_label(part) & ~judged
        given[more] = part[0].given[part[2]][more]
        corrupted[more] = part[0].corrupted[part[2]][more]
        judged = judged | more
    return Labelling(
        members=tuple(sorted(members)),
        index=np.asarray(view.index, np.int64),
        true=np.asarray(view.true, np.int64),
        given=given,
        corrupted=corrupted,
        judged=judged,
        parts=tuple(parts),
    )


def member_scores(labelling: Labelling, name: str) -> Values:
    """The score `name` of `SCORES`, `[members, examples]`.

    NaN where a member did not see the example's own label, else finite. Never learned counts as one
    more than the largest of that member (Toneva 2019 for forgetting).
    """
    return np.concatenate(
        [np.where(own_label(part), part_scores(part, name), np.nan) for part in labelling.parts]
    )


def part_scores(part: Share, name: str) -> Values:
    """The score `name` of the members of a part, threshold samples like any other."""
    view, positions, _ = part
    field = SCORES[name].field
    if field == "presented" and view.presented is not None:
        shown = view.presented[positions]
        return _beyond(shown["forgetting"].astype(np.float64), ~shown["learned"])
    field = "forgetting" if field == "presented" else field
    records = view.scores[positions]
    values = records[field].astype(np.float64)
    never = np.isinf(values)
    if field == "forgetting":
        never = np.isinf(records["first_learned"])
    return _beyond(values, never)


def _beyond(values: Values, never: Mask) -> Values:
    largest = np.where(never, 0.0, values).max(axis=1, keepdims=True, initial=0.0)
    return np.where(never, largest + 1.0, values)


def mean_scores(labelling: Labelling, name: str) -> Values:
    """The mean of a score over the members that judge the example, `[examples]`; NaN for none."""
    values = member_scores(labelling, name)
    there = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(there, values, 0.0).sum(axis=0) / there.sum(axis=0))


def suspicion(labelling: Labelling, name: str) -> Values:
    """The mean score turned so that high means suspect, `[examples]`."""
    values = mean_scores(labelling, name)
    return -values if SCORES[name].low_is_suspect else values


def detection(labelling: Labelling, name: str) -> Area:
    """How well the mean score finds the corrupted examples."""
    judged = labelling.judged
    return roc_area(suspicion(labelling, name)[judged], labelling.corrupted[judged])


def member_detection(labelling: Labelling, name: str) -> dict[int, float]:
    """Area under the ROC curve of each member's own score, by its index in the run."""
    values = member_scores(labelling, name)
    values = -values if SCORES[name].low_is_suspect else values
    order = [part.header.members[at] for part, positions, _ in labelling.parts for at in positions]
    areas = []
    for row in values:
        there = ~np.isnan(row)
        areas.append(roc_area(row[there], labelling.corrupted[there]).auc)
    return dict(zip(order, areas, strict=True))


def suggestions(labelling: Labelling) -> Integers:
    """The class that most evaluations of most members held for the likeliest but the given one.

    `[examples]`, the lower class of equals. Where votes were too large to be kept, the newest
    predictions count instead; -1 where all of them are the given label. A fake class is never
    suggested, and networks that were given it for an example have no vote on that one.
    """
    given, every = labelling.given, np.arange(len(labelling.given))
    most = max(view.header.classes for view, _, _ in labelling.parts)
    votes = np.zeros((len(given), most), np.int64)
    for part in labelling.parts:
        view, positions, row = part
        own = own_label(part)
        if view.votes is not None:
            votes[:, : view.header.classes] += view.votes[row] * own[:, None]
        else:
            for predicted in view.scores["predicted"][positions]:
                votes[every, predicted] += own
    votes[every, given] = 0
    votes = votes[:, : labelling.classes]
    return np.where(votes.max(1) > 0, votes.argmax(1), -1)


def ranking(labelling: Labelling, name: str = DEFAULT_SCORE) -> Integers:
    """Positions of all judged examples, most suspect first; of equals the one of smaller margin."""
    margin = mean_scores(labelling, "aum")
    order = np.lexsort((labelling.index, margin, -suspicion(labelling, name)))
    return order[labelling.judged[order]]


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
    blocks, found = [], np.nan
    for view, positions, row in labelling.parts:
        target = np.asarray(view.given[row]) if answer == "given" else labelling.true
        history = view.history
        if history is None or not (history.epoch >= epoch - 1e-9).any():
            continue
        rows = np.flatnonzero(history.epoch >= epoch - 1e-9)
        found = float(history.epoch[rows[0]])
        predicted = history.predicted[rows[0]][positions]
        there = (predicted != history.nobody).any(axis=1)
        blocks.append(predicted[there] == target)
    if not blocks:
        return np.nan, np.zeros((0, len(labelling.true)), np.bool_)
    return found, np.concatenate(blocks)
