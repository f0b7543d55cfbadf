from __future__ import annotations

import json
import subprocess
import sys
import time

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memlab import reports
from memlab.errors import RunFolderError
from memlab.reports import json as report_json
from memlab.reports.findings import QUANTITIES
from tests.patience import SECONDS

from .conftest import LADDER, curves

REQUIRED = (
    "train_accuracy",
    "train_accuracy_clean",
    "train_accuracy_corrupted",
    "recovered_true_labels",
    "test_accuracy",
    "best_test_accuracy",
    "best_epoch",
    "generalization_gap",
    "memorization_cost",
    "epochs_to_fit",
)
SECTION_AXIS = """
seeds = 2
[corruption]
kind = "labels"
fraction = 0.4
[stop]
epochs = 20
[axes]
regularization = [{}, { dropout = 0.5 }]
"""


def test_rows_have_axis_value_members_and_every_quantity(make_run) -> None:
    document = reports.document(reports.build(make_run()))
    assert [row["corruption.fraction"] for row in document["rows"]] == [0.0, 0.4, 1.0]
    for row in document["rows"]:
        assert next(iter(row)) == "corruption.fraction"
        assert row["members"] == 3
        for name in REQUIRED:
            assert row[name] is None or set(row[name]) == {"mean", "ci95", "n"}
    clean, noisy, _ = document["rows"]
    assert clean["train_accuracy_corrupted"] is None
    assert clean["recovered_true_labels"] is None
    assert noisy["train_accuracy_corrupted"] == {"mean": 1.0, "ci95": [1.0, 1.0], "n": 3}
    assert noisy["fraction_changed"] == pytest.approx(0.36)
    assert noisy["parameters_per_example"] == pytest.approx(85.002)


def test_figures_are_means_over_seeds(make_run) -> None:
    found = reports.build(make_run())
    values = curves([0.0, 0.4, 1.0], 3, 20)["test_accuracy"]
    noisy = found.rows[1]
    assert noisy.test_accuracy is not None
    assert noisy.best_test_accuracy is not None
    assert noisy.memorization_cost is not None
    assert noisy.test_accuracy.mean == pytest.approx(values[-1, 3:6].mean())
    assert noisy.best_test_accuracy.mean == pytest.approx(values[:, 3:6].max(axis=0).mean())
    assert noisy.memorization_cost.mean == pytest.approx(0.2)
    assert noisy.test_accuracy.bounded


def test_diverged_member_is_counted_and_left_out(make_run) -> None:
    found = reports.build(make_run(diverged=[4]))
    noisy = found.rows[1]
    assert (found.diverged, noisy.diverged, noisy.members) == (1, 1, 3)
    assert noisy.test_accuracy is not None
    assert noisy.test_accuracy.n == 2
    assert any("1 of 9 networks diverged" in sentence for sentence in found.sentences)


def test_a_part_that_was_not_measured_is_no_divergence(make_run) -> None:
    values = curves([0.0, 0.4, 1.0], 3, 20)
    measured = {
        n: v if n.startswith("test") else np.full_like(v, np.nan) for n, v in values.items()
    }
    text = LADDER + '\n[evaluation]\nparts = ["test"]\n'
    found = reports.build(make_run(text, measured))
    assert found.diverged == 0
    assert found.rows[1].train_accuracy is None
    assert found.rows[1].test_accuracy is not None
    assert "evaluation.parts" in found.sentences[0]


def test_group_whose_members_all_diverged_has_no_figures(make_run) -> None:
    noisy = reports.build(make_run(diverged=[3, 4, 5])).rows[1]
    assert all(noisy.quantity(name) is None for name in QUANTITIES)


def test_one_seed_has_no_intervals(make_run) -> None:
    found = reports.build(make_run(LADDER.replace("seeds = 3", "seeds = 1")))
    quantities = [row.quantity(name) for row in found.rows for name in QUANTITIES]
    assert all(not quantity.bounded for quantity in quantities if quantity is not None)


def test_axis_over_a_section_is_written_as_its_label(make_run) -> None:
    rows = reports.document(reports.build(make_run(SECTION_AXIS)))["rows"]
    assert [row["regularization"] for row in rows] == ["plain", "dropout=0.5"]


@pytest.mark.parametrize("state", ["running", "interrupted", "failed", "queued"])
def test_unfinished_run_is_reported_as_such(make_run, state: str) -> None:
    found = reports.load_or_build(make_run(state=state, message="why"))
    assert not found.complete
    assert found.state in ("interrupted", "failed")  # its lock is free: it cannot be running
    assert found.sentences[0].startswith("So far (epoch 20)")


def test_run_that_wrote_nothing_is_reported(make_run) -> None:
    run = make_run(state="failed", message="No disk space.")
    for path in run.series.path.iterdir():
        path.unlink()
    run.events.path.unlink()
    found = reports.build(run)
    assert found.epoch is None
    assert "has not been evaluated yet" in found.sentences[0]
    assert reports.markdown(found)
    assert reports.html(found, run)


def test_stacks_that_have_not_begun_leave_their_rows_empty(make_run) -> None:
    run = make_run(state="interrupted", stacks=3)
    run.stack(2).with_suffix(".rows").unlink()
    found = reports.build(run)
    assert found.rows[1].test_accuracy is not None
    assert found.rows[2].test_accuracy is None
    assert found.rows[2].diverged == 0


def test_report_is_valid_json_and_reads_back_equal(make_run) -> None:
    run = make_run()
    written = report_json.write(run, state="finished")
    assert written == run.report
    document = json.loads(written.path.read_text(), parse_constant=lambda name: pytest.fail(name))
    assert document == reports.document(reports.build(run))
    assert document["schema"] == 1
    assert reports.document(reports.load_or_build(run)) == document


def test_worker_reports_the_state_that_it_is_about_to_enter(make_run) -> None:
    run = make_run(state="running")
    report_json.write(run, state="finished")
    assert json.loads(run.report.path.read_text())["complete"] is True


@pytest.mark.parametrize("change", [{"schema": 2}, {"run": "another"}, {"rows": "none"}])
def test_report_that_is_not_this_runs_or_of_a_newer_schema_is_built_anew(make_run, change) -> None:
    run = make_run()
    report_json.write(run)
    stored = json.loads(run.report.path.read_text()) | {"sentences": ["old"]} | change
    run.report.path.write_text(json.dumps(stored))
    assert reports.load_or_build(run).sentences != ["old"]


def test_report_of_a_run_that_was_resumed_since_is_built_anew(make_run) -> None:
    run = make_run(state="interrupted")
    report_json.write(run)
    stored = json.loads(run.report.path.read_text()) | {"sentences": ["old"]}
    run.report.path.write_text(json.dumps(stored))
    assert reports.load_or_build(run).sentences != ["old"]


@settings(suppress_health_check=list(HealthCheck), max_examples=25, deadline=None)
@given(share=st.floats(0, 1))
def test_any_truncation_of_the_report_is_built_anew(tmp_path_factory, share: float) -> None:
    from .conftest import write_run

    run = write_run(tmp_path_factory.mktemp("runs"))
    whole = report_json.dumps(reports.build(run)).encode()
    run.report.path.write_bytes(whole[: int(share * (len(whole) - 2))])
    assert reports.load_or_build(run).rows[1].test_accuracy is not None


def test_damaged_experiment_is_one_clear_error(make_run) -> None:
    run = make_run()
    (run.path / "experiment.toml").write_text("garbage")
    with pytest.raises(RunFolderError):
        reports.load_or_build(run)


def test_torn_table_and_garbage_events_are_told(make_run) -> None:
    run = make_run()
    table = run.stack(0).with_suffix(".rows").path
    table.write_bytes(table.read_bytes()[:-7])
    with run.events.path.open("a") as file:
        file.write("garbage\n")
    found = reports.build(run)
    assert found.epoch == 19.0
    assert any("not an event" in problem for problem in found.problems)


def test_schema_describes_every_field_and_fits_the_document(make_run) -> None:
    schema = reports.report_schema()
    document = reports.document(reports.build(make_run()))
    assert {*document, "memorization", "suspects", "own_networks"} == set(schema["properties"])
    described = schema["properties"] | schema["$defs"]["Row"]["properties"]
    assert all(field.get("description") for field in described.values())
    assert set(REQUIRED) <= set(schema["$defs"]["Row"]["properties"])


def test_reports_import_neither_torch_nor_matplotlib_nor_the_app(make_run) -> None:
    run = make_run()
    code = (
        "import sys; from pathlib import Path; from rich.console import Console\n"
        "from memlab import reports; from memlab.runs.run_folder import RunFolder\n"
        f"found = reports.build(RunFolder(Path({str(run.path)!r})))\n"
        "Console(file=open('/dev/null', 'w')).print(reports.text(found)); reports.markdown(found)\n"
        "bad = {'torch', 'matplotlib', 'textual', 'sklearn', 'memlab.tui'} & set(sys.modules)\n"
        "assert not bad, bad"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=SECONDS)


def test_text_report_of_eighteen_members_is_quick(make_run) -> None:
    from rich.console import Console

    text = LADDER.replace("[0.0, 0.4, 1.0]", "[0.0, 0.2, 0.4, 0.6, 0.8, 1.0]")
    run = make_run(text, epochs=100)
    console = Console(width=120, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(reports.text(reports.build(run)))
    seconds = []
    for _ in range(3):
        start = time.process_time()
        console.print(reports.text(reports.build(run)))
        seconds.append(time.process_time() - start)
    assert min(seconds) < 0.3, seconds


def test_majority_class_is_the_chance_level_where_it_is_recorded(make_run) -> None:
    run = make_run()
    lines = run.events.path.read_text().replace(
        '"classes": 10', '"classes": 10, "majority_share": 0.4'
    )
    run.events.path.write_text(lines)
    assert reports.build(run).chance == 0.4
    assert np.isclose(reports.build(make_run()).chance or 0, 0.1)
