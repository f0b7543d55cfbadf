"""The colours, markers and letters that mean one thing on every screen and in every figure.

Plain hex strings, so that Textual and matplotlib read the same table. The hues of truth and
lies follow Okabe and Ito (2008), unseen lies between them in hue and apart in lightness; the ramp
of axis values rises in lightness from violet to amber and stays between the luminances that read
on a dark and on a light background. Tests hold both against three kinds of colour blindness.
Nothing here knows a widget.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

MARKERS = "■●▲◆▼★▮◉▶◀✚✦"
LETTERS = "abcdefghijklmnopqrstuvwxyz"
UNKNOWN = "·"
IMPOSSIBLE = "–"


@dataclass(frozen=True)
class Palette:
    """Hex colours of the three kinds of data and of the neutral parts, for one background."""

    truth: str
    lies: str
    unseen: str
    neutral: str
    error: str
    changed: str


DARK = Palette("#56b4e9", "#f28e2b", "#a6e3a1", "#8a8f98", "#ff6b6b", "#e5c453")
LIGHT = Palette("#0068a8", "#b84a00", "#1f5c2e", "#666a72", "#b3261e", "#7a5c00")

KIND_MARKERS = {"truth": "●", "lies": "▲", "unseen": "◆"}
KIND_LETTERS = {"truth": "t", "lies": "l", "unseen": "u"}


@dataclass(frozen=True)
class State:
    """How a lifecycle state looks: a letter or mark that is enough alone, and a colour."""

    mark: str
    dark: str
    light: str

    def colour(self, dark: bool = True) -> str:
        """Hex colour for a dark or a light background."""
        return self.dark if dark else self.light


STATES: dict[str, State] = {
    "queued": State("Q", "#8a8f98", "#666a72"),
    "starting": State("…", "#56b4e9", "#0068a8"),
    "running": State("●", "#2fc99b", "#00785a"),
    "paused": State("‖", "#e5c453", "#7a5c00"),
    "stopping": State("◌", "#e5c453", "#7a5c00"),
    "finished": State("✓", "#56b4e9", "#0068a8"),
    "failed": State("✗", "#ff6b6b", "#b3261e"),
    "interrupted": State("!", "#f28e2b", "#b84a00"),
}

_RAMP = ("#594fca", "#985cbb", "#ca529c", "#df5d57", "#d3763d", "#afa10b")


def palette(dark: bool = True) -> Palette:
    """The palette for a dark or a light background."""
    return DARK if dark else LIGHT


def state(name: str) -> State:
    """How a lifecycle state looks; an unknown one shows its first letter in grey."""
    known = STATES.get(name)
    return known or State(name[:1].upper() or UNKNOWN, DARK.neutral, LIGHT.neutral)


def ramp(n: int) -> list[str]:
    """Hex colours of the n values of an axis in the experiment's order, first value first."""
    if n <= 0:
        return []
    if n == 1:
        return [_RAMP[0]]
    return [_at(index / (n - 1)) for index in range(n)]


def marker(index: int) -> str:
    """The shape of the axis value at this position; shapes repeat after twelve."""
    return MARKERS[index % len(MARKERS)]


def letter(index: int) -> str:
    """The letter of the axis value at this position: a … z, then A … Z, then again."""
    letters = LETTERS + LETTERS.upper()
    return letters[index % len(letters)]


@lru_cache(maxsize=4096)
def blend(colour: str, background: str, share: float) -> str:
    """Hex of `share` (0..1) of a colour over a background."""
    front, back = _channels(colour), _channels(background)
    mixed = (round(b + (f - b) * share) for f, b in zip(front, back, strict=True))
    return "#" + "".join(f"{channel:02x}" for channel in mixed)


def luminance(colour: str) -> float:
    """Relative luminance 0..1 of a hex colour (WCAG 2.1)."""
    red, green, blue = (_linear(channel / 255) for channel in _channels(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Contrast ratio 1..21 between two hex colours (WCAG 2.1)."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _at(position: float) -> str:
    step = position * (len(_RAMP) - 1)
    index = min(int(step), len(_RAMP) - 2)
    return blend(_RAMP[index + 1], _RAMP[index], step - index)


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4
