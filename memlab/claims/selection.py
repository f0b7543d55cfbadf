"""Choosing and measuring on different data: what is picked for being best must not be its measure.

Rules 4 and 12 of docs/science.md: a peak, an epoch or a strength is chosen on one half of the
replicates and measured on the other; a rival is chosen on validation data for each replicate.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike

from memlab.claims.intervals import Values

Choice = TypeVar("Choice")


def halves(replicates: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the first and of the second half: every other replicate.

    >>> [list(map(int, half)) for half in halves(5)]
    [[0, 2, 4], [1, 3]]
    """
    places = np.arange(replicates)
    return places[::2], places[1::2]


def cross_selected(
    replicates: int,
    select: Callable[[np.ndarray], Choice],
    measure: Callable[[Choice], ArrayLike],
) -> tuple[Values, tuple[Choice, Choice]]:
    """Each replicate measured by what the other half has chosen, and both choices.

    Args:
        select: from positions of replicates to what is best on them.
        measure: from a choice to its values of all replicates, [replicates].

    >>> scores = np.array([[0.1, 0.9], [0.2, 0.8], [0.1, 0.7], [0.9, 0.2]])
    >>> values, chosen = cross_selected(
    ...     4, lambda half: int(scores[half].mean(0).argmax()), lambda at: scores[:, at]
    ... )
    >>> [float(v) for v in values], chosen
    ([0.1, 0.8, 0.1, 0.2], (1, 0))
    """
    first, second = halves(replicates)
    chosen = select(first), select(second)
    made = np.full(replicates, np.nan)
    made[second] = np.asarray(measure(chosen[0]), np.float64)[second]
    made[first] = np.asarray(measure(chosen[1]), np.float64)[first]
    return made, chosen


def best_by_validation(
    validation: Mapping[str, ArrayLike], test: Mapping[str, ArrayLike]
) -> tuple[Values, tuple[str, ...]]:
    """Of several rivals the test value of the one that is best on validation data, [replicates],
    and its name, a replicate each.

    A replicate in which a rival has no validation value is compared without that rival.

    Raises:
        ValueError: where the two do not name the same rivals.

    >>> values, names = best_by_validation(
    ...     {"forest": [0.8, 0.7], "k-nn": [0.7, 0.9]}, {"forest": [0.5, 0.6], "k-nn": [0.9, 0.8]}
    ... )
    >>> [float(v) for v in values], names
    ([0.5, 0.8], ('forest', 'k-nn'))
    """
    if set(validation) != set(test) or not validation:
        raise ValueError("validation and test values need the same rivals")
    names = tuple(validation)
    judged = np.array([np.asarray(validation[name], np.float64) for name in names])
    reached = np.array([np.asarray(test[name], np.float64) for name in names])
    best = np.where(np.isnan(judged), -np.inf, judged).argmax(axis=0)
    return reached[best, np.arange(reached.shape[1])], tuple(names[at] for at in best)
