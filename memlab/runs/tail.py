"""What a run's own networks say of claims M2 and M3, without training any more. No torch.

M2, the memorized tail is needed: test accuracy of the networks that had a memorized truth less that
of those that had it not, beside as many other truths of the same classes. M3, they help their
likes: how far significant pairs are from each other in input space, beside pairs of one class and
all pairs. A removal is not trained here: effects are of single examples, summed (science.md, 8).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memlab.experiment.keys import key
from memlab.runs.memorization import THRESHOLD, Z, memorization
from memlab.runs.outcomes import Mask, Outcomes

Values = NDArray[np.float64]
#: Pairs that are drawn to compare with.
DRAWN = 5000


def tail(outcomes: Outcomes) -> dict[str, Any] | None:
    """Test accuracy that the memorized truths bring, and others in their place.

    `examples` is how many they are, the mean of the two halves of the networks: what is memorized
    is said by one half, what it brings is measured by the other, and the other way round.
    `together`, `others` (as many truths of the same classes) and `difference` are sums of single
    effects with 95 % intervals over networks, in test accuracy. None where there is no tail.

    Subsets are of one size, so that who is out makes room for another: a sum alone is what the tail
    brings beyond a random example, and `difference` is free of that.
    """
    truths = ~outcomes.corrupted
    accuracy = outcomes.correct[:, outcomes.train :].mean(1, dtype=np.float64)
    half = np.arange(outcomes.networks) % 2 == 0
    found = [_halves(outcomes, truths, accuracy, one) for one in (half, ~half)]
    present = [each for each in found if each is not None]
    if len(present) < 2:
        return None
    counts, values, variances = (np.array(column) for column in zip(*present, strict=True))
    mean, error = values.mean(0), np.sqrt(variances.sum(0)) / len(present)
    made: dict[str, Any] = {"examples": float(counts.mean())}
    for name, value, spread in zip(("together", "others", "difference"), mean, error, strict=True):
        half_width = Z * float(spread)
        ends = (float(value) - half_width, float(value) + half_width)
        made[name] = {"value": float(value), "low": ends[0], "high": ends[1]}
    return made


def _halves(
    outcomes: Outcomes, truths: Mask, accuracy: Values, said: Mask
) -> tuple[int, Values, Values] | None:
    """Size of the tail said by the networks `said`, and by the others its sums and variances.

    The three sums are the tail's, that of others of its classes, and their difference; the variance
    is that of a weighted sum of independent accuracies.
    """
    train = outcomes.train
    value = memorization(outcomes.own[said], outcomes.correct[said, :train]).value
    memorized = truths & (np.nan_to_num(value) >= THRESHOLD)
    rest = truths & ~memorized
    given = outcomes.given[:train]
    share = np.zeros(train)
    for label in np.unique(given[memorized]):
        mine, others = memorized & (given == label), rest & (given == label)
        if not others.any():
            return None
        share[others] = mine.sum() / others.sum()
    if not memorized.any():
        return None
    own, reached = outcomes.own[~said].astype(np.float64), accuracy[~said]
    inside = own.sum(0)
    outside = len(own) - inside
    if min(inside.min(), outside.min()) < 1 or len(own) < 3:
        return None
    weight = own / inside - (1.0 - own) / outside
    tails, others_of = weight @ memorized, weight @ share
    columns = np.stack([tails, others_of, tails - others_of])
    return int(memorized.sum()), columns @ reached, np.square(columns).sum(1) * reached.var(ddof=1)


def likeness(
    outcomes: Outcomes, pairs: NDArray[np.void], train_target: bool
) -> dict[str, float | None]:
    """Mean input distance of `pairs`, and of others with the same kind of target.

    `distance`, `distance_same_class` (pairs of one given class, drawn) and `distance_of_all`
    (all pairs, drawn), Euclidean over the values that the networks see; None where these were not
    kept, or there is no such pair.
    """
    names = ("distance", "distance_same_class", "distance_of_all")
    values = outcomes.inputs
    if values is None:
        return dict.fromkeys(names)
    train, given = outcomes.train, outcomes.given
    first, last = (0, train) if train_target else (train, len(given))
    generator = key(0, "pairs to compare", int(train_target))
    of = generator.integers(0, train, 20 * DRAWN)
    to = generator.integers(first, last, 20 * DRAWN)
    of, to = of[of != to], to[of != to]
    same = given[of] == given[to]
    means = (
        _distance(values, pairs["of"], pairs["to"]),
        _distance(values, of[same][:DRAWN], to[same][:DRAWN]),
        _distance(values, of[:DRAWN], to[:DRAWN]),
    )
    return {n: m if math.isfinite(m) else None for n, m in zip(names, means, strict=True)}


def _distance(values: NDArray[np.float16], of: NDArray[Any], to: NDArray[Any]) -> float:
    """Mean distance of pairs, in blocks; NaN of none."""
    total, block = 0.0, max(1, (1 << 22) // values.shape[1])
    for start in range(0, len(of), block):
        rows = slice(start, start + block)
        apart = values[of[rows]].astype(np.float32) - values[to[rows]].astype(np.float32)
        total += float(np.sqrt(np.square(apart).sum(1, dtype=np.float64)).sum())
    return total / len(of) if len(of) else math.nan
