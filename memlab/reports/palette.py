"""The colours of figures and screens: the one table that both read.

Plain hex strings for a light background, as paper is; `memlab.tui.palette` adds the dark one and
what only a terminal needs. The hues of truth and lies follow Okabe and Ito (2008); the ramp of
axis values rises in lightness from violet to amber and stays between the luminances that read on
a dark and on a light background. Tests hold both against three kinds of colour blindness.
"""

from __future__ import annotations

from functools import lru_cache

TRUTH = "#0068a8"
LIES = "#b84a00"
UNSEEN = "#1f5c2e"
NEUTRAL = "#666a72"
RAMP = ("#594fca", "#985cbb", "#ca529c", "#df5d57", "#d3763d", "#afa10b")
SHAPES = "■●▲◆▼★▮◉▶◀✚✦"
MARKERS = "so^Dv*ph><P8"  # matplotlib's, as near to the shapes as it has them


def ramp(count: int) -> list[str]:
    """Hex colours of the `count` values of an axis in the experiment's order, first value first."""
    if count < 2:
        return [RAMP[0]] * count
    return [_at(index / (count - 1)) for index in range(count)]


@lru_cache(maxsize=4096)
def blend(colour: str, background: str, share: float) -> str:
    """Hex of `share` (0..1) of a colour over a background."""
    front, back = channels(colour), channels(background)
    mixed = (round(b + (f - b) * share) for f, b in zip(front, back, strict=True))
    return "#" + "".join(f"{channel:02x}" for channel in mixed)


def channels(colour: str) -> tuple[int, int, int]:
    """Red, green and blue, 0..255, of a hex colour."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _at(position: float) -> str:
    step = position * (len(RAMP) - 1)
    index = min(int(step), len(RAMP) - 2)
    return blend(RAMP[index + 1], RAMP[index], step - index)
