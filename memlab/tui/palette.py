"""The colours, markers and letters that mean one thing on every screen.

Light backgrounds and the ramp of axis values are the figures' own (`memlab.reports.palette`);
here are dark backgrounds, and how lifecycle states look. Nothing here knows a widget.
"""

from __future__ import annotations

from dataclasses import dataclass

from memlab.reports.palette import LIES, NEUTRAL, SHAPES, TRUTH, UNSEEN, blend, channels, ramp

__all__ = ["blend", "contrast", "letter", "luminance", "marker", "palette", "ramp", "state"]

MARKERS = SHAPES
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
LIGHT = Palette(TRUTH, LIES, UNSEEN, NEUTRAL, "#b3261e", "#7a5c00")

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


def palette(dark: bool = True) -> Palette:
    """The palette for a dark or a light background."""
    return DARK if dark else LIGHT


def state(name: str) -> State:
    """How a lifecycle state looks; an unknown one shows its first letter in grey."""
    known = STATES.get(name)
    return known or State(name[:1].upper() or UNKNOWN, DARK.neutral, LIGHT.neutral)


def verdict(name: str, dark: bool) -> str:
    """Hex colour of a claim's verdict."""
    tones = palette(dark)
    return {
        "supported": state("running").colour(dark),
        "not supported": tones.error,
        "inconclusive (control failed)": tones.changed,
        "inconclusive": tones.changed,
    }.get(name, tones.neutral)


def marker(index: int) -> str:
    """The shape of the axis value at this position; shapes repeat after twelve."""
    return MARKERS[index % len(MARKERS)]


def letter(index: int) -> str:
    """The letter of the axis value at this position: a … z, then A … Z, then again."""
    letters = LETTERS + LETTERS.upper()
    return letters[index % len(letters)]


def luminance(colour: str) -> float:
    """Relative luminance 0..1 of a hex colour (WCAG 2.1)."""
    red, green, blue = (_linear(channel / 255) for channel in channels(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Contrast ratio 1..21 between two hex colours (WCAG 2.1)."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4
