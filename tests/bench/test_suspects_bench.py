"""`memlab bench suspects`: its noise, its measures, and a short form from end to end."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from memlab import strict_json
from memlab.bench import committees, label_noise, suspects
from memlab.bench.cases import Bench
from memlab.bench.mislabelled import Found, measured
from memlab.bench.suspects_table import One, joined, tables
from memlab.cli import bench as command
from memlab.cli import main as cli
from memlab.errors import InvalidExperiment

CLASSES = 4


def data(examples: int = 400) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    y = np.arange(examples) % CLASSES
    return (generator.standard_normal((examples, 3)) + 3 * np.eye(4)[y][:, :3]).astype("f4"), y


@pytest.mark.parametrize("kind", label_noise.KINDS)
def test_noise_is_keyed_and_of_the_rate_that_was_asked_for(kind: str) -> None:
    x, y = data()
    make = label_noise.KINDS[kind]
    given = make(x, y, CLASSES, 0.2, 7)
    assert given.tolist() == make(x, y, CLASSES, 0.2, 7).tolist()
    assert given.tolist() != make(x, y, CLASSES, 0.2, 8).tolist()
    changed = (given != y).mean()
    assert changed == pytest.approx(0.15 if kind == "labels" else 0.2, abs=0.06)
    if kind == "labels-pair":
        assert set(((given - y) % CLASSES).tolist()) == {0, 1}
    if kind == "labels-class":
        rates = [(given != y)[y == c].mean() for c in range(CLASSES)]
        assert min(rates) == 0.0
        assert max(rates) > 0.25


def test_the_label_of_the_nearest_of_another_class() -> None:
    x = np.array([[0.0], [1.0], [1.2], [5.0]], np.float32)
    given = label_noise.near(x, np.array([0, 0, 1, 2]), 3, 1.0, 0)
    assert given.tolist() == [1, 1, 0, 1]


def test_measures_of_a_perfect_and_of_a_useless_score() -> None:
    wrong = np.arange(100) < 20
    best = measured(wrong.astype(float), wrong, 0, 1.0)
    assert (best.average_precision, best.auroc, best.missed) == (1.0, 1.0, 0.0)
    assert best.first_50 == pytest.approx(0.4)
    worst = measured(-wrong.astype(float), wrong, 0, 1.0)
    assert (worst.auroc, worst.missed, worst.first_50) == (0.0, 1.0, 0.0)
    none = measured(np.zeros(100), np.zeros(100, bool), 3, 1.0)
    assert np.isnan(none.average_precision)
    assert none.false_alarms == pytest.approx(0.03)


def test_every_example_is_out_of_one_fold_of_each_division() -> None:
    masks = np.stack([committees._fold(network, 5, 203, 0) for network in range(10)])
    assert set(masks.sum(1).tolist()) == {162}
    assert ((~masks[:5]).sum(0) >= 1).all()
    assert (masks[0] != masks[5]).any()


def test_a_short_form_compares_ours_with_every_reference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MEMLAB_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(suspects, "cleanlab", lambda probabilities, given: None)
    threads = torch.get_num_threads()
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    torch.set_num_threads(1)
    wanted = suspects.Wanted(
        data=("digits",), noise=("none", "labels-pair"), rates=(0.2,), replicates=2, networks=5,
        examples=120, changes=("stop.epochs=5",),
    )  # fmt: skip
    try:
        made = suspects.document(wanted, Bench(torch.device("cpu"), tmp_path))
    finally:
        torch.set_num_threads(threads)
    cells = {(c["noise"], c["method"]): c for c in made["cells"]}
    methods = {method for _, method in cells}
    assert {
        "memlab",
        "self-confidence",
        "normalized margin",
        "15-NN disagreement",
        "AUM",
    } <= methods
    ours = cells["labels-pair", "memlab"]
    assert ours["average_precision"]["n"] == 2
    assert ours["average_precision"]["mean"] > 0.3
    assert cells["none", "memlab"]["average_precision"]["mean"] is None
    assert cells["none", "memlab"]["false_alarms"]["mean"] < 0.1
    keys = {"case", "ours", "reference", "ratio", "unit", "spread", "difference"}
    assert all(set(row) == keys for row in made["rows"])
    assert len(made["rows"]) == 2 * (len(methods) - 1)
    command._show_cells({"machine": {"device": "CPU", "torch": "x"}, **made})
    told = capsys.readouterr().out
    assert "labels-pair 20%" in told
    assert "self-confidence" in told


def found(replicate: int, method: str, value: float) -> One:
    made = Found(value, value, value, 1.0 - value, float("nan"), 1.0)
    return One(("digits", "labels", 0.2), method, replicate, made)


def test_parts_together_give_the_table_of_the_whole() -> None:
    whole = [
        found(replicate, method, 0.5 + 0.01 * replicate + 0.1 * (method == "memlab"))
        for replicate in range(4)
        for method in ("memlab", "AUM")
    ]
    machine = {"machine": {"device": "CPU", "torch": "x"}}
    parts = [machine | tables(whole[:4]), machine | tables(whole[2:])]  # one replicate in both
    read = [json.loads(strict_json.dumps(part)) for part in parts]
    made, wanted = joined(read), tables(whole)
    assert made["cells"] == wanted["cells"]
    assert made["rows"] == wanted["rows"]
    assert made["cells"][0]["replicates"] == [0, 1, 2, 3]
    assert made["machine"] == machine["machine"]
    with pytest.raises(InvalidExperiment, match="Part 2 is nothing"):
        joined([read[0], {"machine": {}}])


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["suspects", "--replicates", "207-203"], "neither a number of replicates nor A-B"),
        (["suspects", "--replicates", "203-207", "--first", "200"], "leave --first out"),
        (["training", "--join", "part.json"], "puts parts of"),
        (["suspects", "--join", "no.json"], "cannot be read"),
        (["suspects", "--join", "part.json"], "is nothing that"),
    ],
)
def test_what_is_no_part_is_refused(tmp_path, monkeypatch, capsys, words, told) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "part.json").write_text('{"rows": []}')
    try:
        code = cli.main(["bench", *words])
    except SystemExit as error:
        code = error.code
    assert code == 2
    assert told in " ".join(capsys.readouterr().err.split())


def test_replicates_are_a_number_or_a_range() -> None:
    assert command._replicates("5") == (5, None)
    assert command._replicates("203-207") == (5, 203)
    assert command._replicates("203-203") == (1, 203)
