"""What a number of replicates can see: power, the smallest effect, the replicates that decide.

All of a paired comparison with a t interval, by Student's noncentral t, at 80 % power unless told
otherwise. An interval at a bound (`intervals.share_t`) and a trend are taken as t intervals here.
"""

from __future__ import annotations

import math
from typing import Final

from memlab.claims.intervals import Effect, quantile
from memlab.claims.verdict import CLEARANCE, LEAST_REPLICATES, Rule

POWER: Final = 0.8
MOST_REPLICATES: Final = 1_000


def detectable(n: int, power: float = POWER) -> float:
    """The smallest effect that `n` replicates show at this power, in standard deviations.

    >>> [round(detectable(n), 2) for n in (8, 10, 20)]
    [1.16, 1.0, 0.66]
    """
    if n < 2:
        return math.inf
    low, high = 0.0, 100.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if _shown(middle * math.sqrt(n), n) >= power else (middle, high)
    return high


def _shown(distance: float, n: int, stretch: float = 1.0) -> float:
    """How often the interval's end stays on this side of a border `distance` standard errors off;
    `stretch` is how much further off than its own half width the mean has to be."""
    from scipy.special import nctdtr, stdtr

    least = stretch * quantile(n - 1)
    if distance > 37.0:  # beyond what the noncentral distribution is computed for
        return 1.0
    if distance <= 0.0:
        return float(stdtr(n - 1, -least + distance))
    return 1.0 - float(nctdtr(n - 1, distance, least))


def power_of(rule: Rule, mean: float, deviation: float, n: int) -> float:
    """How often `n` replicates decide, mean and spread being these; on the rule's own scale."""
    if n < 2:
        return 0.0
    off = abs(mean - rule.threshold)
    if deviation == 0.0:
        return 0.0 if off == (rule.margin if rule.direction == "within" else 0.0) else 1.0
    error = deviation / math.sqrt(n)
    if rule.direction in ("above", "below"):
        return _shown(off / error, n)
    if off >= rule.margin and rule.direction == "within":
        return _shown((off - rule.margin) / error, n)
    sides = (_shown((rule.margin + sign * off) / error, n) for sign in (1, -1))
    inside = max(0.0, sum(sides) - 1.0)
    if rule.direction == "within":
        return inside
    return max(inside, _shown(off / error, n, 1 + 2 * CLEARANCE))


def smallest_effect(effect: Effect, rule: Rule) -> float:
    """The smallest distance from the border that as many replicates of this spread would show.

    In units of the effect; a factor where it is logarithmic. For an equivalence, the smallest
    margin within which they would show equal things to be equal. NaN where there is no spread yet.
    """
    if effect.n < 2 or math.isnan(effect.deviation):
        return math.nan
    both = rule.direction == "within"
    found = detectable(effect.n, (1 + POWER) / 2 if both else POWER) * effect.deviation
    if effect.of:  # at a bound: no less than its interval
        return max(found, effect.mean - effect.low, effect.high - effect.mean)
    return math.exp(min(found, 700.0)) if effect.logarithmic else found


def to_decide(effect: Effect, rule: Rule, least: int = LEAST_REPLICATES) -> int | None:
    """The least number of replicates that decide at 80 % power, mean and spread being what they
    are; None where no number up to 1,000 does, or nothing is known of the spread."""
    if effect.censored or math.isnan(effect.mean) or math.isnan(effect.deviation):
        return None
    mean, own = effect.mean, rule
    if effect.logarithmic:
        if rule.threshold <= 0 or rule.direction in ("within", "differs"):
            return None
        mean, own = math.log(effect.mean), Rule(rule.direction, math.log(rule.threshold))

    def decides(n: int) -> bool:
        return power_of(own, mean, effect.deviation, n) >= POWER

    if decides(least):
        return least
    few, many = least, MOST_REPLICATES
    if not decides(many):
        return None
    while many - few > 1:
        middle = (few + many) // 2
        few, many = (few, middle) if decides(middle) else (middle, many)
    return many
