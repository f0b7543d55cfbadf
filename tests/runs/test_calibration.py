"""What was measured comes back, for this machine alone; a strange file is as if there was none."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from memlab.experiment.architecture import resolve
from memlab.experiment.material_spec import ModelSpec
from memlab.experiment.speeds import Measured, Shape
from memlab.runs import calibration
from memlab.runs.calibration import MOST_ENTRIES, Machine, load, note

HERE = Machine("EPYC", 2, "cpu", "2.15")


def measured(width: int = 64, seconds: float = 0.001, **changes: object) -> Measured:
    shape = Shape(resolve(ModelSpec(name="mlp", width=width)), None, 64, 10, 32)
    made: dict[str, object] = {"members": 1, "threads": 2, "processes": 1} | changes
    return Measured(shape, update_seconds=seconds, example_seconds=1e-6, **made)  # type: ignore[arg-type]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "calibration.json"


def test_what_is_noted_is_loaded(path: Path) -> None:
    image = Shape(resolve(ModelSpec(name="cnn")), (3, 32, 32), 3072, 10, 8, extra="augmentation")
    entries = (measured(), Measured(image, 1, 1, 2, 0.5, None, "run"))
    note(entries, HERE, path)
    assert load(HERE, path).measured == entries
    assert load(HERE, path).cores == 2


def test_each_machine_has_its_own(path: Path) -> None:
    note([measured()], HERE, path)
    other = Machine("EPYC", 4, "cpu", "2.15")
    assert load(other, path).measured == ()
    note([measured(seconds=0.5)], other, path)
    assert load(HERE, path).measured == (measured(),)
    assert load(other, path).measured == (measured(seconds=0.5),)


def test_a_new_figure_takes_the_place_of_the_old_one(path: Path) -> None:
    note([measured(), measured(128)], HERE, path)
    note([measured(seconds=0.002), measured(threads=1)], HERE, path)
    expected = (measured(128), measured(seconds=0.002), measured(threads=1))
    assert load(HERE, path).measured == expected


def test_the_store_is_bounded(path: Path) -> None:
    note([measured(width) for width in range(1, MOST_ENTRIES + 50)], HERE, path)
    kept = load(HERE, path).measured
    assert len(kept) == MOST_ENTRIES
    assert kept[-1] == measured(MOST_ENTRIES + 49)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"schema": 2, "machines": []}',
        '{"schema": 1, "machines": {}}',
        "[" * 99,
    ],
)
def test_a_damaged_or_foreign_file_is_as_none_and_is_written_over(path: Path, text: str) -> None:
    path.parent.mkdir()
    path.write_text(text)
    assert load(HERE, path).measured == ()
    note([measured()], HERE, path)
    assert load(HERE, path).measured == (measured(),)


def test_no_store_a_pipe_and_a_folder_are_as_none(path: Path) -> None:
    assert load(HERE, path).measured == ()
    path.parent.mkdir()
    os.mkfifo(path)
    assert load(HERE, path).measured == ()
    path.unlink()
    path.mkdir()
    assert load(HERE, path).measured == ()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("members", 0),
        ("threads", True),
        ("processes", "1"),
        ("features", -1),
        ("batch_size", 1e9),
        ("classes", 1),
        ("model", {"name": "perceptron"}),
        ("model", []),
        ("image", [1, 2]),
        ("optimizer", "x" * 300),
        ("extra", None),
    ],
)
def test_an_entry_that_makes_no_sense_is_left_out(path: Path, name: str, value: object) -> None:
    note([measured(), measured(128)], HERE, path)
    document = json.loads(path.read_text())
    document["machines"][0]["measured"][0][name] = value
    path.write_text(json.dumps(document))
    assert load(HERE, path).measured == (measured(128),)


@pytest.mark.parametrize("value", [0, -1, 1e300, "fast", None, float("nan")])
def test_seconds_out_of_bounds_are_not_measured(path: Path, value: object) -> None:
    note([measured()], HERE, path)
    document = json.loads(path.read_text())
    document["machines"][0]["measured"][0]["update_seconds"] = value
    path.write_text(json.dumps(document))
    (found,) = load(HERE, path).measured
    assert found.update_seconds is None
    assert found.example_seconds == 1e-6


def test_the_store_is_in_the_users_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MEMLAB_HOME", str(tmp_path))
    note([measured()], calibration.this_machine())
    assert (tmp_path / "calibration.json").is_file()
    assert calibration.load_kind("cpu").measured == (measured(),)
    assert calibration.load_kind("cuda").measured == ()
    note([measured(256)], calibration.this_machine("NVIDIA H100"))
    assert calibration.load_kind("cuda").measured == (measured(256),)
