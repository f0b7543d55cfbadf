from __future__ import annotations

import json

import pytest
from invented_findings import document
from settle import settle, until
from stand_in import StandIn
from synthetic_run import LADDER, start
from textual.widgets import Static

from memlab import reports
from memlab.errors import RunFolderError
from memlab.experiment.reading import experiment, from_toml
from memlab.tui import report_model as model
from memlab.tui.axis_values import axis_values
from memlab.tui.screens.report import ReportScreen
from memlab.tui.widgets.chart import BrailleChart
from memlab.tui.widgets.table import LineTable

SIZES = [(80, 24), (160, 45)]


@pytest.fixture
def run(tmp_path):
    made = start(tmp_path)
    made.grow(40)
    return made


@pytest.fixture
def invented(monkeypatch):
    """Findings that need no building."""
    monkeypatch.setattr(reports, "load_or_build", lambda folder: document(), raising=False)
    monkeypatch.setattr(reports, "document", lambda findings: findings, raising=False)
    monkeypatch.setattr(reports, "markdown", lambda findings: "# Report", raising=False)
    monkeypatch.setattr(reports, "html", lambda findings, folder: "<html>", raising=False)


def app_of(run) -> StandIn:
    return StandIn(run.folder.path.parent, ReportScreen(), run.folder.id)


def text_of(app: StandIn, selector: str) -> str:
    return str(app.screen.query_one(selector, Static).content)


@pytest.mark.parametrize("size", SIZES)
async def test_the_sentence_comes_first_and_the_ladder_is_in_view(run, invented, size) -> None:
    run.end("finished")
    app = app_of(run)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        assert text_of(app, "#verdict").startswith("With 40 %")
        verdict = app.screen.query_one("#verdict").region
        ladder = app.screen.query_one("#ladder")
        assert verdict.y <= 1
        assert ladder.region.y >= verdict.bottom
        assert ladder.region.bottom < size[1]
        assert len(app.screen.query_one(LineTable).row_keys) == 6
        assert not app.screen.query_one("#standing").display


async def test_unfinished_run_says_so(run, invented) -> None:
    app = app_of(run)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert "has not finished" in text_of(app, "#standing")
        run.end("finished")
        await until(pilot, lambda: text_of(app, "#standing") == "")


async def test_y_copies_the_command_that_repeats_the_run(run, invented) -> None:
    app = app_of(run)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("y")
        assert app.clipboard.startswith("memlab run ")
        assert app.clipboard in text_of(app, "#message")


async def test_export_writes_three_files_and_says_where(
    run, invented, tmp_path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    app = app_of(run)
    async with app.run_test(size=(160, 45)) as pilot:
        await settle(pilot)
        await pilot.press("e")
        await settle(pilot)
        folder = tmp_path / run.folder.id
        assert str(folder) in text_of(app, "#message")
        assert json.loads((folder / "report.json").read_text())["rows"]
        assert (folder / "report.md").exists()
        assert (folder / "report.html").exists()


async def test_export_that_cannot_be_written_says_so(run, invented, tmp_path, monkeypatch) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / run.folder.id).write_text("in the way")
    monkeypatch.chdir(elsewhere)
    app = app_of(run)
    async with app.run_test(size=(160, 45)) as pilot:
        await settle(pilot)
        await pilot.press("e")
        await settle(pilot)
        assert app.screen.query_one("#message").has_class("-error")


async def test_findings_that_cannot_be_made_say_why(run, monkeypatch) -> None:
    def broken(folder):
        raise RunFolderError("The run is damaged.")

    monkeypatch.setattr(reports, "load_or_build", broken, raising=False)
    app = app_of(run)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert "damaged" in text_of(app, "#message")


async def test_without_a_run_the_screen_says_which_key_finds_one(tmp_path) -> None:
    app = StandIn(tmp_path, ReportScreen())
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert "library" in text_of(app, "#message")


async def test_w_goes_back_to_the_curves(run, invented) -> None:
    app = app_of(run)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("w")
        assert app.shown == [("watch", run.folder.id)]


async def test_ladder_says_what_its_axis_is(run, invented) -> None:
    app = app_of(run)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert app.screen.query_one("#ladder", BrailleChart).axis == "label noise"


def made(text: str = LADDER):
    return experiment(from_toml(text, "test"), "test")


def test_ladder_has_gap_and_cost_with_intervals() -> None:
    gap, cost = model.ladder(document(), made(), True)
    assert (gap.name, cost.name) == ("generalization gap", "memorization cost")
    assert gap.x == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert gap.high[0] - gap.y[0] == pytest.approx(0.02)


def test_values_that_are_no_scale_stand_in_order() -> None:
    words = made('[axes]\n"corruption.kind" = ["none", "inputs"]\n')
    assert model.positions([{}, {}], words) == [1.0, 2.0]
    assert "order" in model.axis_name(words)
    powers = made('[axes]\n"model.width" = [16, 64, 256, 1024]\n')
    assert model.positions([{}] * 4, powers) == [1.0, 2.0, 3.0, 4.0]


def test_what_does_not_exist_is_a_dash() -> None:
    row = document()["rows"][0]
    cells = model.cells(row, axis_values(made())[0])
    assert str(cells[2]).strip() == "–"
