from __future__ import annotations

from pathlib import Path

import pytest
from settle import settle, until
from stand_in import StandIn
from synthetic_run import SyntheticRun, start
from textual.widgets import Static

from memlab.runs.door import Place
from memlab.runs.event_log import Event
from memlab.runs.requests import take_all
from memlab.tui import palette
from memlab.tui.confirm import Confirm
from memlab.tui.watch import screen as watch
from memlab.tui.watch.charts import WatchCharts
from memlab.tui.watch.log import LogScreen, Tail, event_text
from memlab.tui.watch.members import MemberScreen, MembersScreen
from memlab.tui.watch.reader import WatchReader
from memlab.tui.watch.screen import WatchScreen
from memlab.tui.watch.values_table import ValuesTable
from memlab.tui.widgets.chart import BrailleChart
from memlab.tui.widgets.progress import ProgressLine
from memlab.tui.widgets.table import LineTable

SIZES = [(80, 24), (160, 45)]


@pytest.fixture
def run(tmp_path) -> SyntheticRun:
    made = start(tmp_path)
    made.grow(40)
    return made


def app_of(run: SyntheticRun) -> StandIn:
    return StandIn(run.folder.path.parent, WatchScreen(), run.folder.id)


def said(app: StandIn) -> str:
    return str(app.screen.query_one("#sentence", Static).content)


def visible_charts(app: StandIn) -> list[str]:
    return [str(chart.id) for chart in app.screen.query(BrailleChart) if chart.display]


@pytest.mark.parametrize("size", SIZES)
async def test_state_chart_and_whole_table_are_visible_at_once(run, size) -> None:
    app = app_of(run)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        table = app.screen.query_one(ValuesTable)
        assert len(table.row_keys) == 6
        assert table.region.bottom <= size[1] - 1
        assert table.size.height >= 7 or size == (80, 24)
        assert app.screen.query_one(ProgressLine).progress.state == "running"
        for name in visible_charts(app):
            assert app.screen.query_one(f"#{name}").region.height >= 8
        expected = ["truth", "lies", "unseen"] if size[0] == 160 else ["lies"]
        assert visible_charts(app) == expected


async def test_narrow_screen_cycles_its_charts_by_arrow_keys(run) -> None:
    app = app_of(run)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        seen = []
        assert "chart" in [b.binding.description for b in app.screen.active_bindings.values()]
        for _ in range(4):
            await pilot.press("right")
            await settle(pilot)
            seen += visible_charts(app)
        assert seen == ["unseen", "loss", "truth", "lies"]


async def test_new_rows_appear_without_a_key(run) -> None:
    app = app_of(run)
    async with app.run_test(size=(160, 45)) as pilot:
        await settle(pilot)
        line = app.screen.query_one(ProgressLine)
        assert line.progress.epoch == 39
        run.grow(5)
        await until(pilot, lambda: line.progress.epoch == 44)


async def test_arrow_keys_highlight_one_value_in_all_charts_and_escape_clears(run) -> None:
    app = app_of(run)
    async with app.run_test(size=(160, 45)) as pilot:
        await settle(pilot)
        charts = list(app.screen.query(BrailleChart))[:3]
        assert {chart.highlighted for chart in charts} == {None}
        await pilot.press("down", "down")
        await settle(pilot)
        assert {chart.highlighted for chart in charts} == {"2"}
        await pilot.press("escape")
        await settle(pilot)
        assert {chart.highlighted for chart in charts} == {None}


async def test_space_asks_the_worker_to_pause_and_again_to_go_on(run) -> None:
    app = app_of(run)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("space")
        await settle(pilot)
        assert [r.kind for r in take_all(run.folder.path).requests] == ["pause"]
        assert "pause" in said(app)
        run.state("paused")
        await until(pilot, lambda: "space" in said(app))
        await pilot.press("space")
        await settle(pilot)
        assert [r.kind for r in take_all(run.folder.path).requests] == ["resume"]


async def test_stop_asks_once(run) -> None:
    app = app_of(run)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("s")
        await pilot.pause()
        assert isinstance(app.screen, Confirm)
        await pilot.press("escape")
        await settle(pilot)
        assert not take_all(run.folder.path).requests
        await pilot.press("s", "s")
        await settle(pilot)
        assert [r.kind for r in take_all(run.folder.path).requests] == ["stop"]


async def test_checkpoint_is_asked_for(run) -> None:
    app = app_of(run)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("c")
        await settle(pilot)
        assert [r.kind for r in take_all(run.folder.path).requests] == ["checkpoint"]


async def test_detach_goes_to_the_library(run) -> None:
    app = app_of(run)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("d")
        assert app.shown == [("library", "")]


async def test_failure_stays_visible_with_its_reason(run) -> None:
    run.end("failed", "No disk space on /data.")
    app = app_of(run)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert "No disk space on /data" in said(app)
        await pilot.press("down", "right", "a")
        await settle(pilot)
        assert "No disk space on /data" in said(app)
        assert app.screen.check_action("resume", ())
        assert not app.screen.check_action("pause", ())


async def test_dead_worker_is_shown_as_interrupted_with_the_key_that_resumes(run) -> None:
    app = app_of(run)
    async with app.run_test(size=(160, 45)) as pilot:
        await settle(pilot)
        run.lock.close()
        await until(pilot, lambda: said(app).startswith("Interrupted"))
        assert "u" in [b.binding.key for b in app.screen.active_bindings.values()]


async def test_finished_run_points_to_its_report_and_is_looked_at_less_often(run) -> None:
    app = app_of(run)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert not app.screen.calm
        run.end("finished")
        await until(pilot, lambda: "report" in said(app))
        assert app.screen.calm


@pytest.mark.parametrize("size", SIZES)
async def test_finished_run_says_its_finding_and_a_running_one_none(run, size) -> None:
    app = app_of(run)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        verdict = app.screen.query_one("#verdict", Static)
        assert not verdict.display
        run.grow(60)
        run.end("finished")
        await until(pilot, lambda: verdict.display)
        assert str(verdict.content).startswith("With 40 % of the labels")
        assert verdict.region.height >= 2


async def test_zoom_shows_one_chart_alone(run) -> None:
    app = app_of(run)
    async with app.run_test(size=(160, 45)) as pilot:
        await settle(pilot)
        await pilot.press("z")
        await settle(pilot)
        assert visible_charts(app) == ["lies"]
        assert app.screen.query_one("#lies").region.height > 30
        assert not app.screen.query_one("#pictures-box").display
        await pilot.press("z")
        await settle(pilot)
        assert len(visible_charts(app)) == 3


async def test_accuracy_turns_into_loss_and_back(run) -> None:
    app = app_of(run)
    async with app.run_test(size=(160, 45)) as pilot:
        await settle(pilot)
        await pilot.press("a")
        await settle(pilot)
        assert "loss" in app.screen.query_one("#truth", BrailleChart).title
        await pilot.press("a")
        await settle(pilot)
        assert "loss" not in app.screen.query_one("#truth", BrailleChart).title


async def test_pictures_replace_the_table_on_a_small_screen(run) -> None:
    app = app_of(run)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("m")
        await settle(pilot)
        assert app.screen.query_one("#pictures").region.height == 5
        assert not app.screen.query_one("#table-box").display


async def test_run_that_cannot_be_read_says_why(tmp_path) -> None:
    app = StandIn(tmp_path, WatchScreen(), "20260101-0000-nothing-abcd")
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert "is not a run" in said(app)


async def test_without_any_run_the_screen_says_which_key_makes_one(tmp_path) -> None:
    app = StandIn(tmp_path, WatchScreen())
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "composes the first one" in said(app))


async def test_another_selected_run_is_followed(run, tmp_path) -> None:
    other = start(tmp_path, epochs=50)
    other.grow(3)
    app = app_of(run)
    async with app.run_test(size=(160, 45)) as pilot:
        await settle(pilot)
        app.selected_run = other.folder.id
        line = app.screen.query_one(ProgressLine)
        await until(pilot, lambda: line.progress.epochs == 50)


@pytest.mark.parametrize("size", [(1, 1), (10, 3), (40, 12), (300, 100)])
async def test_no_size_crashes(run, size) -> None:
    app = app_of(run)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.resize_terminal(*size)
        await settle(pilot)
        await pilot.resize_terminal(80, 24)
        await settle(pilot)
        assert visible_charts(app) == ["lies"]


async def test_enter_opens_members_at_the_value_and_enter_again_one_of_them(run) -> None:
    app = app_of(run)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("down", "enter")
        await settle(pilot)
        assert isinstance(app.screen, MembersScreen)
        table = app.screen.query_one(LineTable)
        assert len(table.row_keys) == 18
        assert table.cursor_key == "3"
        await pilot.press("enter")
        await settle(pilot)
        assert isinstance(app.screen, MemberScreen)
        assert "noise" in str(app.screen.query_one("#heading", Static).content) or (
            "fraction=0.2" in str(app.screen.query_one("#heading", Static).content)
        )
        await pilot.press("escape", "escape")
        await settle(pilot)
        assert isinstance(app.screen, WatchScreen)


async def test_members_sort_by_any_column_and_keep_the_cursor(run) -> None:
    app = app_of(run)
    async with app.run_test(size=(160, 45)) as pilot:
        await settle(pilot)
        await pilot.press("enter")
        await settle(pilot)
        table = app.screen.query_one(LineTable)
        key = table.cursor_key
        table.sort_by("unseen", True)
        await settle(pilot)
        assert table.row_keys != [str(i) for i in range(18)]
        assert table.cursor_key == key


async def test_diverged_member_says_when(run) -> None:
    run.log.append("member-diverged", member=4, update=99, epoch=12.0)
    app = app_of(run)
    async with app.run_test(size=(160, 45)) as pilot:
        await settle(pilot)
        await pilot.press("down", "enter")
        await settle(pilot)
        screen = app.screen
        assert isinstance(screen, MembersScreen)
        assert screen._cell("4", "status") == "diverged @ 12"


async def test_log_shows_events_and_what_the_worker_printed(run) -> None:
    run.folder.worker_log.path.write_text("hello from the worker\n")
    app = app_of(run)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("l")
        await settle(pilot)
        assert isinstance(app.screen, LogScreen)
        lines = [strip.text for strip in app.screen.query_one("#worker").lines]
        assert any("hello" in line for line in lines)
        events = [strip.text for strip in app.screen.query_one("#events").lines]
        assert any("stack-started" in line for line in events)


def test_tail_reads_only_the_end_of_a_long_log_and_then_what_is_new(tmp_path) -> None:
    path = tmp_path / "worker.log"
    path.write_bytes(b"x" * 200_000 + b"\n")
    tail = Tail(Place(tmp_path) / "worker.log")
    assert sum(map(len, tail.read())) <= 1 << 16
    assert tail.read() == []
    with path.open("ab") as file:
        file.write(b"more\n")
    assert tail.read() == ["more"]


def test_titles_of_charts_have_the_colours_of_the_palette() -> None:
    style = (Path(watch.__file__).parent / "screen.tcss").read_text()
    for colours in (palette.DARK, palette.LIGHT):
        for kind in ("truth", "lies", "unseen"):
            assert f"#{kind} > .chart--title {{ color: {getattr(colours, kind)}; }}" in style


async def test_unforeseen_error_in_reading_is_shown_and_looked_past(run, monkeypatch) -> None:
    def broken(self, request, force=False):
        raise ZeroDivisionError("unforeseen")

    app = app_of(run)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        read = WatchReader.read
        monkeypatch.setattr(WatchReader, "read", broken)
        await until(pilot, lambda: "unforeseen" in said(app))
        monkeypatch.setattr(WatchReader, "read", read)
        run.grow(1)
        await until(pilot, lambda: "unforeseen" not in said(app))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("noise", ["", '[corruption]\nkind = "labels"\nfraction = 0.0'])
async def test_run_without_corruption_starts_with_unseen_data_and_no_pictures(
    tmp_path, noise, size
) -> None:
    run = start(tmp_path, f'title = "Clean"\nseeds = 2\n{noise}')
    run.grow(4)
    app = app_of(run)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        assert app.screen.query_one(WatchCharts).page == "unseen"
        assert not app.screen.query_one("#pictures-box").display
        assert not app.screen.check_action("pictures", ())


@pytest.mark.parametrize("key", ["z", "m"])
async def test_table_has_the_keys_again_after_it_was_hidden(run, key) -> None:
    app = app_of(run)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        table = app.screen.query_one(ValuesTable)
        await pilot.press(key)
        await settle(pilot)
        assert not table.region.height
        await pilot.press(key)
        await settle(pilot)
        assert table.has_focus
        await pilot.press("down")
        assert table.cursor_key == "1"


def test_event_is_a_line_for_people() -> None:
    data = {"seconds": {"stiffness": 1.23456, "margins": 0.0146123}, "message": "", "stack": 0}
    text = event_text(Event(1, 0.0, "instruments-cost", data)).plain
    assert text.endswith("seconds stiffness 1.23, margins 0.0146  stack 0")
