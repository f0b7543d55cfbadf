"""Conditions as docs/science.md words them, from values per replicate.

Every function takes a label, which names the effect on the board, and values [replicates] that are
paired by replicate; a value that is NaN makes its replicate one less. What a claim's rule is made
of:

>>> import numpy as np
>>> from memlab.claims import criteria as that
>>> trained, untrained = np.linspace(0.5, 0.6, 8), np.linspace(0.30, 0.45, 8)
>>> made = that.exceeds("cosine, trained − untrained", trained, untrained)
>>> made.verdict, made.rule.words
('supported', '> 0')
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from memlab.claims.claim import Condition, Values
from memlab.claims.intervals import Effect, geometric_t, paired_t, share_t, t_interval
from memlab.claims.trend import Log, slopes, trend
from memlab.claims.verdict import Rule

FITTED = 0.99


def _made(label: str, values: ArrayLike, effect: Effect, rule: Rule) -> Condition:
    return Condition(label, effect, rule, np.asarray(values, np.float64).ravel())


def above(label: str, values: ArrayLike, level: float) -> Condition:
    """The mean over replicates lies above `level`."""
    return _made(label, values, t_interval(values), Rule("above", level))


def at_least(label: str, values: ArrayLike, level: float) -> Condition:
    """As `above`; values that all equal `level` count too."""
    return _made(label, values, t_interval(values), Rule("above", level, inclusive=True))


def below(label: str, values: ArrayLike, level: float) -> Condition:
    """The mean over replicates lies below `level`."""
    return _made(label, values, t_interval(values), Rule("below", level))


def within(label: str, values: ArrayLike, level: float, margin: float) -> Condition:
    """The mean over replicates lies within `level` ± `margin`."""
    return _made(label, values, t_interval(values), Rule("within", level, margin))


def share_above(label: str, values: ArrayLike, level: float, of: int | None = None) -> Condition:
    """The mean of shares in [0, 1], each of `of` things, lies at or above `level`.

    At 0 and 1 the interval is Clopper and Pearson's of one replicate's things (`share_t`).
    """
    return _made(label, values, share_t(values, of), Rule("above", level, inclusive=True))


def share_below(label: str, values: ArrayLike, level: float, of: int | None = None) -> Condition:
    """As `share_above`, at or below `level`."""
    return _made(label, values, share_t(values, of), Rule("below", level, inclusive=True))


def fitted(label: str, values: ArrayLike, examples: int | None = None) -> Condition:
    """Train accuracy of at least 0.99 on `examples` training examples."""
    return share_above(f"train accuracy, {label}", values, FITTED, examples)


def exceeds(label: str, one: ArrayLike, other: ArrayLike, by: float = 0.0) -> Condition:
    """`one` − `other` lies above `by`."""
    return _made(label, _minus(one, other), paired_t(one, other), Rule("above", by))


def falls_short(label: str, one: ArrayLike, other: ArrayLike, by: float = 0.0) -> Condition:
    """`one` − `other` lies below −`by`."""
    level = -by if by else 0.0  # and no −0
    return _made(label, _minus(one, other), paired_t(one, other), Rule("below", level))


def equal(label: str, one: ArrayLike, other: ArrayLike, margin: float) -> Condition:
    """`one` and `other` differ by less than `margin`: a claim of it needs a sensitivity arm."""
    return _made(label, _minus(one, other), paired_t(one, other), Rule("within", 0.0, margin))


def ratio_above(
    label: str, ratios: ArrayLike, level: float, censored: ArrayLike | None = None
) -> Condition:
    """The geometric mean of `ratios` lies above `level`.

    `censored` [replicates] marks those that are lower bounds, because the budget ended first.
    """
    return _made(label, ratios, geometric_t(ratios, censored), Rule("above", level))


def ratio_below(
    label: str, ratios: ArrayLike, level: float, censored: ArrayLike | None = None
) -> Condition:
    """The geometric mean of `ratios` lies below `level`; never where one is `censored`."""
    return _made(label, ratios, geometric_t(ratios, censored), Rule("below", level))


def rises(
    label: str, x: ArrayLike, y: ArrayLike, level: float = 0.0, *, log: Log = ""
) -> Condition:
    """The slope of `y` [replicates, conditions] on `x` [conditions] lies above `level`.

    A least-squares line for each replicate, the interval over replicates; `log` names the sides
    that are on a scale of logarithms: "", "x", "y", "xy".
    """
    return _sloped(label, x, y, Rule("above", level), log)


def falls(
    label: str, x: ArrayLike, y: ArrayLike, level: float = 0.0, *, log: Log = ""
) -> Condition:
    """As `rises`, below `level`."""
    return _sloped(label, x, y, Rule("below", level), log)


def proportional(
    label: str, x: ArrayLike, y: ArrayLike, power: float, margin: float, *, log: Log = "xy"
) -> Condition:
    """As `rises`, within `power` ± `margin`."""
    return _sloped(label, x, y, Rule("within", power, margin), log)


def depends(label: str, x: ArrayLike, y: ArrayLike, margin: float, *, log: Log = "") -> Condition:
    """The slope is not 0, whatever its sign; an interval within 0 ± `margin` refutes it."""
    return _sloped(label, x, y, Rule("differs", 0.0, margin), log)


def slope_of(x: ArrayLike, y: ArrayLike, log: Log = "") -> Values:
    """Each replicate's least-squares slope, [replicates]; NaN where a condition is missing."""
    return slopes(trend(x, y, log))


def _sloped(label: str, x: ArrayLike, y: ArrayLike, rule: Rule, log: Log) -> Condition:
    found = trend(x, y, log)
    values = slopes(found)
    return Condition(label, t_interval(values), rule, values, found)


def _minus(one: ArrayLike, other: ArrayLike) -> Values:
    return np.asarray(one, np.float64).ravel() - np.asarray(other, np.float64).ravel()
