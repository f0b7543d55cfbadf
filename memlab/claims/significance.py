"""How likely a verdict is by chance: p of a condition, and Holm's adjustment over many.

p is the level at which the interval would just touch the border of the claimed side, so that p
and the 95 % interval never say different things: two-sided Student's t for a threshold, two
one-sided tests (Schuirmann 1987) for an equivalence, the exact binomial for a share at its bound.
The p of a trend by stratified permutation is `trend`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from memlab.claims.intervals import Effect
from memlab.claims.verdict import Rule


def p_value(effect: Effect, rule: Rule) -> float:
    """Two-sided p of the condition; NaN where there is no interval."""
    if effect.n < 2 or math.isnan(effect.low):
        return math.nan
    if rule.direction == "within":
        ends = (rule.threshold - rule.margin, rule.threshold + rule.margin)
        return max(_beyond(effect, end) for end in ends)  # of the nearer border, inside or out
    if effect.censored and effect.mean < rule.threshold:
        return 1.0
    if rule.inclusive and effect.mean == rule.threshold and not effect.deviation:
        return 0.0
    return _beyond(effect, rule.threshold)


def _beyond(effect: Effect, level: float) -> float:
    """Two-sided p that the mean is on its side of `level` by chance."""
    from scipy.special import betainc, stdtr

    if effect.of and 0.0 < level < 1.0:
        hits = effect.mean * effect.of
        above = effect.mean > level
        tail = (
            betainc(hits, effect.of - hits + 1, level)
            if above
            else betainc(effect.of - hits, hits + 1, 1 - level)
        )
        return min(1.0, 2 * float(tail))
    if effect.logarithmic:
        off = math.log(effect.mean) - math.log(level) if level > 0 else math.inf
    else:
        off = effect.mean - level
    if not effect.deviation:
        return 1.0 if off == 0 else 0.0
    t = abs(off) / (effect.deviation / math.sqrt(effect.n))
    return min(1.0, 2 * float(stdtr(effect.n - 1, -t)))


def holm(found: Sequence[float]) -> list[float]:
    """Adjusted p of each (Holm 1979), in the order given; NaN stays NaN and counts for nothing.

    >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    known = sorted((p, index) for index, p in enumerate(found) if not math.isnan(p))
    made, least = list(found), 0.0
    for place, (p, index) in enumerate(known):
        least = max(least, min(1.0, p * (len(known) - place)))
        made[index] = least
    return made
