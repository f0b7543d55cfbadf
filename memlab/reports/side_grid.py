"""A table of instruments or baselines for Rich: as many columns side by side as have room."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from memlab.reports.side_table import SideTable
from memlab.text import plain

GAP = 2


@dataclass(frozen=True)
class SideGrid:
    """A renderable; `labels` are the axis values under `title`, one per row of the table."""

    table: SideTable
    title: str
    labels: Sequence[Text]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        room = max(len(self.title), *(label.cell_len for label in self.labels), 1)
        for index, (first, last) in enumerate(
            self.table.blocks(options.max_width - room - GAP, GAP)
        ):
            if index:
                yield Text()
            yield self._block(first, last)

    def _block(self, first: int, last: int) -> Table:
        made = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold")
        made.add_column(Text(plain(self.title)), no_wrap=True)
        for head in self.table.heads[first:last]:
            made.add_column(Text(plain(head)), no_wrap=True)
        for label, cells in zip(self.labels, self.table.cells, strict=True):
            made.add_row(label, *map(Text, cells[first:last]))
        return made
