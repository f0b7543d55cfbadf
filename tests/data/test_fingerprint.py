"""The fingerprint of the data that a run trains on."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memlab.data.fingerprint import fingerprint
from memlab.data.registry import load
from memlab.data.split import Part, Splits, split
from memlab.experiment.material_spec import DatasetSpec

PARTS = ("train", "validation", "test")


def made(seed: int = 0, count: int = 7, shape: tuple[int, ...] = (2, 3, 4)) -> Splits:
    draws = np.random.default_rng(seed)

    def part(n: int) -> Part:
        x = draws.random((n, *shape), dtype=np.float32)
        return Part(x, draws.integers(0, 3, n), draws.permutation(n))

    return Splits(part(count), part(4), part(3), 3, (2, 3, 4), ("a", "b", "c"))


def with_array(splits: Splits, part: str, name: str, array: np.ndarray) -> Splits:
    return replace(splits, **{part: replace(getattr(splits, part), **{name: array})})


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from(PARTS),
    st.sampled_from(("x", "y", "index")),
    st.integers(0, 10**6),
    st.sampled_from(("value", "order", "shape", "type", "length")),
)
def test_any_change_of_value_order_shape_or_type_changes_it(part, name, place, how):
    splits = made()
    old = getattr(getattr(splits, part), name)
    new = old.copy()
    if how == "value":
        new.flat[place % new.size] += 1
    elif how == "order":
        new = np.roll(new, 1 + place % (len(new) - 1), axis=0)
    elif how == "shape":
        new = new.reshape(1, *new.shape)
    elif how == "type":
        new = new.astype(np.float64 if name == "x" else np.int32)
    else:
        new = new[:-1]
    same = new.dtype == old.dtype and np.array_equal(new, old)
    assert (fingerprint(with_array(splits, part, name, new)) == fingerprint(splits)) == same


@settings(deadline=None, max_examples=20)
@given(st.sampled_from(PARTS), st.sampled_from(("fortran", "big-endian", "view", "reversed view")))
def test_how_the_array_lies_in_memory_does_not_change_it(part, how):
    splits = made()
    x = getattr(splits, part).x
    lying = {
        "fortran": np.asfortranarray(x),
        "big-endian": x.astype(">f4"),
        "view": np.repeat(x, 2, axis=0)[::2],
        "reversed view": x[::-1].copy()[::-1],
    }[how]
    assert fingerprint(with_array(splits, part, "x", lying)) == fingerprint(splits)


def test_large_arrays_are_read_piece_by_piece_with_the_same_result(monkeypatch):
    whole = fingerprint(made())
    monkeypatch.setattr("memlab.data.fingerprint.PIECE_BYTES", 100)
    assert fingerprint(made()) == whole


def test_classes_threshold_samples_and_the_shape_of_pictures_count_but_names_do_not():
    splits = made()
    fake = np.zeros(7, dtype=bool)
    others = [
        replace(splits, classes=4),
        replace(splits, image_shape=None),
        replace(splits, fake=fake),
        replace(splits, fake=~fake),
    ]
    assert len({fingerprint(other) for other in (splits, *others)}) == 5
    assert fingerprint(replace(splits, class_names=("x", "y", "z"))) == fingerprint(splits)


def test_a_replaced_file_is_another_dataset(tmp_path):
    path = tmp_path / "mine.npz"
    spec = DatasetSpec(name=f"npz:{path}")
    x, y = np.arange(240, dtype=np.float32).reshape(40, 6), np.arange(40) % 4
    np.savez(path, x=x, y=y)
    first = fingerprint(split(load(spec), spec))
    np.savez_compressed(path, x=np.asfortranarray(x), y=y)
    assert fingerprint(split(load(spec), spec)) == first
    x[17, 3] += 1
    np.savez(path, x=x, y=y)
    assert fingerprint(split(load(spec), spec)) != first


@pytest.mark.parametrize("count", [0, 1])
def test_empty_parts_have_one_too(count):
    assert len(fingerprint(made(count=count))) == 32


def test_it_reads_half_a_gigabyte_a_second():
    big = np.ones((40_000, 784), dtype=np.float32)
    splits = with_array(made(), "train", "x", big)
    fastest = 0.0
    for _ in range(5):  # the best of five, so that a busy machine does not matter
        started = time.perf_counter()
        fingerprint(splits)
        fastest = max(fastest, big.nbytes / (time.perf_counter() - started))
    assert fastest > 100e6  # 500 MB/s on an idle machine; a fifth is left to busy ones
