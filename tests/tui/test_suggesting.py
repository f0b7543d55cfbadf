"""Watch and Report where no run is chosen: the run that a user would have chosen."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from settle import settle, until
from synthetic_run import LADDER, start
from textual.widgets import Static

from memlab.runs.newest import finished, living, newest
from memlab.tui.app import MemlabApp


class Quiet(MemlabApp):
    """Starts no worker ahead of need."""

    prewarm = False


@pytest.fixture
def runs(home) -> Iterator[dict[str, str]]:
    """Ids of five runs by what became of them, the oldest first."""
    ids, alive = {}, []
    for age, state in enumerate(("older", "finished", "older living", "running", "failed")):
        made = start(home / "runs", name=state)
        made.grow(3)
        if state in ("older living", "running"):
            alive.append(made)
        else:
            made.end("finished" if state == "older" else state)
        os.utime(made.folder.path / "experiment.toml", (1e9 + age, 1e9 + age))
        ids[state] = made.folder.id
    yield ids
    for made in alive:
        made.lock.close()


def said(app: MemlabApp, selector: str) -> str:
    return "".join(str(line.content) for line in app.screen.query(selector).results(Static))


async def test_report_opens_the_newest_finished_run_where_none_is_chosen(runs) -> None:
    app = Quiet(screen="report")
    async with app.run_test(size=(160, 45)) as pilot:
        await until(pilot, lambda: said(app, "#verdict"))
        assert app.selected_run == runs["finished"]
        assert not said(app, "#standing")


async def test_watch_opens_the_newest_living_run_where_none_is_chosen(runs) -> None:
    app = Quiet(screen="watch")
    async with app.run_test(size=(160, 45)) as pilot:
        await until(pilot, lambda: app.selected_run)
        assert app.selected_run == runs["running"]


async def test_what_one_screen_found_does_not_keep_the_other_from_its_own(runs) -> None:
    app = Quiet(screen="report")
    async with app.run_test(size=(160, 45)) as pilot:
        await until(pilot, lambda: app.selected_run == runs["finished"])
        await pilot.press("2")
        await until(pilot, lambda: app.selected_run == runs["running"])


async def test_a_chosen_run_is_shown_by_both(runs) -> None:
    app = Quiet(open_run=runs["failed"], screen="report")
    async with app.run_test(size=(160, 45)) as pilot:
        await settle(pilot)
        await pilot.press("2")
        await settle(pilot)
        assert app.selected_run == runs["failed"]


async def test_a_run_that_is_opened_from_its_report_stays(runs) -> None:
    app = Quiet(screen="report")
    async with app.run_test(size=(160, 45)) as pilot:
        await until(pilot, lambda: said(app, "#verdict"))
        await pilot.press("w")
        await settle(pilot)
        assert app.current_mode == "watch"
        assert app.selected_run == runs["finished"]


@pytest.mark.parametrize(("screen", "selector"), [("watch", "#sentence"), ("report", "#message")])
async def test_an_empty_library_teaches_and_shows_no_frames(home, screen, selector) -> None:
    app = Quiet(screen=screen)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "composes the first one" in said(app, selector))
        assert app.screen.has_class("-no-run")
        made = start(home / "runs")
        await until(pilot, lambda: app.selected_run)
        assert not app.screen.has_class("-no-run")
        assert "composes" not in said(app, selector)
    made.lock.close()


def test_without_a_wanted_run_the_newest_that_can_be_read_is_found(tmp_path: Path) -> None:
    assert newest(tmp_path, living) is None
    old, new, broken = (start(tmp_path, LADDER, name=name) for name in ("old", "new", "broken"))
    for age, run in enumerate((old, new, broken)):
        run.end("failed")
        os.utime(run.folder.path / "experiment.toml", (1e9 + age, 1e9 + age))
    (broken.folder.path / "experiment.toml").write_text("cut")
    for wanted in (living, finished):
        found = newest(tmp_path, wanted)
        assert found is not None
        assert found.id == new.folder.id
