"""The tables of instruments and baselines."""

from __future__ import annotations

from typing import Any

import pytest
from rich.console import Console

from memlab import reports
from memlab.experiment import grid
from memlab.experiment.reading import experiment, from_toml
from memlab.reports.baseline_findings import baseline_findings
from memlab.reports.findings import Findings, InstrumentFindings, Measured
from memlab.reports.side_table import cost, headlines, instrument_tables

from .conftest import LADDER, findings, row

AXIS = {"corruption.fraction": 0.4}


def instrument(share: float | None, headline: float) -> InstrumentFindings:
    scalar = {"ci95": None, "n": 1}
    names = ("first", "most")
    return InstrumentFindings(
        title="an instrument",
        about="What it is.",
        source="",
        quantities={name: Measured(about=name, unit="") for name in names},
        headline="most",
        rows=[
            {"epoch": 1.0, "first": {"mean": 0.5, **scalar}, "most": {"mean": headline, **scalar}}
        ],
        seconds=1.0,
        share=share,
        failed=None,
    )


@pytest.fixture
def found() -> Findings:
    sides = {"stiffness": instrument(0.02, 0.25), "gradient-noise": instrument(0.101, 0.000025)}
    return findings([row(AXIS)], list(AXIS)).model_copy(update={"instruments": sides})


def test_headline_comes_first(found) -> None:
    assert [table.heads for table in instrument_tables(found)] == [("most", "first")] * 2
    table = headlines(found)
    assert table is not None
    assert table.heads == ("stiffness, most", "gradient noise, most")


def test_small_values_have_the_decimals_that_they_need(found) -> None:
    table = headlines(found)
    assert table is not None
    assert [column.texts(zero=True)[0].strip() for column in table.columns] == ["0.250", "0.000025"]


def test_what_instruments_cost_is_said_in_every_rendering(found) -> None:
    said = (
        "The instruments took 12.1 % of the training time: gradient noise 10.1 %, stiffness 2.0 %."
    )
    assert cost(found) == said
    console = Console(width=200, color_system=None)
    with console.capture() as capture:
        console.print(reports.text(found))
    for text in (capture.get(), reports.markdown(found), reports.html(found)):
        assert said in text


def test_what_is_to_be_known_of_how_it_was_measured_is_said_in_every_rendering(found) -> None:
    side = found.instruments["stiffness"]
    noted = side.model_copy(update={"notes": ("Curvature went reverse over reverse.",)})
    made = found.model_copy(update={"instruments": {"stiffness": noted}})
    console = Console(width=200, color_system=None)
    with console.capture() as capture:
        console.print(reports.text(made))
    for text in (capture.get(), reports.markdown(made), reports.html(made)):
        assert "Curvature went reverse over reverse." in text
    assert reports.document(made)["instruments"]["stiffness"]["notes"]
    assert "notes" not in reports.document(found)["instruments"]["stiffness"]


def test_cost_is_not_said_where_no_run_told_it(found) -> None:
    assert cost(findings([row(AXIS)], list(AXIS))) == ""
    sides: dict[str, Any] = {"stiffness": instrument(None, 0.2)}
    assert cost(found.model_copy(update={"instruments": sides})) == ""


def test_gap_of_a_baseline_is_taken_within_each_seed() -> None:
    made = experiment(from_toml(LADDER, "test"), "test")
    groups = grid.groups(made)
    entries = [
        {"member": 0, "name": "1-nn", "train_accuracy": 1.0, "test_accuracy": 0.9},
        {"member": 1, "name": "1-nn", "train_accuracy": 0.9, "test_accuracy": 0.8},
        {"member": 2, "name": "1-nn", "train_accuracy": 0.9, "test_accuracy": None},
    ]
    rows = baseline_findings(entries, groups, [group.axis_values for group in groups])["1-nn"].rows
    gap = rows[0]["generalization_gap"]
    assert (gap["mean"], gap["n"]) == (pytest.approx(0.1), 2)
    assert gap["ci95"] == [pytest.approx(0.1), pytest.approx(0.1)]
    assert rows[1]["generalization_gap"] is None
