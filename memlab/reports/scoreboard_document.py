"""The scoreboard as plain data, for `memlab replicate --json`."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from memlab.claims.claim import Condition
from memlab.claims.verdict import LEAST_REPLICATES
from memlab.reports.scoreboard import Arm, Entry, Scoreboard
from memlab.reports.scoreboard_chance import adjusted, after_holm, chance
from memlab.reports.scoreboard_words import explanation, first_lines


def document(board: Scoreboard) -> dict[str, Any]:
    """Every claim with conditions, control, contrast, p and power; checks apart."""
    ps = adjusted(board.entries)
    return {
        "size": board.size,
        "replicates": list(board.replicates),
        "least_replicates": LEAST_REPLICATES,
        "seconds": round(board.seconds, 1),
        "facts": dict(board.facts),
        "first_lines": list(first_lines(board)),
        "chance": asdict(chance(board)),
        "claims": [_claim(board, entry, ps.get(entry.claim.id)) for entry in board.entries],
        "checks": [
            {
                "id": one.check.id,
                "beside": one.check.beside,
                "title": one.check.title,
                "sentence": one.check.sentence,
                "came_out": one.shown,
                "told": one.checked.told if one.checked is not None else one.reason,
            }
            for one in board.checks
        ],
    }


def _claim(board: Scoreboard, entry: Entry, p: float | None) -> dict[str, Any]:
    claim, measured, judged = entry.claim, entry.measured, entry.judgement
    primary = measured.primary if measured is not None else None
    return {
        "id": claim.id,
        "paper": claim.paper,
        "title": claim.title,
        "sentence": claim.sentence,
        "source": claim.source,
        "criterion": claim.criterion,
        "rival": claim.rival,
        "refuted_by": claim.refuted_by,
        "verdict": entry.shown,
        "reason": entry.reason,
        **_arm(entry.own),
        "p": _finite(primary.p) if primary is not None else None,
        "p_holm": _finite(p),
        "verdict_holm": after_holm(entry, p),
        "smallest_effect": _finite(primary.smallest_effect) if primary is not None else None,
        "replicates_to_decide": primary.to_decide if primary is not None else None,
        "least_replicates": claim.least,
        "least_effect": claim.least_effect,
        "budget_seconds": claim.budget,
        "control": _named(entry.control) if entry.control is not None else None,
        "contrast": _contrast(judged.contrast if judged is not None else None),
        "calibrations": [_named(arm) for arm in entry.calibrations],
        "history": [asdict(change) for change in claim.history],
        "explanation": list(explanation(entry, board.replicates)),
    }


def _contrast(found: Condition | None) -> dict[str, Any] | None:
    return _condition(found) if found is not None else None


def _named(arm: Arm) -> dict[str, Any]:
    return {
        "kind": arm.kind,
        "about": arm.about,
        "verdict": arm.shown,
        "reason": arm.reason,
        **_arm(arm),
    }


def _arm(arm: Arm) -> dict[str, Any]:
    head, measured = arm.headline, arm.measured
    return {
        "effect": head.effect.document() if head is not None else None,
        "effect_is": head.label if head is not None else None,
        "threshold": head.rule.threshold if head is not None else None,
        "rule": head.rule.words if head is not None else None,
        "seconds": round(arm.seconds, 1),
        "runs": list(arm.runs),
        "conditions": [_condition(c) for c in (measured.conditions if measured else ())],
    }


def _condition(one: Condition) -> dict[str, Any]:
    told: dict[str, Any] = {
        "label": one.label,
        "verdict": one.verdict,
        "effect": one.effect.document(),
        "threshold": one.rule.threshold,
        "rule": one.rule.words,
        "interval": one.effect.method,
        "censored": one.effect.censored,
        "values": [_finite(v) for v in one.values] if one.values is not None else None,
    }
    if one.trend is not None:
        told |= {"rank_correlation": _finite(one.trend.rank), "rank_p": _finite(one.trend.rank_p)}
    return told


def _finite(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None
