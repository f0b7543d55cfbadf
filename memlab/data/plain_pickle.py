"""CIFAR's batches are pickles; this reader admits plain data and arrays of numbers, and no code."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any, Final

import numpy as np

from memlab.errors import InvalidDataset

#: Stands for the class `numpy.ndarray`: a pickle may name it, but not call it.
_NDARRAY: Final = object()


def _encode(text: str, encoding: str) -> bytes:
    """How Python 3 writes bytes in an old protocol; any other codec is refused."""
    if encoding != "latin1":
        raise pickle.UnpicklingError("a text in an unusual encoding")
    return text.encode("latin1")


def _reconstruct(kind: object, shape: object, code: object) -> np.ndarray:
    """An empty array that its state then fills."""
    if kind is not _NDARRAY or shape != (0,):
        raise pickle.UnpicklingError("an object that is no plain array")
    return np.ndarray((0,), dtype=np.uint8)


def _dtype(code: object, *_: object) -> np.dtype[Any]:
    name = code.decode("ascii") if isinstance(code, bytes) else code
    if not isinstance(name, str) or np.dtype(name).kind not in "biuf":
        raise pickle.UnpicklingError("an array of something other than numbers")
    return np.dtype(name)


_ADMITTED: Final[dict[tuple[str, str], object]] = {
    ("numpy", "ndarray"): _NDARRAY,
    ("numpy", "dtype"): _dtype,
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
    ("_codecs", "encode"): _encode,
}


class _PlainUnpickler(pickle.Unpickler):
    """Resolves the names in the table above and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        """The stand-in for an admitted name."""
        try:
            return _ADMITTED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"the name {module}.{name}") from None


def read_plain_pickle(path: Path) -> dict[str, Any]:
    """The dictionary in `path`: texts, numbers, lists and arrays of numbers.

    Raises:
        InvalidDataset: if it is damaged, or holds anything that could run code.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InvalidDataset(f"{path} cannot be read: {error.strerror}.") from error
    try:
        found = _PlainUnpickler(io.BytesIO(data), encoding="latin1").load()
    except pickle.UnpicklingError as error:
        raise InvalidDataset(
            f"{path} is damaged or holds more than plain data ({error}); it was not read on."
        ) from error
    except Exception as error:  # a damaged pickle may raise anything
        raise InvalidDataset(f"{path} is damaged: it is no pickle of plain data.") from error
    if not isinstance(found, dict):
        raise InvalidDataset(f"{path} is no batch of CIFAR: it holds no dictionary.")
    return {
        key.decode("latin1") if isinstance(key, bytes) else str(key): value
        for key, value in found.items()
    }
