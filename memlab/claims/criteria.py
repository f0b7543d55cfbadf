"""Conditions as science.md words them, from values per seed."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from memlab.claims.claim import Condition, Values
from memlab.claims.verdict import Rule, geometric_t, paired_t, rank_correlation, t_interval

FITTED = 0.99


def above(label: str, values: ArrayLike, level: float) -> Condition:
    """The mean over seeds lies above `level`."""
    return Condition(label, t_interval(values), Rule("above", level))


def at_least(label: str, values: ArrayLike, level: float) -> Condition:
    """As `above`; values that all equal `level` count too."""
    return Condition(label, t_interval(values), Rule("above", level, inclusive=True))


def below(label: str, values: ArrayLike, level: float) -> Condition:
    """The mean over seeds lies below `level`."""
    return Condition(label, t_interval(values), Rule("below", level))


def fitted(label: str, values: ArrayLike) -> Condition:
    """Train accuracy of at least 0.99."""
    return at_least(f"train accuracy, {label}", values, FITTED)


def exceeds(label: str, one: ArrayLike, other: ArrayLike, by: float = 0.0) -> Condition:
    """`one` − `other` of the same seeds lies above `by`."""
    return Condition(label, paired_t(one, other), Rule("above", by))


def equal(label: str, one: ArrayLike, other: ArrayLike, margin: float) -> Condition:
    """`one` and `other` of the same seeds differ by less than `margin`."""
    return Condition(label, paired_t(one, other), Rule("within", 0.0, margin))


def ratio_above(label: str, ratios: ArrayLike, level: float) -> Condition:
    """The geometric mean of `ratios` lies above `level`."""
    return Condition(label, geometric_t(ratios), Rule("above", level))


def ratio_below(label: str, ratios: ArrayLike, level: float) -> Condition:
    """The geometric mean of `ratios` lies below `level`."""
    return Condition(label, geometric_t(ratios), Rule("below", level))


def rises(label: str, x: ArrayLike, y: ArrayLike, level: float = 0.0) -> Condition:
    """The rank correlation of `x` [conditions] with `y` [seeds, conditions] lies above `level`."""
    return Condition(label, rank_correlation(x, y), Rule("above", level))


def falls(label: str, x: ArrayLike, y: ArrayLike, level: float = 0.0) -> Condition:
    """The rank correlation of `x` [conditions] with `y` [seeds, conditions] lies below `level`."""
    return Condition(label, rank_correlation(x, y), Rule("below", level))


def depends(label: str, x: ArrayLike, y: ArrayLike, margin: float) -> Condition:
    """The rank correlation of `x` with `y` [seeds, conditions] is not 0, whatever its sign.

    An interval within 0 ± `margin` refutes it.
    """
    return Condition(label, rank_correlation(x, y), Rule("differs", 0.0, margin))


def rolled_rows(values: Values) -> Values:
    """`values` [seeds, conditions], the conditions of each seed rolled by one place more.

    A Latin square and no lottery: over as many seeds as conditions each value is in each place
    once, and a trend is gone whatever it was. A drawn permutation of five seeds would be a trend
    by chance every now and then.
    """
    return np.array([np.roll(row, place) for place, row in enumerate(values)])
