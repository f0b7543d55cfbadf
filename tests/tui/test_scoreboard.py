"""The Scoreboard: it measures what is there, starts what is missing, and opens each claim."""

from __future__ import annotations

import os
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from invented_scoreboard import InventedReader, frame
from settle import settle, until, until_process
from stand_in import StandIn
from textual.pilot import Pilot
from textual.widgets import Static

from memlab.claims import batch, registry
from memlab.claims.claim import Claim
from memlab.reports import scoreboard
from memlab.runs import lifecycle
from memlab.runs.run_folder import RunFolder, list_runs
from memlab.tui.app import MemlabApp
from memlab.tui.confirm import Confirm
from memlab.tui.scoreboard import model
from memlab.tui.scoreboard import reader as scoreboard_reader
from memlab.tui.scoreboard.claim import ClaimScreen
from memlab.tui.scoreboard.lookup import LookupScreen
from memlab.tui.scoreboard.model import RunLine, Standing
from memlab.tui.scoreboard.reader import ScoreboardReader
from memlab.tui.scoreboard.screen import ScoreboardScreen
from memlab.tui.widgets.columns import text_of
from memlab.tui.widgets.panel_chart import PanelChart
from memlab.tui.widgets.table import LineTable
from tests.claims import synthetic

REPLICATES = tuple(range(200, 208))
SNAPSHOTS = Path(__file__).parent / "snapshots"
DONE = (sys.executable, str(Path(__file__).parents[1] / "runs" / "fake_worker.py"))
WAITING = (sys.executable, str(Path(__file__).parent / "waiting_worker.py"))
#: A claim that nobody can run yet, under a paper of its own.
UNRUN = replace(
    registry.named("B5"), id="X1", paper="nobody", presets=(), measure=None, control=None,
    needs="more",
)  # fmt: skip
CLAIMS = (*registry.chosen(["B5", "S3"]), UNRUN)


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MEMLAB_HOME", str(tmp_path))
    (tmp_path / "runs").mkdir()
    return tmp_path / "runs"


def reader_on(
    runs: Path, worker: tuple[str, ...] = DONE, claims: tuple[Claim, ...] = CLAIMS
) -> ScoreboardReader:
    options = {"worker": worker}
    return ScoreboardReader(runs, "cpu", claims=claims, replicates=REPLICATES, options=options)


def app_on(
    runs: Path, worker: tuple[str, ...] = DONE, claims: tuple[Claim, ...] = CLAIMS
) -> StandIn:
    return StandIn(runs, ScoreboardScreen(lambda: reader_on(runs, worker, claims)))


def invented() -> StandIn:
    reader = InventedReader()
    return StandIn(Path("runs"), ScoreboardScreen(lambda: reader))  # type: ignore[arg-type]


def board(app: StandIn | MemlabApp) -> ScoreboardScreen:
    return next(s for s in app.screen_stack if isinstance(s, ScoreboardScreen))


def standing(app: StandIn | MemlabApp, claim: str) -> Standing:
    shown = board(app)._frame
    assert shown is not None
    found = shown.find(claim)
    assert found is not None
    return found


def said(app: StandIn | MemlabApp, selector: str = "#message") -> str:
    return str(app.screen.query_one(selector, Static).content)


def cell(app: StandIn, claim: str, column: str) -> str:
    return text_of(app.screen.query_one(LineTable)._value(claim, column))  # type: ignore[arg-type]


async def ready(pilot: Pilot[None], *keys: str) -> None:
    """Until everything that is there is measured; then presses keys."""
    screen = board(pilot.app)  # type: ignore[arg-type]
    await until(pilot, lambda: screen._frame is not None and not screen._frame.more)
    for key in keys:
        await pilot.press(key)
        await settle(pilot, 2)


async def test_what_has_finished_is_found_and_measured_off_the_event_loop(runs, monkeypatch):
    for preset in ("ladder", "dose"):
        synthetic.write(runs, preset, synthetic.planted, list(REPLICATES))
    threads, measured = [], scoreboard.measured

    def noted(*args):
        threads.append(threading.current_thread())
        return measured(*args)

    monkeypatch.setattr(scoreboard, "measured", noted)
    app = app_on(runs, claims=registry.chosen(["Z1", "B5", "S3", "Z6"]))
    async with app.run_test(size=(160, 45)) as pilot:
        await ready(pilot)
        assert standing(app, "Z1").shown == "supported"
        assert standing(app, "B5").shown == "supported"
        assert standing(app, "Z6").shown == "not run"
        assert standing(app, "S3").shown == "not run"
        told = [cell(app, "Z1", column) for column in ("mark", "replicates", "runs")]
        assert told == ["S", "8", "✓ finished"]
        assert "≥ 0.99" in cell(app, "Z1", "asked")
        assert "[" in cell(app, "Z1", "effect")
    assert threads
    assert threading.main_thread() not in threads
    assert len(list_runs(runs)) == 2


def test_a_claim_is_measured_once_for_its_runs_and_again_for_others(runs):
    synthetic.write(runs, "dose", synthetic.planted, list(REPLICATES))
    counted: list[str] = []
    claim = registry.chosen(["B5"])[0]

    def measure(evidence):
        counted.append(evidence.run("dose").id)
        return claim.measure(evidence)

    from dataclasses import replace

    reader = reader_on(runs, claims=(replace(claim, measure=measure, control=None),))
    first = reader.read("laptop", 9.0).standings[0].entry
    assert reader.read("laptop", 9.0).standings[0].entry is first
    assert len(counted) == 1
    assert reader.read("full", 9.0).standings[0].shown == "not run"
    other = reader_on(runs, claims=(claim,)).read("laptop", -1.0)
    assert other.more
    assert other.standings[0].entry is None


async def test_a_key_starts_the_missing_run_of_the_claim_alone(runs):
    app = app_on(runs)
    async with app.run_test(size=(80, 24)) as pilot:
        await ready(pilot)
        board(app).query_one(LineTable).move_to("B5")
        await ready(pilot, "r")
        await until_process(pilot, lambda: standing(app, "B5").runs[0].state == "finished")
        await until_process(pilot, lambda: cell(app, "B5", "effect").startswith("measuring failed"))
        assert [run.environment()["preset"] for run in list_runs(runs)] == ["dose-laptop"]
        assert standing(app, "S3").runs[0].state == ""
        await pilot.press("r")
        await until(pilot, lambda: said(app).startswith("Nothing is missing"))


async def test_all_is_asked_once_with_its_cost_and_goes_on_behind_other_screens(runs, monkeypatch):
    monkeypatch.setattr(
        ScoreboardScreen, "_default_reader", lambda self: reader_on(self.app.runs_folder)
    )
    monkeypatch.setattr(MemlabApp, "prewarm", False)
    app = MemlabApp(screen="scoreboard")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.current_mode == "scoreboard")
        await ready(pilot, "a")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        assert "2 runs, " in said(app, "#detail")
        assert "about " in said(app, "#detail")
        await pilot.press("escape")
        await settle(pilot)
        assert list_runs(runs) == []
        await ready(pilot, "a")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        await pilot.press("a")
        await until(pilot, lambda: not isinstance(app.screen, Confirm))
        await pilot.press("4")
        await until(pilot, lambda: app.current_mode == "library")
        await until_process(
            pilot,
            lambda: [run.state.state for run in list_runs(runs)] == ["finished"] * 2,
        )
        await until_process(pilot, lambda: len(app.launched) == 2)


async def test_runs_outlive_the_app_are_picked_up_again_and_stop_by_a_key(runs):
    app = app_on(runs, WAITING)
    async with app.run_test(size=(80, 24)) as pilot:
        await ready(pilot)
        board(app).query_one(LineTable).move_to("X1")
        await ready(pilot, "p")
        await until_process(pilot, lambda: standing(app, "X1") and list_runs(runs) == [])
        board(app).query_one(LineTable).move_to("B5")
        await ready(pilot, "p")
        await until_process(pilot, lambda: cell(app, "B5", "runs") == "● 50 %")
    assert list_runs(runs)[0].state.living
    again = app_on(runs, WAITING)
    async with again.run_test(size=(80, 24)) as pilot:
        await ready(pilot)
        assert cell(again, "B5", "runs") == "● 50 %"
        assert "1 running" in said(again, "#summary")
        await ready(pilot, "s", "enter")
        await until_process(pilot, lambda: cell(again, "B5", "runs") == "! interrupted")
        assert "nothing more is started" in said(again)
        assert not again.screen.check_action("stop", ())


def test_starting_another_claim_keeps_what_is_under_way_and_stopping_drops_what_waits(
    runs, monkeypatch
):
    monkeypatch.setattr(batch, "usable_cores", lambda: 1)
    reader = reader_on(runs, WAITING, registry.chosen(["B5", "S3", "S1", "Z2", "Z1"]))
    try:
        reader.start(["B5"], "laptop")
        reader.read("laptop", -1.0)
        reader.start(["S3", "S1", "Z2"], "laptop")
        shown = reader.read("laptop", -1.0)
        states = {one.claim.id: one.runs[0].state for one in shown.standings}
        assert states.pop("Z1") == ""
        assert states["B5"] in model.UNDER_WAY
        assert sorted(states.values()).count("waiting") == 2
        assert reader.price(["B5", "S3", "Z2"], "laptop").runs == 0
        assert reader.price(["B5", "Z1"], "laptop").runs == 1
    finally:
        assert reader.stop("laptop") == 2
    assert not reader.read("laptop", -1.0).going
    assert len(list_runs(runs)) == 2


async def test_an_error_on_starting_stays_where_it_was_caused(runs, monkeypatch):
    from memlab.errors import StorageError

    def full(*args, **options):
        raise StorageError("No disk is left.")

    monkeypatch.setattr(lifecycle, "start", full)
    app = app_on(runs)
    async with app.run_test(size=(80, 24)) as pilot:
        await ready(pilot)
        board(app).query_one(LineTable).move_to("S3")
        await ready(pilot, "r")
        await until(pilot, lambda: cell(app, "S3", "runs") == "✗ failed")
        assert "No disk is left." in said(app, "#words")
        assert standing(app, "S3").entry.reason == "No disk is left."


async def test_the_size_changes_and_comes_round(runs):
    app = app_on(runs)
    async with app.run_test(size=(80, 24)) as pilot:
        await ready(pilot)
        seen = []
        for _ in range(3):
            await pilot.press("z")
            chosen = board(app)._chosen
            await until(pilot, lambda chosen=chosen: board(app)._frame.size == chosen)
            seen.append(said(app, "#summary").split()[0])
        assert seen == ["full", "paper", "laptop"]


@pytest.mark.parametrize(("width", "shown"), [(80, 1), (120, 2)])
async def test_a_claim_opens_with_its_panels_conditions_control_and_runs(width, shown):
    app = invented()
    async with app.run_test(size=(width, 24)) as pilot:
        await ready(pilot, "enter")
        assert isinstance(app.screen, ClaimScreen)
        charts = [c for c in app.screen.query(PanelChart) if c.region.width]
        assert len(charts) == shown
        assert all(c.region.width >= 40 and c.region.height >= 5 for c in charts)
        assert "claim and control" in charts[0].title
        first = charts[0].title
        await pilot.press("right")
        await settle(pilot)
        assert charts[0].title != first  # of four panels not all are shown
        await pilot.press("left")
        await settle(pilot)
        assert charts[0].title == first
        told = said(app, "#conditions")
        assert "S early − late: 0.5000 [0.4866, 0.5134], asked > 0.2" in told
        assert "control, labels permuted: not supported" in told
        for words in (
            "Asked: ",
            "Done here: ",
            "Came out: ",
            "The rival",
            "The paper had",
            "Power: ",
        ):
            assert words in said(app, "#explanation")
        await pilot.press("y")
        assert app.clipboard == "memlab replicate Z1"
        await pilot.press("enter")
        await settle(pilot)
        assert app.shown == [("report", "20261123-0915-labels-laptop-k3f9")]
        await pilot.press("escape")
        await settle(pilot)
        assert isinstance(app.screen, ScoreboardScreen)


async def test_a_run_that_is_not_started_says_how_and_the_page_follows_the_board(runs):
    app = app_on(runs, WAITING)
    async with app.run_test(size=(80, 24)) as pilot:
        await ready(pilot)
        board(app).query_one(LineTable).move_to("B5")
        await ready(pilot, "enter", "enter")
        assert "r starts it" in said(app)
        await pilot.press("r")
        table = app.screen.query_one(LineTable)
        await until_process(pilot, lambda: "50 %" in text_of(table._value("dose-laptop", "state")))
    lifecycle.request_stop(list_runs(runs)[0])


async def test_enter_on_the_lookup_heading_opens_its_page_and_other_headings_open_nothing():
    app = invented()
    async with app.run_test(size=(80, 24)) as pilot:
        await ready(pilot)
        table = app.screen.query_one(LineTable)
        table.move_to("paper:zhang")
        await ready(pilot, "enter")
        assert isinstance(app.screen, ScoreboardScreen)
        table.move_to("paper:lookup")
        await ready(pilot, "enter")
        assert isinstance(app.screen, LookupScreen)
        assert said(app, "#answer") == "More than a table: L1 and L2."
        chart = app.screen.query_one(PanelChart)
        assert "1-nn, the lookup table" in chart.names
        assert app.screen.query_one(LineTable).row_keys == ["L1", "L2"]
        await ready(pilot, "enter")
        assert isinstance(app.screen, ClaimScreen)


RUN = RunLine("a", "id", "finished")


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ((), "–"),
        ((RunLine("a"),), "·"),
        ((RUN, RunLine("b")), "1 of 2 there"),
        ((RUN, RUN), "✓ finished"),
        ((RUN, RunLine("b", "id", "running", progress=0.5)), "● 75 %"),
        ((RunLine("b", "id", "queued"),), "Q queued"),
        ((RunLine("b", "", "waiting"), RunLine("c", "id", "failed", "why")), "✗ failed"),
        ((RunLine("b", "", "waiting"), RUN), "· waiting"),
        ((RunLine("b", "id", "interrupted"),), "! interrupted"),
    ],
)
def test_runs_of_a_claim_are_told_together(lines, words):
    made = Standing(CLAIMS[0], None, lines)
    assert model.state(made, True).text == words


CASES: dict[str, tuple[str, ...]] = {
    "scoreboard": (),
    "first-page": ("home", "enter"),
    "claim": ("enter",),
    "claim-marks": ("down", "enter", "right"),
    "lookup": ("end", "up", "up", "enter"),
}


@pytest.mark.parametrize("size", [(80, 24), (160, 45)], ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("case", CASES)
async def test_screen_looks_as_it_did(case, size, monkeypatch):
    for name, value in (("TERM", "xterm-256color"), ("COLORTERM", "truecolor")):
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("NO_COLOR", raising=False)
    app = invented()
    async with app.run_test(size=size) as pilot:
        await ready(pilot, *CASES[case])
        await settle(pilot, 8)
        strips = app.screen._compositor.render_strips()
        text = "\n".join(line.text.rstrip() for line in strips) + "\n"
    path = SNAPSHOTS / f"{case}-{size[0]}x{size[1]}.txt"
    if os.environ.get("MEMLAB_RENEW"):
        path.write_text(text, encoding="utf-8")
    assert text.splitlines() == path.read_text(encoding="utf-8").splitlines()


def test_the_price_is_said_in_words():
    assert model.Price(1, 1, 5.0, "cpu").words.startswith("1 run, 1 network: about 5 s on this")
    assert model.Price(14, 1140, 3e7, "cuda").words == (
        "14 runs, 1,140 networks: about 347 days on the GPU."
    )


def test_every_paper_with_claims_has_its_heading():
    shown = frame()
    assert {one.claim.paper for one in shown.standings} <= set(registry.PAPERS)


def test_a_run_that_follows_from_another_is_there_to_be_started_once_that_is_finished(
    runs, monkeypatch
):
    folder = synthetic.write(runs, "memorized", synthetic.planted, list(REPLICATES))
    there: dict[str, RunFolder] = {}
    monkeypatch.setattr(
        scoreboard_reader,
        "existing",
        lambda _, wanted: {one.content: there[one.preset] for one in wanted if one.preset in there},
    )

    def lines(reader: ScoreboardReader) -> list[tuple[str, str]]:
        (standing,) = reader.read("laptop", -1.0).standings
        return [(line.name, line.state) for line in standing.runs]

    assert lines(reader_on(runs, claims=registry.chosen(["M2"]))) == [("memorized-laptop", "")]
    there["memorized"] = folder
    again = reader_on(runs, claims=registry.chosen(["M2"]))
    assert lines(again) == [("memorized-laptop", "finished"), ("removed-laptop", "")]
    assert again.price({"M2"}, "laptop").runs == 1
