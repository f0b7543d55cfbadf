from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recorded import Recording
from textual.app import App, ComposeResult

from memlab.tui.widgets.picture import PictureStrip, Thumbnail, picture_lines, shrink
from memlab.tui.widgets.progress import Progress, ProgressLine

PICTURE = [[x * 30 + y for x in range(8)] for y in range(8)]


class Recorded(Recording, PictureStrip):
    """Remembers what it asks to be repainted."""


class Pictures(App[None]):
    def compose(self) -> ComposeResult:
        yield ProgressLine()
        yield Recorded()

    @property
    def strip(self) -> Recorded:
        return self.query_one(Recorded)

    def line(self) -> str:
        return self.query_one(ProgressLine).render_line(0).text


@pytest.fixture(autouse=True)
def truecolor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)


def test_pictures_are_half_blocks_in_sixteen_greys() -> None:
    lines = picture_lines([[index] * 2 for index in range(256)])
    assert len(lines) == 128
    assert lines[0].text == "▀▀"
    greys = {s.style.color.name for strip in lines for s in strip if s.style and s.style.color}
    assert len(greys) == 16
    assert picture_lines([]) == []


def test_pictures_without_colour_are_shades() -> None:
    assert picture_lines([[0, 60, 110, 160, 255]] * 2, shades=True)[0].text == " ░▒▓█"


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 30), st.integers(0, 30))
def test_shrunk_pictures_fit(width: int, height: int, room: int, lines: int) -> None:
    small = shrink([[9] * width] * height, room, lines)
    assert len(small) <= lines
    assert all(len(row) <= room for row in small)


async def test_as_many_pictures_as_fit_and_only_changed_ones_repaint() -> None:
    app = Pictures()
    async with app.run_test(size=(60, 12)) as pilot:
        app.strip.set_pictures([Thumbnail(PICTURE, f"{i} as 8") for i in range(20)])
        await pilot.pause()
        assert app.strip.shown == 6
        assert "0 as 8" in app.strip.render_line(4).text
        app.strip.asked.clear()
        others = [Thumbnail(PICTURE, f"{i} as {3 if i == 2 else 8}") for i in range(20)]
        app.strip.set_pictures(others)
        assert [region.x for region in app.strip.asked if region] == [20]
        app.strip.asked.clear()
        app.strip.set_pictures([Thumbnail(PICTURE, t.caption) for t in others])
        assert app.strip.asked == []


async def test_pictures_survive_every_size() -> None:
    app = Pictures()
    async with app.run_test(size=(60, 12)) as pilot:
        for size in [(1, 1), (3, 2), (200, 60), (9, 3), (60, 12)]:
            await pilot.resize_terminal(*size)
            app.strip.set_pictures([Thumbnail(PICTURE, "x", "▲", "#ff0000"), Thumbnail([], "y")])
            for y in range(app.strip.size.height):
                assert app.strip.render_line(y).cell_length == app.strip.size.width


@pytest.mark.parametrize("width", [1, 8, 20, 40, 60, 80, 100, 120, 200])
@pytest.mark.parametrize("state", ["queued", "running", "nonsense", ""])
async def test_progress_fills_every_width(width: int, state: str) -> None:
    app = Pictures()
    async with app.run_test(size=(width, 12)):
        line = app.query_one(ProgressLine)
        line.set_progress(Progress(state, 37, 100, 0.37, 6, 71300, "cpu"))
        assert len(app.line()) == width
        line.set_progress(Progress(state, note="waits for the device"))
        assert len(app.line()) == width


async def test_progress_says_where_the_run_is() -> None:
    app = Pictures()
    async with app.run_test(size=(120, 12)):
        app.query_one(ProgressLine).set_progress(
            Progress("running", 37, 100, 0.37, 6, 71300, "cpu")
        )
        for part in ("● running", "epoch  37 of 100", "━", "0:06 left", "71,300 samples/s", "cpu"):
            assert part in app.line()
