"""How labels are wrong: which classes are mixed up, and how many labels in all. From probabilities.

Networks that did not see an example say with which probability it has each label. Confident
learning (Northcutt, Jiang and Chuang 2021, arXiv 1911.00068, section 3) counts for each given class
of which class its examples seem to be; that joint distribution corrects the probabilities, which
are of noisy labels, into ones of true labels. All arrays are `[examples, classes]` or
`[classes, classes]`; rows of NaN are examples that no network judges.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memlab.experiment.keys import key

Values = NDArray[np.float64]
Integers = NDArray[np.int64]
Mask = NDArray[np.bool_]
#: At most so many of a class are held for flipped; and of any flip, the chance of no reason.
MOST_LEAVING, UNEXPLAINED = 0.9, 0.02
#: What goes one way so many times as often as back is held for a flip (decision 018).
ONE_WAY = 2.5
DRAWS, LEAST_DRAWS, MOST_NUMBERS = 200, 20, 2e8
#: Two-sided 95 % of the normal distribution.
Z = 1.959963984540054


@dataclass(frozen=True)
class Count:
    """An estimated number of wrong labels with its 95 % interval."""

    value: float
    low: float
    high: float


def complete(probabilities: Values) -> Mask:
    """Which rows, the last axis, are finite."""
    return np.asarray(np.isfinite(probabilities).all(-1), np.bool_)


def confident_class(probabilities: Values, given: Integers) -> Integers:
    """The class that each example is counted under, −1 for none, `[examples]`.

    The likeliest of those whose probability reaches the class's threshold: its mean probability
    over the examples that were given it (section 3.1).
    """
    there = complete(probabilities)
    classes = probabilities.shape[1]
    known = np.where(there[:, None], probabilities, 0.0)
    counts = np.bincount(given[there], minlength=classes)
    own = np.bincount(given[there], known[np.arange(len(given)), given][there], classes)
    thresholds = np.where(counts > 0, own / np.maximum(counts, 1), np.inf)
    reached = known >= thresholds - 1e-9  # equal probabilities have a mean that may be off by that
    above = np.where(reached & there[:, None], known, -1.0)
    return np.where(above.max(1) >= 0, above.argmax(1), -1).astype(np.int64)


def confident_joint(probabilities: Values, given: Integers) -> Values:
    """Share of the examples given class i that are of class j, `[given, true]`, summing to 1.

    >>> p = np.array([[0.9, 0.1], [0.8, 0.2], [0.9, 0.1], [0.1, 0.9]])
    >>> confident_joint(p, np.array([0, 0, 1, 1]))
    array([[0.5 , 0.  ],
           [0.25, 0.25]])
    """
    found = confident_class(probabilities, given)
    return _joint(found, given, probabilities.shape[1], np.ones(len(given)))


def _joint(found: Integers, given: Integers, classes: int, weights: Values) -> Values:
    sure = found >= 0
    cells = np.bincount(given[sure] * classes + found[sure], weights[sure], classes**2)
    table = cells.reshape(classes, classes)
    counts = np.bincount(given, weights, classes)
    rows = table.sum(1)
    lone = rows == 0  # nothing is sure of it: its labels are believed
    table[lone, lone] = 1.0
    return np.asarray(table / np.where(lone, 1.0, rows)[:, None] * (counts / counts.sum())[:, None])


def flips(joint: Values, examples: int) -> Values:
    """Probability that an example of class j is given class i, `[given, true]`, one way only.

    Two classes that networks mix up are mixed up both ways; labels that go from j to i and not
    back were changed. What counts is the excess of one cell over its mirror image beyond one
    standard deviation, where it is `ONE_WAY` times that or more (decision 018).

    >>> flips(np.array([[0.4, 0.0], [0.2, 0.4]]), 10_000).round(2)
    array([[0.67, 0.  ],
           [0.33, 1.  ]])
    """
    counts = joint * examples
    excess = np.maximum(counts - counts.T - np.sqrt(counts + counts.T), 0.0)
    excess[counts < ONE_WAY * counts.T] = 0.0
    np.fill_diagonal(excess, 0.0)
    columns = counts.sum(0)
    made = excess / np.where(columns > 0, columns, 1.0)
    leaving = made.sum(0)
    made *= np.minimum(1.0, MOST_LEAVING / np.maximum(leaving, 1e-9))
    np.fill_diagonal(made, 1.0 - made.sum(0))
    return np.asarray(made)


def unmixed(probabilities: Values, flips: Values) -> Values:
    """Probabilities of true labels from those of given labels, which are their mixture by `flips`.

    The linear system is solved in the least squares, and what is negative is set to nearly 0.
    """
    solved = np.maximum(probabilities @ np.linalg.pinv(flips.T), 1e-4)
    return np.asarray(solved / solved.sum(1, keepdims=True))


def posterior(true: Values, given: Integers, flips: Values) -> Values:
    """Probabilities of true labels once the given label is known, by Bayes' rule.

    `true` are those before. A label that no flip explains has a chance of `UNEXPLAINED`.
    """
    weighed = true * (flips[given] + UNEXPLAINED)
    return np.asarray(weighed / weighed.sum(1, keepdims=True))


def noise_matrix(joint: Values) -> Values:
    """Of the examples given class i, the estimated share that is of class j, `[given, true]`."""
    rows = joint.sum(1, keepdims=True)
    return np.asarray(joint / np.where(rows > 0, rows, 1.0))


def wrong_labels(probabilities: Values, given: Integers) -> Count:
    """Confident learning's number of wrong labels; the interval is over drawn examples.

    Thresholds stay as they are: what the interval leaves out is how well networks know classes.
    """
    examples, classes = probabilities.shape
    found = confident_class(probabilities, given)
    value = _off(_joint(found, given, classes, np.ones(examples)), examples)
    generator = key(0, "bootstrap labels")
    draws = int(np.clip(MOST_NUMBERS / examples, LEAST_DRAWS, DRAWS))
    drawn = [
        _off(
            _joint(found, given, classes, np.asarray(generator.poisson(1.0, examples), np.float64)),
            examples,
        )
        for _ in range(draws)
    ]
    spread = Z * float(np.std(drawn, ddof=1))
    return Count(value, max(0.0, value - spread), min(float(examples), value + spread))


def _off(joint: Values, examples: int) -> float:
    return float(examples * (1.0 - np.trace(joint)))
