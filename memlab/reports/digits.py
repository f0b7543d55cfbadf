"""Figures as text: no more digits than the interval supports.

In tables without the zero before the point, as on the app's screens; in sentences with it.
"""

from __future__ import annotations

import math

from memlab.reports.findings import Quantity

IMPOSSIBLE = "–"
UNKNOWN = "·"
ASTRONOMIC = 1e15  # from here on no report has a figure, but a damaged file may


def supported(half: float | None, most: int) -> int:
    """Decimals that a half-width supports: to its first significant digit, 0 to `most`."""
    if half is None or not math.isfinite(half) or half <= 0:
        return most
    digits = min(most, max(0, -math.floor(math.log10(half))))
    return digits - 1 if digits and round(half, digits) >= 10 ** (1 - digits) else digits


def number(value: float, decimals: int, zero: bool = True) -> str:
    """A number with so many decimals and a true minus; `zero` before the point or not."""
    if not abs(value) < ASTRONOMIC:
        return f"{value:.3g}"
    text = f"{abs(value):,.{decimals}f}"
    minus = "−" if value < 0 and text.strip("0.,") else ""
    return minus + (text if zero or not text.startswith("0.") else text[1:])


def plus_minus(quantity: Quantity | None, most: int = 3, zero: bool = True) -> str:
    """`0.71 ± 0.05`; the mean alone without an interval, `–` where there is nothing."""
    if quantity is None:
        return IMPOSSIBLE
    half = quantity.half
    decimals = supported(half, most)
    mean = number(quantity.mean, decimals, zero)
    return mean if half is None else f"{mean} ± {number(half, decimals, zero)}"


def aligned(texts: list[str]) -> list[str]:
    """The texts padded to one width, decimal points and `±` below each other."""
    parts = [_parts(text) for text in texts]
    widths = [max((len(part[i]) for part in parts), default=0) for i in range(4)]
    interval = widths[2] + widths[3] > 0
    lines = []
    for whole, fraction, error, error_fraction in parts:
        line = whole.rjust(widths[0]) + fraction.ljust(widths[1])
        if interval:
            line += " ± " if error or error_fraction else "   "
            line += error.rjust(widths[2]) + error_fraction.ljust(widths[3])
        lines.append(line)
    return lines


def _parts(text: str) -> tuple[str, str, str, str]:
    mean, _, half = text.partition(" ± ")
    whole, dot, fraction = mean.partition(".")
    error, error_dot, error_fraction = half.partition(".")
    return whole, dot + fraction, error, error_dot + error_fraction


def accuracy(quantity: Quantity) -> str:
    """A mean in a sentence: two decimals, three where the interval supports them."""
    return number(quantity.mean, max(2, supported(quantity.half, 3) if quantity.ci95 else 2))


def estimate(quantity: Quantity) -> str:
    """A mean with its interval in a sentence: `0.91 ± 0.01`."""
    return plus_minus(quantity, 3) if quantity.ci95 else accuracy(quantity)


def percent(share: float) -> str:
    """A share in a sentence: `81 %`, with a decimal near 0 and 100 %."""
    value = 100 * share
    if 99 < value < 99.95 or 0.05 <= value < 1:
        return f"{value:.1f} %"
    return f"{value:.0f} %"


def points(share: float) -> str:
    """A difference of two shares: `11 points`, `1 point`, `0.6 points`."""
    value = 100 * abs(share)
    text = f"{value:.0f}" if value >= 1.5 else f"{value:.1f}"
    return "1 point" if text in ("1", "1.0") else f"{text} points"


def duration(seconds: float) -> str:
    """`6 s`, `12 min 34 s`, `1 h 12 min`."""
    if not abs(seconds) < ASTRONOMIC:
        return f"{seconds:.3g} s"
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def listed(items: list[str]) -> str:
    """`a, b and c`."""
    return ", ".join(items[:-1]) + " and " + items[-1] if len(items) > 1 else "".join(items)
