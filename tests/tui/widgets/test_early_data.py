from __future__ import annotations

from textual.app import App, ComposeResult

from memlab.tui.widgets.chart import BrailleChart, Mark, Series
from memlab.tui.widgets.fields import Field, FieldList
from memlab.tui.widgets.picture import PictureStrip, Thumbnail
from memlab.tui.widgets.progress import Progress, ProgressLine
from memlab.tui.widgets.table import Column, LineTable


class Early(App[None]):
    """Gives every widget its data before it is mounted, and hides one."""

    def compose(self) -> ComposeResult:
        chart = BrailleChart("loss")
        chart.show([Series("a", "#ff0000", "a", [0.0, 1.0], [0.0, 1.0])], [Mark(0.5, "here")])
        table = LineTable([Column("a", "a")])
        table.set_rows(["x"], [["first row"]])
        form = FieldList()
        form.set_fields([Field("k", "label", "section", "5", "4", error="too much")])
        line = ProgressLine()
        line.set_progress(Progress("paused", 3, 10, 0.3))
        pictures = PictureStrip()
        pictures.set_pictures([Thumbnail([[0, 255]] * 2, "7 as 1")])
        hidden = BrailleChart("hidden", id="hidden")
        hidden.display = False
        yield from (chart, table, form, line, pictures, hidden)


def text(app: App[None], kind: type) -> str:
    widget = app.query(kind).first()
    return "\n".join(widget.render_line(y).text for y in range(widget.size.height))


async def test_data_given_before_mounting_is_shown() -> None:
    app = Early()
    async with app.run_test(size=(80, 60)) as pilot:
        await pilot.pause()
        assert "▼ here" in text(app, BrailleChart)
        assert "first row" in text(app, LineTable)
        assert "paused" in text(app, ProgressLine)
        assert "7 as 1" in text(app, PictureStrip)
        lines = app.query_one(FieldList)._lines
        shown = [lines.render_line(y).text for y in range(lines.size.height)]
        assert any("! too much" in line for line in shown)


async def test_a_hidden_chart_shows_what_it_was_told_meanwhile() -> None:
    app = Early()
    async with app.run_test(size=(80, 60)) as pilot:
        chart = app.query_one("#hidden", BrailleChart)
        chart.show([Series("a", "#ff0000", "a", [0.0, 1.0], [0.0, 7.0])])
        chart.display = True
        await pilot.pause()
        assert "waits" not in "".join(chart.render_line(y).text for y in range(chart.size.height))
        chart.display = False
        await pilot.pause()
        chart.show([])
        chart.display = True
        await pilot.pause()
        assert "waits" in "".join(chart.render_line(y).text for y in range(chart.size.height))


async def test_themes_change_without_leftovers() -> None:
    app = Early()
    async with app.run_test(size=(80, 60)) as pilot:
        dark = app.query(BrailleChart).first().render_line(0)
        app.theme = "textual-light"
        await pilot.pause()
        light = app.query(BrailleChart).first().render_line(0)
        assert dark.text == light.text
        assert [s.style for s in dark] != [s.style for s in light]
        for theme in ("textual-ansi", "nord", "textual-dark"):
            if theme in app.available_themes:
                app.theme = theme
                await pilot.pause()
                assert text(app, LineTable)
