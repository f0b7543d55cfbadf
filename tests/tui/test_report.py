from __future__ import annotations

import itertools
import json

import pytest
from instrumented_run import instrumented
from invented_findings import found
from settle import settle, until
from stand_in import StandIn
from synthetic_run import LADDER, start
from textual.geometry import Region
from textual.pilot import Pilot
from textual.widget import Widget
from textual.widgets import Static

from memlab import reports
from memlab.errors import RunFolderError
from memlab.experiment.reading import experiment, from_toml
from memlab.reports.memorization_document import MemorizationFindings
from memlab.reports.memorization_findings import most_memorized, strongest_pairs
from memlab.reports.side_table import headlines
from memlab.runs.retraining import scores_of
from memlab.tui.axis_values import axis_values
from memlab.tui.confirm import Confirm
from memlab.tui.report import model
from memlab.tui.report.screen import ReportScreen
from memlab.tui.report.sections_pane import SectionsPane
from memlab.tui.watch.instruments import InstrumentsScreen
from memlab.tui.widgets.chart import BrailleChart
from memlab.tui.widgets.key_line import KeyLine
from memlab.tui.widgets.table import LineTable
from tests.runs.test_retraining import outcomes_of

SIZES = [(80, 24), (160, 45)]


@pytest.fixture
def run(tmp_path):
    made = start(tmp_path)
    made.grow(40)
    return made


@pytest.fixture
def invented(monkeypatch):
    """Findings that need no building."""
    monkeypatch.setattr(reports, "load_or_build", lambda folder: found())
    monkeypatch.setattr(reports, "html", lambda findings, folder: "<html>")


def app_of(run) -> StandIn:
    return StandIn(run.folder.path.parent, ReportScreen(), run.folder.id)


def text_of(app: StandIn, selector: str) -> str:
    return str(app.screen.query_one(selector, Static).content)


def text_drawn(widget: Widget) -> str:
    """What a widget paints, on the screen or scrolled out of it."""
    lines = widget.render_lines(Region(0, 0, *widget.size))
    return "\n".join(line.text.rstrip() for line in lines)


def seen(app: StandIn) -> str:
    """What is in the page's sections, scrolled out or not."""
    parts = app.screen.query_one(SectionsPane).query(Static)
    return "\n".join(text_drawn(part) for part in parts if part.display)


def visible(app: StandIn) -> str:
    """What is on the screen."""
    return "\n".join(line.text.rstrip() for line in app.screen._compositor.render_strips())


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


async def test_the_claims_of_the_preset_have_their_verdicts_below_the_figures(
    run, invented
) -> None:
    run.end("finished")
    app = app_of(run)
    async with app.run_test(size=(120, 50)) as pilot:
        await settle(pilot)
        heading, *lines = text_of(app, "#claims").splitlines()
        assert heading.startswith("claims")
        assert lines[0].startswith("S A7 Patterns are learned first: supported; best − final")
        assert lines[1] == "· L3 The network knows the lies: not run; the run kept no ledger."
        assert app.screen.query_one("#claims").region.y > app.screen.query_one("#rows").region.y


@pytest.mark.parametrize("size", SIZES)
async def test_who_is_memorized_stands_above_the_instruments(run, monkeypatch, size) -> None:
    scores = scores_of(outcomes_of(100, 0.7))
    told = {**scores.summary, "label": "all", "most_memorized": most_memorized(scores)}
    told["strongest_pairs"] = strongest_pairs(scores)
    made = found().model_copy(update={"memorization": [MemorizationFindings.model_validate(told)]})
    monkeypatch.setattr(reports, "load_or_build", lambda folder: made)
    run.end("finished")
    app = app_of(run)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        page = seen(app)
        assert "Who is memorized, and whom does it help" in page
        assert page.index("The most memorized truths") < page.index("instruments")


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


async def test_export_asks_before_it_replaces_a_report(
    run, invented, tmp_path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / run.folder.id
    folder.mkdir(exist_ok=True)
    mine = folder / "report.md"
    mine.write_text("my notes")
    mine.chmod(0o600)
    app = app_of(run)
    async with app.run_test(size=(160, 45)) as pilot:
        for answer, kept in (("escape", True), ("enter", False)):
            await settle(pilot)
            await pilot.press("e")
            await until(pilot, lambda: isinstance(app.screen, Confirm))
            await pilot.press(answer)
            await settle(pilot)
            assert (mine.read_text() == "my notes") == kept
            assert (folder / "report.html").exists() != kept
        assert mine.stat().st_mode & 0o777 == 0o600


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
        assert "composes the first one" in text_of(app, "#message")


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


# --- instruments and baselines


async def shown(pilot: Pilot[None]) -> SectionsPane:
    """The sections, once there are folds."""
    await settle(pilot)
    pane = pilot.app.screen.query_one(SectionsPane)
    await until(pilot, lambda: bool(pane.folds))
    await settle(pilot)
    return pane


def rows_of(text: str, head: str) -> list[str]:
    """The lines below the first one that holds `head`, up to an empty one."""
    lines = text.splitlines()
    start = next(index for index, line in enumerate(lines) if head in line)
    return list(itertools.takewhile(str.strip, lines[start + 1 :]))


@pytest.mark.parametrize("size", SIZES)
async def test_headline_of_every_instrument_is_shown_per_axis_value(run, invented, size) -> None:
    app = app_of(run)
    async with app.run_test(size=size) as pilot:
        await shown(pilot)
        text = text_drawn(app.screen.query_one("#headlines"))
        rows = rows_of(text, "stiffness, within [cosine]")
        assert len(rows) == 6
        assert "■ 0.0" in rows[0]
        assert "12.4 ± .3" in rows[0]
        assert " 1.4 ± .3" in rows[5]
        assert rows[0].index("12.4") + 1 == rows[5].index("1.4")  # on the decimal point
        assert "took 12.1 % of the training time: gradient noise 10.1 %" in " ".join(
            seen(app).split()
        )


@pytest.mark.parametrize("size", SIZES)
async def test_keys_unfold_an_instrument_with_its_headline_first(run, invented, size) -> None:
    app = app_of(run)
    async with app.run_test(size=size) as pilot:
        pane = await shown(pilot)
        keys = app.screen.query_one(KeyLine)
        assert "instrument" in keys.shown
        assert "What stiffness tells" not in seen(app)
        await pilot.press("tab")
        await settle(pilot)
        assert pane.folds[0].has_focus
        assert "unfold" in keys.shown
        await pilot.press("enter")
        await settle(pilot)
        text = visible(app)
        assert "What stiffness tells. (2.0 % of the training time)" in text
        head = next(line for line in text.splitlines() if "between [cosine]" in line)
        assert head.index("within [cosine]") < head.index("between [cosine]")
        assert "−.00020 ± .00004" in text
        assert [fold.opened for fold in pane.folds] == [True, False, False]
        await pilot.press("enter", "f")
        await settle(pilot)
        assert all(fold.opened for fold in pane.folds)
        await pilot.press("f", "tab", "tab", "tab")
        assert not any(fold.opened for fold in pane.folds)
        assert app.screen.query_one("#scroll").has_focus


async def test_failed_instrument_says_why_on_its_closed_line(run, invented) -> None:
    app = app_of(run)
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        assert "✗ switched off: no memory" in seen(app)


async def test_unfolded_instrument_stays_so_while_figures_change(run, monkeypatch) -> None:
    later = [found()]
    monkeypatch.setattr(reports, "load_or_build", lambda folder: later[0])
    app = app_of(run)
    async with app.run_test(size=(80, 24)) as pilot:
        pane = await shown(pilot)
        fold = pane.folds[1]
        await pilot.press("tab", "tab", "enter")
        changed = later[0].instruments["gradient-noise"].rows
        changed[0]["within"] = {"mean": 77.7, "ci95": None, "n": 1}
        run.grow()
        await until(pilot, lambda: "77.7" in visible(app), 4000)
        assert pane.folds[1] is fold
        assert fold.opened
        assert fold.has_focus


@pytest.mark.parametrize("size", SIZES)
async def test_baselines_stand_beside_the_network_with_the_same_split(run, invented, size) -> None:
    app = app_of(run)
    async with app.run_test(size=size) as pilot:
        await shown(pilot)
        text = text_drawn(app.screen.query_one("#baselines"))
        titles = ("accuracy on data not seen", "truth fitted", "lies fitted", "lies seen through")
        places = [text.index(title) for title in titles]
        assert places == sorted(places)
        rows = rows_of(text, "lies fitted")
        assert rows[0].split() == ["noise", "network,", "end", "1-nn", "ridge"]
        assert rows[1].split() == ["■", "0.0", "–", "–", "–"]
        assert " ".join(rows[2].split()) == "● 0.2 .98 ± .02 .42 ± .01 .05 ± .01"
        assert "A 1-nn  B ridge" in text_of(app, "#marks")


async def test_i_opens_the_curves_of_the_instruments(tmp_path, invented) -> None:
    run = instrumented(tmp_path)
    run.grow(4)
    app = app_of(run)
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        await pilot.press("i")
        await settle(pilot)
        assert isinstance(app.screen, InstrumentsScreen)
        await pilot.press("escape")
        await settle(pilot)
        assert isinstance(app.screen, ReportScreen)


@pytest.mark.parametrize("size", SIZES)
async def test_run_without_either_says_in_a_line_how_to_switch_them_on(
    run, monkeypatch, size
) -> None:
    monkeypatch.setattr(reports, "load_or_build", lambda folder: found(sides=False))
    app = app_of(run)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        await until(pilot, lambda: "instruments.on=default" in seen(app))
        assert "baselines.on=all" in seen(app)
        assert not app.screen.query_one("#marks").display
        assert "instrument" not in app.screen.query_one(KeyLine).shown


async def test_without_colour_letters_tell_axis_values_apart(run, invented, monkeypatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = app_of(run)
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        assert "b 0.2" in text_drawn(app.screen.query_one("#headlines"))


def test_unknown_and_impossible_are_told_apart() -> None:
    findings = found()
    unmeasured = findings.instruments["stiffness"].rows[3]
    unmeasured |= {"epoch": None, "within": None}
    findings.instruments["stiffness"].rows[4]["within"] = None
    going = findings.model_copy(update={"complete": False})
    for each, signs in ((going, ("·", "–")), (findings, ("–", "–"))):
        made_of = headlines(each)
        assert made_of is not None
        assert tuple(made_of.columns[0].cells[row] for row in (3, 4)) == signs


def test_marks_of_baselines_are_points_in_the_order_of_the_report() -> None:
    first, second = model.beside(found(), made(), True)
    assert (first.name, first.marker, first.joined) == ("1-nn", "A", False)
    assert first.x == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert second.y == pytest.approx([0.1 * x for x in second.x])


def made(text: str = LADDER):
    return experiment(from_toml(text, "test"), "test")


def test_ladder_has_gap_and_cost_with_intervals() -> None:
    gap, cost = model.ladder(found(), made(), True)
    assert (gap.name, cost.name) == ("generalization gap", "memorization cost")
    assert gap.x == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert gap.high[0] - gap.y[0] == pytest.approx(0.02)


def test_values_that_are_no_scale_stand_in_order() -> None:
    words = made('[axes]\n"corruption.kind" = ["none", "inputs"]\n')
    assert model.positions(2, words) == [1.0, 2.0]
    assert "order" in model.axis_name(words)
    powers = made('[axes]\n"model.width" = [16, 64, 256, 1024]\n')
    assert model.positions(4, powers) == [1.0, 2.0, 3.0, 4.0]


def test_what_does_not_exist_is_a_dash() -> None:
    row = found().rows[0]
    cells = model.cells(row, axis_values(made())[0])
    assert str(cells[2]).strip() == "–"
