from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import memlab
from memlab.errors import InvalidExperiment, MemlabError, PackageMissing, RunFolderError
from memlab.library import results
from memlab.runs.event_log import EventLog
from memlab.runs.run_folder import RunFolder
from memlab.runs.state import write_state
from tests.patience import SECONDS
from tests.reports.conftest import make_run as make_run

LIGHT = """
import sys, numpy
before = set(sys.modules)
import memlab
heavy = {"torch", "pydantic", "textual", "rich", "platformdirs"}
print(sorted(heavy & (set(sys.modules) - before)), len(set(sys.modules) - before))
memlab.load
print(sorted((heavy | {"scipy", "matplotlib"}) & set(sys.modules)))
"""


def test_importing_memlab_imports_nothing_heavy() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIGHT], capture_output=True, text=True, timeout=SECONDS, check=True
    )
    first, later = done.stdout.splitlines()
    names, count = first.rsplit(maxsplit=1)
    assert names == "[]"
    assert int(count) < 5
    assert later == "[]"


def test_no_public_name_is_that_of_a_module() -> None:
    inside = {path.stem for path in Path(memlab.__file__).parent.iterdir()}
    assert not inside & set(memlab.__all__)
    with pytest.raises(AttributeError, match="no attribute 'recrod'"):
        _ = memlab.recrod


def test_a_table_has_the_figures_of_the_report(run: memlab.Run) -> None:
    table = run.table()
    rows = json.loads(run.report("json"))["rows"]
    assert table["test_accuracy"].tolist() == [row["test_accuracy"]["mean"] for row in rows]
    assert table["test_accuracy_low"].tolist() == [row["test_accuracy"]["ci95"][0] for row in rows]
    assert table["test_accuracy_n"].tolist() == [2, 2]
    assert np.isnan(table["train_accuracy_corrupted"][0])
    assert next(iter(table))["label"] == "fraction=0"


def test_a_series_has_every_member_over_stacks(make_run) -> None:
    made = make_run(stacks=4)
    series = memlab.load(made.path).series("test_accuracy")
    together = memlab.load(make_run().path).series("test_accuracy")
    assert series.values.shape == (9, 21)
    assert np.array_equal(series.values, together.values)
    assert np.array_equal(series.updates, together.updates)
    assert [member.index for member in series.members] == list(range(9))


def test_a_series_as_rows_repeats_the_labels_of_its_member(run: memlab.Run) -> None:
    series = run.series("test_loss")
    table = series.table()
    assert len(table) == series.values.size
    at = 2 * len(series.epochs) + 1
    row = list(table)[at]
    assert (row["member"], row["seed"], row["corruption.fraction"]) == (2, 0, 0.4)
    assert row["test_loss"] == series.values[2, 1]


def test_measurements_have_every_metric_as_a_column(run: memlab.Run) -> None:
    table = run.measurements()
    assert set(run.view.metrics) <= set(table.columns)
    assert np.array_equal(
        table["train_loss"], run.series("train_loss").values.reshape(-1), equal_nan=True
    )


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda run: run.series("test_acuracy"), "did you mean 'test_accuracy'"),
        (lambda run: run.instrument("marginz", "all_median"), "by the instrument 'marginz'"),
        (lambda run: run.suspects(score="luck"), "There is no score 'luck'. Known: aum-until-best"),
        (lambda run: run.suspects(member=99), "has no member 99"),
        (lambda run: run.report("pdf"), "There is no format 'pdf'. Known: text, md, html, json."),
        (lambda run: run.fork(99, {"dropout": 0.5}), "--at 99 is no epoch"),
        (lambda run: run.fork(1, {}), "needs something that changes"),
        (lambda run: run.stop(), "nobody is there to stop it"),
        (lambda run: memlab.load("nothing"), "There is no run 'nothing'"),
        (lambda run: memlab.run("noise-ladder", {"model.widht": 3}), "did you mean 'model.width'"),
        (lambda run: memlab.run("noise-ladder", device="tpu"), "'tpu' is no device"),
        (lambda run: memlab.run("noise-ladder", {"dataset.train": 10**6}), "dataset"),
        (lambda run: memlab.compare(run), "needs two runs"),
    ],
)
def test_what_cannot_be_is_an_error_in_words(ask, said: str, run: memlab.Run) -> None:
    with pytest.raises(MemlabError) as caught:
        ask(run)
    assert said in str(caught.value)


def test_python_values_are_the_settings_of_the_command_line() -> None:
    from memlab.experiment import presets
    from memlab.library.settings_text import settings_text

    changes = settings_text(
        {
            "corruption.fraction": np.array([0, 0.25]),
            "corruption.kind": "labels-pair",
            "model.width": range(32, 96, 32),
            "schedule.milestones": [10, 20],
            "regularization.augmentation": "none",
            "instruments.on": "ledger",
            "instruments.margins.cadence": 2,
            "title": 'Commas, "quotes" and = signs',
        },
        seeds=(3, 4),
    )
    made = presets.find("noise-ladder").experiment(changes)
    assert made.axes == {"corruption.fraction": [0.0, 0.25], "model.width": [32, 64]}
    assert made.seed_list == [3, 4]
    assert made.corruption.kind == "labels-pair"
    assert list(made.schedule.milestones) == [10, 20]
    assert made.title == 'Commas, "quotes" and = signs'


def test_a_failed_run_raises_its_reason(make_run) -> None:
    run = memlab.load(make_run(state="failed", message="The disk is full.").path)
    with pytest.raises(MemlabError, match=r"failed: The disk is full\."):
        run.wait()


def test_an_interrupted_run_says_how_it_goes_on(make_run) -> None:
    run = memlab.load(make_run(state="interrupted").path)
    with pytest.raises(MemlabError, match="`memlab resume"):
        run.wait(progress=False)


def test_a_guest_is_reported_and_neither_resumed_nor_forked(run: memlab.Run, tmp_path) -> None:
    place = tmp_path / run.id
    shutil.copytree(run.folder.path, place)
    guest = memlab.load(place)
    assert guest.table()["test_accuracy"].tolist() == run.table()["test_accuracy"].tolist()
    write_state(place, "interrupted")
    for act in (guest.resume, lambda: guest.fork(1, {"dropout": 0.5})):
        with pytest.raises(RunFolderError, match="memlab adopt"):
            act()


def test_a_notebook_shows_text_and_never_markup_of_a_run(make_run) -> None:
    shown = memlab.load(make_run().path)._repr_html_()
    assert "Ladder &lt;of&gt; *noise*" in shown
    assert "<of>" not in shown
    assert not any(word in shown for word in ("<script", "http:", "https:", "@import", "url("))
    assert "color: inherit" in shown


def test_a_notebook_shows_in_words_why_there_is_no_report(make_run) -> None:
    folder = make_run()
    (folder.path / "experiment.toml").write_text("<b>\x1b")
    shown = memlab.Run(folder)._repr_html_()
    assert "is damaged" in shown
    assert "<b>" not in shown.replace("<b></b>", "")
    assert "\x1b" not in shown


def test_a_living_run_is_read_anew(make_run) -> None:
    folder: RunFolder = make_run(state="running")
    run = memlab.load(folder.path)
    assert not run.findings.complete
    with EventLog(folder.events) as log:
        log.append("member-diverged", member=0, update=1, epoch=2.0, reason="test")
    assert run.findings.diverged == 1


def test_a_package_that_lacks_is_named(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "polars", None)
    with pytest.raises(PackageMissing, match="`pip install polars`"):
        results.Table.of([{"a": 1}]).to_polars()
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="needs pandas, which is not installed: `pip") as no:
        results.Table.of([{"a": 1}]).to_pandas()
    assert isinstance(no.value, MemlabError)


@pytest.mark.parametrize("name", ["pandas", "polars"])
def test_a_table_converts_with_its_labels(name: str, run: memlab.Run) -> None:
    pytest.importorskip(name)
    frame = getattr(run.table(), f"to_{name}")()
    assert list(frame.columns) == list(run.table().columns)
    assert frame["test_accuracy"].to_numpy().tolist() == run.table()["test_accuracy"].tolist()


def test_a_comparison_is_paired_over_the_seeds_that_both_have(make_run) -> None:
    one = memlab.load(make_run().path)
    from tests.reports.conftest import LADDER, curves

    values = curves([0.0, 0.4, 1.0], 3, 20)
    values["test_accuracy"] = values["test_accuracy"] + np.tile([0.01, 0.02, 0.03], 3)
    text = LADDER.replace("seeds = 3", "seeds = [1, 2, 3]")
    found = memlab.compare(one, memlab.load(make_run(text, values).path))
    rows = [row for row in found if row["quantity"] == "test_accuracy"]
    assert [row["corruption.fraction"] for row in rows] == [0.0, 0.4, 1.0]
    # seeds 1 and 2 of both: members 1, 2 of the first, 0, 1 of the other; jitter −0.01, 0, 0.01
    assert [row["n"] for row in rows] == [2, 2, 2]
    assert rows[0]["difference"] == pytest.approx(0.015 - 0.01)
    assert rows[0]["difference_low"] < rows[0]["difference"] < rows[0]["difference_high"]


def test_runs_without_a_seed_or_a_cell_in_common_are_not_compared(make_run) -> None:
    from tests.reports.conftest import LADDER

    one = memlab.load(make_run().path)
    other = memlab.load(make_run(LADDER.replace("seeds = 3", "seeds = [7, 8, 9]")).path)
    with pytest.raises(RunFolderError, match="no seed in common"):
        memlab.compare(one, other)
    other = memlab.load(make_run(LADDER.replace("[0.0, 0.4, 1.0]", "[0.1, 0.5, 0.9]")).path)
    with pytest.raises(RunFolderError, match=r"no cell in common: fraction=0, fraction=0\.4"):
        memlab.compare(one, other)


def test_list_presets_leaves_out_those_behind_claims() -> None:
    few, all_of_them = memlab.list_presets(), memlab.list_presets(replication=True)
    assert few[0].name == "noise-ladder"
    assert len(few) < len(all_of_them)
    with pytest.raises(InvalidExperiment):
        memlab.run("no-such-preset")
