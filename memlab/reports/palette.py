"""The colours of drawn figures: those of the app on a light background, value for value.

Reports lie below the app, so the app's table (`memlab.tui.palette`) cannot be read from here;
a test holds both equal.
"""

from __future__ import annotations

TRUTH = "#0068a8"
LIES = "#b84a00"
UNSEEN = "#1f5c2e"
NEUTRAL = "#666a72"
RAMP = ("#594fca", "#985cbb", "#ca529c", "#df5d57", "#d3763d", "#afa10b")
SHAPES = "■●▲◆▼★▮◉▶◀✚✦"
MARKERS = "so^Dv*ph><P8"  # matplotlib's, as near to the shapes as it has them


def ramp(count: int) -> list[str]:
    """Hex colours of the `count` values of an axis in the experiment's order."""
    if count < 2:
        return [RAMP[0]] * count
    return [_at(index / (count - 1)) for index in range(count)]


def _at(position: float) -> str:
    step = position * (len(RAMP) - 1)
    index = min(int(step), len(RAMP) - 2)
    low, high = _channels(RAMP[index]), _channels(RAMP[index + 1])
    share = step - index
    mixed = (round(a + (b - a) * share) for a, b in zip(low, high, strict=True))
    return "#" + "".join(f"{channel:02x}" for channel in mixed)


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
