"""What several seeds say together: the mean of one quantity and its 95 % t interval.

Seeds are the unit; examples, epochs and layers are not. The quantile is the one that the curves
of a run use, so that a figure's band and the table beside it never disagree.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from memlab.reports.findings import Quantity
from memlab.runs.curve import half_width


def quantity(values: Iterable[float]) -> Quantity | None:
    """Mean and 95 % t interval over the finite ones of `values`, one per seed.

    None where none is finite; `ci95` is None for fewer than two. The interval is mean ± t·s/√n
    with n − 1 degrees of freedom and is not clipped to the range of the quantity.
    """
    found = np.array([value for value in values if np.isfinite(value)], np.float64)
    count = len(found)
    if count == 0:
        return None
    with np.errstate(over="ignore", invalid="ignore"):  # a damaged table may hold 1e300
        mean = float(found.mean())
        if count == 1:
            return Quantity(mean=mean, ci95=None, n=1)
        squares = float(((found - mean) ** 2).sum())
        half = float(half_width(np.array([float(count)]), np.array([squares]))[0])
    return Quantity(mean=mean, ci95=(mean - half, mean + half), n=count)


def apart(one: Quantity, other: Quantity) -> bool:
    """Whether both have an interval and the two do not overlap.

    This is stricter than a test of the difference: intervals that overlap a little can still
    belong to means that differ; ones that do not overlap hardly belong to equal means.
    """
    if one.ci95 is None or other.ci95 is None:
        return False
    return one.ci95[1] < other.ci95[0] or other.ci95[1] < one.ci95[0]


def above(one: Quantity, level: float) -> bool:
    """Whether the whole interval lies above `level`."""
    return one.ci95 is not None and one.ci95[0] > level


def below(one: Quantity, level: float) -> bool:
    """Whether the whole interval lies below `level`."""
    return one.ci95 is not None and one.ci95[1] < level
