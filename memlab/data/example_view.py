"""Single examples for people: as a grey picture or as values, and their nearest in a class.

What is shown is the data as their files have them, unscaled and uncorrupted. Small pictures of many
examples at once are `thumbnails.py`.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from memlab.data.dataset import Raw

#: Examples that the range of greys, and the deviation of features, is taken from.
SAMPLE = 2_000


class ExampleView:
    """The examples of `raw.x` by their rows; `by_feature` shows features in their deviations."""

    def __init__(self, raw: Raw, by_feature: bool = False) -> None:
        self._x = raw.x
        self._by_feature = by_feature and raw.x.ndim == 2
        self.pictured = raw.x.ndim == 4

    def __len__(self) -> int:
        return len(self._x)

    @cached_property
    def _sample(self) -> NDArray[np.float32]:
        step = max(1, len(self._x) // SAMPLE)
        return np.asarray(self._x[::step], np.float32)

    @cached_property
    def _range(self) -> tuple[float, float]:
        """Darkest and brightest, but for half a percent on each side."""
        grey = self._sample.mean(1) if self.pictured else self._sample
        low, high = np.percentile(grey, (0.5, 99.5))
        return float(low), float(high) if high > low else float(low) + 1.0

    @cached_property
    def _scale(self) -> NDArray[np.float32]:
        """What distances are divided by: one for all of a picture, else one for each feature."""
        deviation = np.asarray(self._sample.std(0))
        if self.pictured:
            deviation = np.full_like(deviation, 1.0)
        scale: NDArray[np.float32] = np.where(deviation > 0, deviation, 1.0).reshape(-1)
        return scale

    def picture(self, row: int) -> NDArray[np.uint8] | None:
        """`[height, width]` in greys, channels averaged; None for what is no picture."""
        if not self.pictured:
            return None
        low, high = self._range
        grey = (np.asarray(self._x[row], np.float32).mean(0) - low) / (high - low)
        return np.asarray(np.clip(grey * 255, 0, 255), np.uint8)

    def values(self, row: int) -> NDArray[np.float32]:
        """All values of the example, `[values]`."""
        return np.asarray(self._x[row], np.float32).reshape(-1)

    def curve(self, row: int) -> NDArray[np.float32]:
        """The values as they are drawn, `[values]`: features of a table on one scale."""
        values = self.values(row)
        if not self._by_feature:
            return values
        centred: NDArray[np.float32] = (values - self._sample.mean(0)) / self._scale
        return centred

    def nearest(self, row: int, among: NDArray[np.int64], count: int) -> NDArray[np.int64]:
        """The rows of the nearest of `among`, nearest first, `row` itself left out.

        Distances are Euclidean, over pixels as they are or over features in their deviations.
        """
        others: NDArray[np.int64] = among[among != row]
        if not len(others):
            return others
        flat = np.asarray(self._x[others], np.float32).reshape(len(others), -1)
        difference = (flat - self.values(row)) / self._scale
        distance = np.einsum("ij,ij->i", difference, difference)
        count = min(count, len(others))
        first = np.argpartition(distance, count - 1)[:count]
        order = np.lexsort((others[first], distance[first]))
        found: NDArray[np.int64] = np.take(others, first[order])
        return found
