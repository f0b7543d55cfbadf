"""A claim's figure on a console: braille and letters, readable without colour."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from memlab.charts import rows
from memlab.charts.plot import Picture
from memlab.charts.row import Row
from memlab.claims.claim import Panel
from memlab.reports.scoreboard_panels import DrawnPanel, banded, drawn

LEAST_WIDTH: Final = 56
MOST_WIDTH: Final = 84
HEIGHT: Final = 13
LOOKS: Final = {rows.TITLE: "bold", rows.LABEL: "", rows.MARK: "bold"}


@dataclass(frozen=True, eq=False)
class ConsoleFigure:
    """The panels of a figure, side by side where there is room, each with its legend."""

    panels: Sequence[Panel]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        made = [banded(drawn(panel, lettered=True)) for panel in self.panels]
        room = options.max_width
        across = max(1, min(len(made), room // LEAST_WIDTH))
        width = min(MOST_WIDTH, (room - 2 * (across - 1)) // across)
        for start in range(0, len(made), across):
            part = made[start : start + across]
            grid = Table.grid(padding=(0, 2, 0, 0), pad_edge=False)
            heights = [one.least_height or HEIGHT for one in part]
            grid.add_row(*(_panel(one, width, max(heights)) for one in part))
            yield grid


def _panel(made: DrawnPanel, width: int, height: int) -> Text:
    lines = [_line(row, made.picture) for row in made.rows(width, made.least_height or height)]
    return Text("\n").join([*lines, *_legend(made, width)])


def _line(row: Row, picture: Picture) -> Text:
    text = Text(no_wrap=True)
    for part, number in row.runs():
        text.append(part, _style(number, picture))
    return text


def _style(number: int, picture: Picture) -> str:
    index = (number - rows.SERIES) // 2
    if 0 <= index < len(picture.series):
        return picture.series[index].colour
    return "" if number == rows.BLANK else LOOKS.get(number, "dim")


def _legend(made: DrawnPanel, width: int) -> Iterator[Text]:
    """Letter and words of each line, as many to a row as fit."""
    text = Text(no_wrap=True)
    for marker, colour, words in made.legend:
        told = Text.assemble(("  ", ""), (marker, colour), f" {words}")
        if text and text.cell_len + told.cell_len > width:
            yield text
            text = Text(no_wrap=True)
        told.truncate(width, overflow="ellipsis")
        text.append_text(told)
    if text:
        yield text
