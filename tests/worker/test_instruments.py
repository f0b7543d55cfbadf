"""Instruments in a real worker: training untouched, failures contained, resumed, probed later."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from memlab.reports import building
from memlab.reports.aum_threshold import area_threshold
from memlab.runs import lifecycle, origin
from memlab.runs.event_log import EventReader
from memlab.runs.example_scores import labellings
from memlab.runs.ledger import read_ledger
from memlab.runs.run_folder import RunFolder
from memlab.runs.view import RunView
from memlab.training import checkpoint
from tests.patience import wait_for
from tests.worker.conftest import ended, finished_run, merged
from tests.worker.test_resume import EVERY, kill, tables

Start = Callable[..., RunFolder]
ALL = {"instruments": {"on": ["all"], "cadence": 2.0, "examples": 40}}


def parameters(folder: RunFolder) -> dict[str, bytes]:
    newest = checkpoint.found(folder.checkpoints, 0)[-1][1]
    return {
        name: tensor.tobytes()
        for name, tensor in load_file(newest.path).items()
        if not name.startswith(("instrument.", "ledger."))
    }


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A finished run with all instruments on; only to be read."""
    return finished_run(tmp_path_factory.mktemp("measured"), **EVERY, **ALL)


def test_everything_on_trains_bit_for_bit_as_everything_off(start: Start, measured: RunFolder):
    plain = ended(start(**EVERY))
    assert parameters(measured) == parameters(plain)
    with_all, without = tables(measured), tables(plain)
    assert without.keys() < with_all.keys()
    shared = [name for name in without if name.endswith(".rows")]
    assert {n: with_all[n] for n in shared} == {n: without[n] for n in shared}


def test_a_killed_run_measures_the_same_after_it_is_resumed(start: Start, measured: RunFolder):
    folder = start(**EVERY, **ALL)
    wait_for(lambda: len(checkpoint.found(folder.checkpoints, 0)) >= 4)
    kill(folder)
    if folder.state.state != "finished":
        lifecycle.resume(folder)
        ended(folder)
    assert folder.state.state == "finished", folder.worker_log.path.read_text()
    assert tables(folder) == tables(measured)
    for ours, theirs in zip(read_ledger(folder), read_ledger(measured), strict=True):
        assert ours.scores.tobytes() == theirs.scores.tobytes()
        assert ours.presented is not None
        assert theirs.presented is not None
        assert ours.presented.tobytes() == theirs.presented.tobytes()
        assert theirs.presented["learned"].any()


def test_a_run_whose_memlab_had_other_quantities_goes_on_with_those_of_its_table(
    start: Start,
):
    """As if made before: one quantity is gone since, another new, the ledger had no presentations.

    The run is stopped, written as it would have been, and goes on to its end.
    """
    folder = start(
        **merged(EVERY, stop={"epochs": 40}),
        instruments={"on": ["ledger", "gradient-noise"], "cadence": 1.0},
    )
    wait_for(lambda: len(checkpoint.found(folder.checkpoints, 0)) >= 4)
    kill(folder)
    assert folder.state.state != "finished"
    made_earlier(folder)
    lifecycle.resume(folder)
    ended(folder)
    assert folder.state.state == "finished", folder.worker_log.path.read_text()
    told = [
        event for event in EventReader(folder.events).read() if event.type == "ledger-as-before"
    ]
    assert len(told) == 1
    assert "at its evaluations only" in told[0].data["reason"]
    table = RunView(folder).tables["instrument-gradient-noise-000"]
    assert "noise_scale_high" not in table.columns
    assert np.isnan(table.read("two_batches")[-1]).all()
    assert np.isfinite(table.read("trace")).all()
    (ledger,) = read_ledger(folder)
    assert ledger.presented is None
    assert np.isfinite(ledger.scores["aum"]).all()


def made_earlier(folder: RunFolder) -> None:
    """Renames a quantity, in table and checkpoint, and takes presentations out of the ledger."""
    table = folder.series.path / "instrument-gradient-noise-000.json"
    text = table.read_text()
    assert "noise_scale_high" in text
    table.write_text(text.replace("noise_scale_high", "two_batches"))
    place = checkpoint.found(folder.checkpoints, 0)[-1][1]
    progress, tensors = checkpoint.load(place)
    known = "instrument.gradient-noise.last."
    tensors[known + "two_batches"] = tensors.pop(known + "noise_scale_high")
    kept = {n: t for n, t in tensors.items() if not n.startswith("ledger.presented.")}
    assert len(kept) == len(tensors) - 4
    checkpoint.save(folder.checkpoints, progress, kept)
    stack = folder.examples.path / "stack-000"
    header = json.loads((stack / "ledger.json").read_text())
    assert header.pop("presentations") is True
    (stack / "ledger.json").write_text(json.dumps(header) + "\n")
    (stack / "presentations.npy").unlink()


def test_a_failing_instrument_is_recorded_and_the_others_and_training_go_on(start: Start):
    broken = {
        "spectrum": {"probes": 1, "steps": 8},
        "curvature": {"eigenvalues": 64, "products": 2},
    }
    folder = ended(
        start(instruments={"on": ["curvature", "margins"], "cadence": 1.0, "settings": broken})
    )
    assert folder.state.state == "finished"
    failed = [e for e in EventReader(folder.events).read() if e.type == "instrument-failed"]
    assert [event.data["instrument"] for event in failed] == ["curvature"]
    found = building.build(folder).instruments
    assert "ValueError" in str(found["curvature"].failed)
    assert found["margins"].failed is None
    assert found["margins"].rows[1]["corrupted"]["n"] == 2


def test_what_is_measured_once_has_one_row_and_a_report(measured: RunFolder):
    table = RunView(measured).tables["instrument-unrolled-sensitivity-000"]
    assert table.read("epoch").tolist() == [0.0]
    row = building.build(measured).instruments["unrolled-sensitivity"].rows[1]
    assert 0 < row["gini"]["mean"] < 1
    assert row["gini"]["n"] == 2
    assert np.shape(row["classes"]["mean"]) == (10, 10)


def test_instruments_that_cannot_measure_say_why_in_a_sentence(start: Start):
    cadences = {"unrolled-sensitivity": {"cadence": 1.0}, "spectrum": {"probes": 16, "steps": 200}}
    folder = ended(
        start(
            model={"name": "mlp", "width": 8, "depth": 1, "normalization": "layer"},
            stop={"epochs": 1},
            instruments={"on": ["unrolled-sensitivity", "spectrum"], "settings": cadences},
        )
    )
    assert folder.state.state == "finished"
    found = building.build(folder).instruments
    assert str(found["unrolled-sensitivity"].failed) == (
        "Unrolled loss sensitivity covers linear, and mlp without normalization; an mlp with"
        " normalization is not a plain perceptron."
    )
    assert "more than its share of the time" in str(found["spectrum"].failed)


def test_the_report_has_every_instrument_per_axis_value(measured: RunFolder):
    found = building.build(measured).instruments
    assert list(found) == [str(n) for n in found]
    row = found["stiffness"].rows[1]
    assert row["corruption.fraction"] == 0.5
    assert set(row["within"]) == {"mean", "ci95", "n"}
    assert np.shape(row["classes"]["mean"]) == (10, 10)
    assert found["curvature"].rows[0]["sharpness"]["mean"] > 0


def test_curves_of_instruments_are_read_by_member(measured: RunFolder):
    view = RunView(measured)
    curve = view.curve("stiffness.within", [0, 1])
    assert curve.epoch.tolist() == [0.0, 2.0, 4.0, 6.0]
    assert curve.members.tolist() == [2, 2, 2, 2]
    assert view.newest("stiffness.classes", [0, 3]).shape == (2, 10, 10)
    assert view.newest("stiffness.nothing", [0]).shape == (0,)
    assert not len(view.curve("nothing.within", [0]).epoch)


def test_a_probe_after_the_fact_gives_what_was_measured_during_the_run(measured: RunFolder):
    command = [sys.executable, "-m", "memlab.worker.probe", str(measured.path), "--at", "4"]
    command += ["--instrument", "stiffness", "--instrument", "gradient-noise", "--device", "cpu"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    (entry,) = json.loads(done.stdout)
    assert entry["epoch"] == 4.0
    assert entry["failed"] == {}
    table = RunView(measured).tables["instrument-stiffness-000"]
    row = table.read("epoch").tolist().index(4.0)
    np.testing.assert_array_equal(
        entry["instruments"]["stiffness"]["within"], table.read("within", row, row + 1)[0]
    )


def test_a_probe_of_a_run_without_checkpoints_says_so(measured: RunFolder, tmp_path: Path):
    copy = RunFolder(shutil.copytree(measured.path, tmp_path / measured.id))
    origin.register(copy, tmp_path, copy.id)
    for path in copy.checkpoints.path.iterdir():
        path.unlink()
    command = [sys.executable, "-m", "memlab.worker.probe", str(copy.path)]
    command += ["--instrument", "margins", "--device", "cpu"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2 or done.returncode == 1
    assert "has no checkpoint to measure" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_run_with_two_fake_classes_finds_lies_below_their_threshold(start: Start):
    folder = ended(
        start(
            dataset={"name": "digits", "train": 400},
            corruption={"kind": "labels-other"},
            model={"width": 64},
            regularization={"dropout": 0.0},
            stop={"epochs": 12},
            axes={"corruption.fraction": [0.2], "dataset.fake_class": [1, 2]},
            instruments={"on": ["ledger"]},
        )
    )
    assert folder.state.state == "finished", folder.worker_log.path.read_text()
    found = labellings(read_ledger(folder))
    assert [one.members for one in found] == [(0, 2), (1, 3)]
    for labelling in found:
        assert labelling.judged.all()
        assert labelling.corrupted.sum() == 80
        threshold = area_threshold(labelling, "aum-until-best")
        assert threshold is not None
        assert threshold.samples == (36, 36)
        right = labelling.corrupted[threshold.below]
        assert right.mean() > 0.5
        assert right.sum() > 40
