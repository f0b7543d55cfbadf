"""`memlab inspect` on a run with scores by retraining and on an ordinary one, by real workers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from memlab.cli.main import main
from memlab.runs.example_life import life
from memlab.runs.examples import examples_of
from memlab.runs.run import Run
from memlab.runs.run_folder import RunFolder
from memlab.runs.view import Memorized
from tests.cli.test_memorize import home, memlab

__all__ = ["home"]

QUICK = ("--set", "stop.epochs=24", "--set", "dataset.train=150", "--set", "dataset.test=60")
EVERY = ("--set", "evaluation.every=3")
LIES = ("--set", "corruption.kind=labels", "--set", "corruption.fraction=0.2")


@pytest.fixture(scope="module")
def memorized(home: Path) -> str:
    """40 networks, evaluated eight times."""
    settings = (*QUICK, *EVERY, *LIES)
    done = memlab("memorize", "digits", "--networks", "40", "--json", *settings)
    assert done.returncode == 0, done.stderr
    return str(json.loads(done.stdout)["run"])


@pytest.fixture(scope="module")
def ordinary(home: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Two networks with a ledger and no subsets."""
    file = tmp_path_factory.mktemp("file") / "small.toml"
    file.write_text(
        'title = "small"\nseeds = 2\n[dataset]\nname = "digits"\ntrain = 150\n'
        '[corruption]\nkind = "labels"\nfraction = 0.2\nshared = true\n'
        '[stop]\nepochs = 8\n[evaluation]\nevery = 1\n[instruments]\non = ["ledger"]\n'
    )
    done = memlab("run", str(file), "--json")
    assert done.returncode == 0, done.stderr
    return str(json.loads(done.stdout)["run"])


@pytest.fixture
def inspect(home: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Status, output and complaint of `memlab inspect`."""

    def run(*arguments: str) -> tuple[int, str, str]:
        code = main(["inspect", *arguments])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


@pytest.fixture
def told(inspect) -> Callable[..., Any]:
    """Its JSON."""

    def run(*arguments: str) -> Any:
        code, out, err = inspect(*arguments, "--json")
        assert code == 0, err
        return json.loads(out)

    return run


def test_a_run_of_many_networks_tells_all_of_an_example(memorized, told):
    listed = told(memorized, "--list", "suspects")
    found = told(memorized, str(listed[0]["index"]), "--list", "suspects")
    assert found["list"] == {
        "name": "suspects",
        "rank": 1,
        "of": len(listed),
        "before": None,
        "after": listed[1]["index"],
    }
    assert found["memorization"]["low"] <= found["memorization"]["value"]
    saw, did_not = (
        found[f"margin_in_networks_that_{name}"]["networks"] for name in ("saw_it", "did_not")
    )
    assert saw + did_not == 12
    assert len(found["margin_in_networks_that_saw_it"]["epoch"]) == 9
    assert len(found["near"]) == len(found["near_hidden"]) == 8
    assert found["suggested"] != found["given"]
    assert 0 < found["suggested_share"] <= 1


def test_recorded_answers_and_hidden_neighbours_are_worth_looking_at(home, memorized):
    run = Run(RunFolder(home / "runs" / memorized))
    examples = examples_of(run)
    lies = [at for at in range(examples.train) if examples.corrupted[at]]
    seen_through = [life(examples, at).suggested == examples.true[at] for at in lies]
    assert sum(seen_through) > 0.5 * len(lies)
    assert examples.votes.sum(1)[: examples.train].mean() == pytest.approx(12, abs=1)
    assert set(examples.votes.sum(1)[examples.train :]) == {40}
    same = examples.true[examples.nearest[:, 0]] == examples.true
    assert same.mean() > 0.6
    for at in range(examples.train):
        assert at not in examples.nearest[at]


def test_an_ordinary_run_tells_what_its_ledger_has(home, ordinary, told):
    run = Run(RunFolder(home / "runs" / ordinary))
    examples = examples_of(run)
    index = int(examples.listing("suspects")[0])
    found = told(ordinary, str(examples.index[index]))
    assert found["memorization"] is None
    assert found["margin_in_networks_that_saw_it"]["networks"] == 2
    assert found["margin_in_networks_that_did_not"] is None
    assert found["first_learned"] is not None
    assert found["helps"] == []
    assert len(found["near"]) == 8
    assert "near_hidden" in found["missing"]


def test_a_lie_of_a_network_that_the_run_has_not_is_of_the_first_group(home, ordinary, monkeypatch):
    run = Run(RunFolder(home / "runs" / ordinary))
    stranger = Memorized(1.0, 2**31, 0, 0, 1, np.zeros((8, 8), np.uint8))
    monkeypatch.setattr(type(run.view), "memorized", lambda view, count: [stranger])
    assert examples_of(run).train == 150


def test_the_text_names_what_is_there_and_what_is_not(memorized, ordinary, told, inspect):
    listed = told(memorized, "--list", "suspects")
    _, out, _ = inspect(memorized, str(listed[0]["index"]))
    for words in ("suggested", "saw it", "did not", "(half of all", "▲", "nearest in the last"):
        assert words in out
    listed = told(ordinary, "--list", "suspects")
    assert "no scores by retraining" in inspect(ordinary, str(listed[0]["index"]))[1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("99999",), "has no training example 99999"),
        (("99999", "--test"), "has no test example 99999"),
        ((), "needs an INDEX"),
        (("--list", "class:nobody"), "There is no list"),
        (("--list", "suspects", "--group", "7"), "has no group 7"),
    ],
)
def test_what_is_not_there_is_refused_in_one_sentence(memorized, inspect, arguments, words):
    code, out, err = inspect(memorized, *arguments)
    assert (code, out) == (code or 1, "")
    assert words in err
    assert len(err.strip().splitlines()) == 1
