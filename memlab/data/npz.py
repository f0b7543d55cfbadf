"""npz:PATH: the user's own arrays, read without pickle and checked before anything is trained."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from memlab.data.dataset import Raw, Request, Sizes, checked_classes, dataset
from memlab.errors import DatasetUnavailable, InvalidDataset

MIN_EXAMPLES = 10


@dataset("npz:PATH", "your own arrays x and y, and x_test and y_test", Sizes(None, None, None))
def npz(request: Request) -> Raw:
    """The arrays in the file that the request names."""
    return checked_classes(read_npz(request.path), str(request.path))


def read_npz(path: Path) -> Raw:
    """`x` and `y`, and `x_test` and `y_test` where they are there.

    Raises:
        DatasetUnavailable: if there is no such file.
        InvalidDataset: if the arrays are not what training needs; names the array and the row.
    """
    arrays = _arrays(path)
    for name in ("x", "y"):
        if name not in arrays:
            have = ", ".join(arrays) or "nothing"
            raise InvalidDataset(f"{path} has no array {name!r}: it has {have}.")
    if ("x_test" in arrays) != ("y_test" in arrays):
        raise InvalidDataset(f"{path} needs both x_test and y_test, or neither.")
    x = inputs(arrays["x"], f"{path}: x")
    y = labels(arrays["y"], len(x), f"{path}: y")
    classes = int(y.max()) + 1
    _all_there(y, classes, f"{path}: y")
    test_x = test_y = None
    if "x_test" in arrays:
        test_x = inputs(arrays["x_test"], f"{path}: x_test")
        if test_x.shape[1:] != x.shape[1:]:
            raise InvalidDataset(
                f"{path}: x_test has examples of shape {test_x.shape[1:]}, x of {x.shape[1:]}."
            )
        test_y = labels(arrays["y_test"], len(test_x), f"{path}: y_test")
        if int(test_y.max()) >= classes:
            row = int(np.argmax(test_y >= classes))
            raise InvalidDataset(
                f"{path}: y_test has label {test_y[row]} in row {row}; y has 0 to {classes - 1}."
            )
    names = tuple(str(i) for i in range(classes))
    return Raw(path.stem, x, y, test_x, test_y, names)


def _arrays(path: Path) -> dict[str, np.ndarray]:
    if not path.is_file():
        raise DatasetUnavailable(f"There is no file {path}; npz:PATH names a NumPy .npz file.")
    found: dict[str, np.ndarray] = {}
    name = ""
    try:
        with np.load(path, allow_pickle=False) as file:
            if not isinstance(file, np.lib.npyio.NpzFile):
                raise InvalidDataset(f"{path} is a single array; save x and y with numpy.savez.")
            for name in file.files:
                found[name] = file[name]
    except ValueError as error:
        if "pickle" in str(error).lower() or "object" in str(error).lower():
            which = f"array {name!r} holds" if name else "it is or holds"
            raise InvalidDataset(
                f"{path}: {which} Python objects (a pickle), which are not read; save numbers only."
            ) from error
        raise InvalidDataset(f"{path} is not a readable npz file: {error}.") from error
    except (OSError, zipfile.BadZipFile, EOFError, KeyError) as error:
        raise InvalidDataset(f"{path} is not a readable npz file: {error}.") from error
    return found


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
    if x.dtype.kind == "f":
        bad = ~np.isfinite(x).reshape(len(x), -1).all(1)
        if bad.any():
            row = int(np.argmax(bad))
            what = "NaN" if np.isnan(x[row]).any() else "an infinite value"
            raise InvalidDataset(f"{where} has {what} in row {row} ({int(bad.sum())} such rows).")
    if x.ndim == 3:
        x = x[:, None]
    elif x.ndim == 4 and x.shape[-1] in (1, 3, 4) and x.shape[1] not in (1, 3, 4):
        x = np.moveaxis(x, -1, 1)
    return np.ascontiguousarray(x if x.dtype == np.uint8 else x.astype(np.float32))


def labels(y: np.ndarray, count: int, where: str) -> np.ndarray:
    """Labels as int64 `[count]`, integers from 0.

    Raises:
        InvalidDataset: naming the array and the row.
    """
    if y.dtype.kind not in "biuf":
        raise InvalidDataset(f"{where} holds {_kind(y)}; labels are integers from 0.")
    y = y.reshape(len(y), -1)[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
    if y.ndim != 1 or len(y) != count:
        raise InvalidDataset(f"{where} has shape {y.shape}; there are {count} examples in x.")
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
