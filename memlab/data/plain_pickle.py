"""CIFAR's batches are pickles; this reader admits plain data and arrays of numbers, and no code.

No object of NumPy's is built by the pickle itself: a crafted state could change NumPy's own types
or make an array point anywhere. Stand-ins take the state, check it, and make the array.
"""

from __future__ import annotations

import io
import pickle
import re
from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import Any, Final

import numpy as np

from memlab.errors import InvalidDataset

#: Stands for the class `numpy.ndarray`: a pickle may name it, but not call it.
_NDARRAY: Final = object()


class _Admitted:
    """A function that a pickle may call, and whose attributes it cannot set."""

    __slots__ = ("_function",)

    def __init__(self, function: Callable[..., object]) -> None:
        self._function = function

    def __call__(self, *arguments: object) -> object:
        return self._function(*arguments)

    def __setstate__(self, state: object) -> None:
        raise pickle.UnpicklingError("a changed function")


class _PlainType:
    """A type of numbers, such as `u1`, with its byte order."""

    __slots__ = ("dtype",)

    def __init__(self, code: object) -> None:
        name = code.decode("ascii") if isinstance(code, bytes) else code
        if not isinstance(name, str) or not re.fullmatch(r"[biuf]\d\d?", name):
            raise pickle.UnpicklingError("an array of something other than numbers")
        self.dtype = np.dtype(name)

    def __setstate__(self, state: tuple[object, ...]) -> None:
        order = state[1].decode("ascii") if isinstance(state[1], bytes) else state[1]
        if order not in ("<", ">", "|", "=") or any(part is not None for part in state[2:5]):
            raise pickle.UnpicklingError("an array of something other than numbers")
        self.dtype = self.dtype.newbyteorder(order)


class _PlainArray:
    """An empty array that its state then fills."""

    __slots__ = ("array",)

    def __init__(self) -> None:
        self.array: np.ndarray = np.empty(0, dtype=np.uint8)

    def __setstate__(self, state: tuple[object, ...]) -> None:
        _, shape, kind, columns_first, raw = state
        # Python 2 wrote bytes as text.
        content = raw.encode("latin1") if isinstance(raw, str) else raw
        if not isinstance(kind, _PlainType) or not isinstance(content, bytes):
            raise pickle.UnpicklingError("an array of something other than numbers")
        if not isinstance(shape, tuple) or not all(type(n) is int and n >= 0 for n in shape):
            raise pickle.UnpicklingError("an array without a shape")
        if len(content) != prod(shape) * kind.dtype.itemsize:
            raise pickle.UnpicklingError("an array of another length than its shape")
        made = np.frombuffer(content, kind.dtype)
        self.array = made.reshape(shape, order="F" if columns_first else "C")


def _encode(text: str, encoding: str) -> bytes:
    """How Python 3 writes bytes in an old protocol; any other codec is refused."""
    if encoding != "latin1":
        raise pickle.UnpicklingError("a text in an unusual encoding")
    return text.encode("latin1")


def _reconstruct(kind: object, shape: object, code: object) -> _PlainArray:
    if kind is not _NDARRAY or shape != (0,):
        raise pickle.UnpicklingError("an object that is no plain array")
    return _PlainArray()


def _dtype(code: object, *_: object) -> _PlainType:
    return _PlainType(code)


_ADMITTED: Final[dict[tuple[str, str], object]] = {
    ("numpy", "ndarray"): _NDARRAY,
    ("numpy", "dtype"): _Admitted(_dtype),
    ("numpy.core.multiarray", "_reconstruct"): _Admitted(_reconstruct),
    ("numpy._core.multiarray", "_reconstruct"): _Admitted(_reconstruct),
    ("_codecs", "encode"): _Admitted(_encode),
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
    """The dictionary in `path`: texts, numbers, lists and, as its values, arrays of numbers.

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
        key.decode("latin1") if isinstance(key, bytes) else str(key): (
            value.array if isinstance(value, _PlainArray) else value
        )
        for key, value in found.items()
    }
