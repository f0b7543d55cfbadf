"""The pane of Watch with one line per instrument; only what changed is repainted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from memlab.charts.row import Row
from memlab.numbers import align
from memlab.tui.instrument_lines import SPARKLINE, InstrumentLine
from memlab.tui.plain_lines import framed
from memlab.tui.widgets.columns import fit
from memlab.tui.widgets.spans import to_strip

BLANK, LABEL, VALUE, SPARK, WAITS, FAILED = range(6)
NAMES = {
    LABEL: "instruments--label",
    VALUE: "instruments--value",
    SPARK: "instruments--spark",
    WAITS: "instruments--waits",
    FAILED: "instruments--failed",
}
WAITING = "waits for the first measurement"
MOST_LINES = 8
LEAST_WIDTH = 120


class InstrumentsPane(Widget):
    """Framed lines: name, newest value with interval, sparkline; or why there is none."""

    COMPONENT_CLASSES: ClassVar[set[str]] = set(NAMES.values())
    DEFAULT_CSS = """
    InstrumentsPane {
        & > .instruments--label { color: $foreground; }
        & > .instruments--value { color: $foreground; text-style: bold; }
        & > .instruments--spark { color: $foreground 75%; }
        & > .instruments--waits { color: $foreground 60%; text-style: italic; }
        & > .instruments--failed { color: $error; }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.lines: tuple[InstrumentLine, ...] = ()
        self._title = ""
        self._rows: list[Row] = []
        self._styles: dict[int, Style] = {}

    def prepare(self, instruments: int) -> int:
        """Fits the pane for so many instruments; the lines that it takes, frame included."""
        room = 2 + min(MOST_LINES, instruments)
        fits = instruments > 0 and self.app.size.width >= LEAST_WIDTH
        self.set_class(fits, "-fits")
        self.styles.height = room
        return room if fits else 0

    def show(self, lines: Sequence[InstrumentLine], label: str = "") -> None:
        """The newest lines; `label` is the axis value's that they are of."""
        title = f"instruments{f' ({label})' if label else ''}"
        if self._title != title:
            self._title = title
            self.border_title, self.border_subtitle = framed(title), "i shows all"
        if tuple(lines) == self.lines:
            return
        self.lines = tuple(lines)
        before, self._rows = self._rows, self._composed()
        if len(before) != len(self._rows):
            self.refresh()
            return
        corner = self.content_region.offset - self.region.offset
        regions = []
        for y, (row, old) in enumerate(zip(self._rows, before, strict=True)):
            span = row.changed_span(old)
            if span is not None:
                regions.append(Region(span[0] + corner.x, y + corner.y, span[1] - span[0], 1))
        if regions:
            self.refresh(*regions)

    def on_resize(self) -> None:
        """Lays the lines out for another width."""
        self._rows = self._composed()

    def notify_style_update(self) -> None:
        """Forgets styles that came from the theme."""
        super().notify_style_update()
        self._styles = {}

    def _composed(self) -> list[Row]:
        width = self.content_size.width
        lines = self.lines[: max(0, self.content_size.height)]
        values = _below_each_other([line.value for line in lines])
        names = min(max((len(line.label) for line in lines), default=0), max(8, width // 2))
        rows = []
        for line, value in zip(lines, values, strict=True):
            row = Row(width)
            row.put(0, fit(line.label, names, "left"), LABEL)
            after = names + 2
            if line.value:
                row.put(after, value, VALUE)
                after += len(value) + 2
            if line.failed:
                row.put(after, fit(f"✗ {line.failed}", max(0, width - after), "left"), FAILED)
            elif line.waits:
                row.put(after, WAITING, WAITS)
            else:
                row.put(after, line.spark[:SPARKLINE], SPARK)
            rows.append(row)
        return rows

    def render_line(self, y: int) -> Strip:
        """One line of the widget, painted."""
        if not self._rows and self.lines:
            self._rows = self._composed()
        if not 0 <= y < len(self._rows) or len(self._rows[y].cells) != self.content_size.width:
            return Strip.blank(self.content_size.width, self.rich_style)
        if not self._styles:
            self._styles = {n: self.get_component_rich_style(name) for n, name in NAMES.items()}
            self._styles[BLANK] = self.rich_style
        return to_strip(self._rows[y], self._styles)


def _below_each_other(texts: Sequence[str]) -> list[str]:
    """Points below each other, but for texts with a power of ten."""
    plain = iter(align([text for text in texts if "e" not in text]))
    lines = [text if "e" in text else next(plain) for text in texts]
    width = max(map(len, lines), default=0)
    return [line.ljust(width) for line in lines]
