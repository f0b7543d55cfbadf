"""Whatever a run's files state, every viewer shows the run or says what is wrong with it."""

from __future__ import annotations

import json
import os
import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from rich.text import Text

from memlab import reports
from memlab.cli import main as cli
from memlab.reports.json import dumps
from memlab.reports.renderers.console import Grids
from memlab.runs.event_log import Event, EventLog, EventReader, parse
from memlab.runs.run_folder import RunFolder
from memlab.runs.state import read_state
from memlab.tui.axis_values import axis_values
from memlab.tui.library import model as library_model
from memlab.tui.library.reader import LibraryReader
from memlab.tui.report import files as report_files
from memlab.tui.report import model as report_model
from memlab.tui.report.model import verdicts
from memlab.tui.watch.log import event_text
from memlab.tui.watch.reader import Request, WatchReader
from tests.hostile_run import steering
from tests.odd_json import ODD, mutated
from tests.reports.conftest import METRICS, write_run

FILES = ("report.json", "report.json", "state.json", "environment.json", "baselines.json", "events")
TRIES = 8  # of each seed; `make torture` has more
SCALAR = {"mean": 0.5, "ci95": [0.4, 0.6], "n": 3}
CLAIM = {
    **dict.fromkeys(("id", "title", "sentence", "source", "criterion", "reason"), "x"),
    **dict.fromkeys(("effect_is", "shown", "asked"), "y"),
    "verdict": "supported", "effect": SCALAR, "explanation": ["z"],
}  # fmt: skip


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    """A finished run with a report of everything that a report can have."""
    monkeypatch.setenv("MEMLAB_HOME", str(tmp_path))
    made = write_run(tmp_path / "runs")
    with EventLog(made.events) as log:
        log.append("instruments-cost", stack=0, seconds={"stiffness": 1.0}, training=30.0)
        log.append("instrument-failed", instrument="stiffness", reason="no")
    metrics = {"train_accuracy": 0.9, "test_accuracy": 0.8, "recovered_true_labels": None}
    entries = [{"member": member, "name": "ridge", **metrics} for member in range(9)]
    made.baselines.path.write_text(json.dumps(entries))
    document = json.loads(dumps(reports.build(made)))
    stiffness = document["instruments"]["stiffness"]
    stiffness["rows"] = [{**row, "within": SCALAR, "epoch": 2.0} for row in stiffness["rows"]]
    made.report.path.write_text(json.dumps({**document, "claims": [CLAIM]}))
    return made


def kept(run: RunFolder) -> dict[str, Any]:
    """The documents in the folder by name."""
    made = {name: json.loads((run.path / name).read_text()) for name in FILES[:-1]}
    return made | {
        "events": [json.loads(line) for line in run.events.path.read_text().splitlines()]
    }


def put(run: RunFolder, name: str, document: Any) -> None:
    if name != "events":
        (run.path / name).write_text(json.dumps(document))
    else:
        rows = document if isinstance(document, list) else [document]
        run.events.path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert cli.main(words) in (0, 1, 2, 130)
    shown = capsys.readouterr()
    assert steering(shown.out + shown.err) == set()
    return shown.out


def looked_at(run: RunFolder) -> None:
    """What the app's Library, Watch, Report and Log make of the run, without their widgets."""
    entry = LibraryReader(run.path.parent).read(10)[0][0]
    library_model.cells(entry, False, True, time.time())
    WatchReader(run).read(Request(), force=True)
    for event in EventReader(run.events).read():
        event_text(event)
    loaded = report_files.load(run)
    findings, made = loaded.findings, loaded.experiment
    report_model.ladder(findings, made, True)
    report_model.beside(findings, made, True)
    verdicts(findings, True)
    for row, value in zip(findings.rows, axis_values(made), strict=False):
        report_model.cells(row, value)
    console = Console(file=open(os.devnull, "w"), width=100)  # noqa: SIM115
    for table in (*(fold.table for fold in loaded.sections.folds), *loaded.sections.baselines):
        console.print(Grids(table, "x", [Text("a")] * len(table.labels)))
    console.file.close()


@pytest.mark.parametrize("seed", range(4))
def test_no_viewer_fails_on_odd_values(
    run: RunFolder, seed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    good, dice = kept(run), random.Random(seed)
    for _ in range(TRIES):
        name = dice.choice(FILES)
        put(run, name, mutated(good[name], dice, dice.choice((1, 1, 2, 4))))
        if name != "report.json":
            run.report.path.unlink()
        printed(capsys, "runs")
        for kind in ("text", "md", *(["html"] if dice.random() < 0.1 else [])):
            printed(capsys, "report", "last", "--format", kind)
        for words in (("runs", "--json"), ("report", "last", "--json")):
            document = printed(capsys, *words)
            assert not document or json.loads(document, parse_constant=pytest.fail)
        printed(capsys, "watch", "last", "--plain")
        looked_at(run)
        for each in (name, "report.json"):
            put(run, each, good[each])


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_figures_of_any_size_in_the_tables_are_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MEMLAB_HOME", str(tmp_path))
    dice, sizes = np.random.default_rng(0), (1e300, -1e300, 1e15, np.inf, -np.inf, np.nan, 5e-324)
    run = write_run(tmp_path / "runs", values={m: dice.choice(sizes, (21, 9)) for m in METRICS})
    for kind in ("text", "md", "html", "json"):
        assert printed(capsys, "report", "last", "--format", kind)
    looked_at(run)


@pytest.mark.parametrize("value", [*ODD, "1" * 5000], ids=lambda value: str(type(value)))
def test_no_state_and_no_event_has_an_odd_time(run: RunFolder, value: object) -> None:
    state = {"state": "finished", "since": value, "progress": value, "pid": value}
    (run.path / "state.json").write_text(json.dumps(state))
    found = read_state(run.path)
    assert found.state == "finished"
    assert 0 <= found.since < 2**37
    assert found.progress is None or 0 <= found.progress <= 1
    event = parse(json.dumps({"seq": 1, "time": value, "type": "x"}).encode())
    assert event is None or event_text(event).plain


def test_an_integer_of_5000_digits_damages_one_line_at_most(run: RunFolder) -> None:
    before = len(EventReader(run.events).read())
    digits = b"9" * 5000
    with open(run.events.path, "ab") as log:
        log.write(b'{"seq": 900, "time": 1, "type": "x", "epoch": ' + digits + b"}\n")
        log.write(b'{"seq": ' + digits + b', "time": 1, "type": "x"}\n')
        log.write(b'{"seq": 901, "time": 1, "type": "y"}\n')
    *_, odd, last = EventReader(run.events).read()
    assert odd == Event(900, 1.0, "x", {"epoch": None})
    assert (last.type, last.seq) == ("y", 901)
    assert len(EventReader(run.events).read()) == before + 2


@pytest.mark.parametrize(
    "change",
    [{"rows": [{}]}, {"seeds": [10**400]}, {"members": float("nan")}, {"instruments": {"x": {}}}],
    ids=str,
)
def test_a_report_that_does_not_hold_is_made_anew_from_the_tables(
    run: RunFolder, change: dict[str, Any]
) -> None:
    good = json.loads(run.report.path.read_text())
    run.report.path.write_text(json.dumps(good | change | {"title": "forged"}))
    assert reports.load_or_build(run).title != "forged"


TOMLS: dict[str, Callable[[str], str]] = {
    "negative seeds": lambda text: text.replace("seeds = 3", "seeds = -5"),
    "no seeds": lambda text: text.replace("seeds = 3", "seeds = []"),
    "many seeds": lambda text: text.replace("seeds = 3", f"seeds = {10**12}"),
    "400 digits": lambda text: text.replace("seeds = 3", f"seeds = {10**400}"),
    "5000 digits": lambda text: text.replace("seeds = 3", "seeds = 1" + "0" * 5000),
    "not a number": lambda text: text.replace("seeds = 3", "seeds = nan"),
    "deep": lambda text: text.replace("seeds = 3", f"seeds = {'[' * 5000}{']' * 5000}"),
    "no table": lambda text: text.replace("seeds = 3", "seeds = 3\naxes = 7"),
}


@pytest.mark.parametrize("odd", TOMLS)
def test_one_bad_folder_is_one_row_that_says_so(
    run: RunFolder, odd: str, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = RunFolder(run.path.parent / "20260101-0000-bad")
    shutil.copytree(run.path, bad.path)
    path = bad.path / "experiment.toml"
    text = path.read_text()
    assert "seeds = 3" in text
    path.write_text(TOMLS[odd](text))
    entries, _ = LibraryReader(run.path.parent).read(10)
    problems = {entry.id: entry.problem for entry in entries}
    assert problems[run.id] == ""
    assert problems[bad.id]
    for entry in entries:
        library_model.cells(entry, False, True, time.time())
        library_model.losing(entry)
    library_model.heading(entries, 2, 0)
    assert bad.id in printed(capsys, "runs")
