"""What `memlab bench` measures: its rows, what a ratio means, who takes part. Nothing is timed."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from memlab import child
from memlab.bench import cases, libraries, ours, peak, recording, references, scaling, training
from memlab.bench.cases import Bench, Case
from memlab.bench.ensembling import ensembling
from memlab.bench.timing import Contest, held, row
from memlab.cli import bench as command
from memlab.cli import main as cli
from memlab.experiment import grid
from memlab.experiment.reading import experiment as read_experiment
from memlab.reports.scaling_figures import panels
from memlab.training.trainer import StackTrainer

TINY = Case(2, "mlp", 8, 32, 1, evaluates=True, examples=64)
PICTURES = Case(2, "cnn", 2, 16, 1, evaluates=True, images=(1, 8, 8), examples=48)
KEYS = {"case", "ours", "reference", "ratio", "unit", "spread"}


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    return Bench(torch.device("cpu"), tmp_path)


def test_a_ratio_above_one_means_that_ours_is_better_in_every_unit() -> None:
    assert row("speed", [4.0], [2.0], "samples/s")["ratio"] == 2.0
    assert row("time", [2.0], [4.0], "s")["ratio"] == 2.0
    assert row("disk", [2.0], [4.0], "bytes")["ratio"] == 2.0


def test_a_row_has_the_median_of_the_ratios_and_their_ends() -> None:
    made = row("speed", [10.0, 30.0, 20.0], [10.0, 10.0, 10.0], "samples/s")
    assert made.keys() == KEYS
    assert (made["ours"], made["reference"], made["ratio"]) == (20.0, 10.0, 2.0)
    assert made["spread"] == [1.0, 3.0]


@pytest.mark.parametrize("cold", [False, True])
def test_repetitions_take_turns_and_only_what_shares_the_process_warms_up(cold: bool) -> None:
    calls: list[str] = []

    def noted(name: str) -> float:
        calls.append(name)
        return 1.0

    contest = Contest("case", lambda: noted("a"), {"b": lambda: noted("b")}, cold=cold)
    (made,) = held(contest, 2)
    assert made["case"] == "case: b"
    assert "".join(calls) == ("b" if cold else "ab") + "abab"


@pytest.mark.parametrize("case", [TINY, PICTURES], ids=lambda case: case.model)
def test_a_case_is_an_experiment_of_its_members_on_its_examples(case: Case, bench: Bench) -> None:
    made = cases.experiment_of(case, bench.folder)
    assert len(grid.members(made)) == case.members
    assert ours.trainers(case, bench)[0].plan.timeline.train_examples == case.examples
    given = references.problem(case, bench)
    assert len(given.train[1]) == case.examples
    assert given.network(given.train[0][:3]).shape == (3, cases.CLASSES)


def test_the_reference_has_as_many_weights_as_a_member_of_ours(bench: Bench) -> None:
    for case in (TINY, PICTURES):
        network = references.problem(case, bench).network
        ours_, theirs = ours.trainers(case, bench)[0].model, list(network.parameters())
        size = sum(p[0].numel() for p in ours_.parameters())
        assert size == sum(p.numel() for p in theirs)


def test_arithmetic_is_counted_from_the_weights() -> None:
    assert peak.flops(Case(1, "mlp", 8, 1, 1)) == 6 * (64 * 8 + 8 * 8 + 8 * 10) - 2 * 64 * 8


@pytest.mark.parametrize("evaluates", [False, True])
def test_every_side_trains_a_tiny_case(bench: Bench, evaluates: bool) -> None:
    case = Case(2, "mlp", 8, 32, 1, evaluates, examples=64)
    sides = (ours.in_this_process, references.plain_loop, references.data_loader_loop, ensembling)
    assert all(side(case, bench) > 0 for side in sides)


def test_both_sides_measure_as_often(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = {"ours": 0, "theirs": 0}

    def counting(side: str, measure: Callable[..., Any]) -> Callable[..., Any]:
        def counts(*given: Any) -> Any:
            counted[side] += 1
            return measure(*given)

        return counts

    monkeypatch.setattr(StackTrainer, "evaluate", counting("ours", StackTrainer.evaluate))
    monkeypatch.setattr(references, "measure", counting("theirs", references.measure))
    case = Case(1, "mlp", 8, 32, 3, evaluates=True, examples=64)
    for side in (ours.in_this_process, references.plain_loop):
        side(case, bench)
    assert counted == {"ours": 3, "theirs": 3}
    ours.in_this_process(case, bench, as_runs_do=True)
    assert counted["ours"] == 3 + 4


def test_every_installed_library_trains_a_tiny_case(bench: Bench) -> None:
    for name, library in libraries.installed().items():
        assert library(TINY, bench) > 0, name


def test_a_library_that_is_missing_is_said_and_has_no_row(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(libraries, "find_spec", lambda package: None)
    assert [line.split()[0] for line in libraries.missing()] == ["Lightning", "skorch"]
    assert not libraries.installed().keys() & training.contest(TINY, bench).references.keys()
    monkeypatch.setattr(libraries, "find_spec", lambda package: object())
    assert libraries.missing() == []
    assert {"Lightning", "skorch"} <= training.contest(TINY, bench).references.keys()


@pytest.mark.full
def test_a_grid_that_evaluates_is_a_whole_run_and_its_trainer_a_reference(bench: Bench) -> None:
    (made,) = training.rows(1, bench, [Case(2, "cnn", 2, 16, 1, images=(1, 8, 8), examples=48)])[:1]
    assert made.keys() == KEYS
    found = training.contest(PICTURES, bench)
    assert found.cold
    assert found.references.keys() == {"plain loop", "channels_last", "in one process"}
    assert found.ours() > 0


def test_the_share_of_the_peak_has_one_row_for_each_perceptron_that_only_trains(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(peak.SIDE, "cpu", 64)
    (made,) = training.share_of_peak([TINY, Case(1, "mlp", 8, 32, 1, examples=64)], bench, 1)
    assert made["unit"] == "GFLOP/s"
    assert made.keys() == KEYS


@pytest.mark.full
def test_a_run_is_timed_and_weighed(bench: Bench) -> None:
    size = scaling.Size(3, examples=64, width=8, epochs=1)
    (point,) = scaling.points({"networks": [size]}, bench)
    assert point.seconds > 0
    assert point.folder_bytes > 0
    if os.path.exists("/proc/self/statm"):
        assert point.memory_bytes > 1 << 20
    assert point.x == 3


LONG = Case(2, "mlp", 8, 32, 400_000, examples=64)


@pytest.mark.full
def test_recording_and_watching_have_a_row_each(bench: Bench) -> None:
    names = [str(made["case"]) for made in recording.rows(1, bench, (TINY,), LONG)]
    assert [name.split(": ")[1].split(",")[0] for name in names] == [
        "recorded",
        "watched by watch --plain",
        "watched by the app",
    ]


def _point(against: str, seconds: float, **size: int) -> scaling.Point:
    return scaling.Point(against, scaling.Size(**size), seconds, 2_000_000, 1000)


POINTS = [
    _point("networks", 1.0, networks=10),
    _point("networks", 5.0, networks=100),
    _point("width", 1.0, networks=30, width=32),
]


def test_scaling_compares_each_number_of_networks_with_the_one_before() -> None:
    made = scaling.rows(POINTS)
    assert [r["case"] for r in made] == [
        f"{what} a network, of 100: of 10" for what in ("time", "memory", "run folder")
    ]
    assert (made[0]["ours"], made[0]["reference"], made[0]["ratio"]) == (0.05, 0.1, 2.0)


def test_scaling_goes_up_to_as_many_networks_as_asked_for() -> None:
    curves = scaling.sizes(500, 2)
    assert [size.networks for size in curves["networks"]] == [10, 30, 100, 300, 500]
    assert all(size.epochs == 2 for sizes in curves.values() for size in sizes)
    made = scaling.experiment_of(curves["width"][0])
    assert made.model.width == curves["width"][0].width
    assert read_experiment(made.model_dump(mode="json"), "again") == made


def _document(**more: Any) -> dict[str, Any]:
    machine = {"device": "cpu (2 threads)", "torch": "2"}
    rows = [row("a case: a reference", [20000.0], [10.0], "samples/s")]
    return {"machine": machine, "rows": rows, **more}


def _answers(monkeypatch: pytest.MonkeyPatch, document: dict[str, Any]) -> list[str]:
    asked: list[str] = []

    def run(words: list[str], keep_errors: bool) -> Any:
        asked.extend(words)
        return type("Done", (), {"returncode": 0, "stdout": json.dumps(document)})

    monkeypatch.setattr(child, "run", run)
    return asked


def test_the_table_has_every_row_with_its_unit_and_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = _answers(monkeypatch, _document(missing=["Lightning is not installed."]))
    assert cli.main(["bench"]) == 0
    printed = capsys.readouterr()
    line = next(each for each in printed.out.splitlines() if "a case" in each)
    assert "20,000" in line
    assert "samples/s" in line
    assert "Lightning is not installed." in printed.err
    assert asked[:3] == ["-m", "memlab.bench", "training"]


def test_scaling_is_drawn_on_the_console_and_as_svg(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _answers(monkeypatch, _document(points=[point.document() for point in POINTS]))
    assert cli.main(["bench", "scaling", "--svg", str(tmp_path / "drawn")]) == 0
    assert "time a network" in capsys.readouterr().out
    drawn = sorted(path.name for path in (tmp_path / "drawn").iterdir())
    assert drawn == ["scaling-networks.svg", "scaling-width.svg"]
    assert (tmp_path / "drawn" / drawn[0]).read_text().lstrip().startswith("<")


def test_json_is_the_document_as_measured(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    document = _document(points=[point.document() for point in POINTS])
    _answers(monkeypatch, document)
    assert cli.main(["bench", "scaling", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == document


def test_a_curve_is_what_one_network_costs() -> None:
    time, memory, folder = panels([point.document() for point in POINTS])["networks"]
    assert np.array_equal(time.lines[0].y, [[100.0, 50.0]])  # ms
    assert np.array_equal(memory.lines[0].y, [[2.0, 2.0]])  # MB
    assert np.array_equal(folder.lines[0].y, [[0.1, 0.01]])  # kB


def test_the_command_offers_what_the_bench_can_measure() -> None:
    done = child.run(["-m", "memlab.bench", "--help"])
    assert all(what in done.stdout for what in command.WHAT)
