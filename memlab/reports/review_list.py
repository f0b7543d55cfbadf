"""The list that a person goes through: every judged example of a run, the most suspicious first.

One shape for both kinds of runs that judge labels: a committee on a whole data set
(`memlab.runs.committee`) and an ordinary run that kept a ledger (`memlab.reports.suspects`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from memlab.errors import RunFolderError
from memlab.reports import suspects
from memlab.runs import committee
from memlab.runs import review as review_file
from memlab.runs.example_scores import DEFAULT_SCORE, Labelling
from memlab.runs.review import Review
from memlab.runs.run import Run
from memlab.spelling import closest, did_you_mean
from memlab.text import plain

NEXT = 10  # examples that a forecast is about
#: What is expected of a chance before any verdict, see `forecast`: how steeply it falls, and the
#: standard deviations of a and b.
STEEPNESS, SHIFT, SLOPE = 2.5, 3.0, 2.0
NEWTON_STEPS, LONGEST_STEP = 40, 1.0
FARTHEST = 7.0  # logits

Values = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class ReviewList:
    """One column a name, `[examples]` each, in the order in which a person is asked.

    `index` is the row in the source file; `given` and `suggested` are classes, −1 for no
    suggestion, `confidence` in [0, 1] how sure it is, NaN where that is not known. `quality` in
    [0, 1] is low where the label is suspicious; `issue` says that it is held for wrong: those come
    first, the lowest quality first, then the others in the same way. `networks` judged.
    """

    dataset: str
    class_names: tuple[str, ...]
    networks: int
    index: Integers
    given: Integers
    suggested: Integers
    confidence: Values
    quality: Values
    issue: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.index)

    @property
    def issues(self) -> int:
        """How many labels are held for wrong."""
        return int(self.issue.sum())

    @property
    def named(self) -> bool:
        """Whether classes are more than numbers below ten, so that a digit does not name one."""
        return self.class_names != tuple(map(str, range(len(self.class_names))))

    @cached_property
    def position(self) -> dict[int, int]:
        """Where in the list the example of an index stands."""
        return {int(index): at for at, index in enumerate(self.index)}


def review_list(run: Run) -> ReviewList:
    """The list of a committee, or of an ordinary run by its ledger.

    Raises:
        RunFolderError: if the run judged no labels, or cannot be read.
    """
    if committee.is_committee(run):
        return _of_committee(committee.judged(run))
    labelling, _ = suspects.chosen(run.folder, None)
    return _of_ledger(labelling)


def judges_labels(run: Run) -> bool:
    """Whether there is such a list, by the experiment alone."""
    made = run.experiment
    return committee.is_committee(run) or "ledger" in made.instruments.names


def _of_committee(found: committee.Judgement) -> ReviewList:
    order = _issues_first(found.ranked, found.is_label_issue)
    return ReviewList(
        dataset=found.dataset,
        class_names=found.class_names,
        networks=found.networks,
        index=found.index[order],
        given=found.given_label[order],
        suggested=found.suggested_label[order],
        confidence=found.confidence[order],
        quality=np.where(np.isfinite(found.label_quality), found.label_quality, 1.0)[order],
        issue=found.is_label_issue[order],
    )


def _issues_first(ranked: Integers, issue: NDArray[np.bool_]) -> Integers:
    return np.concatenate([ranked[issue[ranked]], ranked[~issue[ranked]]])


def _of_ledger(labelling: Labelling) -> ReviewList:
    """By the margin up to the best epoch, which is in logits: its sigmoid is the quality.

    A label is held for wrong where another class was ahead of it on average; how sure the
    suggestion is, is its share of what was said against the label.
    """
    rows = suspects.suspects(labelling, DEFAULT_SCORE)
    at = np.array([row.position for row in rows], np.int64)
    score = np.array([row.score for row in rows], np.float64)
    suggested = np.array([-1 if row.suggested is None else row.suggested for row in rows], np.int64)
    return ReviewList(
        dataset=labelling.parts[0][0].header.dataset,
        class_names=labelling.parts[0][0].header.class_names[: labelling.classes],
        networks=len(labelling.members),
        index=labelling.index[at],
        given=labelling.given[at],
        suggested=suggested,
        confidence=_shares(labelling, suggested, at),
        quality=1.0 / (1.0 + np.exp(-np.clip(score, -60.0, 60.0))),
        issue=score < 0,
    )


def _shares(labelling: Labelling, suggested: Integers, at: Integers) -> Values:
    votes = np.zeros((len(labelling.given), labelling.classes), np.float64)
    for view, _, row in labelling.parts:
        if view.votes is not None:
            votes += view.votes[row][:, : labelling.classes]
    votes[np.arange(len(votes)), labelling.given] = 0
    with np.errstate(invalid="ignore", divide="ignore"):
        found = votes[at, np.maximum(suggested, 0)] / votes[at].sum(1)
    return np.where(suggested < 0, np.nan, found)


def check_review(review: Review, listed: ReviewList) -> None:
    """Checks that a review is about the examples and classes of this list.

    Raises:
        RunFolderError: naming the example; then it belongs to another run.
    """
    review_file.check(review, listed.position, len(listed.class_names))


def forecast(listed: ReviewList, review: Review) -> Values:
    """The chance that each label is wrong, `[examples]`, by the scores and the verdicts so far.

    A logistic curve in the logit of the quality, p = σ(a + b·x), with x the distance above the last
    label that is held for wrong, where a chance of a half is expected. Before any verdict a = 0 and
    b = `STEEPNESS`; a normal prior around that gives way to the verdicts as they come. b is never
    negative: of two labels, the one of better quality is not the more likely to be wrong.
    """
    edge = listed.quality[listed.issues - 1] if listed.issues else np.float64(0.5)
    distance = _logit(np.atleast_1d(edge)) - _logit(listed.quality)
    where = [listed.position[i] for i, verdict in review.verdicts.items() if verdict.decided]
    wrong = [v.kind != "right" for v in review.verdicts.values() if v.decided]
    a, b = 0.0, STEEPNESS
    x, y = distance[where], np.array(wrong, np.float64)
    weight = np.array([SHIFT, SLOPE]) ** -2.0
    for _ in range(NEWTON_STEPS if where else 0):
        p = 1.0 / (1.0 + np.exp(-(a + b * x)))
        slope = np.array([(y - p).sum(), ((y - p) * x).sum()]) - weight * [a, b - STEEPNESS]
        v = p * (1.0 - p)
        bend = np.array([[v.sum(), (v * x).sum()], [(v * x).sum(), (v * x * x).sum()]])
        step = np.linalg.solve(bend + np.diag(weight), slope).clip(-LONGEST_STEP, LONGEST_STEP)
        a, b = a + step[0], max(0.0, b + step[1])
        if np.abs(step).max() < 1e-6:
            break
    chance: Values = 1.0 / (1.0 + np.exp(-(a + b * distance)))
    return chance


def next_wrong(
    listed: ReviewList, review: Review, chances: Values | None = None
) -> tuple[int, float]:
    """How many examples come next, ten at most, and how many wrong ones to expect among them.

    `chances` are those of `forecast`, where they are known. (0, 0.0) at the end of the list.
    """
    judged = {listed.position[index] for index in review.verdicts}
    ahead = list(islice((at for at in range(len(listed)) if at not in judged), NEXT))
    chances = forecast(listed, review) if chances is None else chances
    return len(ahead), float(chances[ahead].sum())


def _logit(quality: Values) -> Values:
    with np.errstate(divide="ignore"):
        logit: Values = np.log(quality) - np.log1p(-quality)
    return np.clip(logit, -FARTHEST, FARTHEST)


def class_of(listed: ReviewList, name: str) -> int:
    """The class that a person typed: a name, the only one that begins so, or a number.

    Raises:
        RunFolderError: if there is none or more than one; with the nearest name.
    """
    names, wanted = listed.class_names, name.strip()
    if wanted in names:
        return names.index(wanted)
    begun = [
        at for at, each in enumerate(names) if wanted and each.lower().startswith(wanted.lower())
    ]
    exact = [at for at in begun if names[at].lower() == wanted.lower()]
    if len(exact or begun) == 1:
        return (exact or begun)[0]
    if wanted.isascii() and wanted.isdigit() and len(wanted) < 7 and int(wanted) < len(names):
        return int(wanted)
    if len(begun) > 1:
        told = ", ".join(plain(names[at], 30) for at in begun[:4])
        raise RunFolderError(f"{plain(wanted, 40)} is the beginning of {len(begun)}: {told}.")
    hint = did_you_mean(closest(wanted, names), f"; there are {len(names)} classes.")
    raise RunFolderError(f"There is no class {plain(wanted, 40)!r}{plain(hint)}")
