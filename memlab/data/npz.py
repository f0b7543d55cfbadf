"""npz:PATH: the user's own arrays, read without pickle and checked before anything is trained."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from memlab.data.class_names import named_classes
from memlab.data.data_file import check_memory, exactly, opened
from memlab.data.dataset import Raw, Request, checked_classes, dataset, users_own
from memlab.data.npz_archive import archive, needed
from memlab.errors import DatasetUnavailable, InvalidDataset
from memlab.experiment.datasets import own
from memlab.text import plain

MIN_EXAMPLES = 10
ARRAYS = ("x", "y", "x_test", "y_test")
NPY_MAGIC = b"\x93NUMPY"


@dataset(own("npz:PATH"), where=users_own)
def npz(request: Request) -> Raw:
    """The arrays in the file that the request names."""
    return checked_classes(read_npz(request.path), str(request.path), request.spec.whole)


def read_npz(path: Path) -> Raw:
    """`x` and `y`, and `x_test` and `y_test` where they are there.

    Raises:
        DatasetUnavailable: if there is no such file.
        InvalidDataset: if the arrays are not what training needs; names the array and the row.
    """
    arrays = _arrays(path)
    if ("x_test" in arrays) != ("y_test" in arrays):
        raise InvalidDataset(f"{path} needs both x_test and y_test, or neither.")
    x = inputs(arrays["x"], f"{path}: x")
    y, names = _classes(arrays["y"], len(x), f"{path}: y")
    classes = len(names)
    test_x = test_y = None
    if "x_test" in arrays:
        test_x = inputs(arrays["x_test"], f"{path}: x_test")
        if test_x.shape[1:] != x.shape[1:]:
            raise InvalidDataset(
                f"{path}: x_test has examples of shape {test_x.shape[1:]}, x of {x.shape[1:]}."
            )
        test_y = _of_classes(arrays["y_test"], names, len(test_x), f"{path}: y_test")
        if int(test_y.max()) >= classes:
            row = int(np.argmax(test_y >= classes))
            raise InvalidDataset(
                f"{path}: y_test has label {test_y[row]} in row {row}; y has 0 to {classes - 1}."
            )
    return Raw(path.stem, x, y, test_x, test_y, names)


def _arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays that are there of those that are read; nothing else in the file is looked at."""
    if not os.path.isfile(path):
        raise DatasetUnavailable(f"There is no file {path}; npz:PATH names a NumPy .npz file.")
    with opened(path) as file:
        start = exactly(file, len(NPY_MAGIC), path)
        if start == NPY_MAGIC:
            raise InvalidDataset(f"{path} is a single array; save x and y with numpy.savez.")
        if start[:2] != b"PK":
            raise InvalidDataset(f"{path} is no npz file; save x and y with numpy.savez.")
        with archive(file, path) as stored:
            found = {name: stored.find(name) for name in ARRAYS}
            headers = {name: member for name, member in found.items() if member is not None}
            for name in ("x", "y"):
                if name not in headers:
                    have = ", ".join(stored.names()) or "nothing"
                    raise InvalidDataset(f"{path} has no array {name!r}: it has {have}.")
            check_memory(str(path), sum(needed(member) for member in headers.values()))
            return {name: stored.array(member) for name, member in headers.items()}


def inputs(x: np.ndarray, where: str) -> np.ndarray:
    """Inputs as `[n, features]` or `[n, channels, height, width]`, uint8 or float32, all finite.

    Raises:
        InvalidDataset: naming the array and the row.
    """
    if x.dtype.kind not in "biuf":
        raise InvalidDataset(f"{where} holds {_kind(x)}, not numbers.")
    if x.ndim not in (2, 3, 4) or x.size == 0:
        raise InvalidDataset(
            f"{where} has shape {x.shape}; examples first, then features, height × width, or "
            "height × width with channels."
        )
    if len(x) < MIN_EXAMPLES:
        raise InvalidDataset(f"{where} has {len(x)} examples; {MIN_EXAMPLES} are the least.")
    made = x
    if x.dtype != np.uint8:
        with np.errstate(over="ignore"):
            made = x.astype(np.float32)
        _check_finite(x, made, where)
    if x.ndim == 3:
        made = made[:, None]
    elif x.ndim == 4 and x.shape[-1] in (1, 3, 4) and x.shape[1] not in (1, 3, 4):
        made = np.moveaxis(made, -1, 1)
    return np.ascontiguousarray(made)


def _check_finite(x: np.ndarray, made: np.ndarray, where: str) -> None:
    bad = ~np.isfinite(made).reshape(len(made), -1).all(1)
    if bad.any():
        row = int(np.argmax(bad))
        what = "a value too large for 32 bits"
        if x.dtype.kind == "f" and not np.isfinite(x[row]).all():
            what = "NaN" if np.isnan(x[row]).any() else "an infinite value"
        count = int(bad.sum())
        more = f" ({count} such rows)" if count > 1 else ""
        raise InvalidDataset(f"{where} has {what} in row {row}{more}; all must be finite numbers.")


def labels(y: np.ndarray, count: int, where: str) -> np.ndarray:
    """Labels as int64 `[count]`, integers from 0.

    Raises:
        InvalidDataset: naming the array and the row.
    """
    if y.dtype.kind not in "biuf":
        raise InvalidDataset(f"{where} holds {_kind(y)}; labels are integers from 0.")
    y = y.reshape(len(y), -1)[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
    if y.ndim != 1 or len(y) != count:
        raise InvalidDataset(
            f"{where} has shape {y.shape}; it must have one label for each of the {count} examples."
        )
    if y.dtype.kind == "f":
        bad = ~np.isfinite(y) | (y != np.floor(y))
        if bad.any():
            row = int(np.argmax(bad))
            raise InvalidDataset(f"{where} has {y[row]} in row {row}; labels are integers from 0.")
    if (y < 0).any():
        row = int(np.argmax(y < 0))
        raise InvalidDataset(f"{where} has label {y[row]} in row {row}; labels start at 0.")
    if y.max() > 100_000:
        row = int(np.argmax(y))
        raise InvalidDataset(f"{where} has label {y[row]} in row {row}; that is no class number.")
    return y.astype(np.int64)


def _classes(y: np.ndarray, count: int, where: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Class numbers and the classes' names: the labels themselves where these are texts."""
    if y.dtype.kind in "US" and y.shape == (count,):
        return named_classes(y, where)
    found = labels(y, count, where)
    classes = int(found.max()) + 1
    _all_there(found, classes, where)
    return found, tuple(map(str, range(classes)))


def _of_classes(y: np.ndarray, names: tuple[str, ...], count: int, where: str) -> np.ndarray:
    """The class numbers of labels that are texts as those of y are, or numbers."""
    if y.dtype.kind not in "US" or y.shape != (count,):
        return labels(y, count, where)
    numbers = {name: number for number, name in enumerate(names)}
    texts = np.char.decode(y, "utf-8", "replace") if y.dtype.kind == "S" else y
    for row, label in enumerate(texts.tolist()):
        if label not in numbers:
            raise InvalidDataset(
                f"{where} has label {plain(label, 60)!r} in row {row}, which y never has."
            )
    return np.array([numbers[label] for label in texts.tolist()], np.int64)


def _all_there(y: np.ndarray, classes: int, where: str) -> None:
    counts = np.bincount(y, minlength=classes)
    if classes < 2:
        raise InvalidDataset(f"{where} has one class only; two are the least.")
    if (counts == 0).any():
        missing = int(np.argmin(counts))
        raise InvalidDataset(
            f"{where} goes up to {classes - 1}, but no example has label {missing}; number the "
            "classes from 0 without gaps."
        )


def _kind(array: np.ndarray) -> str:
    return {"U": "strings", "S": "strings", "c": "complex numbers", "M": "dates"}.get(
        array.dtype.kind, f"values of type {array.dtype}"
    )
