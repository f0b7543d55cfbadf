"""Metrics are declared once: every name, its words, and which way is better."""

from __future__ import annotations

import ast
from pathlib import Path

import memlab
from memlab.experiment import metrics
from memlab.experiment.metrics import METRICS
from memlab.instruments.contract import small_trainer
from memlab.reports.findings import QUANTITIES
from memlab.reports.measurements import HISTORIES, LAST_ONLY

ROOT = Path(memlab.__file__).parent
HOME = ROOT / "experiment" / "metrics.py"


def test_no_metrics_name_is_spelt_outside_its_declaration() -> None:
    # The learning rate is a field of the experiment too, which has the same name.
    names = METRICS.keys() - {metrics.LEARNING_RATE}
    for path in ROOT.rglob("*.py"):
        if path == HOME:
            continue
        found = {
            node.value
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
        assert not found & names, f"{path} spells {found & names}"


def test_an_evaluation_gives_exactly_the_declared_metrics_in_their_order() -> None:
    assert list(small_trainer().evaluate().metrics) == list(METRICS)


def test_what_the_report_measures_is_declared() -> None:
    assert {*HISTORIES, *LAST_ONLY} <= METRICS.keys()
    assert {metrics.TRAIN_ACCURACY, metrics.TEST_ACCURACY} <= set(QUANTITIES)


def test_losses_are_better_lower_and_accuracies_higher() -> None:
    for name, metric in METRICS.items():
        if name.endswith("_loss"):
            assert metric.better == "lower"
        elif name.endswith("_accuracy"):
            assert metric.better == "higher"
            assert metric.unit == "share"
