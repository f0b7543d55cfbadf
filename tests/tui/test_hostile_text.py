"""A stranger's run can be looked at on every screen of the app, and steers none of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rich.text import Text
from settle import settle, until
from textual.pilot import Pilot

from memlab.runs.event_log import Event
from memlab.runs.run_folder import RunFolder
from memlab.tui.app import MemlabApp
from memlab.tui.confirm import Confirm
from memlab.tui.plain_lines import framed
from memlab.tui.watch.log import event_text
from tests import hostile_run
from tests.hostile_run import EVIL, HALF, steering

MARKUP = "[/x][bold"
SIZES = ((80, 24), (160, 45))


@pytest.fixture
def run(home: Path) -> RunFolder:
    text = f"title = {json.dumps(EVIL)}\nquestion = {json.dumps(EVIL)}\n[axes]\n"
    text += f'"dataset.name" = ["digits", {json.dumps("npz:" + EVIL)}]'
    (home / "presets" / "evil.toml").write_text(text)
    return hostile_run.write(home / "runs")


def shown(app: MemlabApp) -> str:
    """The screen as it goes to the terminal, without colours."""
    strips = app.screen._compositor.render_strips(app.size)
    return "\n".join("".join(segment.text for segment in strip) for strip in strips)


async def looks_at(pilot: Pilot[None]) -> str:
    await settle(pilot)
    text = shown(pilot.app)  # type: ignore[arg-type]
    assert steering(text) == set()
    assert all(len(line) <= pilot.app.size.width for line in text.splitlines())
    assert pilot.app._exception is None
    return text


@pytest.mark.parametrize(
    ("state", "size"),
    [
        ("finished", SIZES[1]),
        ("failed", SIZES[0]),
        ("interrupted", SIZES[1]),
        pytest.param("finished", SIZES[0], marks=pytest.mark.full),
        pytest.param("failed", SIZES[1], marks=pytest.mark.full),
        pytest.param("interrupted", SIZES[0], marks=pytest.mark.full),
    ],
)
async def test_no_screen_passes_on_what_steers_a_terminal(
    run: RunFolder, size: tuple[int, int], state: str
) -> None:
    document = json.loads((run.path / "state.json").read_text()) | {"state": state}
    (run.path / "state.json").write_text(json.dumps(document))
    app = MemlabApp(open_run=run.id, screen="library")
    async with app.run_test(size=size, notifications=True) as pilot:
        assert MARKUP in await looks_at(pilot)
        await pilot.press("x")
        assert isinstance(app.screen, Confirm)
        assert MARKUP in await looks_at(pilot)
        await pilot.press("escape", "w")
        assert MARKUP in await looks_at(pilot)
        for keys in (["down"], ["m"], ["m"], ["enter"], ["enter"], ["escape", "escape"], ["i"]):
            await pilot.press(*keys)
            await looks_at(pilot)
        await pilot.press("2", "l")
        log = await looks_at(pilot)
        assert MARKUP in log
        assert "�[2J" in log
        await pilot.press("escape", "3")
        await looks_at(pilot)
        await pilot.press("end")
        assert MARKUP in await looks_at(pilot)
        await pilot.press("f")
        await looks_at(pilot)
        await pilot.press("y")
        assert steering(app.clipboard) == set()
        app.notify("[/nonsense]\x1b\u202e", title=EVIL)
        await until(pilot, lambda: "[/nonsense]" in shown(app))
        await looks_at(pilot)
        app.export_screenshot()


async def test_compose_shows_a_strangers_preset_as_text(run: RunFolder) -> None:
    app = MemlabApp()
    app.remember(preset="evil")
    async with app.run_test(size=(160, 45)) as pilot:
        await settle(pilot)
        assert MARKUP in await looks_at(pilot)
        await pilot.press("end", "tab")
        for _ in range(12):
            await pilot.press("down", "enter", "escape")
        await looks_at(pilot)
        await pilot.press("question_mark")
        await looks_at(pilot)


@pytest.mark.parametrize("time", [1e300, float("nan"), float("inf"), -1.0, 1e15, 0.0])
def test_an_event_of_any_time_is_a_line_of_the_log(time: float) -> None:
    line = event_text(Event(1, time, HALF, {HALF: HALF, "deep": {"a": {"b": {"c": [1] * 9}}}}))
    assert isinstance(line, Text)
    assert steering(line.plain) == set()
    assert "\n" not in line.plain


def test_an_event_of_any_content_is_a_line_of_the_log() -> None:
    deep: object = 1
    for _ in range(5000):
        deep = [deep]
    data = {"deep": deep, "long": 10**5000, "list": [deep, 10**5000] * 9, "map": {"x": {"y": deep}}}
    assert len(event_text(Event(1, 1.0, "x", data)).plain) < 10_000


def test_a_frames_title_is_no_markup() -> None:
    assert framed("[/x][bold]y").plain == "[/x][bold]y"
