"""The verdicts with which a run's report ends, as the Report screen shows them. Pure."""

from __future__ import annotations

from rich.text import Text

from memlab.reports.claim_lines import claim_folds
from memlab.reports.findings import Findings
from memlab.tui import palette

HEADING = "claims of the papers, on this run alone; 5 has all of them"


def verdicts(findings: Findings, dark: bool) -> Text:
    """A line for each claim that the experiment names, below a heading; empty without any."""
    text = Text()
    if findings.claims:
        text.append("claims", "bold")
        text.append(f"   {HEADING.removeprefix('claims ')}")
    for found, fold in zip(findings.claims, claim_folds(findings), strict=True):
        text.append(f"\n{fold.mark} ", f"bold {palette.verdict(found.verdict, dark)}")
        text.append(fold.summary)
    return text
