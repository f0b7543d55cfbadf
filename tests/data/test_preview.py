"""The preview process and the checks before a run, as the app and the command line use them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from memlab.data import mnist1d, preflight
from memlab.data.corruption import corrupt
from memlab.data.registry import load
from memlab.data.split import split
from memlab.errors import DatasetUnavailable, InvalidDataset, InvalidExperiment
from memlab.experiment import reading
from tests.data.conftest import write_idx_set
from tests.patience import SECONDS

Ask = Callable[[object], dict[str, Any]]


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[subprocess.Popen[bytes]]:
    home = tmp_path_factory.mktemp("home")
    made = subprocess.Popen(
        [sys.executable, "-m", "memlab.data.preview"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "MEMLAB_HOME": str(home), "OMP_NUM_THREADS": "1"},
    )
    yield made
    assert made.stdin is not None
    made.stdin.close()
    assert made.wait(SECONDS) == 0


@pytest.fixture
def ask(process: subprocess.Popen[bytes]) -> Ask:
    """Sends a line (an object becomes JSON) and answers the line that comes back."""

    def asked(request: object) -> dict[str, Any]:
        line = request if isinstance(request, bytes) else json.dumps(request).encode()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(line + b"\n")
        process.stdin.flush()
        answer = json.loads(process.stdout.readline())
        assert isinstance(answer, dict)
        return answer

    return asked


def tree(**sections: object) -> dict[str, object]:
    return {"corruption": {"kind": "labels", "fraction": 0.5}, "seeds": 1, **sections}


def test_a_preview_shows_what_training_will_see(ask: Ask):
    answer = ask({"id": 7, "experiment": tree(), "count": 12})
    made = reading.experiment(tree(), "test")
    splits = split(load(made.dataset), made.dataset)
    found = corrupt(splits, made.corruption, made.seed_list[0])
    assert answer["id"] == 7
    assert answer["sizes"] == [1000, 400, 397]
    assert (answer["classes"], answer["features"]) == (10, 64)
    assert answer["image_shape"] == [1, 8, 8]
    assert answer["drawn"] == 0.5
    assert answer["changed"] == pytest.approx(found.corrupted.mean())
    drawn, clean = np.flatnonzero(found.drawn)[:6], np.flatnonzero(~found.drawn)[:6]
    rows = np.sort(np.concatenate([drawn, clean]))
    for row, example in zip(rows, answer["examples"], strict=True):
        assert example["given"] == str(found.train_given[row])
        assert example["true"] == str(found.train_true[row])
        assert example["drawn"] == bool(found.drawn[row])
        assert example["corrupted"] == (example["given"] != example["true"])
        assert np.array(example["pixels"]).shape == (8, 8)


def test_an_axis_is_shown_at_its_middle_value(ask: Ask):
    experiment = tree(axes={"corruption.fraction": [0.0, 0.3, 1.0]})
    assert ask({"id": 1, "experiment": experiment})["drawn"] == 0.3


@pytest.mark.parametrize(
    ("fraction", "count", "drawn"), [(0.0, 10, 0), (1.0, 10, 10), (0.5, 1, 0), (0.001, 6, 1)]
)
def test_as_many_examples_as_asked_are_shown_whatever_the_share(ask: Ask, fraction, count, drawn):
    experiment = tree(corruption={"kind": "inputs", "fraction": fraction})
    answer = ask({"id": 1, "experiment": experiment, "count": count})
    assert len(answer["examples"]) == count
    assert sum(example["drawn"] for example in answer["examples"]) == drawn


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"5", "an object with an"),
        (b"[1]", "an object with an"),
        (b"null", "an object with an"),
        ({"id": 1}, "an object with an"),
        ({"id": 1, "experiment": "digits"}, "an object with an"),
        ({"id": 1, "experiment": {}, "count": "ten"}, "whole number"),
        ({"id": 1, "experiment": {}, "count": 1.5}, "whole number"),
        ({"id": 1, "experiment": {}, "folders": "/data"}, "list of folders"),
        ({"id": 1, "experiment": {"dataset": {"name": "digts"}}}, "did you mean 'digits'"),
        ({"id": 1, "experiment": {"dataset": {"name": "npz:/no/where.npz"}}}, "There is no file"),
        ({"id": 1, "experiment": {"dataset": {"name": "mnist"}}}, "MNIST is not on disk"),
        ({"id": 1, "experiment": {"dataset": {"train": 5000}}}, "more than digits has"),
        ({"id": 1, "experiment": {"optimizer": {"batch_size": 1001}}}, "larger than the 1000"),
        ({"id": 1, "experiment": {"dataset": {"crop": 9}}}, "does not fit"),
    ],
)
def test_bad_input_is_answered_and_the_process_goes_on(ask: Ask, request_, words):
    answer = ask(request_)
    assert set(answer) == {"id", "error"}
    assert words in answer["error"]
    assert "Error" not in answer["error"]
    if isinstance(request_, dict):
        assert answer["id"] == 1
    assert "examples" in ask({"id": 2, "experiment": tree()})


def test_folders_of_the_request_are_looked_in(ask: Ask, tmp_path: Path):
    write_idx_set(tmp_path / "MNIST" / "raw", train=60, test=30)
    experiment = tree(
        dataset={"name": "mnist", "train": 40, "validation": 20}, optimizer={"batch_size": 8}
    )
    answer = ask({"id": 1, "experiment": experiment, "folders": [str(tmp_path)]})
    assert answer["sizes"] == [40, 20, 30]


def test_a_file_that_changed_is_read_again(ask: Ask, tmp_path: Path):
    path = tmp_path / "mine.npz"
    experiment = tree(dataset={"name": f"npz:{path}"}, optimizer={"batch_size": 4})
    for count in (30, 60):
        np.savez(path, x=np.random.default_rng(0).random((count, 5)), y=np.arange(count) % 3)
        assert sum(ask({"id": 1, "experiment": experiment})["sizes"]) == count


def test_the_preview_process_never_loads_torch(ask: Ask, process: subprocess.Popen[bytes]):
    ask({"id": 1, "experiment": tree()})
    maps = Path(f"/proc/{process.pid}/maps")
    if not maps.exists():
        pytest.skip("no /proc here")
    assert "torch" not in maps.read_text()


def check(*settings: str, folders: tuple[Path, ...] = ()) -> None:
    preflight.check(reading.experiment({}, "test", settings), folders)


def test_a_sound_experiment_passes():
    check("corruption.fraction=0,0.5", "optimizer.batch_size=1000")


def test_a_batch_larger_than_the_data_is_refused_with_how_many_there_are():
    with pytest.raises(
        InvalidExperiment, match="batch_size = 1001 is larger than the 1000 training"
    ):
        check("optimizer.batch_size=1001")
    with pytest.raises(InvalidExperiment, match="batch_size = 64 is larger than the 50 training"):
        check("optimizer.batch_size=64", "dataset.train=100,50")


def test_a_model_that_cannot_take_the_data_is_refused():
    with pytest.raises(InvalidExperiment, match="'cnn' needs images"):
        check("dataset.name=gaussian", "model.name=cnn")
    with pytest.raises(InvalidExperiment, match="3×3"):
        check("dataset.crop=3", "model.name=resnet20")


def test_every_value_of_an_axis_is_checked():
    with pytest.raises(InvalidExperiment, match="more than digits has"):
        check("dataset.train=200,300,9000")
    with pytest.raises(DatasetUnavailable, match="There is no file"):
        check("dataset.name=digits,npz:/no/where.npz")


def test_data_still_to_be_downloaded_are_trusted_but_damaged_ones_are_not(tmp_path: Path):
    check("dataset.name=mnist", "optimizer.batch_size=64", folders=(tmp_path,))
    folder = write_idx_set(tmp_path / "MNIST" / "raw")
    (folder / "train-labels-idx1-ubyte").write_bytes(b"\0\0\x08\1")
    with pytest.raises(InvalidDataset, match="ends within its header"):
        check("dataset.name=mnist", folders=(tmp_path,))


def test_a_dataset_whose_package_is_missing_is_refused_before_the_run(monkeypatch):
    monkeypatch.setattr(mnist1d.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DatasetUnavailable, match="pip install"):
        check("dataset.name=mnist1d")
