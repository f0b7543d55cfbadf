"""The verdicts of a report in words, the same for every renderer."""

from __future__ import annotations

from memlab.reports.findings import ClaimFindings, Findings

LETTERS = {"supported": "S", "not supported": "N", "inconclusive": "?", "not run": "·"}


def claim_line(found: ClaimFindings) -> str:
    """`A7 Patterns are learned first: supported; best − final test accuracy 0.10 [0.08, 0.12]`."""
    said = f"{found.id} {found.title}: {found.verdict}"
    if found.effect_is is None:
        return f"{said}; {found.reason.rstrip('.')}."
    return f"{said}; {found.effect_is} {found.shown}, asked {found.asked}."


def claim_lines(findings: Findings) -> list[tuple[str, str]]:
    """Letter of the verdict and line, of each claim."""
    return [(LETTERS.get(one.verdict, "·"), claim_line(one)) for one in findings.claims]
