"""What every dataset and corruption has to keep to, as checks that a third party's tests can call.

Each raises AssertionError with a sentence.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from memlab.data.corruption import Corruption
from memlab.data.dataset import Dataset, Request
from memlab.experiment.keys import key
from memlab.experiment.material_spec import DatasetSpec


def check_dataset(made: Dataset, folders: Sequence[Path] = ()) -> None:
    """Shapes, types, labels and repeatability of what it loads; the data have to be there.

    Raises:
        AssertionError: with what the dataset does not keep to.
    """
    spec = DatasetSpec.model_construct(name=made.name)
    raw, again = (made.load(Request(spec, tuple(folders))) for _ in range(2))
    assert made.where(folders) is not None, f"{made.name} loads, but says that it is not there"
    for x, y, part in ((raw.x, raw.y, "train"), (raw.test_x, raw.test_y, "test")):
        if x is None or y is None:
            alone = x is not None or y is not None
            assert not alone, f"{made.name} has only one of test_x and test_y"
            continue
        what = f"{made.name}, {part}"
        assert x.dtype in (np.uint8, np.float32), f"{what}: x is {x.dtype}, not uint8 or float32"
        assert x.ndim in (2, 4), f"{what}: x has the shape {x.shape}"
        assert len(x) == len(y), f"{what}: {len(x)} examples, {len(y)} labels"
        assert y.dtype == np.int64, f"{what}: y is {y.dtype}, not int64"
        assert y.min() >= 0, f"{what}: a label is {y.min()}"
        assert y.max() < len(raw.class_names), f"{what}: a label is {y.max()}"
        assert np.isfinite(x).all(), f"{what}: x is not finite everywhere"
    same = np.array_equal(raw.x, again.x) and np.array_equal(raw.y, again.y)
    assert same, f"{made.name} is another when it is loaded again"
    if made.classes is not None:
        assert made.classes == raw.classes, f"{made.name} has {raw.classes} classes"
    told = (made.examples, made.test_examples)
    there = (len(raw.y), None if raw.test_y is None else len(raw.test_y))
    for said, found in zip(told, there, strict=True):
        assert said is None or said == found, f"{made.name} has {found} examples, not {said}"
    if made.shape is not None:
        assert made.shape == raw.shape, f"{made.name} has examples of the shape {raw.shape}"


def check_corruption(made: Corruption, classes: int = 7, examples: int = 200) -> None:
    """Shapes, ranges and repeatability on invented data.

    Raises:
        AssertionError: with what the corruption does not keep to.
    """
    one = (made.labels is None) != (made.inputs is None)
    assert one, f"{made.name} must corrupt either labels or inputs"
    draws = key(0, "contract")
    y = draws.integers(0, classes, examples)
    x = draws.random((examples, 3, 6, 6), dtype=np.float32)
    if made.labels is not None:
        first, second = (made.labels(y.copy(), classes, key(1, "labels")) for _ in range(2))
        assert np.shape(first) == y.shape, f"{made.name} gives labels of shape {np.shape(first)}"
        assert first.min() >= 0, f"{made.name} gives the label {first.min()}"
        assert first.max() < classes, f"{made.name} gives the label {first.max()}"
        assert np.array_equal(first, second), f"{made.name} draws from something unkeyed"
    if made.inputs is not None:
        before = x.copy()
        made_x, again = (made.inputs(x, x, True, 1, "train") for _ in range(2))
        assert made_x.shape == x.shape, f"{made.name} gives inputs of shape {made_x.shape}"
        assert made_x.dtype == np.float32, f"{made.name} gives {made_x.dtype} inputs"
        assert np.isfinite(made_x).all(), f"{made.name} gives inputs that are not finite"
        assert np.array_equal(made_x, again), f"{made.name} draws from something unkeyed"
        assert np.array_equal(x, before), f"{made.name} changes the data that it is given"
        other = made.inputs(x, x, True, 2, "train")
        assert not np.array_equal(made_x, other), f"{made.name} is the same for every seed"
