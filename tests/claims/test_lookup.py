"""The lookup table's claims: rules on worlds where the truth is known, measures on written runs."""

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
from tests.claims.worlds import FEW_TRIALS, TRIALS, World, check_level, check_power, world

REPLICATES = list(range(100, 108))
EXAMPLES = 120


def pairs(names: tuple[str, str], own: tuple, other: tuple, deviation: float = 0.02) -> World:
    """(network, rival) on the first and on the second data or kind, of claim and control."""
    arms = []
    for first, second in (own, other):
        arm = {}
        for name, (network, rival) in zip(names, (first, second), strict=True):
            arm |= {f"network, {name}": network, f"rival, {name}": rival}
        arms.append(arm)
    return world(*arms, deviation=deviation, common=0.5)


def better(names: tuple[str, str], chance: float) -> tuple[dict[str, World], World]:
    """Worlds where the claim is false, and one where it is true."""
    nothing = ((chance, chance), (chance, chance))
    win, lose, tie = (0.60, 0.55), (0.55, 0.60), (0.6, 0.6)
    null = {
        "a tie": pairs(names, (tie, tie), nothing),
        "only the second": pairs(names, (tie, win), nothing),
        "only the first": pairs(names, (win, lose), nothing),
        "better on nothing too": pairs(names, (win, win), (win, win)),
    }
    return null, pairs(names, (win, win), nothing)


def areas(digits: float, other: float, control: float = 0.5) -> World:
    return world(
        {"digits": digits, "mnist1d": other},
        {"digits": control, "mnist1d": control},
        deviation=0.03,
        common=0.5,
    )


def probes(hidden: float, other: float) -> World:
    rest = {"wide": 0.6, "matched": 0.5}
    return world({"hidden": hidden, **rest}, {"hidden": other, **rest}, deviation=0.02, common=0.5)


L1, L1_TRUE = better(("mnist1d", "digits"), 0.1)
L3, L3_TRUE = better(("uniform lies", "pair lies"), 0.5)
L2 = {"as wide ones": probes(0.6, 0.4), "not learned": probes(0.65, 0.65)}
L4 = {
    "at the border": areas(0.7, 0.7),
    "one of the data": areas(0.85, 0.5),
    "lies are not it": areas(0.85, 0.85, 0.85),
}
WIDTHS = np.array([4.0, 6.0, 8.0, 10.0, 14.0, 20.0, 100.0])
FALLING = np.array([0.2, 0.17, 0.16, 0.15, 0.14, 0.13, 0.12])
HUMP = np.array([0.2, 0.18, 0.2, 0.24, 0.22, 0.2, 0.15])


def descent(own: np.ndarray, other: np.ndarray) -> World:
    arms = [{"error": error, "width": WIDTHS} for error in (own, other)]
    return world(*arms, deviation={"error": 0.025}, common=0.5)


L7 = {
    "falls": descent(FALLING, FALLING),
    "flat, with the largest of noise for a peak": descent(np.full(7, 0.2), np.full(7, 0.2)),
    "too low a peak": descent(FALLING + 0.03 * (WIDTHS == 14.0), FALLING),
    "with true labels too": descent(HUMP, HUMP),
}
WORLDS = {"L7": L7, "L1": L1, "L2": L2, "L3": L3, "L4": L4}
TRUE = {
    "L7": descent(HUMP, FALLING),
    "L1": L1_TRUE,
    "L2": probes(0.65, 0.4),
    "L3": L3_TRUE,
    "L4": areas(0.8, 0.8),
}


@pytest.mark.parametrize("name", WORLDS)
def test_a_claim_is_supported_in_at_most_one_world_in_twenty_where_it_is_false(name: str):
    check_level(named(name), WORLDS[name], FEW_TRIALS // 2)


@pytest.mark.full
@pytest.mark.parametrize("name", WORLDS)
def test_a_claim_keeps_its_level_in_a_thousand_worlds(name: str):
    check_level(named(name), WORLDS[name], TRIALS)


@pytest.mark.parametrize("name", TRUE)
def test_a_claim_is_supported_where_it_is_true(name: str):
    check_power(named(name), TRUE[name], FEW_TRIALS // 2)


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
