"""One line that says how far a run is; it stands still where nothing changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rich.style import Style

from memlab.numbers import clock, count, number
from memlab.tui import palette
from memlab.tui.widgets.painted_lines import PaintedLines, Piece, ink

FINAL = ("finished", "failed", "interrupted")


@dataclass(frozen=True)
class Progress:
    """Where a run is; None is not known yet. `fraction` 0..1, `remaining` in seconds."""

    state: str = "queued"
    epoch: float | None = None
    epochs: float | None = None
    fraction: float | None = None
    remaining: float | None = None
    samples_per_second: float | None = None
    device: str = ""
    note: str = ""
    unit: str = "epoch"


class ProgressLine(PaintedLines):
    """State, epoch, bar, time left, speed and device; the last ones go first where it is narrow."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"progress--text", "progress--dim", "progress--track"}
    DEFAULT_CSS = """
    ProgressLine {
        width: 1fr;
        height: 1;
        & > .progress--text { color: $foreground; }
        & > .progress--dim { color: $foreground 65%; }
        & > .progress--track { color: $foreground 25%; }
    }
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._progress = Progress()

    @property
    def progress(self) -> Progress:
        """What is shown."""
        return self._progress

    def set_progress(self, progress: Progress) -> None:
        """Shows where a run is."""
        self._progress = progress
        self.repaint()

    def line(self, y: int) -> list[Piece]:
        if y != self.size.height // 2:
            return []
        width = self.size.width
        progress = self._progress
        look = palette.state(progress.state)
        text = self.style_of("progress--text")
        dim = self.style_of("progress--dim")
        colour = look.colour(self.app.current_theme.dark)
        bright = text + ink(colour, None, True)
        mark = f" {look.mark} " + (f"{progress.state:<12}" if width >= 50 else "")
        tail, tail_dim = self._tail(width)
        epoch = _epoch(progress, width)
        room = width - len(mark) - len(epoch) - len(tail) - len(tail_dim) - 2
        line = [(mark, bright), (epoch, text)]
        if room >= 4 and progress.fraction is not None:
            line += self._bar(room, progress.fraction, ink(colour), text)
        elif room > 0:
            line.append((progress.note[:room].ljust(room), dim))
        return [*line, ("  " + tail, text), (tail_dim, dim)]

    def _tail(self, width: int) -> tuple[str, str]:
        progress = self._progress
        left = f"{clock(progress.remaining):>11} left" if width >= 60 else ""
        endless = progress.fraction is None and progress.epochs is None
        if progress.state in FINAL or (endless and progress.state == "running"):
            left = ""
        elif 24 <= width < 60:
            left = f"{clock(progress.remaining):>6}"
        speed = ""
        if width >= 100:
            speed = f"  {count(progress.samples_per_second):>9} samples/s"
        elif width >= 76:
            speed = f"  {count(progress.samples_per_second):>9}/s "
        device = f"   {progress.device} " if width >= 90 and progress.device else ""
        return left, speed + device

    def _bar(self, room: int, fraction: float, colour: Style, text: Style) -> list[Piece]:
        background = Style(bgcolor=text.bgcolor)
        halves = round(min(1.0, max(0.0, fraction)) * room * 2) if fraction == fraction else 0
        whole, half = divmod(halves, 2)
        done = "━" * whole + ("╸" if half else "")
        track = self.style_of("progress--track")
        return [(done, background + colour), ("─" * (room - len(done)), track)]


def _epoch(progress: Progress, width: int) -> str:
    if width < 12:
        return ""
    if progress.epochs is None:
        whole = number(progress.epoch, 0)
        return f"{progress.unit} {whole}  " if width >= 40 else whole + " "
    total = number(progress.epochs, 0)
    now = number(progress.epoch, 0).rjust(len(total))
    return f"epoch {now} of {total}   " if width >= 60 else f"{now}/{total} "
