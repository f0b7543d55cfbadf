"""What a committee found, for people: rows, a summary of all labels, sentences; no terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from memlab.numbers import percent
from memlab.reports.suspects_document import Flip, NearDuplicates, SuspectsFindings, Wrong
from memlab.runs.committee import FEW, ISSUE_BELOW, Judgement
from memlab.runs.label_noise import Count, complete, confident_joint, noise_matrix, wrong_labels
from memlab.text import plain

if TYPE_CHECKING:
    from memlab.data.duplicates import Twins

SHOWN_FLIPS, SHOWN_TWINS, LEAST_FLIP = 5, 3, 0.02
#: Networks are said to be weak that disagree with so many more labels than twice the list.
UNSURE = 0.2
MOST_IN_MATRIX = 200


def summary(found: Judgement, twins: Sequence[Twins] = ()) -> SuspectsFindings:
    """Of all labels; `twins` are near-duplicates with different labels, positions in `found`."""
    given, names = found.given_label, found.class_names
    matrix = noise_matrix(confident_joint(found.probabilities, given))
    there = complete(found.probabilities)
    right = found.probabilities[there].argmax(1) == given[there]
    counts = np.bincount(given, minlength=len(names))
    worst, issues = int(found.ranked[0]), int(found.is_label_issue.sum())
    accuracy = float(right.mean()) if len(right) else None
    weak = accuracy is None or accuracy < 1 - 2 * issues / len(found) - UNSURE
    return SuspectsFindings(
        networks=found.networks,
        examples=len(found),
        issues=issues,
        unseen=float(found.unseen.mean()),
        accuracy=accuracy,
        weak=weak,
        wrong=_wrong(wrong_labels(found.probabilities, given), weak),
        below=None if found.below is None else _wrong(found.below, weak),
        class_names=list(names),
        matrix=matrix.tolist() if len(names) <= MOST_IN_MATRIX else None,
        flips=_flips(matrix, names),
        twin_pairs=len(twins),
        twins=[NearDuplicates(**asdict(each)) for each in twins],
        few=[(names[c], int(counts[c])) for c in np.flatnonzero(counts < FEW)],
        worst=int(found.index[worst]),
        worst_quality=float(found.label_quality[worst]),
    )


def _wrong(count: Count, weak: bool) -> Wrong:
    """Where networks know too little, what they do not know would explain all of the count."""
    return Wrong(value=count.value, low=0.0 if weak else count.low, high=count.high)


def _flips(matrix: np.ndarray, names: Sequence[str]) -> list[Flip]:
    """The largest shares off the diagonal."""
    off = matrix.copy()
    np.fill_diagonal(off, 0.0)
    order = np.argsort(-off, axis=None, kind="stable")[:SHOWN_FLIPS]
    pairs = [divmod(int(at), len(off)) for at in order]
    return [
        Flip(given=names[i], suggested=names[j], share=float(off[i, j]))
        for i, j in pairs
        if off[i, j] >= LEAST_FLIP
    ]


def held_for_wrong(found: Judgement) -> list[int]:
    """Positions of the labels that are held for wrong, the most suspicious first."""
    order = found.ranked
    return [int(at) for at in order[found.is_label_issue[order]]]


def row(found: Judgement, at: int) -> dict[str, Any]:
    """One example as plain data, classes by name."""
    names = found.class_names
    made: dict[str, Any] = {
        "index": int(found.index[at]),
        "given_label": names[found.given_label[at]],
        "suggested_label": names[found.suggested_label[at]],
        "label_quality": float(found.label_quality[at]),
        "is_label_issue": bool(found.is_label_issue[at]),
        "confidence": float(found.confidence[at]),
        "in_margin": float(found.in_margin[at]),
        "out_margin": float(found.out_margin[at]),
        "agreement": float(found.agreement[at]),
    }
    if found.files is not None:
        made["file"] = found.files[at]
    if found.true_label is not None:
        made["true_label"] = names[found.true_label[at]]
    return made


def sentences(told: SuspectsFindings) -> list[str]:
    """The findings in words: who judged, how many are wrong, and what else there is to say."""
    return [judges(told), *_counts(told), *details(told)]


def judges(told: SuspectsFindings) -> str:
    """Who judged, and how well these know the labels."""
    return (
        f"{told.networks:,} networks judged {told.examples:,} labels, each label by "
        f"{told.unseen:.0f} that had not seen it (mean); together these agree with "
        f"{percent(told.accuracy)} of the labels."
    )


def verdict(told: SuspectsFindings) -> str:
    """How many labels are held for wrong; a plain sentence where there is nothing to find."""
    if not told.issues:
        return (
            f"Nothing to find: no label has a quality below {ISSUE_BELOW:g}; the most suspicious "
            f"is that of row {told.worst} with {told.worst_quality:.2f}."
        )
    return f"{told.issues:,} {'label is' if told.issues == 1 else 'labels are'} held for wrong."


def weakness(told: SuspectsFindings) -> str:
    """What a reader has to know of the counts."""
    if told.weak:
        return (
            "These networks are often wrong themselves, and such counts take what they do not know "
            "for wrong labels: trust the list more than the numbers. --model chooses a better one."
        )
    return "Some right labels of hard examples look wrong too."


def details(told: SuspectsFindings) -> list[str]:
    """Which classes are mixed up, near-duplicates that disagree, classes that are too small."""
    lines = []
    if told.flips and told.issues:
        each = (
            f"{plain(f.given, 40)} → {plain(f.suggested, 40)}: {percent(f.share)}"
            for f in told.flips
        )
        lines.append(f"Of those given a class, so many seem to be of another: {', '.join(each)}.")
    if told.twins:
        lines.append(_twins(told))
    for name, count in told.few[:SHOWN_FLIPS]:
        lines.append(
            f"Class {plain(name, 60)!r} has {count} example{'' if count == 1 else 's'}: too few to "
            f"be judged ({FEW} at least): hardly a network sees one without the other."
        )
    if len(told.few) > SHOWN_FLIPS:
        lines.append(f"So have {len(told.few) - SHOWN_FLIPS} more classes.")
    return lines


def _counts(told: SuspectsFindings) -> list[str]:
    lines = [verdict(told)]
    if not told.issues:
        return lines
    wrong, below = told.wrong, told.below
    lines[0] += (
        f" In all, about {wrong.value:,.0f} look wrong to confident learning (Northcutt 2021), "
        f"which puts the wrong ones between {wrong.low:,.0f} and {wrong.high:,.0f} (95 %)."
    )
    if below is not None:
        lines.append(
            f"{below.value:,.0f} look no better than labels of a fake class (Pleiss 2020), which "
            f"puts the wrong ones between {below.low:,.0f} and {below.high:,.0f}."
        )
    lines.append(weakness(told))
    return lines


def _twins(told: SuspectsFindings) -> str:
    each = (
        f"{one.first} and {one.second}{' (equal)' if one.exact else ''}"
        for one in told.twins[:SHOWN_TWINS]
    )
    count = told.twin_pairs
    more = f" and {count - SHOWN_TWINS:,} more" if count > SHOWN_TWINS else ""
    return (
        f"{count:,} {'pair' if count == 1 else 'pairs'} of near-duplicates with different labels: "
        f"rows {', '.join(each)}{more}."
    )
