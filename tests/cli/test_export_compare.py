"""`memlab export` and `memlab compare`: what they write and print is what the API gives."""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest

import memlab
from memlab.cli import main as cli
from memlab.runs.run_folder import RunFolder
from tests.reports.conftest import LADDER, curves, write_run


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MEMLAB_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    return tmp_path


@pytest.fixture
def folder(home: Path) -> RunFolder:
    return write_run(home / "home" / "runs")


def test_csv_has_a_row_for_each_network_and_evaluation(folder: RunFolder, home: Path) -> None:
    assert cli.main(["export", "last", "--to", "csv"]) == 0
    rows = list(csv.DictReader(io.StringIO((home / f"{folder.id}.csv").read_text())))
    table = memlab.load("last").measurements()
    assert len(rows) == len(table) == 9 * 21
    assert list(rows[0]) == list(table.columns)
    assert [float(row["test_accuracy"]) for row in rows] == table["test_accuracy"].tolist()
    assert rows[0]["train_accuracy_corrupted"] == ""
    assert rows[-1]["corruption.fraction"] == "1.0"


def test_npz_holds_arrays_of_networks_by_evaluations(folder: RunFolder, home: Path) -> None:
    assert cli.main(["export", folder.id, "--to", "npz", "--out", "x.npz"]) == 0
    run = memlab.load(folder.id)
    with np.load(home / "x.npz", allow_pickle=False) as found:
        assert np.array_equal(found["test_loss"], run.series("test_loss").values)
        assert found["axis.corruption.fraction"].tolist() == [0.0] * 3 + [0.4] * 3 + [1.0] * 3
        assert found["seed"].tolist() == [0, 1, 2] * 3
        assert found["epoch"].shape == (21,)


def test_parquet_without_pyarrow_says_how_to_get_it(
    folder: RunFolder, home: Path, monkeypatch, capsys
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert cli.main(["export", "last", "--to", "parquet"]) == 2
    assert "Parquet needs pyarrow, which is not installed: `pip install pyarrow`." in (
        capsys.readouterr().err
    )
    assert not list(home.glob("*.parquet"))


def test_parquet_has_the_rows_of_csv(folder: RunFolder, home: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    assert cli.main(["export", "last", "--to", "parquet", "--out", "x.parquet"]) == 0
    found = parquet.read_table(home / "x.parquet")
    table = memlab.load("last").measurements()
    assert found.column_names == list(table.columns)
    assert found["test_accuracy"].to_pylist() == table["test_accuracy"].tolist()


def test_a_file_that_is_there_is_not_replaced_unasked(folder: RunFolder, home: Path) -> None:
    (home / "x.csv").write_text("mine")
    assert cli.main(["export", "last", "--to", "csv", "--out", "x.csv"]) == 2
    assert (home / "x.csv").read_text() == "mine"
    assert cli.main(["export", "last", "--to", "csv", "--out", "x.csv", "--force"]) == 0
    assert (home / "x.csv").read_text().startswith("member,seed")


def test_compare_shows_paired_differences_with_intervals(home: Path, capsys) -> None:
    first = write_run(home / "home" / "runs")
    values = curves([0.0, 0.4, 1.0], 3, 20)
    values["test_accuracy"] = values["test_accuracy"] + np.tile([0.02, 0.03, 0.04], 3)
    other = write_run(home / "home" / "runs", values=values)
    assert cli.main(["compare", first.id, other.id]) == 0
    out = capsys.readouterr().out
    assert f"{other.id} minus {first.id}" in out
    line = next(line for line in out.splitlines() if " test " in line and "fraction" not in line)
    assert "+0.03 ± 0.02 *" in line
    assert cli.main(["compare", first.id, other.id, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    api = list(memlab.compare(first.id, other.id))
    assert [row["difference"] for row in rows] == [row["difference"] for row in api]


def test_compare_says_whose_figures_are_not_final(home: Path, capsys) -> None:
    first = write_run(home / "home" / "runs")
    other = write_run(home / "home" / "runs", state="interrupted")
    assert cli.main(["compare", first.id, other.id]) == 0
    assert f"{other.id} has not finished (interrupted)" in capsys.readouterr().out


def test_compare_of_one_run_or_of_strangers_is_refused_in_words(home: Path, capsys) -> None:
    first = write_run(home / "home" / "runs")
    other = write_run(home / "home" / "runs", LADDER.replace("seeds = 3", "seeds = [7, 8]"))
    assert cli.main(["compare", first.id]) == 2
    assert "needs two runs or more" in capsys.readouterr().err
    assert cli.main(["compare", first.id, other.id]) == 2
    assert "no seed in common" in capsys.readouterr().err
