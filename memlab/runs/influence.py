"""Influence: whom does a training example help, and whom does it hurt? No torch.

Feldman and Zhang 2020 (arXiv 2008.03703), equation 2, for every training example i and every
example j, of the test set or of the training set:

    infl(i → j) = P(right on j | i in the subset) − P(right on j | i not in it)

All pairs are products of the masks with the outcomes, made in blocks of rows i and never kept
whole unless asked for. What could be chance is found by the same products with the masks handed
to other networks (rows permuted): the threshold is the smallest at which that null, pooled over
all pairs, expects no more than 5 % of the pairs beyond it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memlab.experiment.keys import key
from memlab.runs.outcomes import Outcomes

Floats = NDArray[np.float32]
RATE, PERMUTATIONS = 0.05, 5
MOST_PAIRS = 200_000
#: Numbers of a block of pairs.
BLOCK = 1 << 22
#: Bins of the two statistics over [−1, 1] and [−Z_RANGE, Z_RANGE].
BINS, Z_RANGE = 2000, 50.0
#: A significant pair: `of` helps (or hurts) `to`, a position among training and test examples;
#: influence by correctness and by margin (logits), each with its standard error; `z` is the score
#: test of the margin; `by` 1 where correctness is significant, 2 where the margin is, 3 where both.
PAIR = np.dtype(
    [
        ("of", "<i4"),
        ("to", "<i4"),
        ("influence", "<f4"),
        ("standard_error", "<f4"),
        ("margin_influence", "<f4"),
        ("margin_standard_error", "<f4"),
        ("z", "<f4"),
        ("by", "|u1"),
    ]
)


@dataclass(frozen=True)
class Side:
    """Pairs beyond a threshold: how many there are, and how many of them chance would make.

    `target` is `test` or `train`, `by` `correctness` or `margin`, `sign` 1 for help and −1 for
    harm; `threshold` is infinite where none is significant.
    """

    target: str
    by: str
    sign: int
    threshold: float
    pairs: int
    by_chance: float


@dataclass(frozen=True, eq=False)
class Influence:
    """The significant pairs, strongest first, and how they were found."""

    sides: tuple[Side, ...]
    pairs: NDArray[np.void]


@dataclass(frozen=True, eq=False)
class _Products:
    """What the products of masks and outcomes need: `[networks, …]` float32, columns centred."""

    own: Floats
    right: Floats
    margin: Floats
    square: Floats
    share: Floats
    deviation: Floats
    inside: Floats
    outside: Floats

    @classmethod
    def of(cls, outcomes: Outcomes) -> _Products:
        own, right = outcomes.own.astype(np.float32), outcomes.correct.astype(np.float32)
        margin = outcomes.margin.astype(np.float32)
        margin -= margin.mean(0)
        share = right.mean(0)
        right -= share
        count = own.sum(0)
        square = margin**2
        deviation = np.sqrt(square.mean(0))
        return cls(own, right, margin, square, share, deviation, count, len(own) - count)

    def blocks(self) -> Iterator[slice]:
        step = max(1, BLOCK // self.right.shape[1])
        for start in range(0, self.own.shape[1], step):
            yield slice(start, min(start + step, self.own.shape[1]))

    def statistics(self, rows: slice, own: Floats) -> tuple[Floats, Floats]:
        """Influence by correctness and the margin's score statistic, `[rows, examples]`.

        With centred columns the sum outside is minus the sum inside; `own` are the masks, or the
        same in another order of networks.
        """
        masks, scale = own[:, rows], self.scale(rows)
        influence = (masks.T @ self.right) * scale
        with np.errstate(divide="ignore", invalid="ignore"):
            z = (masks.T @ self.margin) * np.sqrt(scale) / self.deviation
        return np.nan_to_num(influence), np.nan_to_num(z)

    def scale(self, rows: slice) -> Floats:
        """1/n₁ + 1/n₀ of the rows, `[rows, 1]`; 0 where there is none inside, or none outside."""
        one, none = self.inside[rows], self.outside[rows]
        with np.errstate(divide="ignore"):
            scale = np.where((one > 0) & (none > 0), 1 / one + 1 / none, 0.0)
        return np.asarray(scale[:, None], np.float32)

    def margin_errors(self, rows: slice, sums: Floats) -> Floats:
        """Welch's standard error of the margin's influence, `[rows, examples]`."""
        squares = self.own[:, rows].T @ self.square
        one, none = self.inside[rows][:, None], self.outside[rows][:, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            first = (squares - sums**2 / one) / (one * (one - 1))
            second = (self.square.sum(0) - squares - sums**2 / none) / (none * (none - 1))
            return np.asarray(np.sqrt(np.maximum(first + second, 0.0)), np.float32)

    def errors(self, rows: slice, influence: Floats) -> Floats:
        """Plain standard error of influence by correctness, `[rows, examples]`."""
        one, none = self.inside[rows][:, None], self.outside[rows][:, None]
        total = one + none
        first = self.share + influence * none / total
        second = self.share - influence * one / total
        with np.errstate(divide="ignore", invalid="ignore"):
            variance = first * (1 - first) / one + second * (1 - second) / none
        return np.asarray(np.sqrt(np.maximum(variance, 0.0)), np.float32)


def influence(
    outcomes: Outcomes, permutations: int = PERMUTATIONS, rate: float = RATE
) -> Influence:
    """All pairs that chance does not explain, by correctness or by margin."""
    products, train = _Products.of(outcomes), outcomes.train
    observed, null = _counted(products, train, products.own), np.zeros((2, 2, BINS), np.int64)
    for number in range(permutations):
        order = key(number, "permute masks").permutation(outcomes.networks)
        null += _counted(products, train, products.own[order])
    sides = tuple(
        _side(observed[b, t], null[b, t] / permutations, 1 / permutations, names, sign, rate)
        for b, by in enumerate(("correctness", "margin"))
        for t, target in enumerate(("train", "test"))
        for names in [(target, by)]
        for sign in (1, -1)
    )
    return Influence(sides, _collected(products, train, sides))


def matrix(outcomes: Outcomes, margin: bool = False) -> NDArray[np.float16]:
    """The influence of every pair, `[train, train + test]` float16; the diagonal is memorization.

    By correctness, or by `margin` in logits.
    """
    products = _Products.of(outcomes)
    found = np.empty((outcomes.train, outcomes.correct.shape[1]), np.float16)
    for rows in products.blocks():
        values = products.margin if margin else products.right
        found[rows] = (products.own[:, rows].T @ values) * products.scale(rows)
    return found


def strongest(outcomes: Outcomes, target: str, sign: int, count: int) -> NDArray[np.void]:
    """The `count` strongest pairs by correctness, significant or not: `of` and `to` of `PAIR`.

    `target` and `sign` as in `Side`; an example is no pair with itself.
    """
    products, train = _Products.of(outcomes), outcomes.train
    part = slice(0, train) if target == "train" else slice(train, None)
    kept, values = np.empty(0, PAIR), np.empty(0, np.float32)
    for rows in products.blocks():
        found = sign * (products.own[:, rows].T @ products.right[:, part]) * products.scale(rows)
        if target == "train":
            found[np.arange(len(found)), np.arange(rows.start, rows.stop)] = -np.inf
        most = _largest(found.ravel(), count)
        of, to = np.unravel_index(most, found.shape)
        made = np.zeros(len(most), PAIR)
        made["of"], made["to"] = of + rows.start, to + part.start
        values = np.concatenate([values, found[of, to]])
        kept = np.concatenate([kept, made])
        best = _largest(values, count)
        kept, values = kept[best], values[best]
    return kept


def _largest(values: Floats, count: int) -> NDArray[np.intp]:
    """Where the `count` largest values are, in no order."""
    if count >= len(values):
        return np.arange(len(values))
    return np.argpartition(-values, count)[:count]


def _counted(products: _Products, train: int, own: Floats) -> NDArray[np.int64]:
    """Pairs by bin, `[correctness or margin, train or test, bins]`, an example itself left out."""
    found = np.zeros((2, 2, BINS), np.int64)
    for rows in products.blocks():
        for at, (values, reach) in enumerate(
            zip(products.statistics(rows, own), (1.0, Z_RANGE), strict=True)
        ):
            bins = _bin(values, reach)
            itself = bins[np.arange(len(bins)), np.arange(rows.start, rows.stop)]
            found[at, 0] += np.bincount(bins[:, :train].ravel(), minlength=BINS)
            found[at, 0] -= np.bincount(itself, minlength=BINS)
            found[at, 1] += np.bincount(bins[:, train:].ravel(), minlength=BINS)
    return found


def _bin(values: Floats, reach: float) -> NDArray[np.int32]:
    scaled = (values + reach) * np.float32(BINS / (2 * reach))
    bins: NDArray[np.int32] = np.clip(scaled, 0, BINS - 1).astype(np.int32)
    return bins


def _side(
    observed: NDArray[np.int64],
    null: NDArray[np.float64],
    least: float,
    names: tuple[str, str],
    sign: int,
    rate: float,
) -> Side:
    """The smallest threshold beyond which `null` expects no more than `rate` of the pairs.

    One pair more than the permutations had is expected, so that none of few is no proof.
    """
    target, by = names
    half = BINS // 2
    seen, chance = (h[half:] if sign > 0 else h[:half][::-1] for h in (observed, null))
    beyond, expected = seen[::-1].cumsum()[::-1], chance[::-1].cumsum()[::-1]
    good = np.flatnonzero((expected + least <= rate * beyond) & (np.arange(half) > 0))
    if not len(good):
        return Side(target, by, sign, float("inf"), 0, 0.0)
    at = int(good[0])
    reach = 1.0 if by == "correctness" else Z_RANGE
    return Side(target, by, sign, at * reach / half, int(beyond[at]), float(expected[at]))


def _collected(products: _Products, train: int, sides: tuple[Side, ...]) -> NDArray[np.void]:
    kept = np.empty(0, PAIR)
    for rows in products.blocks():
        kept = _strongest(np.concatenate([kept, _pairs(products, train, sides, rows)]))
    return kept


def _pairs(
    products: _Products, train: int, sides: tuple[Side, ...], rows: slice
) -> NDArray[np.void]:
    values = products.statistics(rows, products.own)
    by = np.zeros(values[0].shape, np.uint8)
    for side in sides:
        part = slice(0, train) if side.target == "train" else slice(train, None)
        number = 0 if side.by == "correctness" else 1
        reach = (1.0, Z_RANGE)[number]
        if np.isfinite(side.threshold):
            edge = round(side.threshold / reach * (BINS // 2))
            bins = _bin(values[number][:, part], reach) - BINS // 2
            beyond = bins >= edge if side.sign > 0 else bins < -edge
            by[:, part] |= beyond.astype(np.uint8) << number
    count = rows.stop - rows.start
    by[np.arange(count), np.arange(rows.start, rows.stop)] = 0
    of, to = np.nonzero(by)
    sums = products.own[:, rows].T @ products.margin
    found = np.empty(len(of), PAIR)
    found["of"], found["to"], found["by"] = of + rows.start, to, by[of, to]
    found["influence"], found["z"] = values[0][of, to], values[1][of, to]
    found["standard_error"] = products.errors(rows, values[0])[of, to]
    found["margin_influence"] = (sums * products.scale(rows))[of, to]
    found["margin_standard_error"] = products.margin_errors(rows, sums)[of, to]
    return found


def _strongest(pairs: NDArray[np.void]) -> NDArray[np.void]:
    """Those by correctness first, of them and of the others the largest; `MOST_PAIRS` at most."""
    by_margin_only = pairs["by"] == 2
    size = np.where(by_margin_only, np.abs(pairs["z"]), np.abs(pairs["influence"]))
    order = np.lexsort((pairs["to"], pairs["of"], -size, by_margin_only))
    return pairs[order[:MOST_PAIRS]]
