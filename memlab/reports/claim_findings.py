"""The verdicts that a single run's report ends with: those claims that its experiment names.

The run stands in for each of the presets that the claim needs; where its grid is not the one that
the claim looks at, the finding says so in place of a verdict.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from memlab.errors import MemlabError
from memlab.experiment.spec import Experiment
from memlab.reports.claims import registry
from memlab.reports.claims.evidence import Evidence
from memlab.reports.claims.finished_run import FinishedRun
from memlab.reports.claims.needed import presets_of
from memlab.reports.findings import ClaimFindings, Quantity
from memlab.reports.scoreboard import Entry, explanation, measured, shown_interval
from memlab.reports.verdict import Interval
from memlab.runs.run_folder import RunFolder


def claim_findings(run: RunFolder, made: Experiment) -> list[ClaimFindings]:
    """One for each claim of the experiment of a finished run, in the order of all claims."""
    claims = registry.chosen(made.claims)
    try:
        found = FinishedRun(run)
    except MemlabError as error:
        return [_finding(Entry(claim, None, str(error), 0.0, ()), ()) for claim in claims]
    seeds = tuple(found.seeds)
    entries = []
    for claim in claims:
        runs = dict.fromkeys(presets_of(claim), found)
        entries.append(measured(claim, Evidence(runs, seeds), "laptop", {})[0])
    return [_finding(entry, seeds) for entry in entries]


def _finding(entry: Entry, seeds: Sequence[int]) -> ClaimFindings:
    claim, head = entry.claim, entry.headline
    return ClaimFindings(
        id=claim.id,
        title=claim.title,
        sentence=claim.sentence,
        source=claim.source,
        criterion=claim.criterion,
        verdict=entry.shown,
        reason=entry.reason,
        effect=_quantity(head.effect) if head is not None else None,
        effect_is=head.label if head is not None else None,
        shown=shown_interval(head.effect) if head is not None else "",
        asked=head.rule.words if head is not None else "",
        explanation=list(explanation(entry, seeds)),
    )


def _quantity(effect: Interval) -> Quantity | None:
    if not math.isfinite(effect.mean) or effect.n < 1:
        return None
    known = math.isfinite(effect.low) and math.isfinite(effect.high)
    return Quantity(mean=effect.mean, ci95=(effect.low, effect.high) if known else None, n=effect.n)
