"""`memlab suspects DATA` by real workers: list, JSON and CSV, and bad input in a sentence."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import numpy as np
import pytest

import memlab as library
from memlab.cli import main as cli
from memlab.errors import InvalidDataset
from memlab.library import suspecting

N, CLASSES = 120, 3
WRONG = [0, 41, 82]
QUICK = ("--networks", "8", "--set", "stop.epochs=8", "--device", "cpu")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        found = tmp_path_factory.mktemp("home")
        patch.setenv("MEMLAB_HOME", str(found))
        patch.setenv("OMP_NUM_THREADS", "1")
        patch.setenv("COLUMNS", "120")
        yield found


def arrays() -> tuple[np.ndarray, np.ndarray]:
    """Pictures of 4×4 with a bright row a class; three labels wrong; row 7 and 8 are equal."""
    generator = np.random.default_rng(0)
    y = np.arange(N) % CLASSES
    x = generator.integers(0, 60, (N, 4, 4)).astype(np.uint8)
    for row, label in enumerate(y):
        x[row, label] += 180
    y[WRONG] = (y[WRONG] + 1) % CLASSES
    x[8] = x[7]
    return x, y


@pytest.fixture(scope="module")
def photos(home: Path) -> Path:
    x, y = arrays()
    path = home / "photos.npz"
    np.savez(path, x=x, y=np.array(["ant", "bee", "cow"])[y])
    return path


@pytest.fixture(scope="module")
def judged(home: Path, photos: Path) -> dict[str, object]:
    """What `--json` prints, once the committee has been trained; an estimate comes before."""
    out, err = StringIO(), StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = cli.main(
            ["suspects", str(photos), "--json", "--export", str(home / "all.csv"), *QUICK]
        )
    assert code == 0
    estimate = err.getvalue().partition("has started")[0]
    assert "120 examples of 3 classes: 8 networks, each on its own 70 %" in estimate
    assert "on disk" in estimate
    found: dict[str, object] = json.loads(out.getvalue())
    return found


def test_wrong_labels_are_listed_with_names_counts_and_matrix(judged) -> None:
    listed = {row["index"]: row for row in judged["suspects"]}
    assert set(WRONG) <= set(listed)
    first = listed[0]
    assert (first["given_label"], first["suggested_label"]) == ("bee", "ant")
    assert judged["issues"] == len(listed)
    assert judged["wrong"]["low"] <= 3 + 1 <= judged["wrong"]["high"] + 3
    assert np.array(judged["matrix"]).shape == (CLASSES, CLASSES)
    assert judged["class_names"] == ["ant", "bee", "cow"]
    assert {"first": 7, "second": 8, "exact": True} in judged["twins"]


def test_the_export_ranks_every_example(home, judged) -> None:
    rows = list(csv.DictReader((home / "all.csv").open()))
    assert sorted(int(row["index"]) for row in rows) == list(range(N))
    assert {int(row["index"]) for row in rows[:3]} <= {*WRONG, 7, 8}
    quality = [float(row["label_quality"]) for row in rows]
    assert quality == sorted(quality)
    assert {"given_label", "suggested_label", "is_label_issue", "rank"} <= set(rows[0])


def test_the_run_is_shown_again_without_training(home, judged, capsys) -> None:
    assert cli.main(["suspects", str(judged["run"]), "--top", "4"]) == 0
    told = capsys.readouterr().out
    assert "bee" in told
    assert "held for wrong" in told
    assert "near-duplicates with different labels: rows 7 and 8 (equal)" in told
    assert f"memlab suspects {judged['run']} --review" in told
    assert f"memlab suspects {judged['run']} --apply" in told
    found = library.load(str(judged["run"])).suspects()
    assert len(found) == N
    assert set(found["index"][:3].tolist()) <= {*WRONG, 7, 8}


def test_arrays_give_columns_in_their_own_order(home) -> None:
    x, y = arrays()
    labels = np.array([10, 20, 35])[y]
    found = library.suspects(x, labels, networks=8)
    assert found["index"].tolist() == list(range(N))
    assert found["given_label"].tolist() == labels.tolist()
    assert set(found["label_quality"].argsort()[:3].tolist()) <= {*WRONG, 7, 8}
    assert found["suggested_label"][0] == 10
    assert found["is_label_issue"].dtype == bool


def few(counts: list[int]) -> tuple[np.ndarray, np.ndarray]:
    y = np.repeat(np.arange(len(counts)), counts)
    return np.random.default_rng(0).standard_normal((len(y), 4)) + 5 * np.eye(4)[y], y


def test_clean_labels_and_a_class_of_two_get_a_plain_sentence_each(home, capsys) -> None:
    x, y = few([40, 40, 2])
    np.savez(home / "clean.npz", x=x, y=y)
    assert cli.main(["suspects", str(home / "clean.npz"), *QUICK]) == 0
    out = capsys.readouterr().out
    assert "Nothing to find" in out
    assert "Class '2' has 2 examples: too few to be judged" in out


BAD = {
    "nan": (lambda x, y: (np.where(np.arange(len(x))[:, None] == 7, np.nan, x), y), "NaN in row 7"),
    "two": (lambda x, y: (x[:2], y[:2]), "x has 2 examples; 10 are the least"),
    "one class": (lambda x, y: (x, y * 0), "one class only"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_data_get_one_sentence_and_nothing_is_trained(home, capsys, case) -> None:
    change, words = BAD[case]
    x, y = change(*few([20, 20]))
    np.savez(home / "bad.npz", x=x, y=y)
    before = len(library.list_runs())
    assert cli.main(["suspects", str(home / "bad.npz")]) == 2
    told = capsys.readouterr().err
    assert words in told
    assert told.count("\n") == 1
    assert len(library.list_runs()) == before
    with pytest.raises(InvalidDataset, match=words):
        library.suspects(x, y)


def test_labels_saved_as_objects_are_refused_with_what_to_do_instead(home, capsys) -> None:
    x, y = few([20, 20])
    np.savez(home / "objects.npz", x=x, y=np.array(["ant", "bee"], object)[y])
    assert cli.main(["suspects", str(home / "objects.npz")]) == 2
    told = capsys.readouterr().err
    assert "save numbers, or labels as texts: y.astype(str)" in told
    assert told.count("\n") == 1


def test_of_a_million_examples_it_is_said_what_will_be_trained_and_of_more_that_they_are_too_many(
    home, monkeypatch
) -> None:
    generator = np.random.default_rng(0)
    x, y = (
        generator.standard_normal((1_000_000, 3), np.float32),
        generator.integers(0, 2, 1_000_000),
    )
    np.savez(home / "many.npz", x=x, y=y)
    asked = suspecting.asked(str(home / "many.npz"))
    assert asked.networks == suspecting.FEWEST_NETWORKS
    cost = suspecting.price(asked)
    assert cost is not None
    assert cost.examples == pytest.approx(10 * 700_000 * asked.experiment.stop.epochs, rel=0.01)
    monkeypatch.setattr(suspecting, "MOST_EXAMPLES", 999_999)
    with pytest.raises(suspecting.InvalidExperiment, match="judges 999,999 at most"):
        suspecting.asked(str(home / "many.npz"))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["notes.txt"], "reads .npz, .csv and folders of pictures"),
        (["photos.npz", "--networks", "2"], "--networks 2: 4 at least"),
        (["photos.npz", "--member", "3"], "--member is for a run with a ledger"),
        (["photos.npz", "--set", "dataset.subset=1.0"], "A committee needs"),
        (["none.npz"], "There is no file"),
        (["photos.npz", "--model", "mpl"], "mlp"),
    ],
)
def test_what_cannot_be_asked_is_refused(home, photos, monkeypatch, capsys, words, told) -> None:
    monkeypatch.chdir(home)
    (home / "notes.txt").write_text("x")
    assert cli.main(["suspects", *words]) == 2
    assert told in capsys.readouterr().err
