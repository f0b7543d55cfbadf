"""What the measures of B6, L5 and L6 read from a written run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from memlab.claims.finished_run import FinishedRun
from memlab.claims.registry import named
from memlab.experiment.spec import Experiment
from memlab.reports import scoreboard
from memlab.reports.scoreboard import Entry
from memlab.runs.lines import Line, write_lines
from memlab.runs.run_folder import RunFolder
from tests.claims import synthetic

REPLICATES = list(range(100, 108))


def judged(name: str, runs: dict[str, RunFolder]) -> Entry:
    return scoreboard.build([named(name)], "laptop", REPLICATES, runs).entries[0]


def with_baselines(run: RunFolder, reached: Callable[[str, Experiment], float]) -> RunFolder:
    found = FinishedRun(run)
    rows = [
        {
            "member": member,
            "name": name,
            "test_accuracy": reached(name, cell.experiment) + 0.001 * (member % 3),
            "validation_accuracy": reached(name, cell.experiment),
        }
        for cell in found.cells
        for member in cell.members
        for name in found.experiment.baselines.names
    ]
    run.baselines.path.write_text(json.dumps(rows))
    return run


def lines_of(run: RunFolder, barrier: Callable[[float], float]) -> RunFolder:
    """Lines between the two networks of each fork with a barrier of test error in their middle."""
    cells = FinishedRun(run).cells
    made = []
    for one, other in zip(cells[::2], cells[1::2], strict=True):
        at = one.experiment.fork.at or 0.0
        for seat, (a, b) in enumerate(zip(one.members, other.members, strict=True)):
            high = 0.7 + 0.01 * seat
            accuracy = (high, high - barrier(at) - 0.002 * (seat % 2), high)
            made.append(Line(a, b, accuracy, (0.1,) * 3, accuracy, (0.1,) * 3))
    write_lines(run, made)
    return run


@pytest.mark.parametrize(
    ("brief", "verdict"), [(0.2, "supported"), (0.005, "inconclusive (control failed)")]
)
def test_barriers_are_those_of_the_two_networks_of_one_fork(tmp_path: Path, brief, verdict):
    runs = {
        name: synthetic.write(tmp_path, name, synthetic.flat, REPLICATES)
        for name in ("basin", "basin-short")
    }
    lines_of(runs["basin"], lambda at: 0.005 if at else 0.2)
    lines_of(runs["basin-short"], lambda at: brief)
    entry = judged("B6", runs)
    assert entry.own.verdict == "supported"
    assert entry.verdict == verdict, entry.reason
    assert entry.measured.contrast == pytest.approx(np.full(8, 0.195))


@pytest.mark.parametrize(("cubic", "verdict"), [(0.77, "supported"), (0.99, "inconclusive")])
def test_the_network_is_compared_with_the_best_kernel_and_a_kernel_on_its_features(
    tmp_path: Path, cubic, verdict
):
    def world(preset, e, draw):
        level = 0.5 if e.model.output_scale else 0.98
        return synthetic.flat(preset, e, draw) | {
            "test_accuracy": np.full(synthetic.ROWS, level) + draw.normal(0, 0.002)
        }

    def reached(name: str, e: Experiment) -> float:
        if name == "rbf-features":
            return 0.55 if e.model.output_scale else 0.97
        return cubic if name == "polynomial" else 0.6

    runs = {
        name: with_baselines(synthetic.write(tmp_path, name, world, REPLICATES), reached)
        for name in ("parity", "parity-lazy")
    }
    entry = judged("L5", runs)
    assert (entry.verdict == "supported") == (verdict == "supported"), entry.reason
    assert "polynomial" in entry.measured.remarks[0]
    assert entry.control.verdict == "not supported"


@pytest.mark.parametrize(("end", "verdict"), [(0.99, "supported"), (0.02, "not supported")])
def test_the_rule_is_found_after_the_table_is_known_by_heart(tmp_path: Path, end, verdict):
    def world(preset, e, draw):
        late = np.linspace(0, 1, synthetic.ROWS) > 0.5
        rises = end * (e.regularization.weight_decay > 0)
        return synthetic.flat(preset, e, draw) | {
            "train_accuracy": np.minimum(1.0, np.linspace(0, 10, synthetic.ROWS)),
            "test_accuracy": np.clip(late * rises + draw.normal(0, 0.003), 0, 1),
        }

    run = synthetic.write(tmp_path, "grokking", world, REPLICATES)
    entry = judged("L6", {"grokking": with_baselines(run, lambda name, e: 0.0)})
    assert entry.verdict == verdict, entry.reason
    assert entry.control.verdict == "not supported"
    assert "epoch 40" in entry.measured.remarks[0]
