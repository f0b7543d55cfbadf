"""Replicates: a split for each seed, and data made anew for each split."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np
import pytest

from memlab.data.registry import load
from memlab.data.signals import drawn, signals
from memlab.data.split import split
from memlab.experiment.grid import members
from memlab.experiment.material_spec import DatasetSpec
from memlab.experiment.reading import experiment
from memlab.worker.material import Material

mnist1d = pytest.importorskip("mnist1d.data")


def fresh(name: str, seed: int, **sizes: int) -> DatasetSpec:
    return DatasetSpec(name=name, fresh=True, split_seed=seed, **sizes)


def test_signals_made_together_are_those_that_the_package_makes_one_by_one(monkeypatch):
    arguments = mnist1d.get_dataset_args(as_dict=True)
    templates = mnist1d.get_templates()
    draws = drawn(np.random.default_rng(0), 30, arguments)
    mine = signals(templates["x"][np.arange(30) % 10], draws, arguments)
    low, high = arguments["padding"]

    class Told:
        """The package's generator, telling it the numbers that were drawn."""

        def __init__(self, row: int) -> None:
            steps = (draws.padding[row] - low + 0.5) / (high - low + 1)
            self._uniform: Iterator[float] = iter([steps, draws.scale[row], draws.shear[row]])
            self._normal = iter([draws.correlated[row], draws.independent[row]])
            self._shift = draws.shift[row]

        def rand(self) -> float:
            return next(self._uniform)

        def randn(self, *shape: int) -> np.ndarray:
            return next(self._normal)

        def choice(self, most: int) -> int:
            return int(self._shift)

    theirs = []
    module = sys.modules["mnist1d.transform"]
    for row in range(30):
        monkeypatch.setattr(module.np, "random", Told(row))
        settings = mnist1d.get_dataset_args()
        theirs.append(module.transform(templates["x"][row % 10], templates["t"], settings)[0])
    np.testing.assert_allclose(mine, theirs, atol=1e-12)


@pytest.mark.parametrize("name", ["mnist1d", "gaussian"])
def test_fresh_data_are_the_same_for_a_split_and_others_for_another(name: str):
    sizes = {"train": 300, "validation": 100, "test": 200}
    one, again, other = (load(fresh(name, seed, **sizes)) for seed in (7, 7, 8))
    assert np.array_equal(one.x, again.x)
    assert not np.isin(one.x[:, 0], other.x[:, 0]).any()
    made = split(one, fresh(name, 7, **sizes))
    assert [len(part.y) for part in (made.train, made.validation, made.test)] == [300, 100, 200]
    assert np.bincount(made.train.y, minlength=10).min() >= 25
    published = [load(DatasetSpec(name=name, split_seed=seed)) for seed in (7, 8)]
    assert np.array_equal(published[0].x, published[1].x)


def test_as_many_fresh_signals_are_made_as_are_asked_for():
    made = load(fresh("mnist1d", 3, train=5000, validation=1000, test=4000))
    assert (len(made.y), len(made.test_y)) == (6000, 4000)
    published = load(DatasetSpec(name="mnist1d"))
    for label in range(10):  # the same law: class means agree to what 600 signals allow
        own, theirs = made.x[made.y == label], published.x[published.y == label]
        error = np.sqrt(own.var(0) / len(own) + theirs.var(0) / len(theirs))
        assert np.abs((own.mean(0) - theirs.mean(0)) / error).max() < 5


def test_each_member_has_the_split_of_its_own_seed():
    made = experiment(
        {"dataset": {"split_per_seed": True}, "seeds": [200, 7], "axes": {"model.width": [4, 8]}},
        "test",
    )
    assert [m.experiment.dataset.split_seed for m in members(made)] == [200, 7, 200, 7]
    assert [m.experiment.corruption_seed(m.seed) for m in members(made)] == [200, 7, 200, 7]
    shared = made.model_copy(
        update={"corruption": made.corruption.model_copy(update={"shared": 1})}
    )
    assert shared.corruption_seed(7) == 7
    plain = experiment({"seeds": [200, 7]}, "test")
    assert {m.experiment.dataset.split_seed for m in members(plain)} == {0}


def test_a_runs_splits_of_a_drawn_set_have_their_own_draws():
    """Where a set is drawn by the split's seed, one split's examples do not serve the next."""
    made = experiment(
        {
            "dataset": {"name": "parity", "train": 50, "test": 10, "split_per_seed": True},
            "seeds": [7, 8],
        },
        "test",
    )
    material = Material((), lambda done, whole: None)
    first, second = (material.splits(member).train for member in members(made))
    assert not np.array_equal(first.x, second.x)
    own = members(made)[1].experiment.dataset
    alone = split(load(own), own).train
    assert np.array_equal(alone.x, second.x)
    assert np.array_equal(alone.y, second.y)
