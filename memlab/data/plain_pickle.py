"""CIFAR's batches are pickles; this reader admits plain data and arrays of numbers, and no code.

The pickle is read by `pickle_stream.py`. No object of NumPy's is built by the pickle itself: a
crafted state could change NumPy's own types or make an array point anywhere. Stand-ins take the
state, check it, and make the array.
"""

from __future__ import annotations

import re
from math import prod
from pathlib import Path
from typing import Any, Final

import numpy as np

from memlab.data.data_file import MEBIBYTE, read_whole
from memlab.data.pickle_stream import PickleStream, RefusedPickle
from memlab.errors import InvalidDataset

#: CIFAR-100's larger file has 155 MB.
MOST_BYTES = 256 * MEBIBYTE
MOST_DIMENSIONS = 32


class _PlainType:
    """A type of numbers, such as `u1`, with its byte order."""

    __slots__ = ("dtype",)

    def __init__(self, code: object) -> None:
        name = code.decode("ascii") if isinstance(code, bytes) else code
        if not isinstance(name, str) or not re.fullmatch(r"[biuf]\d\d?", name):
            raise RefusedPickle("an array of something other than numbers")
        self.dtype = np.dtype(name)

    def fill(self, state: tuple[object, ...]) -> None:
        """Takes the byte order from a state without fields, shapes or flags of objects."""
        order = state[1].decode("ascii") if isinstance(state[1], bytes) else state[1]
        if order not in ("<", ">", "|", "=") or any(part is not None for part in state[2:5]):
            raise RefusedPickle("an array of something other than numbers")
        self.dtype = self.dtype.newbyteorder(order)


class _PlainArray:
    """An empty array that its state then fills."""

    __slots__ = ("array",)

    def __init__(self) -> None:
        self.array: np.ndarray = np.empty(0, dtype=np.uint8)

    def fill(self, state: tuple[object, ...]) -> None:
        """Makes the array from shape, type, order and bytes, once they fit each other."""
        _, shape, kind, columns_first, raw = state
        # Python 2 wrote bytes as text.
        content = raw.encode("latin1") if isinstance(raw, str) else raw
        if not isinstance(kind, _PlainType) or not isinstance(content, bytes):
            raise RefusedPickle("an array of something other than numbers")
        if not isinstance(shape, tuple) or len(shape) > MOST_DIMENSIONS:
            raise RefusedPickle("an array without a shape")
        if not all(type(n) is int and n >= 0 for n in shape):
            raise RefusedPickle("an array without a shape")
        if len(content) != prod(shape) * kind.dtype.itemsize:
            raise RefusedPickle("an array of another length than its shape")
        made = np.frombuffer(content, kind.dtype)
        self.array = made.reshape(shape, order="F" if columns_first else "C")


#: What a pickle may name, and what that is here.
_ADMITTED: Final[dict[tuple[str, str], str]] = {
    ("numpy", "ndarray"): "ndarray",
    ("numpy", "dtype"): "dtype",
    ("numpy.core.multiarray", "_reconstruct"): "reconstruct",
    ("numpy._core.multiarray", "_reconstruct"): "reconstruct",
    ("_codecs", "encode"): "encode",
}


class _Admitted:
    """A name of the table above, which a pickle may have, and call where it is a function."""

    __slots__ = ("kind",)

    def __init__(self, kind: str) -> None:
        self.kind = kind


class _Maker:
    """What names and calls of one pickle become; it makes no more bytes than twice the file's."""

    def __init__(self, size: int) -> None:
        self._left = 2 * size

    def _spend(self, count: int) -> None:
        self._left -= count
        if self._left < 0:
            raise RefusedPickle("the same bytes over and over")

    def named(self, module: str, name: str) -> _Admitted:
        """The stand-in for an admitted name."""
        try:
            return _Admitted(_ADMITTED[module, name])
        except KeyError:
            raise RefusedPickle(f"the name {ascii(f'{module}.{name}')[1:-1][:80]}") from None

    def called(self, function: object, arguments: tuple[object, ...]) -> object:
        """What the call of an admitted function makes."""
        kind = function.kind if isinstance(function, _Admitted) else ""
        if kind == "encode":
            return self._encoded(*arguments)
        if kind == "dtype":
            return _PlainType(arguments[0])
        if kind == "reconstruct":
            of, shape, _ = arguments
            if isinstance(of, _Admitted) and of.kind == "ndarray" and shape == (0,):
                return _PlainArray()
        raise RefusedPickle("an object that is no plain array")

    def _encoded(self, text: object, encoding: object = None) -> bytes:
        """How Python 3 writes bytes in an old protocol; any other codec is refused."""
        if encoding != "latin1" or not isinstance(text, str):
            raise RefusedPickle("a text in an unusual encoding")
        self._spend(len(text))
        return text.encode("latin1")

    def filled(self, target: object, state: object) -> None:
        """Gives a stand-in its state."""
        if not isinstance(target, (_PlainType, _PlainArray)) or not isinstance(state, tuple):
            raise RefusedPickle("a changed object")
        if isinstance(target, _PlainArray) and isinstance(state[-1], (str, bytes)):
            self._spend(len(state[-1]))
        target.fill(state)


def read_plain_pickle(path: Path) -> dict[str, Any]:
    """The dictionary in `path`: texts, numbers, lists and, as its values, arrays of numbers.

    Raises:
        InvalidDataset: if it is damaged, or holds anything that could run code.
    """
    data = read_whole(path, MOST_BYTES)
    maker = _Maker(len(data))
    try:
        found = PickleStream(data, maker.named, maker.called, maker.filled).load()
    except RefusedPickle as error:
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
