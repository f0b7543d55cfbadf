"""What a committee found, for people: rows, a summary of all labels, sentences; no terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from memlab.numbers import percent
from memlab.runs.committee import FEW, ISSUE_BELOW, Judgement
from memlab.runs.label_noise import Count, complete, confident_joint, noise_matrix, wrong_labels
from memlab.text import plain

if TYPE_CHECKING:
    from memlab.data.duplicates import Twins

SHOWN_FLIPS, SHOWN_TWINS, LEAST_FLIP = 5, 3, 0.02
#: Networks are said to be weak that disagree with so many more labels than twice the list.
UNSURE = 0.2


@dataclass(frozen=True)
class Flip:
    """Of the examples given one class, the share that seems to be of another."""

    given: str
    suggested: str
    share: float


@dataclass(frozen=True)
class Summary:
    """What is said of all labels together.

    `wrong` is confident learning's count, `below` what lies below the threshold of a fake class,
    None without one; `matrix` `[given][true]` are shares of each given class; `few` are classes
    with too few examples to be judged well; `unseen` is the mean number of networks that had not
    seen an example; `worst` the row of the most suspicious label.
    """

    networks: int
    examples: int
    issues: int
    unseen: float
    accuracy: float
    wrong: Count
    below: Count | None
    class_names: tuple[str, ...]
    matrix: tuple[tuple[float, ...], ...]
    flips: tuple[Flip, ...]
    twins: tuple[Twins, ...]
    few: tuple[tuple[str, int], ...]
    worst: int
    worst_quality: float

    def document(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)


def summary(found: Judgement, twins: Sequence[Twins] = (), below: Count | None = None) -> Summary:
    """Of all labels; `twins` are near-duplicates with different labels, positions in `found`."""
    given, names = found.given_label, found.class_names
    matrix = noise_matrix(confident_joint(found.probabilities, given))
    there = complete(found.probabilities)
    right = found.probabilities[there].argmax(1) == given[there]
    counts = np.bincount(given, minlength=len(names))
    worst = int(found.ranked[0])
    return Summary(
        networks=found.networks,
        examples=len(found),
        issues=int(found.is_label_issue.sum()),
        unseen=float(found.unseen.mean()),
        accuracy=float(right.mean()) if len(right) else float("nan"),
        wrong=wrong_labels(found.probabilities, given),
        below=found.below,
        class_names=names,
        matrix=tuple(tuple(map(float, row)) for row in matrix),
        flips=_flips(matrix, names),
        twins=tuple(twins),
        few=tuple((names[c], int(counts[c])) for c in np.flatnonzero(counts < FEW)),
        worst=int(found.index[worst]),
        worst_quality=float(found.label_quality[worst]),
    )


def _flips(matrix: np.ndarray, names: Sequence[str]) -> tuple[Flip, ...]:
    """The largest shares off the diagonal."""
    off = matrix.copy()
    np.fill_diagonal(off, 0.0)
    order = np.argsort(-off, axis=None, kind="stable")[:SHOWN_FLIPS]
    pairs = [divmod(int(at), len(off)) for at in order]
    return tuple(
        Flip(names[i], names[j], float(off[i, j])) for i, j in pairs if off[i, j] >= LEAST_FLIP
    )


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


def sentences(told: Summary) -> list[str]:
    """The summary in words."""
    lines = [
        f"{told.networks:,} networks judged {told.examples:,} labels, each label by "
        f"{told.unseen:.0f} that had not seen it (mean); together these agree with "
        f"{percent(told.accuracy)} of the labels."
    ]
    lines += _counts(told)
    if told.flips and told.issues:
        each = (
            f"{plain(f.given, 40)} → {plain(f.suggested, 40)} {percent(f.share)}"
            for f in told.flips
        )
        lines.append(f"Of those given a class, so many seem to be of another: {', '.join(each)}.")
    if told.twins:
        lines.append(_twins(told.twins))
    for name, count in told.few[:SHOWN_FLIPS]:
        lines.append(
            f"Class {plain(name, 60)!r} has {count} example{'' if count == 1 else 's'}: too few to "
            f"be judged ({FEW} at least): hardly a network sees one without the other."
        )
    if len(told.few) > SHOWN_FLIPS:
        lines.append(f"So have {len(told.few) - SHOWN_FLIPS} more classes.")
    return lines


def _counts(told: Summary) -> list[str]:
    wrong = told.wrong
    if not told.issues:
        return [
            f"Nothing to find: no label has a quality below {ISSUE_BELOW:g}; the most suspicious "
            f"is that of row {told.worst} with {told.worst_quality:.2f} (--top 5 lists more)."
        ]
    noun = "label is" if told.issues == 1 else "labels are"
    lines = [
        f"{told.issues:,} {noun} held for wrong. In all, about {wrong.value:,.0f} may be (95 % "
        f"interval {wrong.low:,.0f} to {wrong.high:,.0f}; confident learning, Northcutt 2021)."
    ]
    if told.below is not None:
        below = told.below
        lines.append(
            f"{below.value:,.0f} lie below the threshold of a fake class (95 % interval "
            f"{below.low:,.0f} to {below.high:,.0f}; Pleiss 2020)."
        )
    if told.accuracy < 1 - 2 * told.issues / told.examples - UNSURE:
        lines.append(
            "These networks are often wrong themselves, and such counts take what they do not know "
            "for wrong labels: trust the list more than the numbers. --model chooses a better one."
        )
    return lines


def _twins(twins: Sequence[Twins]) -> str:
    each = (
        f"{one.first} and {one.second}{' (equal)' if one.exact else ''}"
        for one in twins[:SHOWN_TWINS]
    )
    pairs = "pair" if len(twins) == 1 else "pairs"
    more = f" and {len(twins) - SHOWN_TWINS:,} more" if len(twins) > SHOWN_TWINS else ""
    return (
        f"{len(twins):,} {pairs} of near-duplicates with different labels: rows {', '.join(each)}"
        f"{more}."
    )
