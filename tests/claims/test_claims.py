"""Every claim finds its planted effect, and says nothing of it where there is none."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from memlab.claims import registry
from memlab.claims.claim import SIZES
from memlab.claims.finished_run import FinishedRun
from memlab.claims.judgement import OUTCOMES
from memlab.claims.needed import presets_of
from memlab.claims.replicates import replicates_of
from memlab.claims.theorem_one import construct
from memlab.errors import InvalidExperiment
from memlab.experiment import plugins, presets
from memlab.experiment.spec import Experiment
from memlab.reports import scoreboard, scoreboard_figures, scoreboard_page
from memlab.reports.renderers import html, markdown
from memlab.reports.scoreboard import Scoreboard
from memlab.reports.scoreboard_document import document
from memlab.reports.scoreboard_words import explanation
from memlab.runs.run_folder import RunFolder
from tests.claims import synthetic

REPLICATES = list(range(100, 108))
#: Claims that look at more than tables, tested by themselves below.
APART = {"A1", "B6", "L1", "L2", "L3", "L4", "L5", "L6", "L7", "M2", "Z7"}
TESTED = [c for c in registry.CLAIMS if c.measure is not None and c.id not in APART]


def board_of(home: Path, world: synthetic.World) -> Scoreboard:
    least: dict[str, int] = {}
    for claim in TESTED:
        least |= {name: max(claim.least, least.get(name, 0)) for name in presets_of(claim)}
    folders = {
        name: synthetic.write(home, name, world, list(replicates_of(most, REPLICATES)))
        for name, most in least.items()
    }
    return scoreboard.build(TESTED, "laptop", REPLICATES, folders)


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Scoreboard:
    return board_of(tmp_path_factory.mktemp("planted"), synthetic.planted)


@pytest.fixture(scope="module")
def flat(tmp_path_factory: pytest.TempPathFactory) -> Scoreboard:
    return board_of(tmp_path_factory.mktemp("flat"), synthetic.flat)


def test_claims_are_those_of_the_paper_list_in_order():
    wanted = [f"Z{i}" for i in range(1, 8)] + [f"A{i}" for i in range(1, 9)]
    wanted += [f"T{i}" for i in range(1, 6)] + ["S1", "S1a", "S2", "S3"]
    wanted += [f"F{i}" for i in range(1, 6)] + [f"B{i}" for i in range(1, 9)]
    wanted += [f"L{i}" for i in range(1, 8)] + [f"M{i}" for i in range(1, 7)]
    assert [claim.id for claim in registry.CLAIMS] == wanted
    assert {claim.paper for claim in registry.CLAIMS} == set(registry.PAPERS)
    assert plugins.own_claims() == tuple(sorted(wanted))  # what an experiment may name


@pytest.mark.parametrize("claim", registry.CLAIMS, ids=lambda claim: claim.id)
def test_a_claim_is_measured_with_a_control_or_says_what_it_needs(claim):
    assert (claim.measure is None) == bool(claim.needs)
    assert (claim.measure is None) == (claim.against is None)
    known = {preset.name for preset in presets.find_all()}
    for size in SIZES:
        assert {f"{name}-{size}" for name in presets_of(claim)} <= known


@pytest.mark.parametrize("claim", TESTED, ids=lambda claim: claim.id)
def test_a_planted_effect_is_supported_and_its_control_is_not(planted: Scoreboard, claim):
    entry = next(e for e in planted.entries if e.claim is claim)
    assert entry.own.verdict == "supported", entry.reason or explanation(entry, REPLICATES)
    assert entry.control.verdict in ("not supported", "inconclusive"), entry.control.reason
    if claim.sensitivity is not None:
        assert entry.verdict == "supported", entry.reason
        return
    whole = claim.contrast is not None and not claim.control.cannot_fail
    assert entry.verdict == ("supported" if whole else "inconclusive"), entry.reason
    assert whole or "control could not have failed" in entry.reason or "contrast" in entry.reason


@pytest.mark.parametrize(
    "claim", [c for c in TESTED if c.id not in ("S1", "S1a", "S2")], ids=lambda claim: claim.id
)
def test_without_any_effect_a_claim_is_not_supported(flat: Scoreboard, claim):
    entry = next(e for e in flat.entries if e.claim is claim)
    assert entry.verdict != "supported", entry.reason


def test_theorem_one_repeats_labels_with_2n_plus_d_weights():
    draw = np.random.default_rng(0)
    x, y = draw.normal(size=(200, 7)), draw.integers(0, 10, 200).astype(float)
    network = construct(x, y, draw)
    assert network.weights == 2 * 200 + 7
    hidden = np.maximum(x @ network.a - network.b[:, None], 0.0)  # an evaluation of our own
    np.testing.assert_allclose(network.w @ hidden, y, atol=1e-6)


def baselines(run: RunFolder, reached: Callable[[str, Experiment], dict[str, object]]) -> None:
    found = FinishedRun(run)
    rows = [
        {"member": member, "name": name, **reached(name, cell.experiment)}
        for cell in found.cells
        for member in cell.members
        for name in found.experiment.baselines.names
    ]
    run.baselines.path.write_text(json.dumps(rows))


@pytest.mark.parametrize("known", [0.5, 0.0])
def test_easy_examples_are_those_that_many_networks_get_right(tmp_path, known):
    """`known` of the real examples are right in all networks, all others one time in two."""
    (claim,) = registry.chosen(["A1"])
    run = synthetic.write(tmp_path, "easy", synthetic.planted, REPLICATES)
    synthetic.write_ledgers(run, known)
    late = synthetic.write(tmp_path, "easy-late", synthetic.planted, REPLICATES)
    synthetic.write_ledgers(late, 0.0, chance=0.8)
    board = scoreboard.build([claim], "laptop", REPLICATES, {"easy": run, "easy-late": late})
    assert (board.entries[0].own.verdict == "supported") == bool(known), board.entries[0].reason
    assert board.entries[0].control.shown == "inconclusive"
    if known:  # the share of a known example is 1, of the others about a half
        real = board.entries[0].measured.panels[0].lines[0].y
        assert real[:, 60:].min() == 1.0
        assert abs(real[:, 25].mean() - 0.5) < 0.05


@pytest.mark.parametrize(("test", "verdict"), [(0.9, "supported"), (0.3, "not supported")])
def test_minimum_norm_interpolants_have_to_generalize_on_real_labels_alone(tmp_path, test, verdict):
    claim = registry.chosen(["z7"])[0]
    draw = np.random.default_rng(7)
    widths = {name: draw.normal(size=2) for name in ("0.0625", "0.125", "0.25", "0.5", "1", "2")}
    run = synthetic.write(tmp_path, "interpolants", synthetic.planted, REPLICATES)
    baselines(
        run,
        lambda name, e: {
            "train_accuracy": 1.0,
            "test_accuracy": 0.1 if e.corruption.fraction else test + draw.normal(0, 0.01),
            "tried": {
                name: {"norm": 10 * np.exp(a), "test_accuracy": 0.9 + 0.01 * b}
                for name, (a, b) in widths.items()
            },
        },
    )
    board = scoreboard.build([claim], "laptop", REPLICATES, {"interpolants": run})
    assert board.entries[0].own.shown == verdict, board.entries[0].reason
    assert board.entries[0].control.shown == "not supported"


@pytest.mark.parametrize(
    "claim",
    registry.chosen(["A1", "B6", "L1", "L2", "L3", "L4", "L5", "L6", "Z7"]),
    ids=lambda c: c.id,
)
def test_what_a_run_has_not_measured_is_told_and_not_guessed(tmp_path, claim):
    runs = {
        name: synthetic.write(tmp_path, name, synthetic.planted, REPLICATES)
        for name in presets_of(claim)
    }
    board = scoreboard.build([claim], "laptop", REPLICATES, runs)
    assert board.entries[0].shown == "not run"
    assert any(run.id in board.entries[0].reason for run in runs.values())


def test_the_document_is_as_the_issue_says(planted: Scoreboard):
    made = document(planted)
    for row in made["claims"]:
        for arm in (row, row["control"]):
            assert {"verdict", "effect", "threshold", "seconds", "runs"} <= arm.keys()
            assert set(arm["effect"]) == {"mean", "ci95", "n"}
        least = next(claim.least for claim in TESTED if claim.id == row["id"])
        assert row["effect"]["n"] == len(replicates_of(least, REPLICATES))
        assert row["verdict"] in OUTCOMES
        assert (row["reason"] == "") == (row["verdict"] == "supported")
    shared = [row["runs"] for row in made["claims"] if row["id"] in ("Z1", "Z4")]
    assert len({runs[0] for runs in shared}) == 1


def test_every_claim_is_told_in_sentences(planted: Scoreboard):
    text = markdown.page(scoreboard_page.blocks(planted))
    for entry in planted.entries:
        told = explanation(entry, planted.replicates)
        assert 4 <= len(told) <= 6
        assert f"### {entry.claim.id}" in text


@pytest.mark.parametrize("every", [8, pytest.param(1, marks=pytest.mark.full)])
def test_every_claim_is_drawn(planted: Scoreboard, every: int):
    chosen = replace(planted, entries=planted.entries[::every])
    page = html.page(scoreboard_page.blocks(chosen))
    assert page.count("<svg") == len(chosen.entries)
    assert not re.search(r'(?:src|href)="(?!#)|<script', page)
    first = planted.entries[0]
    assert scoreboard_figures.figure(first) == scoreboard_figures.figure(first)


def test_a_claim_without_its_runs_stands_there_with_the_reason():
    made = registry.chosen(["T3", "B5"])
    board = scoreboard.build(made, "laptop", REPLICATES, {}, problems={"ratio": "No disk."})
    assert [entry.shown for entry in board.entries] == ["not run", "not run"]
    assert board.entries[0].reason == "No disk."
    assert "no finished run of dose-laptop" in board.entries[1].reason
    assert document(board)["claims"][0]["effect"] is None


def test_claims_and_papers_are_found_by_name_and_bad_names_get_the_nearest():
    assert [claim.id for claim in registry.chosen(["S2", "z1"])] == ["Z1", "S2"]
    assert {claim.id for claim in registry.chosen(["smith"])} == {"S1", "S1a", "S2", "S3"}
    with pytest.raises(InvalidExperiment, match="did you mean 'smith'"):
        registry.chosen(["smit"])
    with pytest.raises(InvalidExperiment, match="did you mean 'Z"):
        registry.chosen(["Z9"])
