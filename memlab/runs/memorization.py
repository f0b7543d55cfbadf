"""Memorization: would a network know the example had it never seen it? From outcomes, no torch.

Feldman and Zhang 2020 (arXiv 2008.03703), equation 1, for networks on random subsets of the
training examples (their section 2.2; A is `own`, R is `correct`):

    mem(i) = P(right on i | i in the subset) − P(right on i | i not in it)

The margin in place of correctness gives the same with less noise. Examples share networks: what is
said of many examples together gets its interval by drawing networks again (`over_networks`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memlab.experiment.keys import key
from memlab.runs.outcomes import Mask
from memlab.runs.roc import midranks

Values = NDArray[np.float64]
#: Memorized is, after Feldman and Zhang (section 3), what has at least so much.
THRESHOLD = 0.25
#: Two-sided 95 % of the normal distribution.
Z = 1.959963984540054
DRAWS = 200
MOST_NETWORKS = 1e6


@dataclass(frozen=True, eq=False)
class Difference:
    """Inside minus outside, each `[examples]`; NaN where no network is inside, or none outside.

    `inside` and `outside` are means over the networks that had the example and that had it not,
    `counts` how many those were, `[2, examples]`. The standard error is the plain one; `low` and
    `high` are a 95 % interval that has a width at p = 0 and 1 too.
    """

    inside: Values
    outside: Values
    value: Values
    standard_error: Values
    low: Values
    high: Values
    counts: Values


def memorization(own: Mask, correct: Mask) -> Difference:
    """mem of every training example, by correctness, with Newcombe's interval.

    `own` and `correct` are `[networks, train examples]`.

    >>> own = np.array([[1, 0], [1, 1], [0, 1], [0, 0]], bool)
    >>> right = np.array([[1, 1], [1, 1], [0, 1], [0, 1]], bool)
    >>> memorization(own, right).value
    array([1., 0.])
    """
    inside, outside, counts = _sums(own, correct.astype(np.float64))
    one, none = _ratio(inside, counts[0]), _ratio(outside, counts[1])
    variance = _ratio(one * (1 - one), counts[0]) + _ratio(none * (1 - none), counts[1])
    low, high = newcombe(inside, counts[0], outside, counts[1])
    return Difference(one, none, one - none, np.sqrt(variance), low, high, counts)


def margin_memorization(own: Mask, margin: NDArray[np.floating]) -> Difference:
    """The same of the margin `[networks, train examples]`, in logits; the interval is Welch's."""
    values = margin.astype(np.float64)
    values -= (shift := values.mean(0))
    inside, outside, counts = _sums(own, values)
    squares = _sums(own, values**2)
    one, none = _ratio(inside, counts[0]), _ratio(outside, counts[1])
    variance = np.zeros(len(shift))
    for at, mean in enumerate((one, none)):
        spread = squares[at] - counts[at] * mean**2
        variance += _ratio(np.maximum(spread, 0.0), (counts[at] - 1) * counts[at])
    error = np.sqrt(variance)
    value = one - none
    return Difference(
        one + shift, none + shift, value, error, value - Z * error, value + Z * error, counts
    )


def _sums(own: Mask, values: Values) -> tuple[Values, Values, Values]:
    """Sums inside and outside, and the counts of both `[2, examples]`."""
    inside = np.where(own, values, 0.0).sum(0)
    count = own.sum(0, dtype=np.float64)
    return inside, values.sum(0) - inside, np.stack([count, len(own) - count])


def _ratio(one: Values, other: Values) -> Values:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(other > 0, one / other, np.nan)


def wilson(successes: Values, trials: Values) -> tuple[Values, Values]:
    """Wilson's 95 % score interval of a share (1927)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        share = successes / trials
        centre = share + Z**2 / (2 * trials)
        half = Z * np.sqrt(share * (1 - share) / trials + Z**2 / (4 * trials**2))
        scale = 1 + Z**2 / trials
        return np.maximum((centre - half) / scale, 0.0), np.minimum((centre + half) / scale, 1.0)


def newcombe(
    first: Values, of_first: Values, second: Values, of_second: Values
) -> tuple[Values, Values]:
    """95 % interval of the difference of two shares (Newcombe 1998, method 10).

    >>> low, high = newcombe(*map(np.array, (56.0, 70.0, 48.0, 80.0)))
    >>> round(float(low), 4), round(float(high), 4)
    (0.0524, 0.3339)
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        one, two = first / of_first, second / of_second
    (low1, high1), (low2, high2) = wilson(first, of_first), wilson(second, of_second)
    down = np.sqrt((one - low1) ** 2 + (high2 - two) ** 2)
    up = np.sqrt((high1 - one) ** 2 + (two - low2) ** 2)
    return one - two - down, one - two + up


def networks_to_decide(found: Difference, threshold: float = THRESHOLD) -> Values:
    """Networks after which the interval would lie on one side of `threshold`, `[examples]`.

    Newcombe's interval at the shares right seen so far and with subsets of the same share; on a
    grid of counts 10 % apart, infinite beyond `MOST_NETWORKS`.
    """
    decided = np.full(len(found.value), np.inf)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = found.counts[0] / found.counts.sum(0)
    for count in np.ceil(10 * 1.1 ** np.arange(int(np.log(MOST_NETWORKS / 10) / np.log(1.1)))):
        one, none = share * count, (1 - share) * count
        low, high = newcombe(found.inside * one, one, found.outside * none, none)
        sure = (low > threshold) | (high < threshold)
        decided = np.where(sure, np.minimum(decided, count), decided)
    return np.asarray(np.where(np.isfinite(found.value), decided, np.nan), np.float64)


def rank_correlation(one: Values, other: Values) -> float:
    """Spearman's, over examples that have both; NaN where one of them does not vary.

    >>> round(rank_correlation(np.array([1.0, 2.0, 3.0]), np.array([2.0, 5.0, 9.0])), 6)
    1.0
    """
    there = np.isfinite(one) & np.isfinite(other)
    if not there.any():
        return float("nan")
    first, second = midranks(one[there]), midranks(other[there])
    first, second = first - first.mean(), second - second.mean()
    size = float(np.sqrt((first**2).sum() * (second**2).sum()))
    return float((first * second).sum()) / size if size > 0 else float("nan")


def partial_rank(one: Values, other: Values, given: Values) -> float:
    """Spearman's correlation of `one` and `other` at equal `given`; over examples that have all.

    >>> given = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    >>> one, other = given + [0.0, 2, 0, 2, 0, 2], given + [2.0, 0, 2, 0, 2, 0]
    >>> rank_correlation(one, other) > 0.3 > -0.9 > partial_rank(one, other, given)
    True
    """
    there = np.isfinite(one) & np.isfinite(other) & np.isfinite(given)
    pairs = ((one, other), (one, given), (other, given))
    plain, first, second = (rank_correlation(a[there], b[there]) for a, b in pairs)
    left = (1 - first**2) * (1 - second**2)
    return float((plain - first * second) / np.sqrt(left)) if left > 0 else float("nan")


@dataclass(frozen=True)
class Agreement:
    """Rank correlation of the scores from one half of `networks` and from the other."""

    networks: int
    by_correctness: float
    by_margin: float


def convergence(
    own: Mask, correct: Mask, margin: NDArray[np.floating], splits: int = 5
) -> list[Agreement]:
    """Split-half agreement with ever more networks, the mean over random splits into halves.

    Arrays are `[networks, train examples]`; their first k networks are split, k doubling from 50.
    """
    networks, counts = len(own), [50 << step for step in range(20)]
    found = []
    for count in [*(c for c in counts if c < networks), networks]:
        pairs = []
        for split in range(splits):
            order = key(split, "split half", count).permutation(count)
            halves = (order[: count // 2], order[count // 2 :])
            one, two = (memorization(own[half], correct[half]).value for half in halves)
            three, four = (margin_memorization(own[half], margin[half]).value for half in halves)
            pairs.append((rank_correlation(one, two), rank_correlation(three, four)))
        mean = np.mean(pairs, axis=0)
        found.append(Agreement(count, float(mean[0]), float(mean[1])))
    return found


@dataclass(frozen=True)
class OverNetworks:
    """A number about many examples; its interval is ± 1.96 deviations over drawn networks."""

    value: float
    low: float
    high: float


def over_networks(
    own: Mask,
    correct: Mask,
    measure: Callable[[Sequence[Values]], Sequence[float]],
    draws: int = DRAWS,
) -> list[OverNetworks]:
    """Numbers that `measure` makes of mem from the networks' two halves, mem `[examples]` each.

    Networks of each half are drawn again with replacement, which leaves the halves independent.
    """
    half = np.arange(len(own)) % 2 == 0
    value = measure([_weighted(own, correct, h[None].astype(float))[0] for h in (half, ~half)])
    generator = key(0, "bootstrap networks")
    weights = []
    for chosen in (np.flatnonzero(half), np.flatnonzero(~half)):
        drawn = generator.multinomial(len(chosen), np.full(len(chosen), 1 / len(chosen)), draws)
        weight = np.zeros((draws, len(own)))
        weight[:, chosen] = drawn
        weights.append(_weighted(own, correct, weight))
    drawn_values = np.array([measure([one, two]) for one, two in zip(*weights, strict=True)])
    spread = Z * drawn_values.std(0, ddof=1)
    return [
        OverNetworks(float(v), float(v - s), float(v + s))
        for v, s in zip(value, spread, strict=True)
    ]


def _weighted(own: Mask, correct: Mask, weights: Values) -> Values:
    """mem with each network counted `weights` `[draws, networks]` times, `[draws, examples]`."""
    weights = weights.astype(np.float32)
    masks, both = own.astype(np.float32), (own & correct).astype(np.float32)
    count, right = weights @ masks, weights @ both
    total, whole = weights.sum(1, keepdims=True), weights @ correct.astype(np.float32)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(right / count - (whole - right) / (total - count), np.float64)
