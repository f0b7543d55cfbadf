"""The Microscope by its keys, on a run of many networks and on ordinary ones."""

from __future__ import annotations

from pathlib import Path

import pytest
from memorized_run import memorized
from settle import settle, until
from stand_in import StandIn
from synthetic_run import SyntheticRun, start
from textual.command import CommandPalette
from textual.pilot import Pilot
from textual.widgets import Static

from memlab.tui.app import MemlabApp
from memlab.tui.ask_text import AskText
from memlab.tui.microscope.large_picture import LargePicture
from memlab.tui.microscope.reader import Wanted
from memlab.tui.microscope.screen import MicroscopeScreen
from memlab.tui.microscope.shelves_pane import ShelvesPane
from memlab.tui.report.screen import ReportScreen
from memlab.tui.watch.screen import WatchScreen
from memlab.tui.widgets.chart import BrailleChart

WIDE, NARROW = (160, 45), (80, 24)


@pytest.fixture
def run(tmp_path: Path) -> SyntheticRun:
    return memorized(tmp_path)


def app_of(run: SyntheticRun, **wanted: object) -> StandIn:
    screen = MicroscopeScreen(Wanted(**wanted))  # type: ignore[arg-type]
    return StandIn(run.folder.path.parent, screen, run.folder.id)


def text(app: StandIn, selector: str) -> str:
    return str(app.screen.query_one(selector, Static).content)


def heading(app: StandIn) -> str:
    return text(app, "#heading")


def shown(app: StandIn) -> list[str]:
    """The parts of the screen that are seen."""
    parts = ("what", "margins", "others")
    return [part for part in parts if app.screen.query_one(f"#{part}").display]


async def pressed(pilot: Pilot[None], *keys: str) -> None:
    for key in keys:
        await pilot.press(key)
        await settle(pilot)


async def test_the_arrows_go_through_the_list_and_round(run) -> None:
    app = app_of(run, name="suspects")
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        first = heading(app)
        assert "most suspect, 1 of 6" in first
        await pressed(pilot, "right")
        assert "2 of 6" in heading(app)
        await pressed(pilot, "left", "left")
        assert "6 of 6" in heading(app)
        await pressed(pilot, "right")
        assert heading(app) == first


async def test_what_was_recorded_of_a_lie_is_on_the_screen_at_once(run) -> None:
    app = app_of(run, index=105)
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        facts = text(app, "#facts")
        for words in ("three", "eight (.83)", "memorization", "60"):
            assert words in facts
        chart = app.screen.query_one("#bands", BrailleChart)
        names = [series.name for series in chart._series]
        counts = [int(name.split("(")[1].rstrip(")")) for name in names]
        assert [name.split(" (")[0] for name in names] == ["saw it", "did not"]
        assert sum(counts) == 6
        assert "▲" in text(app, "#histogram")
        assert app.screen.query_one(LargePicture).display
        assert shown(app) == ["what", "margins", "others"]


async def test_enter_steps_into_a_picture_and_b_comes_back(run) -> None:
    app = app_of(run, index=104)
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        pane = app.screen.query_one(ShelvesPane)
        assert pane.chosen is not None
        assert pane.chosen.told.startswith("test 13")  # one that it helps
        before, name = heading(app), pane.chosen.told.split(":")[0]
        await pressed(pilot, "enter")
        assert heading(app).startswith(f"example {name}")
        helpers = [shelf for shelf in pane._shelves if shelf.title == "who helps it"]
        assert [other.told.split(":")[0] for other in helpers[0].others] == ["104"]
        await pressed(pilot, "b")
        assert heading(app) == before
        await pressed(pilot, "b")
        assert heading(app) == before


async def test_tab_goes_from_picture_to_picture_and_down_from_row_to_row(run) -> None:
    app = app_of(run, index=104)
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        pane = app.screen.query_one(ShelvesPane)
        assert pane.chosen is not None
        first = pane.chosen.position
        await pressed(pilot, "tab")
        assert pane.chosen.position != first
        await pressed(pilot, "shift+tab")
        assert pane.chosen.position == first
        await pressed(pilot, "down")
        assert pane._cursor[0] == 4
        await pressed(pilot, "down", "up", "up")
        assert pane.chosen.position == first


async def test_the_slash_finds_an_index_and_says_where_there_is_none(run) -> None:
    app = app_of(run)
    async with app.run_test(size=NARROW) as pilot:
        await settle(pilot)
        await pressed(pilot, "slash", *"999", "enter")
        assert isinstance(app.screen, AskText)
        assert "indices from 100 to 129" in text(app, "#wrong")
        await pressed(pilot, *["backspace"] * 3, *"nine", "enter")
        assert "whole number" in text(app, "#wrong")
        await pressed(pilot, *["backspace"] * 4, *"107", "enter")
        assert heading(app).startswith("example 107,")
        await pressed(pilot, "slash", *"test 133", "enter")
        assert heading(app).startswith("example test 133")
        await pressed(pilot, "slash", "escape")
        assert heading(app).startswith("example test 133")


async def test_l_goes_through_the_lists_that_there_are(run) -> None:
    app = app_of(run, name="suspects")
    async with app.run_test(size=NARROW) as pilot:
        await settle(pilot)
        seen = []
        for _ in range(3):
            await pressed(pilot, "l")
            seen.append(heading(app).split(" · ")[1].split(",")[0])
        assert seen == ["class three", "class eight", "most suspect"]


async def test_a_small_screen_has_three_pages_and_all_keys_on_each(run) -> None:
    app = app_of(run)
    async with app.run_test(size=NARROW) as pilot:
        await settle(pilot)
        pages = [shown(app)]
        for number in (2, 3, 1):
            await pressed(pilot, "p")
            pages.append(shown(app))
            await pressed(pilot, "right")
            assert f"{number} of 6" in heading(app) or number == 1
        assert pages == [["what"], ["margins"], ["others"], ["what"]]


@pytest.mark.parametrize(("features", "few"), [(5, True), (30, False)])
async def test_data_that_are_no_pictures_are_a_table_or_a_line(tmp_path, features, few) -> None:
    app = app_of(memorized(tmp_path, features, picture=False))
    async with app.run_test(size=NARROW) as pilot:
        await settle(pilot)
        assert not app.screen.query_one(LargePicture).display
        assert app.screen.query_one("#few").display == few
        line = app.screen.query_one("#values", BrailleChart)
        assert line.display == (not few)
        if few:
            assert text(app, "#few").count("\n") == features - 1
        else:
            assert len(line._series[0].y) == features
        await pressed(pilot, "p", "p")
        chosen = app.screen.query_one(ShelvesPane).chosen
        assert chosen is not None
        assert chosen.pixels is None
        assert len(chosen.line) == min(features, 12)


async def test_an_ordinary_run_shows_the_lies_that_were_learned(tmp_path) -> None:
    run = start(tmp_path)
    run.grow(20)
    run.end("finished")
    app = app_of(run, name="learned")
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        assert "learned last, 1 of" in heading(app)
        assert "learned at epoch" in text(app, "#learned")
        assert "no scores by retraining" in text(app, "#histogram")
        assert app.screen.query_one(LargePicture).display


async def test_a_run_that_recorded_nothing_of_examples_says_what_to_do(tmp_path) -> None:
    run = start(tmp_path)
    app = app_of(run)
    async with app.run_test(size=NARROW) as pilot:
        await settle(pilot)
        assert "memlab memorize" in text(app, "#message")
        await pressed(pilot, "right", "l", "b", "enter", "p")
        assert "memlab memorize" in text(app, "#message")
        await pressed(pilot, "escape")
        assert not isinstance(app.screen, MicroscopeScreen)


@pytest.mark.parametrize("name", ["epoch", "nearest", "votes", "pictures"])
async def test_damaged_records_are_said_to_be_so_or_left_out(run, name) -> None:
    place = run.folder.examples.path / "stack-000" / f"outcomes-{name}.npy"
    data = bytearray(place.read_bytes())
    data[128:] = bytes([255]) * (len(data) - 128)
    place.write_bytes(bytes(data))
    app = app_of(run)
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        told = text(app, "#message")
        assert ("damaged" in told) == (name == "nearest")
        await pressed(pilot, "right", "tab", "enter", "b", "escape")


@pytest.mark.parametrize("screen", [WatchScreen, ReportScreen])
async def test_watch_and_report_open_it_by_key(run, screen) -> None:
    app = StandIn(run.folder.path.parent, screen(), run.folder.id)
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        await pressed(pilot, "v")
        assert isinstance(app.screen, MicroscopeScreen)
        assert heading(app).startswith("example 1")
        await pressed(pilot, "escape")
        assert isinstance(app.screen, screen)


async def test_the_palette_opens_it_on_the_selected_run_from_anywhere(run, monkeypatch) -> None:
    monkeypatch.setattr(MemlabApp, "prewarm", False)
    app = MemlabApp(open_run=run.folder.id, screen="library")
    app.runs_folder = run.folder.path.parent
    async with app.run_test(size=NARROW) as pilot:
        await until(pilot, lambda: app.current_mode == "library")
        await settle(pilot)
        await pilot.press("ctrl+p")
        await until(pilot, lambda: isinstance(app.screen, CommandPalette))
        await pilot.press(*"microscope")
        await settle(pilot, 8)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, MicroscopeScreen))
        await settle(pilot)
        assert str(app.screen.query_one("#heading", Static).content).startswith("example 1")
        await pilot.press("3")
        await until(pilot, lambda: app.current_mode == "report" and len(app.screen_stack) == 1)


async def test_the_mark_stands_where_the_example_is_among_all(run) -> None:
    app = app_of(run, name="memorized")
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        _, bars, mark, scale = text(app, "#histogram").split("\n")
        assert mark.startswith(" ")
        strips = app.screen._compositor.render_strips(app.size)
        rows = ["".join(segment.text for segment in strip) for strip in strips]
        at = next(number for number, row in enumerate(rows) if scale in row)
        assert rows[at - 1][rows[at].index(scale) :].startswith(mark)
        assert rows[at - 2][rows[at].index(scale) :].startswith(bars)
