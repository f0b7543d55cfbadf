"""`memlab bench suspects`: its noise, its measures, and a short form from end to end."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from memlab.bench import committees, label_noise, suspects
from memlab.bench.cases import Bench
from memlab.bench.mislabelled import measured
from memlab.cli import bench as command

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
