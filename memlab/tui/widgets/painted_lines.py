"""Lines that stay as they were painted: only the spans that differ are painted again.

Every widget of ours that paints by itself is one of these; those with a cursor are `CursorLines`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

from memlab.charts.row import Row

Piece = tuple[str, Style]
Line = Sequence[Piece] | Row


class PaintedLines(Widget):
    """Asks for each line as styled texts, or as a `Row` whose style numbers `STYLES` names.

    `repaint` asks for all lines again and refreshes what differs from what is on the screen.
    """

    STYLES: ClassVar[Mapping[int, str]] = {}

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._painted: dict[int, Line] = {}
        self._painted_size: Size | None = None
        self._known_styles: dict[str | int, Style] = {}

    def line(self, y: int) -> Line:
        """What one line of the widget holds now, left to right."""
        raise NotImplementedError

    def compose_lines(self) -> None:
        """Prepares for `line` all that depends on the size."""

    def make_style(self, number: int) -> Style:
        """The style of a number in a `Row`."""
        name = self.STYLES.get(number)
        return self.rich_style if name is None else self.style_of(name)

    def style_of(self, key: str | int) -> Style:
        """The style of a component class, or of a number in a `Row`; kept until styles change."""
        style = self._known_styles.get(key)
        if style is None:
            if isinstance(key, int):
                style = self.make_style(key)
            else:
                style = self.get_component_rich_style(key)
            self._known_styles[key] = style
        return style

    def repaint(self) -> None:
        """Refreshes the parts of lines that differ from what is on the screen."""
        if self._painted_size != self.size or not self.display:
            self.repaint_all()
            return
        self.compose_lines()
        regions = []  # within borders and padding, which Textual adds
        for y, before in list(self._painted.items()):
            after = self._painted[y] = self.line(y)
            span = changed_span(before, after)
            if span is not None:
                regions.append(Region(span[0], y, span[1] - span[0], 1))
        if regions:
            self.refresh(*regions)

    def repaint_all(self, *, restyled: bool = False) -> None:
        """Refreshes all lines; `restyled` where styles are others than before, too."""
        if restyled:
            self._known_styles.clear()
        self._painted.clear()
        self._painted_size = None
        self.refresh()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._known_styles.clear()
        self._painted_size = None

    def render_line(self, y: int) -> Strip:
        size = self.size
        if size != self._painted_size:
            self._painted.clear()
            self._painted_size = size
            self.compose_lines()
        line = self._painted[y] = self.line(y)
        if isinstance(line, Row):
            runs = [Segment(text, self.style_of(number)) for text, number in line.runs()]
            return Strip(runs, len(line.cells))
        strip = Strip([Segment(text, style) for text, style in line])
        return strip.simplify().crop_extend(0, size.width, self.style_of(0))


def changed_span(before: Line, after: Line) -> tuple[int, int] | None:
    """First column and one past the last column that differ, or None."""
    if isinstance(before, Row) and isinstance(after, Row):
        return after.changed_span(before)
    if before == after:
        return None
    if isinstance(before, Row) or isinstance(after, Row):
        return 0, max(_width(before), _width(after))
    most = min(len(before), len(after))
    first = next((i for i in range(most) if before[i] != after[i]), most)
    same = next((i for i in range(most - first) if before[-1 - i] != after[-1 - i]), most - first)
    old, new = before[first : len(before) - same], after[first : len(after) - same]
    left = _width(after[:first])
    if _width(old) == _width(new):
        return left, left + _width(new)
    return left, max(_width(before), _width(after))


def _width(line: Line) -> int:
    return len(line.cells) if isinstance(line, Row) else sum(cell_len(text) for text, _ in line)


@lru_cache(maxsize=4096)
def ink(colour: str | None, background: str | None = None, bold: bool = False) -> Style:
    """A Rich style from hex colours."""
    return Style(color=colour, bgcolor=background, bold=bold or None)
