"""The verdicts that a single run's report ends with: those claims that its experiment names.

The run stands in for each of the presets that the claim needs; where its grid is not the one that
the claim looks at, the finding says so in place of a verdict.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from memlab.claims import registry
from memlab.claims.finished_run import Evidence, FinishedRun
from memlab.errors import MemlabError
from memlab.estimate import Estimate
from memlab.numbers import bracketed
from memlab.reports.findings import ClaimFindings
from memlab.reports.scoreboard import NOT_RUN, Entry, measured
from memlab.reports.scoreboard_words import explanation
from memlab.runs.run import Run


def claim_findings(run: Run) -> list[ClaimFindings]:
    """One for each claim that the experiment of a finished run names, in its order.

    What keeps a claim from being measured is its finding's reason; it never fails the run.
    """
    try:
        found = FinishedRun(run)
    except MemlabError as error:
        return [_unknown(name, str(error)) for name in run.experiment.claims]
    return [_of(name, found) for name in run.experiment.claims]


def _of(name: str, run: FinishedRun) -> ClaimFindings:
    try:
        claim = registry.named(name)
    except MemlabError as error:
        return _unknown(name, str(error))
    replicates = tuple(run.replicates)
    evidence = Evidence(dict.fromkeys(claim.presets, run), replicates)
    return _finding(measured(claim, evidence, "laptop", {}), replicates)


def _unknown(name: str, reason: str) -> ClaimFindings:
    """Of a claim that cannot be looked at: its package is broken, or the run cannot be read."""
    words = dict.fromkeys(("title", "sentence", "source", "criterion", "shown", "asked"), "")
    return ClaimFindings(
        id=name,
        verdict=NOT_RUN,
        reason=reason,
        effect=None,
        effect_is=None,
        explanation=[],
        **words,
    )


def _finding(entry: Entry, replicates: Sequence[int]) -> ClaimFindings:
    claim, head = entry.claim, entry.headline
    return ClaimFindings(
        id=claim.id,
        title=claim.title,
        sentence=claim.sentence,
        source=claim.source,
        criterion=claim.criterion,
        verdict=entry.shown,
        reason=entry.reason,
        effect=_known(head.effect) if head is not None else None,
        effect_is=head.label if head is not None else None,
        shown=bracketed(head.effect) if head is not None else "",
        asked=head.rule.words if head is not None else "",
        explanation=list(explanation(entry, replicates)),
    )


def _known(effect: Estimate) -> Estimate | None:
    return effect.or_none() if math.isfinite(effect.mean) else None
