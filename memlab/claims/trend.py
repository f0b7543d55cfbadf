"""Trends over conditions: a slope for each replicate, and what chance alone makes of it.

A trend is a slope (rule 7 of docs/science.md). Rank correlations are shown beside it with their
p by stratified permutation; they are no effects: of a monotone row each resampling is ±1 again.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike

from memlab.claims.intervals import Values
from memlab.errors import BadInput
from memlab.experiment.keys import key

Log = Literal["", "x", "y", "xy"]
PERMUTATIONS: Final = 10_000
#: With three conditions replicates agree in their order too often by chance.
LEAST_CONDITIONS: Final = 4


@dataclass(frozen=True, eq=False)
class Trend:
    """`y` [replicates, conditions] against `x` of the same shape, on the scale of the slope.

    Replicates with a gap are left out here; `slopes` has NaN for them.
    """

    x: Values
    y: Values

    @cached_property
    def p(self) -> float:
        """Two-sided p of the mean slope, y permuted over the conditions of each replicate."""
        x, y = self._rows
        return _stratified(_weights(x), y)

    @cached_property
    def rank(self) -> float:
        """Mean over replicates of Spearman's rank correlation; a row that does not vary is 0."""
        x, y = self._rows
        return float(np.mean(_correlations(_ranks(x), _ranks(y)))) if len(y) else float("nan")

    @cached_property
    def rank_p(self) -> float:
        """Two-sided p of `rank`, by the same permutations."""
        x, y = (_ranks(part) for part in self._rows)
        norm = np.sqrt((_centred(x) ** 2).sum(1) * (_centred(y) ** 2).sum(1))[:, None]
        with np.errstate(invalid="ignore", divide="ignore"):
            return _stratified(np.nan_to_num(_centred(x) / norm, posinf=0.0, neginf=0.0), y)

    @property
    def words(self) -> str:
        """`rank correlation −0.87 (p 0.0012, stratified permutation)`."""
        told = f"rank correlation {self.rank:.2f} (p {self.rank_p:.2g}, stratified permutation)"
        return told.replace("-", "−")

    @cached_property
    def _rows(self) -> tuple[Values, Values]:
        whole = np.isfinite(self.x).all(1) & np.isfinite(self.y).all(1)
        return self.x[whole], self.y[whole]


def trend(x: ArrayLike, y: ArrayLike, log: Log = "") -> Trend:
    """`x` [conditions], or [replicates, conditions] where measured, with `y` of that shape.

    `log` names the sides that are put on a scale of logarithms; what is not positive is a gap
    there.

    Raises:
        BadInput: for fewer than four conditions.
        ValueError: for shapes that do not fit.
    """
    table = np.atleast_2d(np.asarray(y, np.float64))
    places = np.asarray(x, np.float64)
    if table.shape[1] < LEAST_CONDITIONS:
        raise BadInput(
            f"a trend is over {LEAST_CONDITIONS} values or more of what is varied, and there are "
            f"{table.shape[1]}."
        )
    if places.shape[-1] != table.shape[1]:
        raise ValueError("a trend needs conditions that are alike for x and y")
    places = np.broadcast_to(places, table.shape)
    if "x" in log:
        places = _logarithm(places)
    return Trend(places, _logarithm(table) if "y" in log else table)


def slopes(found: Trend) -> Values:
    """Each replicate's least-squares slope, [replicates]; NaN where a condition is missing."""
    return np.asarray((_weights(found.x) * found.y).sum(axis=1), np.float64)


def _logarithm(values: Values) -> Values:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(values > 0, np.log(values), np.nan)


def _centred(values: Values) -> Values:
    return np.asarray(values - values.mean(axis=1, keepdims=True))


def _weights(x: Values) -> Values:
    off = _centred(x)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(off / (off**2).sum(axis=1, keepdims=True))


def _ranks(values: Values) -> Values:
    from scipy.stats import rankdata

    return np.asarray(rankdata(values, axis=1), np.float64) if len(values) else values


def _correlations(x: Values, y: Values) -> Values:
    a, b = _centred(x), _centred(y)
    with np.errstate(invalid="ignore", divide="ignore"):
        made = (a * b).sum(axis=1) / np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    return np.nan_to_num(np.asarray(made, np.float64))


def _stratified(weights: Values, y: Values) -> float:
    """Two-sided p of Σ weights · y, y permuted within each row; NaN without rows."""
    if not len(y):
        return float("nan")
    draw = key(0, "stratified permutation")
    seen = abs(float((weights * y).sum()))
    beyond, block = 0, 1_000
    for _ in range(PERMUTATIONS // block):
        order = draw.random((block, *y.shape)).argsort(axis=2)
        shuffled = np.take_along_axis(np.broadcast_to(y, order.shape), order, 2)
        made = np.abs((weights * shuffled).sum(axis=(1, 2)))
        beyond += int((made >= seen * (1 - 1e-12)).sum())
    return (1 + beyond) / (1 + PERMUTATIONS)
