"""The pane of Watch with one line per instrument; only what changed is repainted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from memlab.charts.row import Row
from memlab.numbers import align
from memlab.tui.plain_lines import framed
from memlab.tui.watch.instrument_lines import SPARKLINE, InstrumentLine
from memlab.tui.watch.model import WAITING
from memlab.tui.widgets.columns import fit
from memlab.tui.widgets.painted_lines import PaintedLines

LABEL, VALUE, SPARK, WAITS, FAILED = range(1, 6)
NAMES = {
    LABEL: "instruments--label",
    VALUE: "instruments--value",
    SPARK: "instruments--spark",
    WAITS: "instruments--waits",
    FAILED: "instruments--failed",
}
NEVER = "not measured, for want of time"
MOST_LINES = 8
LEAST_WIDTH = 120
LEAST_NOTE = 12  # columns that a note needs
#: Behind the name of an instrument that says something of how it measures.
NOTED = "*"
MORE = "i shows all"


class InstrumentsPane(PaintedLines):
    """Framed lines: name, newest value with interval, sparkline, note; or why there is none."""

    COMPONENT_CLASSES: ClassVar[set[str]] = set(NAMES.values())
    STYLES: ClassVar[Mapping[int, str]] = NAMES
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
        self._over = False
        self._titles = "", ""
        self._rows: list[Row] = []

    def prepare(self, instruments: int) -> int:
        """Fits the pane for so many instruments; the lines that it takes, frame included."""
        room = 2 + min(MOST_LINES, instruments)
        fits = instruments > 0 and self.app.size.width >= LEAST_WIDTH
        self.set_class(fits, "-fits")
        self.styles.height = room
        return room if fits else 0

    def show(self, lines: Sequence[InstrumentLine], label: str = "", over: bool = False) -> None:
        """The newest lines; `label` is the axis value's that they are of, `over` the run."""
        more = f"{NOTED} i says how · {MORE}" if any(line.note for line in lines) else MORE
        titles = f"instruments{f' ({label})' if label else ''}", more
        if self._titles != titles:
            self._titles = titles
            self.border_title, self.border_subtitle = framed(titles[0]), more
        if (tuple(lines), over) != (self.lines, self._over):
            self.lines, self._over = tuple(lines), over
            self.repaint()

    def compose_lines(self) -> None:
        width = self.size.width
        lines = self.lines[: max(0, self.size.height)]
        values = _below_each_other([line.value for line in lines])
        labels = [f"{line.label} {NOTED}" if line.note else line.label for line in lines]
        names = min(max(map(len, labels), default=0), max(8, width // 2))
        self._rows = []
        for line, label, value in zip(lines, labels, values, strict=True):
            row = Row(width)
            row.put(0, fit(label, names, "left"), LABEL)
            after = names + 2
            if line.value:
                row.put(after, value, VALUE)
                after += len(value) + 2
            if line.failed:
                row.put(after, fit(f"✗ {line.failed}", max(0, width - after), "left"), FAILED)
            elif line.waits:
                row.put(after, NEVER if self._over else WAITING, WAITS)
            else:
                row.put(after, line.spark[:SPARKLINE], SPARK)
                after += SPARKLINE + 2
                if line.note and width - after >= LEAST_NOTE:
                    row.put(after, fit(line.note, width - after, "left"), WAITS)
            self._rows.append(row)

    def line(self, y: int) -> Row:
        return self._rows[y] if y < len(self._rows) else Row(self.size.width)


def _below_each_other(texts: Sequence[str]) -> list[str]:
    """Points below each other, but for texts with a power of ten."""
    plain = iter(align([text for text in texts if "e" not in text]))
    lines = [text if "e" in text else next(plain) for text in texts]
    width = max(map(len, lines), default=0)
    return [line.ljust(width) for line in lines]
