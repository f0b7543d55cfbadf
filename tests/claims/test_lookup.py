"""The lookup table's claims: their measures on written runs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from memlab.claims.finished_run import FinishedRun
from memlab.claims.lookup import _better_of
from memlab.claims.registry import named
from memlab.experiment import grid, reading
from memlab.experiment.spec import Experiment
from memlab.instruments.ledger_store import LedgerFacts, LedgerStore, unlearned
from memlab.reports import scoreboard
from memlab.reports.scoreboard import Entry
from memlab.runs.ledger import MEMBERS, PRESENTED
from memlab.runs.run_folder import RunFolder
from tests.claims import synthetic

REPLICATES = list(range(100, 108))
EXAMPLES = 120


def judged(name: str, runs: Mapping[str, RunFolder], replicates: list[int] = REPLICATES) -> Entry:
    return scoreboard.build([named(name)], "laptop", replicates, runs).entries[0]


def write_baselines(
    run: RunFolder, reached: Callable[[str, Experiment, float], dict[str, float]]
) -> None:
    found = FinishedRun(run)
    draw = np.random.default_rng(3)
    rows = [
        {"member": member, "name": name, **reached(name, cell.experiment, draw.normal(0, 0.003))}
        for cell in found.cells
        for member in cell.members
        for name in found.experiment.baselines.names
    ]
    run.baselines.path.write_text(json.dumps(rows))


@pytest.mark.parametrize(("forest", "verdict"), [(0.5, "supported"), (0.95, "not supported")])
def test_the_network_is_compared_with_the_best_baseline_by_validation(
    tmp_path: Path, forest: float, verdict: str
):
    def reached(name: str, e: Experiment, jitter: float) -> dict[str, float]:
        if e.corruption.fraction == 1.0:
            return {"test_accuracy": 0.1, "validation_accuracy": 0.1}
        if name == "1-nn":  # best on test data, but nobody could know
            return {"test_accuracy": 0.99, "validation_accuracy": 0.2}
        level = forest + jitter if name == "random-forest" else 0.4
        return {"test_accuracy": level, "validation_accuracy": level}

    runs = {
        name: synthetic.write(tmp_path, name, synthetic.planted, REPLICATES)
        for name in ("lookup", "lookup-digits")
    }
    for run in runs.values():
        write_baselines(run, reached)
    entry = judged("L1", runs)
    assert entry.verdict == verdict, entry.reason
    assert entry.measured is not None
    assert "random-forest" in entry.measured.remarks[0]
    early = FinishedRun(runs["lookup"]).cells[0].early_stopped("test_accuracy")[0]
    assert entry.measured.contrast == pytest.approx(early - forest, abs=0.02)


@pytest.mark.parametrize(("wide", "verdict"), [(0.85, "supported"), (0.95, "not supported")])
def test_hidden_layers_are_compared_with_random_features_of_true_labels(
    tmp_path: Path, wide: float, verdict: str
):
    run = synthetic.write(tmp_path, "representation", synthetic.planted, REPLICATES)
    write_baselines(
        run, lambda name, e, jitter: {"test_accuracy": 0.3 if e.corruption.fraction else wide}
    )
    entry = judged("L2", {"representation": run})
    assert entry.verdict == verdict, entry.reason


def test_the_better_rival_is_chosen_on_the_other_half():
    one, other = np.array([0.9, 0.1, 0.9, 0.1]), np.array([0.2, 0.8, 0.2, 0.8])
    # The first half, 0 and 2, prefers one, which is measured on the second, and the other way.
    assert _better_of([one, other]).tolist() == [0.2, 0.1, 0.2, 0.1]


def write_ledgers(run: RunFolder, apart: float) -> None:
    """Lies have a margin that is lower, and are forgotten more often, by `apart` deviations; on
    Gaussian inputs, which are all corrupted, by nothing."""
    made = reading.experiment(reading.from_toml(run.experiment_toml(), "test"), "test")
    for stack, group in enumerate(grid.groups(made)):
        cell = grid.with_values(made, group.axis_values)
        draw, count = np.random.default_rng([5, stack]), len(group.members)
        gaussian = "inputs" in cell.corruption.kind
        true = np.arange(EXAMPLES) % 10
        given = [np.where(draw.random(EXAMPLES) < 0.4, (true + 1) % 10, true) for _ in range(count)]
        lies = np.array([one != true for one in given])
        facts = LedgerFacts(
            stack=stack,
            dataset="digits",
            members=list(group.members),
            class_names=[str(c) for c in range(10)],
            index=np.arange(EXAMPLES),
            true=true,
            given=given,
            corrupted=list(np.ones_like(lies) if gaussian else lies),
            evaluations=1,
        )
        score = draw.normal(size=lies.shape) + (0.0 if gaussian else apart) * lies
        scores, progress = unlearned(count, EXAMPLES), np.zeros(count, MEMBERS)
        scores["aum_best"] = scores["aum"] = -score
        presented = np.zeros((count, EXAMPLES), PRESENTED)
        presented["learned"] = True
        presented["forgetting"] = np.round(10 * (score - score.min()))
        progress["evaluations"] = 1
        store = LedgerStore(run.examples / f"stack-{stack:03d}", facts)
        store.append(0, 1.0, {n: np.zeros(lies.shape) for n in ("loss", "margin", "predicted")})
        store.replace("scores", scores)
        store.replace("presentations", presented)
        store.replace("members", progress)
        store.close()


@pytest.mark.parametrize(("found", "verdict"), [(0.7, "supported"), (0.999, "not supported")])
def test_margins_are_compared_with_neighbours_for_labels_that_differ_from_the_truth(
    tmp_path: Path, found: float, verdict: str
):
    run = synthetic.write(tmp_path, "known-lies", synthetic.planted, REPLICATES)
    write_ledgers(run, 2.0)

    def reached(name: str, e: Experiment, jitter: float) -> dict[str, float]:
        level = 0.5 if "inputs" in e.corruption.kind else found
        return {"lies_found": min(1.0, level + jitter / 10 - 0.3 * (name == "k-nn"))}

    write_baselines(run, reached)
    entry = judged("L3", {"known-lies": run})
    assert entry.verdict == verdict, entry.reason


@pytest.mark.parametrize(("apart", "verdict"), [(2.0, "supported"), (0.2, "not supported")])
def test_forgetting_marks_labels_that_differ_from_the_truth(
    tmp_path: Path, apart: float, verdict: str
):
    runs = {
        name: synthetic.write(tmp_path, name, synthetic.planted, REPLICATES)
        for name in ("known-lies", "known-lies-digits")
    }
    for run in runs.values():
        write_ledgers(run, apart)
    entry = judged("L4", runs)
    assert entry.verdict == verdict, entry.reason
    assert entry.control is not None
    assert entry.control.verdict == "not supported"


@pytest.mark.parametrize(
    ("made", "verdict"), [(synthetic.planted, "supported"), (synthetic.flat, "inconclusive")]
)
def test_the_peak_is_found_between_the_widths_of_a_written_run(
    tmp_path: Path, made: synthetic.World, verdict: str
):
    replicates = list(range(100, 116))
    run = synthetic.write(tmp_path, "double-descent", made, replicates)
    entry = judged("L7", {"double-descent": run}, replicates)
    assert entry.verdict == verdict, entry.reason
    assert verdict != "supported" or "20 over 8" in entry.measured.remarks[0]
