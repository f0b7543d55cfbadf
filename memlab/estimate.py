"""Mean ± interval: the one type for it, and the one way from values of several seeds to it.

Seeds are the unit; examples, epochs and layers are not. Every interval is a 95 % t interval of a
mean, mean ± t·s/√n with n − 1 degrees of freedom, not clipped to the range of what is measured.
How an estimate is written is `numbers`; what may be concluded from one is `claims.verdict`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
LEVEL: Final = 0.95


@dataclass(frozen=True)
class Estimate:
    """A mean over `n` seeds with its 95 % interval; `low` and `high` are NaN where there is none.

    >>> Estimate.around(0.5, 0.25, 3)
    Estimate(mean=0.5, low=0.25, high=0.75, n=3)
    """

    mean: float
    low: float
    high: float
    n: int

    @classmethod
    def around(cls, mean: float, half: float = math.nan, n: int = 1) -> Estimate:
        """A mean and half the width of its interval; NaN for none."""
        if math.isnan(half):
            return Estimate(mean, math.nan, math.nan, n)
        return Estimate(mean, mean - half, mean + half, n)

    @property
    def bounded(self) -> bool:
        """Whether it has an interval."""
        return not (math.isnan(self.low) or math.isnan(self.high))

    @property
    def half(self) -> float:
        """Half the interval's width; NaN without one."""
        return abs(self.high - self.low) / 2

    @property
    def ends(self) -> tuple[float, float] | None:
        """The interval; None without one."""
        return (self.low, self.high) if self.bounded else None

    def or_none(self) -> Estimate | None:
        """The estimate; None where no seed has the quantity."""
        return self if self.n else None

    def apart(self, other: Estimate) -> bool:
        """Whether both have an interval and the two do not overlap.

        This is stricter than a test of the difference: intervals that overlap a little can still
        belong to means that differ; ones that do not overlap hardly belong to equal means.
        """
        return self.high < other.low or other.high < self.low

    def document(self) -> dict[str, Any]:
        """The estimate as plain data: `mean`, `ci95` and `n`, None for what is not finite."""
        high = self.high if math.isfinite(self.high) else None  # open above: None is its end
        return {
            "mean": self.mean if math.isfinite(self.mean) else None,
            "ci95": [self.low, high] if self.bounded and math.isfinite(self.low) else None,
            "n": self.n,
        }


def over_seeds(values: Iterable[float]) -> Estimate:
    """Mean and interval over the finite ones of `values`, one per seed; NaN where none is finite.

    >>> over_seeds([0.5, float("nan")])
    Estimate(mean=0.5, low=nan, high=nan, n=1)
    """
    array = np.asarray(values if isinstance(values, np.ndarray) else list(values), np.float64)
    found = array[np.isfinite(array)]
    if not found.size:
        return Estimate(math.nan, math.nan, math.nan, 0)
    with np.errstate(over="ignore", invalid="ignore"):  # a damaged table may hold 1e300
        mean = float(found.mean())
        squares = float(((found - mean) ** 2).sum())
        half = float(half_width(np.array([float(found.size)]), np.array([squares]))[0])
    if found.size < 2:
        return Estimate(mean, math.nan, math.nan, 1)
    return Estimate(mean, mean - half, mean + half, int(found.size))


def means(values: Values) -> tuple[Values, Values]:
    """Mean and half-width over the first dimension of `values`, each value by itself.

    Only what is finite counts, but an infinity that all share stays; NaN where nothing is left,
    and as the half-width of fewer than two.
    """
    there = np.isfinite(values)
    count = there.sum(0)
    with np.errstate(all="ignore"):
        mean = np.where(there, values, 0.0).sum(0) / count
        squares = (np.where(there, values - mean, 0.0) ** 2).sum(0)
    alike = np.isinf(values).all(0) & (values == values[:1]).all(0)
    mean = np.where(alike, values[0], np.where(count > 0, mean, np.nan))
    half = half_width(count.ravel().astype(np.float64), squares.ravel()).reshape(count.shape)
    return mean, half


def half_width(count: Values, squares: Values) -> Values:
    """Half the interval of a mean over `count` values; NaN for fewer than two.

    `squares` is the sum of squared deviations from the mean; both [points].
    """
    half = np.full(len(count), np.nan)
    enough = count > 1
    if not enough.any():
        return half
    from scipy.special import stdtrit

    sizes, where = np.unique(count[enough], return_inverse=True)
    quantile = stdtrit(sizes - 1, (1 + LEVEL) / 2)[where]
    n = count[enough]
    half[enough] = quantile * np.sqrt(squares[enough] / (n - 1) / n)
    return half
