"""From values per replicate to an effect with its 95 % interval.

Replicates are the unit: a fresh split of the data and a fresh seed. What may be said of an effect
is `verdict`; how likely it is by chance `significance`; what it would take to see it `power`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from memlab.estimate import LEVEL, Estimate, over_seeds

Values = NDArray[np.float64]
#: With fewer misses than this over all replicates together, a share lies at its bound.
FEW: Final = 5


@dataclass(frozen=True)
class Effect(Estimate):
    """An estimate that a rule can judge, and how its interval was made.

    `deviation` is the spread between replicates on the scale on which the interval is made,
    `logarithmic` whether that is the scale of logarithms. `of` is the number of things that each
    replicate's value is a share of where the interval is Clopper and Pearson's, else 0. `censored`
    counts replicates of which only a lower bound is known; `high` is then infinite.
    """

    deviation: float
    method: str
    logarithmic: bool = False
    of: int = 0
    censored: int = 0


def _finite(values: ArrayLike) -> Values:
    array = np.asarray(values, np.float64).ravel()
    return array[np.isfinite(array)]


def quantile(freedom: float, level: float = LEVEL) -> float:
    """The two-sided quantile of Student's t; of the normal where `freedom` is infinite."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, (1 + level) / 2))


def t_interval(values: ArrayLike) -> Effect:
    """Mean ± t·s/√n over the finite `values`, one per replicate, n − 1 degrees of freedom.

    >>> t_interval([1.0, 2.0, 3.0]).mean
    2.0
    """
    found = _finite(values)
    made = over_seeds(found)
    spread = float(found.std(ddof=1)) if made.n > 1 else math.nan
    return Effect(made.mean, made.low, made.high, made.n, spread, "t")


def paired_t(one: ArrayLike, other: ArrayLike) -> Effect:
    """`one` − `other` where both share split and seed; a pair with a gap is left out.

    Raises:
        ValueError: where the two have different numbers of replicates.
    """
    left, right = np.asarray(one, np.float64).ravel(), np.asarray(other, np.float64).ravel()
    if left.shape != right.shape:
        raise ValueError(f"pairs need as many values on both sides, not {left.size}, {right.size}")
    with np.errstate(invalid="ignore"):
        return replace(t_interval(left - right), method="paired t")


def geometric_t(values: ArrayLike, censored: ArrayLike | None = None) -> Effect:
    """The geometric mean of positive ratios, its t interval made on their logarithms.

    `censored` `[replicates]` marks ratios that are lower bounds (the budget ended first): the mean
    is then one too, and the interval is open above.

    Raises:
        ValueError: for ratios at or below 0.
    """
    array = np.asarray(values, np.float64).ravel()
    known = np.isfinite(array)
    found = array[known]
    if (found <= 0).any():
        raise ValueError("a geometric mean needs values above 0")
    made = t_interval(np.log(found))
    mean, low, high = (math.exp(x) for x in (made.mean, made.low, made.high))
    lower_bounds = 0 if censored is None else int(np.asarray(censored, bool).ravel()[known].sum())
    if lower_bounds:
        high = math.inf
    return Effect(
        mean, low, high, made.n, made.deviation, "t of logarithms", True, censored=lower_bounds
    )


def clopper_pearson(share: float, of: int) -> tuple[float, float]:
    """The exact 95 % interval of a share of `of` things (Clopper and Pearson 1934).

    >>> low, high = clopper_pearson(1.0, 1000)
    >>> round(low, 4), high
    (0.9963, 1.0)
    """
    from scipy.special import betaincinv

    hits, tail = share * of, (1 - LEVEL) / 2
    low = float(betaincinv(hits, of - hits + 1, tail)) if hits > 0 else 0.0
    high = float(betaincinv(hits + 1, of - hits, 1 - tail)) if hits < of else 1.0
    return low, high


def share_t(values: ArrayLike, of: int | None = None) -> Effect:
    """The mean of shares in [0, 1], with an interval of positive width also at their bound.

    A t interval of values that are all 1 has no width, whatever there is to be seen in the next
    replicate. Where all replicates together have fewer than five misses, the interval is therefore
    at least Clopper and Pearson's for the `of` things of a *single* replicate: replicates add to
    the mean, not to the certainty. Without `of` the replicates themselves are counted.
    """
    made = t_interval(values)
    if made.n < 2:
        return made
    number = made.n if of is None else of
    misses = min(made.mean, 1 - made.mean) * (made.n if of is None else made.n * of)
    if not 0.0 <= made.mean <= 1.0 or misses >= FEW:
        return made
    low, high = clopper_pearson(made.mean, number)
    return replace(
        made,
        low=max(0.0, min(made.low, low)),
        high=min(1.0, max(made.high, high)),
        method="t, Clopper–Pearson at the bound",
        of=number,
    )
