from __future__ import annotations

import time

import pytest
from settle import settle, until
from stand_in import StandIn
from synthetic_run import LADDER, start
from textual.widgets import Static

from memlab.runs.run_folder import RunFolder
from memlab.runs.state import RunState, write_state
from memlab.tui.confirm import Confirm
from memlab.tui.library import model
from memlab.tui.library.compare import CompareScreen
from memlab.tui.library.model import Entry
from memlab.tui.library.reader import LibraryReader
from memlab.tui.library.screen import EMPTY, LibraryScreen
from memlab.tui.widgets.table import LineTable

SIZES = [(80, 24), (160, 45)]
WIDTHS = LADDER.replace("Noise ladder", "Widths").replace(
    '"corruption.fraction" = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]', '"model.width" = [16, 64]'
)


@pytest.fixture
def runs(tmp_path):
    """A finished, an interrupted and a living run, oldest first."""
    done = start(tmp_path)
    done.grow(101)
    done.end("finished")
    dead = start(tmp_path, WIDTHS)
    dead.grow(10)
    dead.end("interrupted")
    living = start(tmp_path)
    living.grow(20)
    return done, dead, living


def app_of(runs) -> StandIn:
    return StandIn(runs[0].folder.path.parent, LibraryScreen())


def table_of(app: StandIn) -> LineTable:
    return app.screen.query_one(LineTable)


def message(app: StandIn) -> str:
    return str(app.screen.query_one("#message", Static).content)


@pytest.mark.parametrize("size", SIZES)
async def test_runs_are_listed_newest_first_with_state_result_and_size(runs, size) -> None:
    done, dead, living = runs
    app = app_of(runs)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        assert table_of(app).row_keys == [living.folder.id, dead.folder.id, done.folder.id]
        assert {"state", "title", "result", "size"} <= set(table_of(app).shown_columns)


async def test_ids_shown_before_titles_are_known_cost_no_columns(runs, monkeypatch) -> None:
    monkeypatch.setattr("memlab.tui.library.reader.FIRST_SECONDS", -1.0)
    app = app_of(runs)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert {"state", "title", "when", "result", "size"} <= set(table_of(app).shown_columns)


async def test_empty_library_teaches_the_key_of_the_first_run(tmp_path) -> None:
    app = StandIn(tmp_path / "runs", LibraryScreen())
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert table_of(app).empty == EMPTY


async def test_enter_watches_the_living_and_reports_the_rest(runs) -> None:
    done, _, living = runs
    app = app_of(runs)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("enter", "end", "enter")
        await pilot.pause()
        assert app.shown == [("watch", living.folder.id), ("report", done.folder.id)]


async def test_cursor_stays_on_its_run_when_a_new_one_comes(runs) -> None:
    app = app_of(runs)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("down")
        key = table_of(app).cursor_key
        start(runs[0].folder.path.parent)
        await until(pilot, lambda: len(table_of(app).row_keys) == 4)
        assert table_of(app).cursor_key == key


async def test_filter_narrows_while_typing_and_escape_shows_all(runs) -> None:
    app = app_of(runs)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("slash", *"width")
        await settle(pilot)
        assert table_of(app).row_keys == [runs[1].folder.id]
        await pilot.press("escape")
        await settle(pilot)
        assert len(table_of(app).row_keys) == 3


async def test_delete_asks_once_and_says_what_goes(runs) -> None:
    done = runs[0]
    app = app_of(runs)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("end", "x")
        await pilot.pause()
        assert isinstance(app.screen, Confirm)
        detail = str(app.screen.query_one("#detail", Static).content)
        assert done.folder.id in detail
        assert "18 networks" in detail
        await pilot.press("escape")
        await settle(pilot)
        assert done.folder.path.exists()
        await pilot.press("x", "enter")
        await settle(pilot)
        await until(pilot, lambda: not done.folder.path.exists())
        await until(pilot, lambda: len(table_of(app).row_keys) == 2)


async def test_delete_cannot_hit_a_living_run(runs) -> None:
    app = app_of(runs)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("x")
        await settle(pilot)
        assert "stop it before deleting" in message(app)
        assert runs[2].folder.path.exists()


async def test_two_marked_runs_are_compared_row_by_row(runs) -> None:
    app = app_of(runs)
    async with app.run_test(size=(160, 45)) as pilot:
        await settle(pilot)
        assert not app.screen.check_action("compare", ())
        await pilot.press("end", "space", "up", "space", "v")
        await settle(pilot)
        assert isinstance(app.screen, CompareScreen)
        assert len(table_of(app).row_keys) == 8


async def test_runs_of_the_same_cells_are_compared_seed_by_seed_as_on_the_command_line(
    runs,
) -> None:
    from memlab.library import comparison
    from memlab.runs.run import Run

    app = app_of(runs)
    async with app.run_test(size=(160, 45)) as pilot:
        await settle(pilot)
        await app.push_screen(CompareScreen([runs[2].folder.id, runs[0].folder.id]))
        await settle(pilot)
        below = app.screen.query_one("#differences", LineTable)
        wanted = comparison.shown(comparison.compared([Run(runs[0].folder), Run(runs[2].folder)]))
        assert wanted
        assert below.display
        assert len(below.row_keys) == len(wanted)
        assert wanted[0].difference in str(below.render_line(1).text)


async def test_only_what_died_can_be_resumed(runs) -> None:
    app = app_of(runs)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        possible = []
        for _ in range(3):
            possible.append(bool(app.screen.check_action("resume", ())))
            await pilot.press("down")
        assert possible == [False, True, False]


async def test_damaged_run_is_listed_and_says_why_when_opened(runs) -> None:
    (runs[0].folder.path / "experiment.toml").write_text("garbage")
    app = app_of(runs)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        table_of(app).move_to(runs[0].folder.id)
        await pilot.press("enter")
        await settle(pilot)
        assert "damaged" in message(app)


async def test_state_changes_are_seen_live(runs) -> None:
    app = app_of(runs)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        screen = app.screen
        assert isinstance(screen, LibraryScreen)
        runs[2].end("finished")
        key = runs[2].folder.id
        assert not screen.calm
        await until(pilot, lambda: screen._entries[key].state.state == "finished")
        assert screen.calm


def test_final_runs_are_read_once_and_living_ones_again(runs) -> None:
    reader = LibraryReader(runs[0].folder.path.parent)
    entries, more = reader.read(10.0)
    assert not more
    by_id = {entry.id: entry for entry in entries}
    assert by_id[runs[0].folder.id].result[0] > 0.9
    assert by_id[runs[0].folder.id].size > 10_000
    assert by_id[runs[2].folder.id].progress == pytest.approx(0.19)
    runs[2].grow(20)
    entries, _ = reader.read(10.0)
    assert {e.id: e for e in entries}[runs[2].folder.id].progress == pytest.approx(0.39)


def test_a_run_that_has_ended_is_read_again_only_where_its_state_was_replaced(
    runs, monkeypatch
) -> None:
    for run in runs[2:]:
        run.end("finished")
    reader = LibraryReader(runs[0].folder.path.parent)
    first, _ = reader.read(10.0)
    asked = []
    known = RunFolder.state.fget
    monkeypatch.setattr(
        RunFolder, "state", property(lambda run: asked.append(run.id) or known(run))
    )
    again, more = reader.read(10.0)
    assert again is first
    assert not more
    ended = {entry.id for entry in first if entry.state.final}
    assert ended
    assert ended.isdisjoint(asked)
    folder = runs[2].folder
    write_state(folder.path, "failed")
    entries, _ = reader.read(10.0)
    assert folder.id in asked
    assert {entry.id: entry for entry in entries}[folder.id].state.state == "failed"


def test_without_budget_states_are_told_first(runs) -> None:
    reader = LibraryReader(runs[0].folder.path.parent)
    entries, more = reader.read(-1.0)
    assert more
    assert [entry.state.state for entry in entries] == ["running", "interrupted", "finished"]


def entry(**changes) -> Entry:
    made = {"id": "a", "title": "T", "dataset": "digits", "members": 3, "made": 0.0}
    return Entry(**(made | {"state": RunState("finished")} | changes))


def test_result_is_first_to_last_axis_value_or_progress() -> None:
    assert model.result(entry(result=(0.96, 0.8, 0.1))) == ".960 … .100"
    assert model.result(entry(result=(0.96,))) == ".960"
    assert model.result(entry(result=(float("nan"),))) == "–"
    of_validation = model.result(entry(result=(0.96, 0.8, 0.1), validated=True))
    assert of_validation == ".960 … .100 val"
    assert len(of_validation) <= {column.key: column.width for column in model.COLUMNS}["result"]
    assert model.result(entry(result=(0.96,), validated=True)) == ".960 val"
    assert model.result(entry(state=RunState("running"), progress=0.42)) == "42 %"


def test_age_is_told_in_words_and_then_as_a_date() -> None:
    now = time.time()
    assert model.when(now - 10, now) == "just now"
    assert model.when(now - 600, now) == "10 min ago"
    assert model.when(now - 7200, now) == "2 h ago"
    assert model.when(0, now).endswith(("1970", "1969"))


def test_every_word_of_a_filter_must_match() -> None:
    assert model.matches(entry(title="Noise ladder"), "noise digits")
    assert not model.matches(entry(title="Noise ladder"), "noise cifar")
