"""Verdicts: from values per seed to an interval, and from an interval to what may be said.

Seeds are the unit of replication (science.md, "Verdicts"). An interval is made here from one value
per seed, from pairs or from two independent sets of seeds; a `Rule`, written before the run, says
on which side of a threshold it has to lie. What the values are is `memlab.claims`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from memlab.estimate import LEVEL, Estimate, over_seeds
from memlab.experiment.keys import key

Values = NDArray[np.float64]
Name = Literal["supported", "not supported", "inconclusive"]
Direction = Literal["above", "below", "within", "differs"]

LEAST_SEEDS: Final = 3
MOST_SEEDS: Final = 1_000
RESAMPLES: Final = 2_000
LEAST_CONDITIONS: Final = 4
CLEARANCE: Final = 0.1


@dataclass(frozen=True)
class Effect(Estimate):
    """An estimate that a rule can judge, and how its interval was made.

    `deviation` is the spread between seeds on the scale on which the interval is made (of a
    difference of independent seeds, the root of both variances' sum), `logarithmic` whether that
    is the scale of logarithms.
    """

    deviation: float
    method: str
    logarithmic: bool = False


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


@dataclass(frozen=True)
class Verdict:
    """What may be said; `seeds_to_decide` is given where it is inconclusive and can be known."""

    verdict: Name
    effect: Effect
    rule: Rule
    seeds_to_decide: int | None = None


def _finite(values: ArrayLike) -> Values:
    array = np.asarray(values, np.float64).ravel()
    return array[np.isfinite(array)]


def _pairs(one: ArrayLike, other: ArrayLike) -> tuple[Values, Values]:
    left, right = np.asarray(one, np.float64).ravel(), np.asarray(other, np.float64).ravel()
    if left.shape != right.shape:
        raise ValueError(f"pairs need as many values on both sides, not {left.size}, {right.size}")
    both = np.isfinite(left) & np.isfinite(right)
    return left[both], right[both]


def _quantile(freedom: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(freedom, (1 + LEVEL) / 2))


def t_interval(values: ArrayLike) -> Effect:
    """Mean ± t·s/√n over the finite `values`, one per seed, n − 1 degrees of freedom."""
    found = _finite(values)
    made = over_seeds(found)
    spread = float(found.std(ddof=1)) if made.n > 1 else math.nan
    return Effect(made.mean, made.low, made.high, made.n, spread, "t")


def paired_t(one: ArrayLike, other: ArrayLike) -> Effect:
    """`one` − `other` where both share seed and data; a pair with a gap is left out."""
    left, right = _pairs(one, other)
    return _named(t_interval(left - right), "paired t")


def geometric_t(values: ArrayLike) -> Effect:
    """The geometric mean of positive ratios, its t interval made on their logarithms."""
    found = _finite(values)
    if (found <= 0).any():
        raise ValueError("a geometric mean needs values above 0")
    made = t_interval(np.log(found))
    mean, low, high = (math.exp(x) for x in (made.mean, made.low, made.high))
    return Effect(mean, low, high, made.n, made.deviation, "t of logarithms", True)


def unpaired_t(one: ArrayLike, other: ArrayLike) -> Effect:
    """Mean of `one` − mean of `other` for independent seeds (Welch 1947); n is the smaller."""
    left, right = _finite(one), _finite(other)
    n = min(len(left), len(right))
    mean = float(left.mean() - right.mean()) if n else math.nan
    if n < 2:
        return Effect(mean, math.nan, math.nan, n, math.nan, "Welch's t")
    parts = [(float(v.var(ddof=1)), len(v)) for v in (left, right)]
    error = sum(variance / size for variance, size in parts)
    spread = math.sqrt(sum(variance for variance, _ in parts))
    if error == 0.0:
        return Effect(mean, mean, mean, n, spread, "Welch's t")
    freedom = error**2 / sum((v / size) ** 2 / (size - 1) for v, size in parts)
    half = _quantile(freedom) * math.sqrt(error)
    return Effect(mean, mean - half, mean + half, n, spread, "Welch's t")


def bootstrap(values: ArrayLike) -> Effect:
    """Mean over seeds with a bootstrap interval that is safe for few of them.

    Percentiles of resampled means, their distances from the mean stretched as t is wider than the
    normal and as s/√n is larger than the spread of resampled means (after Hesterberg 2015, section
    5.2), and never narrower than the t interval: with three seeds the plain percentile interval
    excludes a true zero in a quarter of all cases, because three equal signs suffice.
    """
    found = _finite(values)
    base = t_interval(found)
    if base.n < 2:
        return _named(base, "bootstrap")
    draws = found[key(0, "bootstrap").integers(0, base.n, (RESAMPLES, base.n))].mean(axis=1)
    return _stretched(base, draws, _stretch(base.n), "bootstrap")


def paired_bootstrap(one: ArrayLike, other: ArrayLike) -> Effect:
    """`one` − `other` of the same seeds, pairs resampled together, as `bootstrap`."""
    left, right = _pairs(one, other)
    return _named(bootstrap(left - right), "paired bootstrap")


def unpaired_bootstrap(one: ArrayLike, other: ArrayLike) -> Effect:
    """Difference of means, the two sets of seeds resampled apart, stretched as `bootstrap`."""
    left, right = _finite(one), _finite(other)
    base = unpaired_t(left, right)
    if base.n < 2:
        return _named(base, "unpaired bootstrap")
    draw = key(0, "unpaired bootstrap")
    means = [v[draw.integers(0, len(v), (RESAMPLES, len(v)))].mean(axis=1) for v in (left, right)]
    return _stretched(base, means[0] - means[1], _stretch(base.n), "unpaired bootstrap")


def _stretch(n: int) -> float:
    return _quantile(n - 1) * math.sqrt(n / (n - 1)) / _quantile(math.inf)


def _stretched(base: Effect, draws: Values, factor: float, method: str) -> Effect:
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(draws, [tail, 1 - tail])
    return Effect(
        base.mean,
        min(base.low, base.mean - factor * (base.mean - float(low))),
        max(base.high, base.mean + factor * (float(high) - base.mean)),
        base.n,
        base.deviation,
        method,
    )


def _named(made: Effect, method: str) -> Effect:
    return Effect(made.mean, made.low, made.high, made.n, made.deviation, method)


def spearman(x: ArrayLike, y: ArrayLike) -> float:
    """Spearman's rank correlation, ties at mean rank; NaN where one side does not vary."""
    left, right = _pairs(x, y)
    return float(_rank_correlations(left, right[None])[0]) if len(left) > 1 else math.nan


def _rank_correlations(x: Values, y: Values) -> Values:
    """Of `x` [conditions] with each row of `y` [seeds, conditions], [seeds]."""
    from scipy.stats import rankdata

    a, b = rankdata(x), rankdata(y, axis=1) if len(y) else y
    a, b = a - a.mean(), b - b.mean(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(b @ a / np.sqrt((a @ a) * (b * b).sum(axis=1)), np.float64)


def rank_correlation(x: ArrayLike, y: ArrayLike) -> Effect:
    """Mean over seeds of the rank correlation of `x` [conditions] with `y` [seeds, conditions].

    The correlation is made for each seed, the t interval over seeds from these values themselves
    and cut at ±1: Fisher's z, the textbook scale, is infinite at ±1, where a monotone trend over a
    handful of conditions lies. A seed whose `y` does not vary counts as 0.

    Raises:
        ValueError: for fewer than four conditions, of which three seeds agree too often by chance.
    """
    table, places = np.atleast_2d(np.asarray(y, np.float64)), np.asarray(x, np.float64)
    if table.shape[1] != places.size or places.size < LEAST_CONDITIONS:
        raise ValueError(f"a rank correlation needs at least {LEAST_CONDITIONS} conditions")
    whole = table[np.isfinite(table).all(axis=1)]
    made = t_interval(np.nan_to_num(_rank_correlations(places, whole)))
    low, high = max(made.low, -1.0), min(made.high, 1.0)
    if math.isnan(made.low):
        low = high = math.nan
    return Effect(made.mean, low, high, made.n, made.deviation, "t of rank correlations")


def decide(effect: Effect, rule: Rule) -> Verdict:
    """The verdict by the rule of science.md; none (inconclusive) from fewer than three seeds."""
    name = _verdict(effect.low, effect.high, effect.n, rule)
    return Verdict(name, effect, rule, _seeds(effect, rule) if name == "inconclusive" else None)


def _verdict(low: float, high: float, n: int, rule: Rule) -> Name:
    if n < LEAST_SEEDS or not (math.isfinite(low) and math.isfinite(high)):
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


def _seeds(effect: Effect, rule: Rule) -> int | None:
    """The least number of seeds whose interval would decide, mean and spread being what they are.

    None where none up to `MOST_SEEDS` would.
    """
    if not math.isfinite(effect.mean):
        return None
    if not math.isfinite(effect.deviation):
        return LEAST_SEEDS if effect.n < LEAST_SEEDS else None
    scale: Callable[[float], float] = math.exp if effect.logarithmic else float
    centre = math.log(effect.mean) if effect.logarithmic else effect.mean

    def decided(n: int) -> bool:
        half = _quantile(n - 1) * effect.deviation / math.sqrt(n)
        return _verdict(scale(centre - half), scale(centre + half), n, rule) != "inconclusive"

    few, many = max(LEAST_SEEDS, effect.n + 1) - 1, MOST_SEEDS
    if not decided(many):
        return None
    while many - few > 1:  # the interval shrinks with n, so what is decided stays decided
        middle = (few + many) // 2
        few, many = (few, middle) if decided(middle) else (middle, many)
    return many


def all_of(verdicts: Sequence[Verdict]) -> Name:
    """An intersection of conditions: supported iff each is, not supported if any is not."""
    names = [verdict.verdict for verdict in verdicts]
    if "not supported" in names:
        return "not supported"
    return "supported" if names and set(names) == {"supported"} else "inconclusive"


def seeds_to_decide(verdicts: Sequence[Verdict]) -> int | None:
    """How many seeds would decide every inconclusive condition; None where that is not known."""
    wanted = [v.seeds_to_decide for v in verdicts if v.verdict == "inconclusive"]
    known = [n for n in wanted if n is not None]
    return max(known) if known and len(known) == len(wanted) else None
