"""From tables to curves: the mean over members with its interval, at every epoch.

Each stack's share is kept as running moments (`moments.py`) and extended by new rows only; a
viewer keeps a bounded number of points of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memlab.errors import RunFolderError
from memlab.estimate import half_width
from memlab.runs.moments import Moments, Values, peaks
from memlab.runs.table import Members, Table

BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class Curve:
    """A metric against the nominal epoch; all arrays are [points], NaN where nothing exists.

    `low` … `high` is the 95 % t-interval of the mean over `members` members, NaN for one member.
    `minimum` … `maximum` spans the members. In a `thinned` curve each point stands for several
    epochs: the interval and the span are the widest, `mean` and `epoch` the last of them, and
    `mean_low` … `mean_high` is how far the mean went, so that no spike disappears, and `peak` the
    first epoch of its highest. `half` is the half-width of the last mean's own interval.
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
    peak: Values
    half: Values
    thinned: bool = False


class StackCurve:
    """The moments of some members of one stack, extended as the table grows.

    `most` bounds how many points are kept, however many rows there are; None keeps every row.
    """

    def __init__(
        self, table: Table, metric: str, columns: Sequence[int], most: int | None = None
    ) -> None:
        self.table = table
        self.metric = metric
        self.columns = _as_slice(columns)
        self.width = len(columns)
        self.most = most
        self.moments = Moments.empty()
        self._rows = 0
        self._generation = table.generation

    def extend(self) -> Moments:
        """Reads the rows that are new since the last call, in blocks of bounded size."""
        if self._generation != self.table.generation:
            self.moments, self._rows = Moments.empty(), 0
            self._generation = self.table.generation
        start, stop = self._rows, len(self.table)
        if start == stop:
            return self.moments
        with suppress(RunFolderError):  # rows went away since the last refresh; the next sees it
            parts = self._parts(start, stop)
            fresh = parts[0].then(parts[1:])
            self.moments = self.moments.extended(start, fresh, self.most)
            self._rows = stop
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


def curve_of(
    moments: Moments, points: int | None = None, span: tuple[float, float] | None = None
) -> Curve:
    """The curve of these moments, within the epochs of `span`, of at most `points` points."""
    if span is not None:
        within = (moments.epoch >= span[0]) & (moments.epoch <= span[1])
        moments = moments.chosen(within)
    half = half_width(moments.count, moments.squares)
    full = Curve(
        epoch=moments.epoch,
        mean=moments.mean,
        low=moments.mean_low - half,
        high=moments.mean_high + half,
        minimum=moments.minimum,
        maximum=moments.maximum,
        members=moments.count.astype(np.int64),
        mean_low=moments.mean_low,
        mean_high=moments.mean_high,
        peak=moments.peak,
        half=half,
        thinned=moments.stride > 1,
    )
    return full if points is None else thinned(full, points)


def thinned(curve: Curve, points: int) -> Curve:
    """At most `points` points, each the extremes of the epochs that it stands for."""
    length = len(curve.epoch)
    return curve if length <= points else bucketed(curve, bucket_starts(length, points))


def bucketed(curve: Curve, starts: NDArray[np.intp]) -> Curve:
    """A curve whose points from each start up to the next are one, extremes kept."""
    last = np.append(starts[1:], len(curve.epoch)) - 1
    return Curve(
        epoch=curve.epoch[last],
        mean=curve.mean[last],
        low=np.fmin.reduceat(curve.low, starts),
        high=np.fmax.reduceat(curve.high, starts),
        minimum=np.fmin.reduceat(curve.minimum, starts),
        maximum=np.fmax.reduceat(curve.maximum, starts),
        members=curve.members[last],
        mean_low=np.fmin.reduceat(curve.mean_low, starts),
        mean_high=np.fmax.reduceat(curve.mean_high, starts),
        peak=peaks(curve.peak, curve.mean_high, starts),
        half=curve.half[last],
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


def _as_slice(columns: Sequence[int]) -> Members:
    """The columns as a slice where they follow each other, which reads faster."""
    first, count = columns[0], len(columns)
    if list(columns) == list(range(first, first + count)):
        return slice(first, first + count)
    return np.asarray(columns, np.int64)
