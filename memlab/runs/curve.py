"""From tables to curves: the mean over members with its interval, at every epoch.

Each stack's share is kept as running moments and extended by new rows only; shares are put
together by Chan's formula (Chan, Golub, LeVeque 1979), so that it does not matter how the grid
was cut into stacks.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from memlab.errors import RunFolderError
from memlab.runs.table import Members, Table

Values = NDArray[np.float64]
BLOCK_BYTES = 1 << 20
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Curve:
    """A metric against the nominal epoch; all arrays are [points], NaN where nothing exists.

    `low` … `high` is the 95 % t-interval of the mean over `members` members, NaN for one member.
    `minimum` … `maximum` spans the members. In a `thinned` curve each point stands for several
    epochs: the interval and the span are the widest, `mean` and `epoch` the last of them, and
    `mean_low` … `mean_high` is how far the mean went, so that no spike disappears.
    """

    epoch: Values
    mean: Values
    low: Values
    high: Values
    minimum: Values
    maximum: Values
    members: NDArray[np.int64]
    mean_low: Values
    mean_high: Values
    thinned: bool = False


@dataclass(frozen=True)
class Moments:
    """Per epoch over members: count, mean, sum of squared deviations, extremes; each [rows]."""

    epoch: Values
    count: Values
    mean: Values
    squares: Values
    minimum: Values
    maximum: Values

    @classmethod
    def of(cls, epoch: Values, values: Values) -> Moments:
        """The moments of `values` [rows, members]; what is not finite does not exist."""
        with np.errstate(all="ignore"):
            total = values.sum(axis=1)
            if bool(np.isfinite(total).all()):
                count = np.full(len(values), float(values.shape[1]))
                mean = total / count
                deviations = values - mean[:, None]
                squares = np.einsum("ij,ij->i", deviations, deviations)
                return cls(epoch, count, mean, squares, values.min(axis=1), values.max(axis=1))
            there = np.isfinite(values)
            count = there.sum(axis=1).astype(np.float64)
            mean = np.where(there, values, 0.0).sum(axis=1) / count
            squares = (np.where(there, values - mean[:, None], 0.0) ** 2).sum(axis=1)
            low = np.where(there, values, np.inf).min(axis=1)
            high = np.where(there, values, -np.inf).max(axis=1)
            none = count == 0
            return cls(
                epoch,
                count,
                mean,
                squares,
                np.where(none, np.nan, low),
                np.where(none, np.nan, high),
            )

    @classmethod
    def empty(cls) -> Moments:
        """No rows."""
        return cls(*(np.empty(0) for _ in range(6)))

    def arrays(self) -> tuple[Values, ...]:
        """The six arrays in order."""
        return self.epoch, self.count, self.mean, self.squares, self.minimum, self.maximum

    def then(self, others: Sequence[Moments]) -> Moments:
        """These rows followed by the others'."""
        parts = zip(*(moments.arrays() for moments in (self, *others)), strict=True)
        return Moments(*(np.concatenate(part) for part in parts))


class StackCurve:
    """The moments of some members of one stack, extended as the table grows."""

    def __init__(self, table: Table, metric: str, columns: Sequence[int]) -> None:
        self.table = table
        self.metric = metric
        self.columns = _as_slice(columns)
        self.width = len(columns)
        self.moments = Moments.empty()
        self._generation = table.generation

    def extend(self) -> Moments:
        """Reads the rows that are new since the last call, in blocks of bounded size."""
        if self._generation != self.table.generation:
            self.moments, self._generation = Moments.empty(), self.table.generation
        start, stop = len(self.moments.epoch), len(self.table)
        if start == stop:
            return self.moments
        with suppress(RunFolderError):  # rows went away since the last refresh; the next sees it
            self.moments = self.moments.then(self._parts(start, stop))
        return self.moments

    def _parts(self, start: int, stop: int) -> list[Moments]:
        step = max(1, BLOCK_BYTES // (8 * self.width))
        epochs = self.table.read("epoch", start, stop)
        parts = []
        for first in range(start, stop, step):
            last = min(first + step, stop)
            values = self.table.read(self.metric, first, last, self.columns)
            parts.append(Moments.of(epochs[first - start : last - start], values))
        return parts


def combined(shares: Sequence[Moments], ended: Sequence[bool]) -> Moments:
    """The moments over all shares, aligned by nominal epoch.

    A stack that has not reached an epoch is left out there; one that has `ended` carries its last
    values forward, as a finished member does within a stack.
    """
    present = [(share, end) for share, end in zip(shares, ended, strict=True) if len(share.epoch)]
    if not present:
        return Moments.empty()
    if len(present) == 1:
        return present[0][0]
    epoch = np.unique(np.round(np.concatenate([share.epoch for share, _ in present]), 9))
    aligned = [_aligned(share, epoch, end) for share, end in present]
    count = np.sum([share.count for share in aligned], axis=0)
    with np.errstate(all="ignore"):
        weighted = [np.where(share.count > 0, share.count * share.mean, 0.0) for share in aligned]
        mean = np.sum(weighted, axis=0) / count
        squares = np.zeros(len(epoch))
        for share in aligned:
            between = share.squares + share.count * (share.mean - mean) ** 2
            squares += np.where(share.count > 0, between, 0.0)
    low = np.fmin.reduce([share.minimum for share in aligned])
    high = np.fmax.reduce([share.maximum for share in aligned])
    return Moments(epoch, count, mean, squares, low, high)


def curve_of(
    moments: Moments, points: int | None = None, span: tuple[float, float] | None = None
) -> Curve:
    """The curve of these moments, within the epochs of `span`, of at most `points` points."""
    if span is not None:
        within = (moments.epoch >= span[0]) & (moments.epoch <= span[1])
        moments = Moments(*(array[within] for array in moments.arrays()))
    half = half_width(moments.count, moments.squares)
    full = Curve(
        epoch=moments.epoch,
        mean=moments.mean,
        low=moments.mean - half,
        high=moments.mean + half,
        minimum=moments.minimum,
        maximum=moments.maximum,
        members=moments.count.astype(np.int64),
        mean_low=moments.mean,
        mean_high=moments.mean,
    )
    return full if points is None else thinned(full, points)


def half_width(count: Values, squares: Values) -> Values:
    """Half the 95 % t-interval of a mean over `count` values; NaN for fewer than two."""
    half = np.full(len(count), np.nan)
    enough = count > 1
    if not enough.any():
        return half
    from scipy.special import stdtrit

    sizes, where = np.unique(count[enough], return_inverse=True)
    quantile = stdtrit(sizes - 1, (1 + CONFIDENCE) / 2)[where]
    n = count[enough]
    half[enough] = quantile * np.sqrt(squares[enough] / (n - 1) / n)
    return half


def thinned(curve: Curve, points: int) -> Curve:
    """At most `points` points, each the extremes of the epochs that it stands for."""
    length = len(curve.epoch)
    if length <= points:
        return curve
    starts = bucket_starts(length, points)
    last = np.append(starts[1:], length) - 1
    return replace(
        curve,
        epoch=curve.epoch[last],
        mean=curve.mean[last],
        low=np.fmin.reduceat(curve.low, starts),
        high=np.fmax.reduceat(curve.high, starts),
        minimum=np.fmin.reduceat(curve.minimum, starts),
        maximum=np.fmax.reduceat(curve.maximum, starts),
        members=curve.members[last],
        mean_low=np.fmin.reduceat(curve.mean_low, starts),
        mean_high=np.fmax.reduceat(curve.mean_high, starts),
        thinned=True,
    )


def downsample(x: Values, y: Values, points: int) -> tuple[Values, Values, Values, Values]:
    """At most `points` buckets of (last x, least y, greatest y, last y), each [buckets].

    NaN is left out of a bucket's extremes unless there is nothing else in it.
    """
    if len(x) <= points:
        return x, y, y, y
    starts = bucket_starts(len(x), points)
    last = np.append(starts[1:], len(x)) - 1
    return x[last], np.fmin.reduceat(y, starts), np.fmax.reduceat(y, starts), y[last]


def bucket_starts(length: int, points: int) -> NDArray[np.intp]:
    """Where each of `points` buckets of nearly equal size begins; length ≥ points ≥ 1."""
    return np.arange(max(points, 1)) * length // max(points, 1)


def _aligned(share: Moments, epoch: Values, ended: bool) -> Moments:
    where = np.searchsorted(epoch, np.round(share.epoch, 9))
    filled = []
    for array, missing in zip(share.arrays()[1:], (0.0, np.nan, 0.0, np.nan, np.nan), strict=True):
        wide = np.full(len(epoch), missing)
        wide[where] = array
        if ended:
            wide[where[-1] + 1 :] = array[-1]
        filled.append(wide)
    return Moments(epoch, *filled)


def _as_slice(columns: Sequence[int]) -> Members:
    """The columns as a slice where they follow each other, which reads faster."""
    first, count = columns[0], len(columns)
    if list(columns) == list(range(first, first + count)):
        return slice(first, first + count)
    return np.asarray(columns, np.int64)
