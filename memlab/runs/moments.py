"""Moments over members: what a curve is made of, of every row or of buckets of rows.

Shares of several stacks are put together by Chan's formula (Chan, Golub, LeVeque 1979), so that it
does not matter how the grid was cut into stacks. Nothing here reads a file.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Starts = NDArray[np.intp]


@dataclass(frozen=True)
class Moments:
    """Per epoch over members: count, mean, sum of squared deviations, extremes; each [points].

    With a `stride` above 1 a point stands for so many rows of the table (the last one for fewer):
    epoch, count, mean and squares are those of its last row, `minimum` and `maximum` of all;
    `mean_low` … `mean_high` is how far the mean went, `peak` the first epoch of its highest.
    """

    epoch: Values
    count: Values
    mean: Values
    squares: Values
    minimum: Values
    maximum: Values
    mean_low: Values
    mean_high: Values
    peak: Values
    stride: int = 1

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
                return cls.rows(epoch, count, mean, squares, values.min(axis=1), values.max(axis=1))
            there = np.isfinite(values)
            count = there.sum(axis=1).astype(np.float64)
            mean = np.where(there, values, 0.0).sum(axis=1) / count
            squares = (np.where(there, values - mean[:, None], 0.0) ** 2).sum(axis=1)
            low = np.where(there, values, np.inf).min(axis=1)
            high = np.where(there, values, -np.inf).max(axis=1)
            none = count == 0
            low, high = np.where(none, np.nan, low), np.where(none, np.nan, high)
            return cls.rows(epoch, count, mean, squares, low, high)

    @classmethod
    def rows(
        cls,
        epoch: Values,
        count: Values,
        mean: Values,
        squares: Values,
        minimum: Values,
        maximum: Values,
    ) -> Moments:
        """One point a row."""
        return cls(epoch, count, mean, squares, minimum, maximum, mean, mean, epoch)

    @classmethod
    def empty(cls) -> Moments:
        """No rows."""
        return cls.of_arrays([np.empty(0)] * 9)

    @classmethod
    def of_arrays(cls, arrays: Iterable[Values], stride: int = 1) -> Moments:
        """From what `arrays` gives."""
        epoch, count, mean, squares, minimum, maximum, low, high, peak = arrays
        return cls(epoch, count, mean, squares, minimum, maximum, low, high, peak, stride)

    def arrays(self) -> tuple[Values, ...]:
        """All arrays in order."""
        reach = self.mean_low, self.mean_high, self.peak
        return self.epoch, self.count, self.mean, self.squares, self.minimum, self.maximum, *reach

    def chosen(self, where: NDArray[np.bool_] | slice) -> Moments:
        """The points of a mask or a slice."""
        return Moments.of_arrays((array[where] for array in self.arrays()), self.stride)

    def then(self, others: Sequence[Moments]) -> Moments:
        """These points followed by the others'."""
        parts = zip(*(moments.arrays() for moments in (self, *others)), strict=True)
        return Moments.of_arrays((np.concatenate(part) for part in parts), self.stride)

    def extended(self, rows: int, fresh: Moments, most: int | None) -> Moments:
        """These points, which stand for `rows` rows, and then fresh rows; `most` points or fewer.

        The last point takes in rows until it stands for a whole stride; beyond `most` points
        neighbours are joined, and the stride doubles.
        """
        if self.stride == 1:
            made = self.then((fresh,))
        else:
            # Only the last point can be short: after 6 rows at a stride of 4 it stands for 2 and
            # lacks 2. It and the fresh rows are joined from 0, and again from each place where a
            # whole stride begins; the first of these takes in the rows that it lacks. All points
            # before it stay as they are.
            due = -rows % self.stride  # rows that the last point lacks
            grown = self.chosen(slice(-1, None)).then((fresh,))
            begins = np.arange(1 + due, len(grown.epoch), self.stride)
            grown = grown._joined(np.concatenate(([0], begins)), self.stride)
            made = self.chosen(slice(-1)).then((grown,))
        while most is not None and len(made.epoch) > most:
            made = made.coarser(2 * made.stride)
        return made

    def coarser(self, stride: int) -> Moments:
        """The same at a stride that is a multiple of this one."""
        starts = np.arange(0, len(self.epoch), stride // self.stride)
        return self if stride == self.stride else self._joined(starts, stride)

    def _joined(self, starts: Starts, stride: int) -> Moments:
        """Points from each start up to the next as one."""
        if not len(starts):
            return replace(self, stride=stride)
        last = np.append(starts[1:], len(self.epoch)) - 1
        return Moments(
            epoch=self.epoch[last],
            count=self.count[last],
            mean=self.mean[last],
            squares=self.squares[last],
            minimum=np.fmin.reduceat(self.minimum, starts),
            maximum=np.fmax.reduceat(self.maximum, starts),
            mean_low=np.fmin.reduceat(self.mean_low, starts),
            mean_high=np.fmax.reduceat(self.mean_high, starts),
            peak=peaks(self.peak, self.mean_high, starts),
            stride=stride,
        )


def peaks(at: Values, height: Values, starts: Starts) -> Values:
    """`at` of the first highest point from each start up to the next; of the last without any."""
    ends = np.append(starts[1:], len(at))
    highest = np.repeat(np.fmax.reduceat(height, starts), ends - starts)
    found = np.append(np.flatnonzero(height == highest), len(at))
    first = found[np.searchsorted(found, starts)]
    return at[np.where(first < ends, first, ends - 1)]


def combined(shares: Sequence[Moments], ended: Sequence[bool]) -> Moments:
    """The moments over all shares, aligned by nominal epoch, at the widest of their strides.

    A stack that has not reached an epoch is left out there; one that has `ended` carries its last
    values forward, as a finished member does within a stack. At a stride above 1 `mean_low` and
    `mean_high` reach as far as the mean may have gone, `peak` is only the point's epoch.
    """
    present = [(share, end) for share, end in zip(shares, ended, strict=True) if len(share.epoch)]
    if not present:
        return Moments.empty()
    if len(present) == 1:
        return present[0][0]
    stride = max(share.stride for share, _ in present)
    present = [(share.coarser(stride), end) for share, end in present]
    epoch = np.unique(np.round(np.concatenate([share.epoch for share, _ in present]), 9))
    if stride > 1:  # where the one that is furthest has its points
        furthest = max((share for share, _ in present), key=lambda share: share.epoch[-1])
        epoch = np.round(furthest.epoch, 9)
    aligned = [_aligned(share, epoch, end) for share, end in present]
    count = np.sum([share.count for share in aligned], axis=0)

    def weighted(values: Sequence[Values]) -> Values:
        parts = [
            np.where(share.count > 0, share.count * each, 0.0)
            for share, each in zip(aligned, values, strict=True)
        ]
        total: Values = np.sum(parts, axis=0) / count
        return total

    with np.errstate(all="ignore"):
        mean = weighted([share.mean for share in aligned])
        squares = np.zeros(len(epoch))
        for share in aligned:
            between = share.squares + share.count * (share.mean - mean) ** 2
            squares += np.where(share.count > 0, between, 0.0)
        lowest = weighted([share.mean_low for share in aligned])
        highest = weighted([share.mean_high for share in aligned])
    low = np.fmin.reduce([share.minimum for share in aligned])
    high = np.fmax.reduce([share.maximum for share in aligned])
    if stride == 1:
        return Moments.rows(epoch, count, mean, squares, low, high)
    reach = lowest, highest, epoch
    return Moments(epoch, count, mean, squares, low, high, *reach, stride)


def _aligned(share: Moments, epoch: Values, ended: bool) -> Moments:
    """A share at these epochs; between points of a stride above 1 the one before counts."""
    at = np.searchsorted(np.round(share.epoch, 9), epoch, "right") - 1
    there = at >= 0
    if not ended:
        there &= epoch <= np.round(share.epoch[-1], 9)
    if share.stride == 1:
        beyond = epoch > np.round(share.epoch[-1], 9)
        there &= beyond | (np.round(share.epoch, 9)[np.maximum(at, 0)] == epoch)
    arrays = [np.where(there, array[np.maximum(at, 0)], np.nan) for array in share.arrays()]
    arrays[0] = epoch
    arrays[1], arrays[3] = (np.where(there, array, 0.0) for array in (arrays[1], arrays[3]))
    return Moments.of_arrays(arrays, share.stride)
