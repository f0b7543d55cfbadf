"""What chance alone would make of a scoreboard: its error rate, Holm's adjustment, shared runs.

Rule 6 of docs/science.md, section 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from memlab.claims.judgement import Outcome
from memlab.claims.needed import presets_of
from memlab.claims.significance import holm
from memlab.estimate import LEVEL
from memlab.reports.scoreboard import NOT_RUN, Entry, Scoreboard


@dataclass(frozen=True)
class Chance:
    """Of the claims that were measured: how many conditions, and verdicts that chance makes.

    `false_verdicts` is the most that are expected where every primary effect lies at the border of
    what is claimed: each interval misses it in one of twenty cases, `false_supported` of them on
    the claimed side. A control that has to pass as well makes them fewer. `shared` has the claims
    that share a run, by preset.
    """

    claims: int
    conditions: int
    false_verdicts: float
    false_supported: float
    shared: dict[str, tuple[str, ...]]


def chance(board: Scoreboard) -> Chance:
    """The error rate of a board."""
    known = [entry for entry in board.entries if entry.measured is not None]
    conditions = sum(len(e.measured.conditions) for e in known if e.measured is not None)
    two_sided = sum(
        e.measured.primary.rule.direction == "differs" for e in known if e.measured is not None
    )
    level = 1 - LEVEL
    users: dict[str, list[str]] = {}
    for entry in known:
        for preset in presets_of(entry.claim):
            users.setdefault(preset, []).append(entry.claim.id)
    return Chance(
        len(known),
        conditions,
        level * len(known),
        level / 2 * (len(known) - two_sided) + level * two_sided,
        {preset: tuple(ids) for preset, ids in users.items() if len(ids) > 1},
    )


def adjusted(entries: Sequence[Entry]) -> dict[str, float]:
    """Claim → Holm's adjusted p of its primary condition, over all claims that were measured."""
    found = [(e.claim.id, e.measured.primary.p) for e in entries if e.measured is not None]
    return dict(zip((name for name, _ in found), holm([p for _, p in found]), strict=True))


def after_holm(entry: Entry, p: float | None) -> Outcome | str:
    """The verdict as it is with the adjusted p of its primary condition."""
    if entry.verdict is None:
        return NOT_RUN
    decided = entry.verdict in ("supported", "not supported")
    if decided and (p is None or math.isnan(p) or p > 1 - LEVEL):
        return "inconclusive"
    return entry.verdict
