"""Digits, gaussian and mnist1d: how many, what they hold, the same each time; their thumbnails."""

from __future__ import annotations

import importlib.util
import random
import subprocess
import sys

import numpy as np
import pytest

from memlab.data import mnist1d as mnist1d_file
from memlab.data.registry import find, listing, load, verify
from memlab.data.split import Splits, split
from memlab.data.thumbnails import thumbnails
from memlab.errors import DatasetUnavailable, InvalidExperiment
from memlab.experiment.datasets import NAMES as DATASETS
from memlab.experiment.material_spec import DatasetSpec

HAS_MNIST1D = importlib.util.find_spec("mnist1d") is not None


def parts(spec: DatasetSpec) -> list[int]:
    return sizes(split(load(spec), spec))


def sizes(found: Splits) -> list[int]:
    return [len(part.y) for part in (found.train, found.validation, found.test)]


def test_digits_are_scikit_learns():
    from sklearn.datasets import load_digits

    bunch, found = load_digits(), load(DatasetSpec(name="digits"))
    np.testing.assert_array_equal(found.x[:, 0], bunch.images)
    np.testing.assert_array_equal(found.y, bunch.target)
    assert found.shape == find("digits").shape == (1, 8, 8)
    assert len(found.y) == find("digits").examples == 1797
    assert parts(DatasetSpec(name="digits")) == [1000, 400, 397]


def test_digits_are_read_without_importing_scikit_learn_or_torch():
    code = (
        "import sys; from memlab.data.registry import load; from memlab.data.split import split;"
        "from memlab.experiment.spec import DatasetSpec; s = DatasetSpec(); split(load(s), s);"
        "bad = [m for m in ('torch', 'torchvision', 'sklearn', 'scipy') if m in sys.modules];"
        "sys.exit(f'imported {bad}' if bad else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_gaussian_has_no_signal_and_as_many_examples_as_asked_for():
    spec = DatasetSpec(name="gaussian", train=3000, validation=500, test=500)
    found = load(spec)
    assert found.x.shape == (4000, 64)
    assert (np.bincount(found.y) == 400).all()
    assert abs(found.x.mean()) < 0.01
    assert abs(found.x.std() - 1) < 0.01
    means = np.stack([found.x[found.y == label].mean(0) for label in range(10)])
    # 640 class means of 400 standard normals each
    assert abs(means.std() * np.sqrt(400) - 1) < 0.15
    assert parts(spec) == [3000, 500, 500]
    assert parts(DatasetSpec(name="gaussian")) == [1000, 400, 400]
    again = load(spec)
    np.testing.assert_array_equal(again.x, found.x)
    np.testing.assert_array_equal(again.y, found.y)


def test_gaussian_is_bounded():
    with pytest.raises(InvalidExperiment, match="at most 1,000,000"):
        load(DatasetSpec(name="gaussian", train=10**9))
    assert parts(DatasetSpec(name="gaussian", train=1, validation=1, test=1)) == [1, 1, 1]


@pytest.mark.skipif(not HAS_MNIST1D, reason="mnist1d is not installed")
def test_mnist1d_is_the_packages_own_and_leaves_the_generators_alone(monkeypatch):
    from mnist1d import data

    made = []
    make = data.make_dataset
    monkeypatch.setattr(data, "make_dataset", lambda args: made.append(make(args)) or made[0])
    random.seed(5)
    np.random.seed(5)
    found = load(DatasetSpec(name="mnist1d"))
    drawn = random.random(), np.random.random()
    random.seed(5)
    np.random.seed(5)
    assert drawn == (random.random(), np.random.random())
    np.testing.assert_array_equal(found.x, made[0]["x"].astype(np.float32))
    np.testing.assert_array_equal(found.test_y, made[0]["y_test"])
    assert (found.x.shape, found.test_x.shape) == ((4000, 40), (1000, 40))
    assert sizes(split(found, DatasetSpec(name="mnist1d"))) == [3600, 400, 1000]


def test_without_its_package_mnist1d_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr(mnist1d_file.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DatasetUnavailable, match="pip install mnist1d"):
        load(DatasetSpec(name="mnist1d"))
    assert {row["name"]: row["found"] for row in listing()}["mnist1d"] is False


def test_every_named_dataset_is_declared_and_listed():
    rows = {row["name"]: row for row in listing()}
    assert list(rows)[: len(DATASETS)] == list(DATASETS)
    assert set(rows) == {*DATASETS, "npz:PATH", "folder:PATH", "csv:PATH"}
    assert rows["digits"]["default"] == [1000, 400, 397]
    assert rows["npz:PATH"]["where"] == "where PATH says"


def test_a_misspelt_dataset_is_refused_with_the_nearest():
    with pytest.raises(InvalidExperiment, match="did you mean 'fashion-mnist'"):
        find("fashion-minst")
    with pytest.raises(InvalidExperiment, match=r"no dataset '\.\./digits'"):
        find("../digits")
    with pytest.raises(InvalidExperiment):
        verify("")


def test_thumbnails_are_bytes_from_darkest_to_brightest():
    x = np.linspace(-3, 5, 20 * 64).reshape(20, 1, 8, 8).astype(np.float32)
    found = thumbnails(x, (1, 8, 8))
    assert (found.shape, found.dtype) == ((20, 8, 8), np.uint8)
    assert (found.min(), found.max()) == (0, 255)
    assert (np.diff(found.ravel().astype(int)) >= 0).all()


def test_thumbnails_average_colours_and_blocks():
    x = np.zeros((2, 3, 56, 84), np.float32)
    x[1, :, :28, :42] = 1
    x[1, 0, :28, 42:] = 1.5
    found = thumbnails(x, (3, 56, 84))
    assert found.shape == (2, 28, 28)
    assert (found[0] == 0).all()
    assert (found[1, :14, :14] == 255).all()
    assert (found[1, :14, 14:] == 127).all()
    assert (found[1, 14:] == 0).all()


def test_thumbnails_of_blocks_of_unequal_size_are_their_means():
    x = np.zeros((1, 1, 4, 42), np.float32)
    x[..., 1] = 1  # columns 1 and 2 fall together: 42 columns become 28 by 1, 2, 1, 2, …
    x[..., 3] = 1
    found = thumbnails(np.concatenate([x, 2 * x]), (1, 4, 42))
    assert found.shape == (2, 4, 28)
    np.testing.assert_array_equal(found[0, 0, :4], [0, 63, 127, 0])


def test_what_is_no_image_becomes_a_strip_and_what_is_even_no_error():
    strip = thumbnails(np.tile(np.arange(40.0, dtype=np.float32), (5, 1)), None)
    assert strip.shape == (5, 4, 28)
    assert (strip == strip[:, :1]).all()
    assert (thumbnails(np.ones((3, 1, 4, 4), np.float32), (1, 4, 4)) == 0).all()
