"""Numbers as people read them: no more digits than the interval supports, on the decimal point.

Pure functions from numbers to text. `·` is not known yet, `–` cannot exist (NaN in the tables of
a run), as the screens and the report write them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

UNKNOWN = "·"
IMPOSSIBLE = "–"
ASTRONOMIC = 1e15  # from here on no run has a figure, but a damaged file may
_PARTS = re.compile(r"^([−+]?[\d,]*)(\.\d*)?(?: ± (\d*)(\.\d*)?)?$")


def decimals_supported(interval: float | None, most: int = 3) -> int:
    """Decimals that a half-width supports: its first significant digit, 0 to `most`."""
    if interval is None or not math.isfinite(interval) or interval == 0:
        return most
    size = abs(interval)
    digits = min(most, max(0, -math.floor(math.log10(size))))
    if digits > 0 and round(size, digits) >= 10 ** (1 - digits):
        digits -= 1
    return digits


def number(value: float | None, decimals: int = 3) -> str:
    """One number with fixed decimals, no zero before the point: `.998`, `12.3`, `−.04`."""
    if value is None:
        return UNKNOWN
    if math.isnan(value):
        return IMPOSSIBLE
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if abs(value) >= ASTRONOMIC:
        return f"{value:.3g}"
    text = f"{abs(value):,.{decimals}f}"
    if decimals and text.startswith("0."):
        text = text[1:]
    return ("−" if value < 0 and text.strip("0.,") else "") + text


def estimate(mean: float | None, interval: float | None = None, decimals: int = 3) -> str:
    """`mean ± half-width` with the digits that the half-width supports: `.71 ± .05`.

    Without an interval (None, one seed; NaN) the mean alone, with `decimals` decimals.
    """
    if mean is None or not math.isfinite(mean):
        return number(mean, decimals)
    if interval is None or math.isnan(interval):
        return number(mean, decimals)
    digits = decimals_supported(interval, decimals)
    return f"{number(mean, digits)} ± {number(abs(interval), digits)}"


def align(texts: Sequence[str]) -> list[str]:
    """Pads texts of `number` and `estimate` to one width with points below each other."""
    parts = [_split(text) for text in texts]
    widths = [max((len(part[i]) for part in parts), default=0) for i in range(4)]
    uncertain = widths[2] + widths[3] > 0
    lines = []
    for whole, fraction, error_whole, error_fraction in parts:
        line = whole.rjust(widths[0]) + fraction.ljust(widths[1])
        if uncertain:
            sign = " ± " if error_whole or error_fraction else "   "
            line += sign + error_whole.rjust(widths[2]) + error_fraction.ljust(widths[3])
        lines.append(line)
    width = max((len(line) for line in lines), default=0)
    return [line.ljust(width) for line in lines]


def aligned(text: str, whole: int = 1, decimals: int = 3, interval: bool = True) -> str:
    """One text padded as if the widest of its column had `whole` digits and `decimals` decimals.

    Cells formatted alone, one at a time, still line up.
    """
    nines = "9" * whole + ("." + "9" * decimals if decimals else "")
    ruler = f"{nines} ± {nines[max(0, whole) :] or '9'}" if interval else nines
    return align([text, ruler])[0]


def duration(seconds: float | None) -> str:
    """`0:06`, `12:34`, `1 h 12 min`, `3 d 4 h`; rounded to the second, the minute, the hour."""
    if seconds is None or math.isnan(seconds):
        return UNKNOWN
    if abs(seconds) >= ASTRONOMIC:
        return "∞"
    total = max(0, round(seconds))
    if total < 3600:
        return f"{total // 60}:{total % 60:02d}"
    minutes = round(total / 60)
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60} min"
    hours = round(total / 3600)
    return f"{hours // 24} d {hours % 24} h"


def size(count: float | None) -> str:
    """Bytes in decimal units: `512 B`, `0.3 MB`, `12 MB`, `1.5 GB`."""
    if count is None or not math.isfinite(count):
        return UNKNOWN
    if count < 1000:
        return f"{round(count)} B"
    for exponent, unit in ((6, "MB"), (9, "GB"), (12, "TB")):
        if count < 10 ** (exponent - 1) and unit == "MB":
            return f"{round(count / 1000)} kB"
        value = count / 10**exponent
        if value < 999.5 or unit == "TB":
            return f"{value:.1f} {unit}" if value < 9.95 else f"{value:,.0f} {unit}"
    raise AssertionError("every size has a unit")


def count(value: float | None) -> str:
    """A whole number with thousands separators: `71,300`."""
    if value is None:
        return UNKNOWN
    if math.isnan(value):
        return IMPOSSIBLE
    return f"{round(value):,}" if abs(value) < ASTRONOMIC else "∞"


def percent(fraction: float | None, decimals: int = 0) -> str:
    """A fraction as `36 %`."""
    if fraction is None or not math.isfinite(fraction):
        return number(fraction)
    return f"{fraction * 100:.{decimals}f} %"


def _split(text: str) -> tuple[str, str, str, str]:
    """Whole and fraction of the mean and of the half-width; anything else is all whole."""
    match = _PARTS.match(text.strip())
    if match is None:
        return text.strip(), "", "", ""
    whole, fraction, error_whole, error_fraction = match.groups(default="")
    return whole, fraction, error_whole, error_fraction
