"""Compose by its keys; pictures come from a stand-in, no worker is started."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from settle import settle, until
from textual.pilot import Pilot
from textual.widgets import Static

from memlab.tui.app import MemlabApp
from memlab.tui.ask_text import AskText
from memlab.tui.compose import launching
from memlab.tui.compose.preset_shelf import Shelf
from memlab.tui.compose.preview_client import PreviewClient
from memlab.tui.compose.screen import ComposeScreen
from memlab.tui.confirm import Confirm

STAND_IN = str(Path(__file__).parent / "preview_stand_in.py")


class Quiet(MemlabApp):
    """Starts no worker ahead of need."""

    prewarm = False


@pytest.fixture
def app(home, monkeypatch) -> MemlabApp:
    """The app on a home of its own, with invented pictures."""
    monkeypatch.setattr(PreviewClient.__init__, "__defaults__", ((), (sys.executable, STAND_IN)))
    return Quiet()


async def composed(pilot: Pilot[None], preset: str = "noise-ladder") -> ComposeScreen:
    screen = pilot.app.screen
    assert isinstance(screen, ComposeScreen)
    await until(pilot, lambda: screen._shown is not None, 2000)
    assert screen._shelf is not None
    key = screen._shelf.key_of(preset)
    screen.presets.highlighted = screen.presets.get_option_index(key)
    await settle(pilot)
    return screen


async def type_into(pilot: Pilot[None], key: str, text: str) -> None:
    """Edits a field as a person does: Enter, the text over what is there, Enter."""
    screen = pilot.app.screen
    assert isinstance(screen, ComposeScreen)
    screen._open(1)
    screen.fields.move_to(key)
    await pilot.press("enter")
    await pilot.pause()
    assert screen.fields.editing == key
    screen.fields._editor.value = ""
    await pilot.press(*text, "enter")
    await settle(pilot)


def test_presets_that_replicate_claims_are_not_listed_and_headings_stand_once() -> None:
    titles = [entry.title for entry in Shelf().entries if not entry.key]
    assert "memorization" in titles
    assert len(set(titles)) == len(titles)
    assert not any(entry.title.startswith("Replication") for entry in Shelf().entries)


def row(screen: ComposeScreen, key: str):
    return next(row for row in screen._shown.rows if row.key == key)


def text_on(pilot: Pilot[None]) -> str:
    lines = pilot.app.screen._compositor.render_strips()
    return "\n".join(strip.text for strip in lines)


async def test_a_bad_value_is_explained_at_its_row_and_nothing_typed_is_lost(app) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await composed(pilot)
        await type_into(pilot, "model.width", "64")
        await type_into(pilot, "optimizer.learning_rate", "fast")
        assert "number" in row(screen, "optimizer.learning_rate").error
        assert row(screen, "optimizer.learning_rate").value == "fast"
        assert row(screen, "model.width").value == "64"
        shown = text_on(pilot)
        at = next(line for line in shown.splitlines() if "learning rate" in line)
        assert "fast" in at
        assert "number" in at + shown.splitlines()[shown.splitlines().index(at) + 1]
        screen.fields.move_to("model.width")
        await pilot.press("l")
        await settle(pilot)
        assert app.current_mode == "compose"
        assert screen.fields.cursor_key == "optimizer.learning_rate"
        await type_into(pilot, "optimizer.learning_rate", "0.2")
        assert screen._shown.experiment.optimizer.learning_rate == 0.2
        assert screen._shown.experiment.model.width == 64


async def test_a_comma_list_makes_an_axis_and_its_cost_is_counted_at_once(app) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await composed(pilot)
        await type_into(pilot, "optimizer.learning_rate", "0.1, 0.3")
        assert screen._shown.experiment.axes["optimizer.learning_rate"] == [0.1, 0.3]
        assert "36 networks" in text_on(pilot)


async def test_r_takes_one_value_back_and_shift_r_all(app) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await composed(pilot)
        await type_into(pilot, "model.width", "64")
        await type_into(pilot, "model.depth", "3")
        screen.fields.move_to("model.width")
        await pilot.press("r")
        await settle(pilot)
        assert [row(screen, key).value for key in ("model.width", "model.depth")] == ["256", "3"]
        await pilot.press("R")
        await settle(pilot)
        assert row(screen, "model.depth").value == "2"
        assert not screen._shelf.draft.changed


async def test_a_changed_draft_is_saved_under_a_name_and_chosen(app, home) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await composed(pilot, "tiny")
        await type_into(pilot, "model.width", "32")
        await pilot.press("s")
        await pilot.pause()
        assert isinstance(app.screen, AskText)
        await pilot.press(*"../out", "enter")
        await pilot.pause()
        assert "slashes" in str(app.screen.query_one("#wrong", Static).content)
        await pilot.press(*["backspace"] * 6, *"Mine", "enter")
        await until(pilot, lambda: screen._shelf.entry.title == "Mine")
        saved = (home / "presets" / "mine.toml").read_text()
        assert "width = 32" in saved
        assert row(screen, "model.width").value == "32"
        assert not screen._shelf.draft.changed


async def test_a_costly_launch_is_asked_for_once_and_escape_starts_nothing(
    app, monkeypatch
) -> None:
    monkeypatch.setattr(launching, "launch", lambda *_: pytest.fail("launched unasked"))
    async with app.run_test(size=(80, 24)) as pilot:
        await composed(pilot, "zhang-cifar10")
        await pilot.press("enter")
        await pilot.pause()
        assert isinstance(app.screen, Confirm)
        await pilot.press("escape")
        await settle(pilot)
        assert app.current_mode == "compose"


async def test_a_run_that_cannot_be_made_says_why_where_it_was_started(app, home) -> None:
    (home / "runs").write_text("in the way")
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await composed(pilot, "tiny")
        await pilot.press("enter")
        await until(pilot, lambda: bool(str(screen.query_one("#problem", Static).content)))
        assert "runs" in str(screen.query_one("#problem", Static).content)
        assert app.current_mode == "compose"


async def test_three_pages_of_a_narrow_screen_follow_each_other_by_tab(app) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await composed(pilot)
        seen = []
        for _ in range(3):
            seen += [
                name
                for name in ("presets", "form", "preview")
                if screen.query_one(f"#{name}-box").display
            ]
            await pilot.press("tab")
            await pilot.pause()
        assert seen == ["presets", "form", "preview"]


async def test_cursor_among_the_presets_shows_without_colour(app) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await composed(pilot)
        marked = [line for line in text_on(pilot).splitlines() if "▸" in line]
        assert len(marked) == 1
        assert "Noise ladder" in marked[0]
        await pilot.press("down")
        await settle(pilot)
        moved = [line for line in text_on(pilot).splitlines() if "▸" in line]
        assert len(moved) == 1
        assert moved != marked
