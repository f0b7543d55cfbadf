"""Limits and labels of a chart's axes: round numbers that seldom move. Pure functions."""

from __future__ import annotations

import math
from typing import Literal

Scale = Literal["linear", "log"]
Limits = tuple[float, float]
STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
DECADES = 300.0  # either side of 1, that a logarithmic axis may reach
KEEP = 0.35  # the data may shrink to this share of the axis before the limits follow


def limits(
    low: float, high: float, before: Limits | None = None, scale: Scale = "linear"
) -> Limits:
    """Round limits around the data; `before` stays while the data fit and fill enough of it.

    On a log scale `low` and `high` must be positive, and so are the limits; a `before` that is not
    (it was of a linear axis) is forgotten.
    """
    if scale == "log":
        bottom, top = (min(max(math.log10(end), -DECADES), DECADES) for end in (low, high))
        exponents = _round_limits(bottom, top, (1.0,))
        fresh = (10 ** max(exponents[0], -DECADES), 10 ** min(exponents[1], DECADES))
    else:
        fresh = _round_limits(low, high, STEPS)
    if before is None or not before[0] <= low <= high <= before[1] or not drawable(before, scale):
        return fresh
    return before if _extent(fresh, scale) >= KEEP * _extent(before, scale) else fresh


def spread(low: float, high: float) -> Limits:
    """Limits of a logarithmic axis that marks stand on: positive data, a little room around."""
    room = (high / low) ** 0.06 if high > low else 2.0
    return low / room, high * room


def drawable(span: Limits, scale: Scale) -> bool:
    """Whether an axis of this scale can have these limits: a logarithmic one has no zero."""
    return scale == "linear" or span[0] > 0


def ticks(span: Limits, scale: Scale, parts: int) -> list[float]:
    """Values to label, both ends included: about `parts` steps, whole decades on a log scale."""
    low, high = span
    if scale == "log":
        first = math.log10(low)
        decades = round(math.log10(high) - first)
        step = max(1, -(-decades // parts))
        return [10.0 ** (first + i) for i in range(0, decades, step)] + [high]
    return [round(low + (high - low) * i / parts, 12) for i in range(parts + 1)]


def label(value: float) -> str:
    """A tick's number in at most eight characters: `0.25`, `12`, `15k`, `1e-5`, `3M`."""
    size = abs(value)
    if size == 0:
        return "0"
    if size < 1e-3 or size >= 999.5e9:
        return f"{value:.0e}".replace("e-0", "e-").replace("e+0", "e").replace("e+", "e")
    if size < 9999.5:
        return f"{value:.3g}" if size < 0.01 else f"{value:.4g}"
    factor, unit = (1e3, "k") if size < 999.5e3 else (1e6, "M") if size < 999.5e6 else (1e9, "G")
    return f"{value / factor:.3g}{unit}"


def _round_limits(low: float, high: float, steps: tuple[float, ...]) -> Limits:
    low, high = max(low, -1e300), min(high, 1e300)
    if high - low <= max(abs(low), abs(high), 1e-290) * 1e-9:
        pad = abs(high) * 0.1 if abs(high) > 1e-290 else 0.5
        low, high = low - pad, high + pad
    raw = (high - low) / 4
    magnitude = 10.0 ** math.floor(math.log10(raw))
    step = next((s * magnitude for s in steps if s * magnitude >= raw * 0.999), 10 * magnitude)
    if steps == (1.0,):
        step = max(1.0, step)
    bottom = math.floor(low / step + 1e-9) * step
    top = math.ceil(high / step - 1e-9) * step
    digits = max(0, 2 - math.floor(math.log10(step)))
    return (round(bottom, min(digits, 300)), round(top, min(digits, 300)))


def _extent(span: Limits, scale: Scale) -> float:
    if scale == "log":
        return math.log10(span[1]) - math.log10(span[0])
    return span[1] - span[0]
