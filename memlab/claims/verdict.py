"""From an interval to what may be said of one condition.

A `Rule`, written before the run, says on which side of a threshold the interval has to lie.
What is said of a whole claim, with its control, is `judgement`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

from memlab.claims.intervals import Effect

Name = Literal["supported", "not supported", "inconclusive"]
Direction = Literal["above", "below", "within", "differs"]

#: No verdict comes from fewer replicates; a claim may ask for more (`Claim.least`).
LEAST_REPLICATES: Final = 8
CLEARANCE: Final = 0.1


@dataclass(frozen=True)
class Rule:
    """Where the interval has to lie, fixed before the run.

    `above` and `below` the threshold; `within` threshold ± margin (an equivalence); `differs`:
    the interval is wholly on either side of the threshold, and refuted where it is within ± margin.
    Since two sides convince, it has to be clear of the threshold by a tenth of its own width.
    `inclusive`: values that all equal the threshold are on the claimed side.
    """

    direction: Direction
    threshold: float
    margin: float = 0.0
    inclusive: bool = False

    def __post_init__(self) -> None:
        if self.direction in ("within", "differs") and not self.margin > 0:
            raise ValueError(f"a rule {self.direction!r} needs a margin above 0")

    @property
    def words(self) -> str:
        """The rule as people read it: `> 0.03`, `within 0 ± 0.02`."""
        level = f"{self.threshold:.3g}".replace("-", "−")
        if self.direction == "above":
            return f"{'≥' if self.inclusive else '>'} {level}"
        if self.direction == "below":
            return f"{'≤' if self.inclusive else '<'} {level}"
        if self.direction == "within":
            return f"within {level} ± {self.margin:.3g}"
        return f"other than {level}"


def decide(effect: Effect, rule: Rule, least: int = LEAST_REPLICATES) -> Name:
    """Supported where the interval lies wholly on the claimed side, not supported where it lies
    wholly on the other; inconclusive else, and always from fewer than `least` replicates.

    >>> from memlab.claims.intervals import t_interval
    >>> decide(t_interval([0.1, 0.2, 0.1, 0.2, 0.1, 0.2, 0.1, 0.2]), Rule("above", 0.0))
    'supported'
    """
    low, high = effect.low, effect.high
    if effect.n < least or math.isnan(low) or math.isnan(high):
        return "inconclusive"
    level, margin = rule.threshold, rule.margin
    if rule.direction == "within":
        if level - margin < low and high < level + margin:
            return "supported"
        return "not supported" if high < level - margin or low > level + margin else "inconclusive"
    if rule.direction == "differs":
        clear = CLEARANCE * (high - low)
        if low > level + clear or high < level - clear:
            return "supported"
        near = level - margin < low and high < level + margin
        return "not supported" if near else "inconclusive"
    claimed, other = low > level, high < level
    if low == high == level:
        return "supported" if rule.inclusive else "not supported"
    if rule.direction == "below":
        claimed, other = other, claimed
    return "supported" if claimed else "not supported" if other else "inconclusive"
