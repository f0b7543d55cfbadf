"""A run's report ends with verdicts on the claims that its experiment names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from memlab import reports
from memlab.claims.finished_run import FinishedRun
from memlab.reports import building
from memlab.runs.state import write_state
from tests.claims import synthetic

REPLICATES = list(range(8))


@pytest.mark.parametrize(
    ("world", "verdict"), [(synthetic.planted, "supported"), (synthetic.flat, "not supported")]
)
def test_the_report_of_a_finished_run_has_its_verdicts_in_every_rendering(
    tmp_path: Path, world: synthetic.World, verdict: str
):
    names = ["Z1", "Z4", "L3"]
    run = synthetic.write(tmp_path, "ladder", world, REPLICATES, claims=names)
    found = building.build(run)
    told = {one.id: one for one in found.claims}
    assert list(told) == names
    assert told["Z1"].verdict == verdict
    assert told["Z1"].effect is not None
    assert told["Z1"].effect.n == len(REPLICATES)
    assert told["L3"].verdict == "not run"  # a synthetic run has no ledger
    assert run.id in told["L3"].reason
    assert told["Z4"].verdict != "supported"
    if verdict == "supported":  # a control on other data is not the same run once more
        assert told["Z4"].reason == "its control was not measured"
    assert reports.document(found)["claims"][0]["verdict"] == verdict
    for page in (reports.markdown(found), reports.html(found, run)):
        assert f"Random labels are fitted: {verdict}" in page


def test_there_is_no_verdict_before_the_end(tmp_path: Path):
    run = synthetic.write(tmp_path, "schedules", synthetic.planted, REPLICATES)
    write_state(run.path, "interrupted")
    assert building.build(run).claims == []


def test_a_claim_that_the_grid_does_not_fit_says_so(tmp_path: Path):
    run = synthetic.write(
        tmp_path, "ratio", synthetic.planted, REPLICATES, claims=["T3", "A4", "A5"]
    )
    told = {one.id: one for one in building.build(run).claims}
    assert told["T3"].effect is not None
    for claim in ("A4", "A5"):
        assert told[claim].verdict == "not run"
        assert told[claim].reason.startswith("measuring failed")


def test_a_network_that_diverged_has_no_sharpness_at_its_end(tmp_path: Path):
    def world(preset, e, draw):
        made = synthetic.planted(preset, e, draw)
        lost = e.optimizer.batch_size == 8 and e.schedule.kind == "cyclic"
        return made | ({"train_loss": np.full(synthetic.ROWS, np.nan)} if lost else {})

    run = FinishedRun(synthetic.write(tmp_path, "cycles", world, REPLICATES))
    ends = {cell.label: cell.final("curvature.sharpness") for cell in run.cells}
    assert np.isnan(ends["kind=cyclic learning_rate=0.05,batch_size=8"]).all()
    assert np.isfinite(ends["kind=cyclic-batch learning_rate=0.05,batch_size=8"]).all()
