"""The verdicts of a report as blocks: a line each, which unfolds to its explanation."""

from __future__ import annotations

from typing import Final

from memlab.reports.blocks import Fold, Paragraph, Tone
from memlab.reports.findings import ClaimFindings, Findings

#: Verdict → its letter and its tone.
MARKS: Final[dict[str, tuple[str, Tone]]] = {
    "supported": ("S", "good"),
    "not supported": ("N", "bad"),
    "inconclusive (control failed)": ("C", "doubtful"),
    "inconclusive": ("?", "doubtful"),
    "not run": ("·", "soft"),
}
#: Verdict → its words where there is little room; others are short enough.
BRIEF: Final = {"inconclusive (control failed)": "control failed"}


def claim_folds(findings: Findings) -> list[Fold]:
    """A fold for each claim that the experiment names."""
    return [_fold(one) for one in findings.claims]


def _fold(found: ClaimFindings) -> Fold:
    mark, tone = MARKS.get(found.verdict, MARKS["not run"])
    return Fold(_line(found), (Paragraph(" ".join(found.explanation)),), mark, tone)


def _line(found: ClaimFindings) -> str:
    """`A7 Patterns are learned first: supported; best − final test accuracy 0.10 [0.08, 0.12]`."""
    said = f"{found.id} {found.title}: {found.verdict}"
    if found.effect_is is None:
        return f"{said}; {found.reason.rstrip('.')}."
    return f"{said}; {found.effect_is} {found.shown}, asked {found.asked}."
