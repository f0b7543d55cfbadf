from __future__ import annotations

import pytest
from recorded import Recording
from rich.text import Text
from textual import on
from textual.app import App, ComposeResult

from memlab.tui.widgets.columns import Coloured, Column
from memlab.tui.widgets.table import LineTable

COLUMNS = [
    Column("name", "name", 10),
    Column("value", "value", 8, "right"),
    Column("note", "note", 20, priority=1),
    Column("spark", "spark", 20, priority=2),
]


class Recorded(Recording, LineTable):
    """Remembers what it asks to be repainted."""


class Tables(App[None]):
    def __init__(self) -> None:
        super().__init__()
        self.heard: list[tuple[str, object]] = []

    def compose(self) -> ComposeResult:
        yield Recorded(COLUMNS, empty="press n for the first run")

    @property
    def table(self) -> Recorded:
        return self.query_one(Recorded)

    def text(self) -> list[str]:
        return [self.table.render_line(y).text for y in range(self.table.size.height)]

    @on(LineTable.RowSelected)
    def _selected(self, event: LineTable.RowSelected) -> None:
        self.heard.append(("selected", event.row_key))

    @on(LineTable.RowHighlighted)
    def _highlighted(self, event: LineTable.RowHighlighted) -> None:
        if not isinstance(event, LineTable.RowSelected):
            self.heard.append(("highlighted", event.row_key))


def rows(count: int) -> tuple[list[str], list[list[object]]]:
    keys = [f"k{i}" for i in range(count)]
    return keys, [[f"row {i}", (i * 7) % count, "note", "▁▂▃"] for i in range(count)]


async def test_empty_table_teaches() -> None:
    app = Tables()
    async with app.run_test(size=(80, 12)):
        assert any("press n for the first run" in line for line in app.text())


async def test_only_visible_rows_are_asked_for() -> None:
    app = Tables()
    async with app.run_test(size=(80, 12)) as pilot:
        asked = set()

        def cell(row: str, column: str) -> str:
            asked.add(row)
            return row

        app.table.set_rows([str(i) for i in range(2000)], cell)
        await pilot.pause()
        assert len(asked) <= 12
        app.table.focus()
        await pilot.press("end")
        await pilot.pause()
        assert "1999" in app.text()[-1]
        assert app.text()[0].strip().startswith("name")
        assert len(asked) <= 24


async def test_a_changed_cell_repaints_only_itself() -> None:
    app = Tables()
    async with app.run_test(size=(80, 12)) as pilot:
        keys, cells = rows(50)
        app.table.set_rows(keys, cells)
        await pilot.pause()
        app.table.asked.clear()
        cells[3][1] = 999
        app.table.set_rows(keys, cells)
        await pilot.pause()
        assert [(r.y, r.height) for r in app.table.asked if r] == [(4, 1)]
        assert sum(r.width for r in app.table.asked if r) <= 10
        assert "999" in app.text()[4]
        app.table.asked.clear()
        cells[49][1] = 1
        app.table.set_rows(keys, cells)
        assert app.table.asked == []


async def test_cursor_stays_on_its_row_when_rows_sort_and_change() -> None:
    app = Tables()
    async with app.run_test(size=(80, 12)) as pilot:
        app.table.set_rows(*rows(50))
        app.table.focus()
        await pilot.press("j", "down", "j", "k")
        assert app.table.cursor_key == "k2"
        app.table.sort_by("value", reverse=True)
        await pilot.pause()
        assert app.table.cursor_key == "k2"
        assert app.table.row_keys[0] == next(
            k for k, r in zip(*rows(50), strict=True) if r[1] == 49
        )
        assert "value ↓" in app.text()[0]
        assert any(line.startswith("▸ row 2 ") for line in app.text())
        keys, cells = rows(50)
        app.table.set_rows(keys[::-1], cells[::-1])
        assert app.table.cursor_key == "k2"
        app.table.set_rows(keys[:2], cells[:2])
        assert app.table.cursor_key in keys[:2]
        await pilot.press("enter")
        await pilot.pause()
        assert app.heard[-1] == ("selected", app.table.cursor_key)


async def test_unknown_values_sort_last_both_ways() -> None:
    app = Tables()
    async with app.run_test(size=(80, 12)):
        cells = [["a", "·"], ["b", ".5 ± .1"], ["c", "–"], ["d", "−1"]]
        app.table.set_rows(list("abcd"), [[*c, "", ""] for c in cells])
        app.table.sort_by("value")
        assert app.table.row_keys == list("dbac")
        app.table.sort_by("value", reverse=True)
        assert app.table.row_keys == list("bdac")


async def test_narrow_tables_drop_the_least_important_columns() -> None:
    app = Tables()
    async with app.run_test(size=(80, 12)) as pilot:
        app.table.set_rows(*rows(3))
        assert app.table.shown_columns == ["name", "value", "note", "spark"]
        await pilot.resize_terminal(50, 12)
        assert app.table.shown_columns == ["name", "value", "note"]
        await pilot.resize_terminal(24, 12)
        assert app.table.shown_columns == ["name", "value"]


async def test_cells_have_colours_of_their_own() -> None:
    app = Tables()
    async with app.run_test(size=(80, 12)):
        text = Text("abc", "bold")
        text.stylize("#00ff00", 1, 2)
        app.table.set_rows(["k"], [[Coloured("x", "#ff0000"), text, "long " * 9, ""]])
        segments = [s for s in app.table.render_line(1) if s.style and s.style.color]
        names = {s.text.strip(): s.style.color.name for s in segments if s.style and s.style.color}
        assert names["x"] == "#ff0000"
        assert names["b"] == "#00ff00"
        assert "…" in app.text()[1]


@pytest.mark.parametrize("count", [0, 1, 200])
async def test_no_size_crashes(count: int) -> None:
    app = Tables()
    async with app.run_test(size=(80, 12)) as pilot:
        app.table.set_rows(*rows(count))
        app.table.focus()
        for width, height in [(1, 1), (2, 1), (1, 60), (200, 60), (7, 3), (80, 24), (3, 2)]:
            await pilot.resize_terminal(width, height)
            await pilot.press("end", "home", "pagedown", "o", "O")
            assert all(len(line) == app.table.size.width for line in app.text())
