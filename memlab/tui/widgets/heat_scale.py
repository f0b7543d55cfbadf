"""From a value of a matrix to a level of a colour ramp, and the ramps. Pure.

Brown for negative, teal for positive values, both brighter (on a light background darker) the
farther from zero: the pair stays apart for the three kinds of colour blindness, and is no colour
that means something else on the screens.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from memlab.tui.palette import blend, contrast

STEPS = 16  # levels on either side of zero
ROUND = (1.0, 2.0, 2.5, 5.0, 10.0)
TEAL = {
    True: ("#262a33", "#1f6b68", "#52c4b4", "#e4fff9"),
    False: ("#efeee8", "#a4d8cc", "#388f86", "#003f3a"),
}
BROWN = {
    True: ("#262a33", "#7d4c1d", "#dba662", "#fff3de"),
    False: ("#efeee8", "#e6c591", "#b1722c", "#572c00"),
}
POSITIVE = "·░▒▓█"
NEGATIVE = "·-=%#"


@dataclass(frozen=True)
class HeatScale:
    """The values at the ends of the ramp; a `diverging` one has 0 in its middle."""

    low: float
    high: float
    diverging: bool = False

    def level(self, value: float) -> int | None:
        """−16 … 16 on a diverging scale, 0 … 16 on another, cut at its ends; None for NaN."""
        if math.isnan(value):
            return None
        if math.isinf(value):
            value = math.copysign(max(abs(self.low), abs(self.high)), value)
        value = min(max(value, self.low), self.high)
        if self.diverging:
            return round(value / self.high * STEPS)
        return round((value - self.low) / (self.high - self.low) * STEPS)


def scale_of(values: Iterable[float], low: float | None = None) -> HeatScale:
    """Round ends around what is finite; diverging where the quantity may go below 0 to `low`."""
    finite = [value for value in values if math.isfinite(value)]
    if low is not None and low < 0:
        end = _ceiling(max((abs(value) for value in finite), default=0.0)) or 1.0
        return HeatScale(-end, end, True)
    bottom, top = min(finite, default=0.0), max(finite, default=1.0)
    start = 0.0 if bottom >= 0 else -_ceiling(-bottom)
    end = _ceiling(top) if top > 0 else 0.0
    return HeatScale(start, end if end > start else start + 1.0)


def colour(level: int, dark: bool = True) -> str:
    """Hex of a level, −16 … 16."""
    stops = (BROWN if level < 0 else TEAL)[dark]
    return _between(stops, abs(level) / STEPS)


def character(level: int) -> str:
    """What stands for a level where there are no colours."""
    return (NEGATIVE if level < 0 else POSITIVE)[math.ceil(abs(level) / STEPS * 4 - 0.5)]


def ink_on(background: str) -> str:
    """Black or white, whichever reads better on a colour."""
    return max(("#000000", "#ffffff"), key=lambda colour: contrast(colour, background))


@lru_cache(maxsize=256)
def _between(stops: tuple[str, ...], share: float) -> str:
    place = share * (len(stops) - 1)
    index = min(int(place), len(stops) - 2)
    return blend(stops[index + 1], stops[index], place - index)


def _ceiling(value: float) -> float:
    """The least round number that is not below a value; 0 for 0."""
    if value <= 1e-300:
        return 0.0
    value = min(value, 1e300)  # beyond, differences overflow
    magnitude: float = 10.0 ** math.floor(math.log10(value))
    return next(step * magnitude for step in (*ROUND, 20.0) if step * magnitude >= value * 0.999999)
