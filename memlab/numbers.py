"""Numbers as people read them: no more digits than the interval supports, on the decimal point.

Pure functions from numbers to text, for the app, the reports and the command line. In tables and on
screens there is no zero before the point; in sentences, Markdown and HTML there is. `·` is not
known yet, `–` cannot exist (NaN in the tables of a run). What comes from a damaged file may be of
any size.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from memlab.estimate import Estimate  # which takes numpy along

UNKNOWN = "·"
IMPOSSIBLE = "–"
ASTRONOMIC = 1e15  # from here on no run has a figure, but a damaged file may
_PARTS = re.compile(r"^([−+]?[\d,]*)(\.\d*)?(?: ± ([\d,]*)(\.\d*)?)?$")


def decimals_supported(half: float, most: int = 3) -> int:
    """Decimals that a half-width supports: its first significant digit, 0 to `most`."""
    if not math.isfinite(half) or half == 0:
        return most
    size = abs(half)
    digits = min(most, max(0, -math.floor(math.log10(size))))
    if digits > 0 and round(size, digits) >= 10 ** (1 - digits):
        digits -= 1
    return digits


def number(value: float | None, decimals: int = 3, zero: bool = False) -> str:
    """One number with fixed decimals and a true minus, `zero` before the point or not.

    >>> number(0.998), number(-0.04, 2), number(0.5, 2, zero=True), number(None)
    ('.998', '−.04', '0.50', '·')
    """
    if value is None:
        return UNKNOWN
    if math.isnan(value):
        return IMPOSSIBLE
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if abs(value) >= ASTRONOMIC:
        return f"{value:.3g}"
    text = f"{abs(value):,.{decimals}f}"
    if decimals and not zero and text.startswith("0."):
        text = text[1:]
    return ("−" if value < 0 and text.strip("0.,") else "") + text


def stated(value: float, decimals: int) -> str:
    """A number in a sentence: `0.87`."""
    return number(value, decimals, zero=True)


def plus_minus(found: Estimate | None, most: int = 3, zero: bool = False) -> str:
    """`.71 ± .05`, with the digits that the half-width supports, at most `most` decimals.

    The mean alone without an interval; `–` where there is nothing.
    """
    if found is None:
        return IMPOSSIBLE
    half = found.half
    if not math.isfinite(found.mean) or math.isnan(half):
        return number(found.mean, most, zero)
    digits = decimals_supported(half, most)
    return f"{number(found.mean, digits, zero)} ± {number(half, digits, zero)}"


def bracketed(found: Estimate) -> str:
    """`0.4200 [0.3800, 0.4600]`: as many digits as the width of the interval has places."""
    if not math.isfinite(found.mean):
        return "unknown"
    if not math.isfinite(found.low):
        return f"{found.mean:.3g} (n = {found.n})"
    if math.isinf(found.high):
        return f"{found.mean:.3g} [{found.low:.3g}, ∞)".replace("-", "−")
    width = found.high - found.low
    digits = 3 if width == 0 else min(4, max(0, 2 - math.floor(math.log10(width))))
    low, high = (f"{value:.{digits}f}" for value in (found.low, found.high))
    return f"{found.mean:.{digits}f} [{low}, {high}]".replace("-", "−")


def accuracy(found: Estimate) -> str:
    """A mean in a sentence: two decimals, three where the interval supports them."""
    return stated(found.mean, max(2, decimals_supported(found.half) if found.bounded else 2))


def estimate(found: Estimate) -> str:
    """A mean with its interval in a sentence: `0.91 ± 0.01`."""
    return plus_minus(found, zero=True) if found.bounded else accuracy(found)


def align(texts: Sequence[str]) -> list[str]:
    """Pads texts of `number` and `plus_minus` to one width with points below each other."""
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


def percent(fraction: float | None, decimals: int = 0) -> str:
    """A fraction as `36 %`."""
    if fraction is None or not math.isfinite(fraction):
        return number(fraction)
    return f"{fraction * 100:.{decimals}f} %"


def share(fraction: float) -> str:
    """A fraction in a sentence: `81 %`, with a decimal near 0 and 100 %."""
    value = 100 * fraction
    return percent(fraction, 1 if 99 < value < 99.95 or 0.05 <= value < 1 else 0)


def points(difference: float) -> str:
    """A difference of two shares: `11 points`, `1 point`, `0.6 points`."""
    value = 100 * abs(difference)
    text = f"{value:.0f}" if value >= 1.5 else f"{value:.1f}"
    return "1 point" if text in ("1", "1.0") else f"{text} points"


def count(value: float | None) -> str:
    """A whole number with thousands separators: `71,300`."""
    if value is None:
        return UNKNOWN
    if math.isnan(value):
        return IMPOSSIBLE
    return f"{round(value):,}" if abs(value) < ASTRONOMIC else "∞"


def clock(seconds: float | None) -> str:
    """Time as it passes: `0:06`, `12:34`, `1 h 12 min`, `3 d 4 h`."""
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


def duration(seconds: float) -> str:
    """Time that something took: `6.0 s`, `12 min 34 s`, `1 h 12 min`."""
    if not abs(seconds) < ASTRONOMIC:
        return f"{seconds:.3g} s"
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


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


def _split(text: str) -> tuple[str, str, str, str]:
    """Whole and fraction of the mean and of the half-width; anything else is all whole."""
    match = _PARTS.match(text.strip())
    if match is None:
        return text.strip(), "", "", ""
    whole, fraction, error_whole, error_fraction = match.groups(default="")
    return whole, fraction, error_whole, error_fraction
