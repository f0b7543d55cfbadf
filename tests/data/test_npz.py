"""npz:PATH: what is read, and how what cannot be trained on is refused."""

from __future__ import annotations

import io
import re
import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from memlab.data.dataset import Raw
from memlab.data.registry import load
from memlab.data.split import split
from memlab.errors import InvalidDataset, MemlabError
from memlab.experiment.material_spec import DatasetSpec

X = np.arange(40 * 6, dtype=np.float64).reshape(40, 6)
Y = np.arange(40) % 4


def read(path: Path | str) -> Raw:
    return load(DatasetSpec(name=f"npz:{path}"))


def saved(tmp_path: Path, **arrays: object) -> Path:
    path = tmp_path / "mine.npz"
    np.savez(path, **arrays)  # type: ignore[arg-type]
    return path


def refusal(path: Path | str) -> str:
    with pytest.raises(MemlabError) as caught:
        read(path)
    assert caught.value.exit_code == 2
    text = str(caught.value)
    assert "\n" not in text
    return text


def with_value(row: int, value: object, array: np.ndarray) -> np.ndarray:
    changed = array.copy()
    changed[row] = value
    return changed


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_arrays_come_back_as_they_were_saved(tmp_path, save):
    path = tmp_path / "mine.npz"
    save(path, x=X, y=Y, x_test=X[:12] + 1, y_test=Y[:12], other=np.array(["any"], dtype=object))
    found = read(path)
    np.testing.assert_array_equal(found.x, X)
    np.testing.assert_array_equal(found.y, Y)
    np.testing.assert_array_equal(found.test_x, X[:12] + 1)
    np.testing.assert_array_equal(found.test_y, Y[:12])
    assert (found.x.dtype, found.y.dtype, found.classes) == (np.float32, np.int64, 4)


@pytest.mark.parametrize(
    ("shape", "becomes"),
    [
        ((40, 7), (7,)),
        ((40, 8, 9), (1, 8, 9)),
        ((40, 3, 8, 9), (3, 8, 9)),
        ((40, 8, 9, 3), (3, 8, 9)),
        ((40, 8, 9, 1), (1, 8, 9)),
    ],
)
@pytest.mark.parametrize("kind", [np.uint8, np.float16, np.int32, np.bool_])
def test_pictures_have_their_channels_first(tmp_path, shape, becomes, kind):
    x = np.random.default_rng(0).integers(0, 2, shape).astype(kind)
    found = read(saved(tmp_path, x=x, y=Y))
    assert found.shape == becomes
    assert found.x.dtype == (np.uint8 if kind is np.uint8 else np.float32)
    if len(shape) == 4 and shape[1] == 8:
        np.testing.assert_array_equal(found.x, np.moveaxis(x, -1, 1))
    else:
        np.testing.assert_array_equal(found.x.ravel(), x.ravel())


@pytest.mark.parametrize("y", [Y.astype(float), Y[:, None], Y.astype(np.uint8), Y % 2 == 0])
def test_whole_numbers_of_any_type_are_labels(tmp_path, y):
    np.testing.assert_array_equal(read(saved(tmp_path, x=X, y=y)).y, y.astype(int).ravel())


BAD = {
    "nan": ({"x": with_value(7, np.nan, X)}, r": x has NaN in row 7;"),
    "two nan": ({"x": with_value([7, 9], np.nan, X)}, r": x has NaN in row 7 \(2 such rows\)"),
    "infinite": ({"x": with_value(3, np.inf, X)}, ": x has an infinite value in row 3"),
    "too large": ({"x": with_value(3, 1e300, X)}, ": x has a value too large for 32 bits in row 3"),
    "strings": ({"x": X.astype(str)}, ": x holds strings, not numbers"),
    "complex": ({"x": X + 1j}, ": x holds complex numbers"),
    "objects": ({"x": X.astype(object)}, r"array 'x' holds Python objects \(a pickle\)"),
    "pickled labels": ({"y": Y.astype(object)}, r"array 'y' holds Python objects \(a pickle\)"),
    "dates": ({"y": Y.astype("M8[D]")}, ": y holds dates"),
    "short": ({"y": Y[:39]}, r": y has shape \(39,\); .* 40 examples"),
    "one-hot": ({"y": np.eye(4)[Y]}, r": y has shape \(40, 4\); it must have one label"),
    "scalar": ({"y": np.array(3)}, r": y has shape \(\)"),
    "negative": ({"y": with_value(5, -1, Y)}, ": y has label -1 in row 5; labels start at 0"),
    "half": ({"y": with_value(5, 1.5, Y.astype(float))}, ": y has 1.5 in row 5"),
    "nan label": ({"y": with_value(5, np.nan, Y.astype(float))}, ": y has nan in row 5"),
    "gap": ({"y": with_value(5, 9, Y)}, "goes up to 9, but no example has label 4"),
    "huge": ({"y": with_value(5, 10**9, Y)}, r"has label 1000000000 in row 5"),
    "one class": ({"y": Y * 0}, "one class only"),
    "rare": ({"y": with_value(5, 4, Y)}, "class '4' has 1 example; each class needs at least 3"),
    "few": ({"x": X[:9], "y": Y[:9]}, "x has 9 examples; 10 are the least"),
    "empty": ({"x": X[:, :0]}, r"x has shape \(40, 0\)"),
    "flat": ({"x": X[:, 0]}, r"x has shape \(40,\)"),
    "no x": ({"x": None}, "has no array 'x': it has y"),
    "no y": ({"y": None}, "has no array 'y': it has x"),
    "half a test set": ({"x_test": X}, "needs both x_test and y_test, or neither"),
    "other test": ({"x_test": X[:, :5], "y_test": Y}, r"x_test has examples of shape \(5,\)"),
    "test label": (
        {"x_test": X, "y_test": with_value(8, 4, Y)},
        "y_test has label 4 in row 8; y has 0 to 3",
    ),
    "test text": (
        {"y": Y.astype(str), "x_test": X, "y_test": np.array([*"0123" * 9, *"012x"])},
        "y_test has label 'x' in row 39, which y never has",
    ),
    "one text": ({"y": np.array(["cat"] * 40)}, "one class only"),
    "test nan": ({"x_test": with_value(2, np.nan, X), "y_test": Y}, "x_test has NaN in row 2"),
}


@pytest.mark.parametrize("kind", [str, bytes])
def test_labels_that_are_texts_are_classes_by_name(tmp_path, kind):
    names = np.array(["dog", "cat", "owl", "ant"])[Y].astype("U" if kind is str else "S")
    raw = load(DatasetSpec(name=f"npz:{saved(tmp_path, x=X, y=names, x_test=X, y_test=names)}"))
    assert raw.class_names == ("ant", "cat", "dog", "owl")
    assert raw.y.tolist() == [(2, 1, 3, 0)[label] for label in Y]
    assert raw.test_y is not None
    assert raw.test_y.tolist() == raw.y.tolist()


@pytest.mark.parametrize("name", BAD)
def test_bad_arrays_are_refused_by_array_and_row(tmp_path, name):
    change, words = BAD[name]
    arrays = {key: value for key, value in {"x": X, "y": Y, **change}.items() if value is not None}
    path = saved(tmp_path, **arrays)
    text = refusal(path)
    assert re.search(words, text), text
    assert str(path) in text


@pytest.mark.parametrize(
    "name",
    [
        "there/is/none.npz",
        "../../nowhere.npz",
        "~nobody-of-this-name/a.npz",
        "a" * 300,
        "nul\0.npz",
        ".",
    ],
)
def test_a_path_without_a_file_is_named(name):
    assert "There is no file" in refusal(name)


def test_files_that_are_no_npz_are_told_apart(tmp_path):
    single = tmp_path / "x.npy"
    np.save(single, X)
    assert "is a single array; save x and y" in refusal(single)
    text = tmp_path / "table.csv"
    text.write_text("1,2,3\n")
    assert "is no npz file" in refusal(text)
    text.write_bytes(b"")
    assert "is no npz file" in refusal(text)
    with zipfile.ZipFile(tmp_path / "words.zip", "w") as archive:
        archive.writestr("x", "no array")
        archive.writestr("y", "no array")
    assert "'x' is no NumPy array" in refusal(tmp_path / "words.zip")


def test_a_pickle_in_the_archive_is_not_run(tmp_path):
    trace = tmp_path / "trace"

    class Evil:
        def __reduce__(self):
            return Path.mkdir, (trace,)

    path = saved(tmp_path, x=X, y=np.array([Evil()] * 40, dtype=object))
    assert "which are not read" in refusal(path)
    assert not trace.exists()


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_damaged_file_is_read_or_refused_in_a_sentence(tmp_path, save):
    stream = io.BytesIO()
    save(stream, x=X[:12].astype(np.uint8), y=Y[:12])
    whole = stream.getvalue()
    path = tmp_path / "mine.npz"
    for length in range(0, len(whole), 11):
        path.write_bytes(whole[:length])
        refusal(path)
    draws = np.random.default_rng(0)
    for place in draws.permutation(len(whole))[:120]:
        path.write_bytes(whole[:place] + bytes((whole[place] ^ 0xFF,)) + whole[place + 1 :])
        with suppress(InvalidDataset):
            read(path)


def test_a_header_that_promises_a_terabyte_is_refused(tmp_path):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f8", "fortran_order": False, "shape": (10**12, 100)}
    )
    with zipfile.ZipFile(tmp_path / "big.npz", "w") as archive:
        archive.writestr("x.npy", header.getvalue())
        archive.writestr("y.npy", header.getvalue())
    assert "array 'x' cannot be read" in refusal(tmp_path / "big.npz")


def test_what_is_read_can_be_split(tmp_path):
    path = saved(tmp_path, x=X, y=Y)
    found = split(read(path), DatasetSpec(name=f"npz:{path}"))
    assert [len(part.y) for part in (found.train, found.validation, found.test)] == [24, 8, 8]
