"""The app around its screens: sizes, keys, help, commands, themes, terminals, files."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from settle import settle, until
from synthetic_run import SyntheticRun, start
from terminal import Terminal
from textual.command import CommandPalette

import memlab
from memlab.tui.app import MemlabApp
from memlab.tui.farewell import farewell
from memlab.tui.header import NAMES
from memlab.tui.help import Help
from memlab.tui.too_small import TooSmall
from memlab.tui.widgets.chart import BrailleChart
from memlab.tui.widgets.key_line import Key, KeyLine, fitting
from memlab.tui.widgets.table import LineTable
from tests.patience import SECONDS

STORM = [
    (80, 24), (1, 1), (200, 60), (3, 50), (79, 24), (80, 23), (160, 45), (20, 5), (110, 34),
    (109, 33), (300, 3), (2, 2), (90, 24), (80, 60), (40, 12), (150, 40), (149, 24), (5, 100),
    (81, 25), (120, 30),
]  # fmt: skip


class Quiet(MemlabApp):
    """Starts no worker ahead of need."""

    prewarm = False


@pytest.fixture
def run(home) -> Iterator[SyntheticRun]:
    made = start(home / "runs")
    made.grow(20)
    yield made
    made.lock.close()


def app_on(run: SyntheticRun, screen: str = "watch") -> MemlabApp:
    return Quiet(open_run=run.folder.id, screen=screen)


def keys_of(app: MemlabApp) -> list[str]:
    return [word for line in app.screen.query(KeyLine) for word in line.shown]


@pytest.mark.parametrize("every", [2, pytest.param(1, marks=pytest.mark.full)])
@pytest.mark.parametrize("screen", NAMES)
async def test_a_storm_of_sizes_leaves_every_screen_whole(run, screen, every) -> None:
    app = app_on(run, screen)
    async with app.run_test(size=(160, 45)) as pilot:
        await settle(pilot)
        for size in STORM[every - 1 :: every]:
            await pilot.resize_terminal(*size)
            small = size[0] < 80 or size[1] < 24
            await until(pilot, lambda small=small: isinstance(app.screen, TooSmall) == small)
        await settle(pilot)
        assert app.current_mode == screen
        assert not isinstance(app.screen, TooSmall)


@pytest.mark.parametrize("key", ["question_mark", "f1"])
async def test_help_lists_the_keys_of_the_screen_and_goes_by_escape(run, key) -> None:
    app = app_on(run, "report")
    run.end("finished")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "export" in keys_of(app))
        await pilot.press(key)
        await pilot.pause()
        assert isinstance(app.screen, Help)
        for word in ("copy", "export", "watch", "quit", "light or dark"):
            assert word in str(app.screen._content)
        await pilot.press("escape")
        await pilot.pause()
        assert not isinstance(app.screen, Help)


async def test_the_palette_runs_what_the_keys_do(run) -> None:
    app = app_on(run)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("ctrl+p")
        await until(pilot, lambda: isinstance(app.screen, CommandPalette))
        await pilot.press(*"go to library")
        await settle(pilot, 8)
        await pilot.press("enter")
        await until(pilot, lambda: app.current_mode == "library")


async def test_number_keys_reach_every_screen_also_from_over_another(run) -> None:
    app = app_on(run)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("enter")
        await settle(pilot)
        for key, name in zip(
            "13425", ("compose", "report", "library", "watch", "scoreboard"), strict=True
        ):
            await pilot.press(key)
            await settle(pilot)
            assert (app.current_mode, len(app.screen_stack)) == (name, 1)


async def test_the_theme_changes_by_key_and_is_remembered(run, home) -> None:
    app = app_on(run)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        dark = app.screen.query_one("#lies", BrailleChart)
        before = dark.background_colors[1]
        await pilot.press("ctrl+t")
        await settle(pilot)
        assert app.theme == "memlab-light"
        assert dark.background_colors[1].brightness > 0.9 > before.brightness
    assert Quiet().theme == "memlab-light"


def test_leaving_a_living_run_says_that_it_goes_on_and_how_to_come_back(run) -> None:
    said = farewell(run.folder.path.parent, run.folder.id, [])
    assert said is not None
    assert run.folder.id in said
    assert "memlab watch last" in said
    run.end("finished")
    assert farewell(run.folder.path.parent, run.folder.id, []) is None


@pytest.mark.parametrize(
    ("term", "extra"),
    [("xterm", {}), ("linux", {}), ("screen", {}), ("xterm-256color", {"NO_COLOR": "1"})],
)
def test_the_app_works_on_plain_terminals_and_quits_with_a_word(run, term, extra) -> None:
    app = Terminal("watch", run.folder.id, term=term, **extra)
    try:
        app.until(b"running")
        app.until(b"validation")
        if term != "screen":  # letters tell series apart where colours cannot
            app.until(b"f")
        assert b"38;2;" not in app.seen or term == "xterm-256color"
        app.press(b"q")
        app.until(b"goes on without the app")
        assert app.process.wait(SECONDS) == 0
    finally:
        app.close()


async def test_without_colour_letters_tell_the_axis_values_apart(run, monkeypatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = app_on(run)
    async with app.run_test(size=(160, 45)) as pilot:
        await settle(pilot)
        table = app.screen.query_one(LineTable)
        lines = [table.render_line(y).text for y in range(1, 7)]
        assert [line.split()[-0 if "▸" not in line else 1] for line in lines] == list("abcdef")
        chart = app.screen.query_one("#truth", BrailleChart)
        text = "".join(chart.render_line(y).text for y in range(chart.size.height))
        assert {"a", "f"} <= set(text)


def test_a_key_line_drops_the_last_keys_first_and_says_so() -> None:
    keys = [Key("a", "one", ""), Key("b", "two", ""), Key("c", "three", "")]
    assert fitting(keys, 100) == (keys, True)
    assert fitting(keys, 14) == (keys[:2], False)
    assert fitting(keys, 13) == (keys[:1], False)


async def test_keys_that_do_not_fit_are_behind_more(run) -> None:
    app = app_on(run)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert keys_of(app)[-2] == "more"
        assert {"pause", "stop", "chart"} <= set(keys_of(app))
        await pilot.resize_terminal(200, 50)
        await settle(pilot)
        assert keys_of(app)[-2:] == ["help", "commands"]
        assert {"zoom", "log", "checkpoint"} <= set(keys_of(app))


def test_every_style_sheet_lies_in_the_package_and_is_kept_by_git() -> None:
    package = Path(memlab.__file__).parent
    app = package / "tui"
    sheets = set()
    for path in app.rglob("*.py"):
        parts = path.relative_to(package.parent).with_suffix("").parts
        module = import_module(".".join(parts).removesuffix(".__init__"))
        for value in vars(module).values():
            own = vars(value).get("CSS_PATH") if isinstance(value, type) else None
            here = isinstance(own, str) and value.__module__ == module.__name__
            sheets |= {path.parent / own} if here else set()
    assert len(sheets) >= 6
    assert sheets == set(app.rglob("*.tcss"))
    if (package.parent / ".git").exists():  # the wheel has every file that git does not ignore
        ignored = subprocess.run(
            ["git", "check-ignore", *map(str, sheets)], cwd=package, capture_output=True, text=True
        )
        assert ignored.stdout == ""
    assert os.access(package / "py.typed", os.R_OK)
