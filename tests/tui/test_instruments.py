from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from instrumented_run import instrumented, ledger, measure
from settle import settle, until
from stand_in import StandIn
from synthetic_run import SyntheticRun, start
from textual.pilot import Pilot
from textual.widgets import Static

from memlab.tui.watch.instruments import InstrumentList, InstrumentsScreen, QuantityChart
from memlab.tui.watch.instruments_pane import InstrumentsPane
from memlab.tui.watch.screen import WatchScreen
from memlab.tui.widgets.heat_map import HeatMap
from memlab.tui.widgets.heat_scale import colour
from memlab.tui.widgets.picture import PictureStrip
from tests.patience import SECONDS

SIZES = [(80, 24), (160, 45)]
MEMBERS = 18  # three seeds of six fractions
VALUE = np.repeat(np.arange(6) / 10, 3)  # of each member: a tenth of its axis value's number


@pytest.fixture(autouse=True)
def truecolor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)


@pytest.fixture
def run(tmp_path) -> SyntheticRun:
    """Stiffness is measured twice, the spectrum once; curvature has failed."""
    made = instrumented(tmp_path)
    made.grow(40)
    classes = np.full((2, MEMBERS, 10, 10), -0.25)
    classes[:, :, range(10), range(10)] = 0.5
    classes[:, :, 0, 1], classes[:, :, 0, 2] = np.nan, np.inf
    classes[:, 15:] = 0.125
    measure(made, "stiffness", (0.0, 20.0), within=np.stack([VALUE + 0.4, VALUE]), classes=classes)
    grid = np.linspace(-1.0, 9.0, 512) * np.ones((1, MEMBERS, 1))
    measure(made, "spectrum", (20.0,), grid=grid, density=np.exp(-np.abs(grid)))
    made.log.append("instrument-failed", instrument="curvature", stack=0, reason="no memory")
    made.log.append("instruments-cost", stack=0, seconds={"stiffness": 1.0}, training=50.0)
    return made


def app_of(run: SyntheticRun) -> StandIn:
    return StandIn(run.folder.path.parent, WatchScreen(), run.folder.id)


def text_of(app: StandIn) -> str:
    return "\n".join(line.text for line in app.screen._compositor.render_strips())


async def opened(pilot: Pilot[None], key: str = "") -> InstrumentsScreen:
    """The Instruments screen, at a row of its list."""
    await settle(pilot)
    await pilot.press("i")
    await settle(pilot)
    screen = pilot.app.screen
    assert isinstance(screen, InstrumentsScreen)
    table = screen.query_one(InstrumentList)
    await until(pilot, lambda: bool(table.row_keys))
    if key:
        table.move_to(key)
        await settle(pilot)
    return screen


# --- the pane in Watch


async def test_pane_shows_newest_value_sparkline_failure_and_what_it_waits_for(run) -> None:
    app = app_of(run)
    async with app.run_test(size=(160, 45)) as pilot:
        await settle(pilot)
        pane = app.screen.query_one(InstrumentsPane)
        lines = {line.name: line for line in pane.lines}
        assert lines["stiffness"].value == ".25 ± .09"  # 0 … .5, the mean of all
        assert lines["stiffness"].spark[0] == "█"
        assert lines["curvature"].failed == "no memory"
        assert lines["margins"].waits
        shown = text_of(app)
        assert "stiffness, within" in shown
        assert ".25  ± .09" in shown
        assert "no memory" in shown
        assert "margins, corrupted" in shown
        assert "waits for the first measurement" in shown
        await pilot.press("down", "down")
        await until(pilot, lambda: pane.lines[1].value == ".200 ± .000")
        assert "noise 0.4" in str(pane.border_title)
        run.end("finished")
        await until(pilot, lambda: "not measured, for want of time" in text_of(app))
        await until(pilot, lambda: "waits for the first" not in text_of(app))


async def test_pane_marks_what_says_how_it_measures_and_its_page_tells(run) -> None:
    note = "By per-example gradients, as no rule holds: gru."
    run.log.append("instrument-note", instrument="stiffness", stack=0, note=note)
    app = app_of(run)
    async with app.run_test(size=(160, 45)) as pilot:
        await settle(pilot)
        assert "stiffness, within *" in text_of(app)
        assert "* i says how" in text_of(app)
        await pilot.press("i")
        await until(pilot, lambda: "stiffness" in text_of(app))
        for _ in range(20):
            if note in text_of(app):
                break
            await pilot.press("down")
            await settle(pilot)
        assert note in text_of(app)


@pytest.mark.parametrize("size", [(119, 45), (80, 24), (160, 30)])
async def test_pane_gives_way_where_there_is_no_room(run, size) -> None:
    app = app_of(run)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        assert not app.screen.query_one(InstrumentsPane).display


async def test_pane_takes_the_place_of_pictures_that_do_not_exist(tmp_path) -> None:
    run = instrumented(tmp_path, 'title = "Clean"\nseeds = 2\n')
    run.grow(4)
    app = app_of(run)
    async with app.run_test(size=(160, 45)) as pilot:
        await settle(pilot)
        assert app.screen.query_one(InstrumentsPane).region.width == 160


async def test_experiment_without_instruments_has_neither_pane_nor_key(tmp_path) -> None:
    run = start(tmp_path)
    run.grow(4)
    app = app_of(run)
    async with app.run_test(size=(160, 45)) as pilot:
        await settle(pilot)
        assert not app.screen.query_one(InstrumentsPane).display
        await pilot.press("i")
        await settle(pilot)
        assert isinstance(app.screen, WatchScreen)


async def test_pane_repaints_the_changed_line_only(run, monkeypatch) -> None:
    app = app_of(run)
    async with app.run_test(size=(160, 45)) as pilot:
        await settle(pilot)
        pane, asked = app.screen.query_one(InstrumentsPane), []
        monkeypatch.setattr(pane, "refresh", lambda *regions, **_: asked.append(regions))
        pane.show(pane.lines)
        assert not asked
        pane.show([replace(line, value=".31 ± .09") if line.value else line for line in pane.lines])
        assert asked
        changed = {y for y, line in enumerate(pane.lines) if line.value}
        assert {r.y for regions in asked for r in regions} == changed  # within the frame


# --- the screen


@pytest.mark.parametrize("size", [SIZES[0], pytest.param(SIZES[1], marks=pytest.mark.full)])
async def test_every_quantity_can_be_visited_by_keys_at_every_axis_value(run, size) -> None:
    app = app_of(run)
    async with app.run_test(size=size) as pilot:
        screen = await opened(pilot)
        table = screen.query_one(InstrumentList)
        keys = table.row_keys
        assert {"ledger", "stiffness.classes", "spectrum.density", "margins"} <= set(keys)
        assert "spectrum.grid" not in keys
        await pilot.press("down", "down", "right_square_bracket")
        await settle(pilot)
        assert (table.cursor_key, screen._frame.cursor) == (keys[2], "1")
        for key in keys[3:]:
            table.move_to(key)
            await until(pilot, lambda key=key: screen._frame.detail.key == key)
        await pilot.press("escape")
        await settle(pilot)
        assert isinstance(app.screen, WatchScreen)


async def test_scalar_is_a_curve_for_each_axis_value_as_in_watch(run) -> None:
    app = app_of(run)
    async with app.run_test(size=(160, 45)) as pilot:
        screen = await opened(pilot, "stiffness.within")
        chart = screen.query_one(QuantityChart)
        assert chart.display
        assert not screen.query_one(HeatMap).display
        assert sorted(s.name for s in chart._series) == list("012345")
        assert chart.highlighted == "0"
        last = {series.name: (series.x[-1], series.y[-1]) for series in chart._series}
        assert last["3"] == (20.0, pytest.approx(0.3))
        words = str(screen.query_one("#words", Static).content)
        assert "cosine of training examples of one class" in words
        assert "Fort 2019" in words
        assert "2.0 % of training time" in words


@pytest.mark.parametrize("size", SIZES)
async def test_matrix_is_a_heat_map_of_the_axis_value_under_the_cursor(run, size) -> None:
    app = app_of(run)
    async with app.run_test(size=size) as pilot:
        screen = await opened(pilot, "stiffness.classes")
        heat = screen.query_one(HeatMap)
        assert heat.display
        assert not screen.query_one(QuantityChart).display
        assert heat.heat.matrix[3][3] == 0.5
        assert heat.heat.matrix[3][4] == -0.25
        assert np.isnan(heat.heat.matrix[0][1])
        assert np.isinf(heat.heat.matrix[0][2])
        names = {s.style.bgcolor.name for s in heat.render_line(4) if s.style and s.style.bgcolor}
        assert {colour(16), colour(-8)} <= names
        assert "noise 0.0" in heat.heat.title
        assert "mean of 3" in heat.heat.title
        assert "50" in text_of(app)
        assert "25" in text_of(app)
        await pilot.press("left_square_bracket")  # round to the last one
        await until(pilot, lambda: heat.heat.matrix[3][3] == 0.125)
        assert "noise 1.0" in heat.heat.title


async def test_spectrum_is_drawn_against_its_grid_on_a_logarithmic_axis(run) -> None:
    app = app_of(run)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot, "spectrum.density")
        chart = screen.query_one(QuantityChart)
        assert (chart.axis, chart.y_scale) == ("grid", "log")
        assert (chart._series[0].x[0], chart._series[0].x[-1]) == (-1.0, 9.0)
        await pilot.press("down")
        await settle(pilot)
        assert chart.y_scale == "linear"


async def test_spectrum_without_a_positive_density_says_what_its_axis_waits_for(tmp_path) -> None:
    run = instrumented(tmp_path)
    run.grow(5)
    grid = np.linspace(-1.0, 9.0, 512) * np.ones((1, MEMBERS, 1))
    measure(run, "spectrum", (2.0,), grid=grid, density=np.zeros_like(grid))
    app = app_of(run)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot, "spectrum.density")
        assert screen.query_one(QuantityChart).y_scale == "log"
        assert "waits for a value above zero" in text_of(app)


async def test_infinities_and_gaps_everywhere_are_looked_past(tmp_path) -> None:
    run = instrumented(tmp_path)
    run.grow(5)
    for name, quantities in {
        "stiffness": {"within": (), "classes": (10, 10), "by_distance": (8,), "distances": (8,)},
        "spectrum": {"grid": (512,), "density": (512,)},
        "margins": {"corrupted": (), "quantiles": (7,)},
    }.items():
        rows = {}
        for key, shape in quantities.items():
            rows[key] = np.full((3, MEMBERS, *shape), np.nan)
            rows[key][1], rows[key][2, ::2] = np.inf, -np.inf
        measure(run, name, (0.0, 2.0, 4.0), **rows)
    app = app_of(run)
    async with app.run_test(size=(160, 45)) as pilot:
        screen = await opened(pilot)
        for key in ("stiffness.classes", "spectrum.density", "margins.quantiles"):
            screen.query_one(InstrumentList).move_to(key)
            await settle(pilot)
            assert screen._frame is not None
            assert screen._frame.detail is not None
            assert screen._frame.detail.key == key
        await pilot.press("right_square_bracket")
        await settle(pilot)
        assert "could not be read" not in text_of(app)


async def test_failed_instrument_says_so_where_its_curve_would_be(run) -> None:
    app = app_of(run)
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot, "curvature")
        assert "Switched off: no memory" in text_of(app)


async def test_new_measurements_appear_without_a_key(run) -> None:
    app = app_of(run)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot, "margins.corrupted")
        chart = screen.query_one(QuantityChart)
        assert not chart._series
        measure(run, "margins", (20.0,), corrupted=VALUE[None])
        await until(pilot, lambda: bool(chart._series), 2000)


@pytest.mark.parametrize("size", SIZES)
async def test_ledger_shows_pictures_of_what_is_learned_and_forgotten(run, size) -> None:
    ledger(run, [[8, 7, 0, 5], [3, 7, 0, 0], [3, 7, 6, 0], [8, 2, 6, 0]])
    app = app_of(run)
    async with app.run_test(size=size) as pilot:
        screen = await opened(pilot, "ledger")
        learned, forgotten = (
            screen.query_one(f"#{n}", PictureStrip) for n in ("learned", "forgotten")
        )
        await until(pilot, lambda: learned.shown == 2)
        assert forgotten.shown == 1
        shown = text_of(app)
        assert "3 as 8" in shown
        assert "7→2" in shown
        assert "epochs 2–3" in shown
        assert forgotten.region.bottom <= size[1] - 1
        await pilot.press(*["down"] * 6)
        await settle(pilot)
        assert not learned.is_on_screen


async def test_damaged_ledger_is_told_and_the_rest_goes_on(run) -> None:
    ledger(run, [[8, 7, 0, 5]])
    (run.folder.examples.path / "stack-000" / "true.npy").write_bytes(b"")
    app = app_of(run)
    async with app.run_test(size=(160, 45)) as pilot:
        screen = await opened(pilot, "ledger")
        assert "true.npy is damaged" in str(screen.query_one("#learned-title", Static).content)


def test_the_screens_of_instruments_import_no_torch() -> None:
    program = (
        "import sys; from memlab.tui.watch.instruments import InstrumentsScreen;"
        "from memlab.tui.watch import instrument_model as m;"
        "from memlab.experiment.instruments import *;"
        "[m.card(n) for n in BUILT_IN]; print('torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=SECONDS, check=True
    )
    assert done.stdout.strip() == "False"
