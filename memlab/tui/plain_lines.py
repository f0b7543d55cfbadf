"""The app's last door for text: nothing that a widget paints can steer the terminal.

Widgets and models pass what they show through `memlab.text` where they know its place; this
stands behind all of them, on the lines as they go out, so that no widget can forget it.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.segment import Segment
from textual.app import App
from textual.color import Color
from textual.content import Content
from textual.filter import LineFilter
from textual.notifications import SeverityLevel

from memlab.text import painted, plain


class PlainLines(LineFilter):
    """Takes control characters, overrides and their like out of painted lines, width unchanged.

    It applies the filters before it itself, because Textual makes a new line for each of a list.
    """

    def __init__(self, before: tuple[LineFilter, ...] = ()) -> None:
        super().__init__()
        self.before = before

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The segments; the same list where there is nothing to take out, as there hardly is."""
        for each in self.before:
            segments = each.apply(segments, background)
        for segment in segments:
            if not segment[0].isprintable():
                return [_painted(segment) for segment in segments]
        return segments


class PlainApp(App[None]):
    """An app whose screens and notifications show text as text."""

    _door = PlainLines()

    def get_line_filters(self) -> Sequence[LineFilter]:
        """The last door, with Textual's own filters in it; the same one while these are."""
        before = tuple(super().get_line_filters())
        if self._door.before != before:
            self._door = PlainLines(before)
        return (self._door,)

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = False,
    ) -> None:
        """Shows a message for a while; it is no markup."""
        super().notify(
            plain(message), title=plain(title), severity=severity, timeout=timeout, markup=markup
        )


def _painted(segment: Segment) -> Segment:
    return segment if segment.control else Segment(painted(segment.text), segment.style)


def framed(text: str) -> Content:
    """A frame's title, which Textual would else read as markup."""
    return Content(plain(text))
