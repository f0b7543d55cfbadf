"""MATLAB's files of version 5, of which SVHN's are: arrays of numbers by name, and nothing else.

Each element's size is compared with the file and with what the array's dimensions need before
memory is taken.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import BinaryIO, Protocol

import numpy as np

from memlab.data.data_file import MEBIBYTE, Inflating, check_expansion, opened, size_of
from memlab.errors import InvalidDataset

HEADER = 128
MOST_ELEMENTS = 100
#: The larger of SVHN's arrays has 225 MB.
MOST_BYTES = 512 * MEBIBYTE
MATRIX, COMPRESSED = 14, 15
FLAGS, DIMENSIONS, NAME = 6, 5, 1
#: How numbers are stored, by the type of an element; and what they are, by the class of an array.
STORED = {
    1: "i1",
    2: "u1",
    3: "i2",
    4: "u2",
    5: "i4",
    6: "u4",
    7: "f4",
    9: "f8",
    12: "i8",
    13: "u8",
}
CLASSES = {6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4"}


class _Stream(Protocol):
    def read(self, count: int, /) -> bytes: ...


def read_matlab(path: Path, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Those of the named arrays that are in the file, in MATLAB's order of dimensions.

    Raises:
        InvalidDataset: if it is damaged, or larger than `MOST_BYTES`.
    """
    found: dict[str, np.ndarray] = {}
    with opened(path) as file:
        try:
            order = {b"IM": "<", b"MI": ">"}[file.read(HEADER)[126:128]]
            at, size = HEADER, size_of(file)
            for _ in range(MOST_ELEMENTS):
                if at >= size or len(found) == len(names):
                    return found
                file.seek(at)
                kind, count, _ = _tag(file, order)
                at += 8 + count
                if at > size:
                    raise EOFError
                _element(file, kind, count, order, names, found, path)
        except (OSError, EOFError, ValueError, KeyError, IndexError, zlib.error) as error:
            raise InvalidDataset(f"{path} is damaged: it is no MATLAB file.") from error
    raise InvalidDataset(f"{path} has more than {MOST_ELEMENTS} variables.")


def _element(
    file: BinaryIO,
    kind: int,
    count: int,
    order: str,
    names: Sequence[str],
    found: dict[str, np.ndarray],
    path: Path,
) -> None:
    """Reads the array in an element, if it has a wanted name."""
    stream: _Stream = file
    if kind == COMPRESSED:
        stream = Inflating(file, 15, count)
        kind, expanded, _ = _tag(stream, order)
        check_expansion(str(path), expanded, count)
    if kind != MATRIX:
        return
    flags = _values(stream, order, FLAGS, 8)
    dimensions = _values(stream, order, DIMENSIONS, 32 * 4)
    name = _values(stream, order, NAME, 64).tobytes().decode("ascii")
    dtype = CLASSES.get(int(flags[0]) & 0xFF)
    if name not in names:
        return
    if dtype is None or int(flags[0]) & 0x0800 or (dimensions < 0).any():  # 0x0800: complex
        raise ValueError
    shape = tuple(int(n) for n in dimensions)
    found[name] = _numbers(stream, order, shape, path).astype(dtype, copy=False)


def _numbers(stream: _Stream, order: str, shape: tuple[int, ...], path: Path) -> np.ndarray:
    kind, count, small = _tag(stream, order)
    dtype = np.dtype(order + STORED[kind])
    if prod(shape) > MOST_BYTES:
        raise InvalidDataset(f"{path} has {prod(shape):,} numbers; {MOST_BYTES:,} are the most.")
    if count != prod(shape) * dtype.itemsize:
        raise ValueError
    data = small[:count] if small else _exactly(stream, count)
    return np.frombuffer(data, dtype).reshape(shape, order="F")


def _tag(stream: _Stream, order: str) -> tuple[int, int, bytes]:
    """Type and bytes of an element, and its four bytes of data where it is a small one."""
    tag = _exactly(stream, 8)
    first, second = (int(n) for n in np.frombuffer(tag, order + "u4"))
    if first >> 16:
        return first & 0xFFFF, min(first >> 16, 4), tag[4:]
    return first, second, b""


def _values(stream: _Stream, order: str, wanted: int, most: int) -> np.ndarray:
    """The numbers of an element that belongs to an array's header."""
    kind, count, small = _tag(stream, order)
    if kind != wanted or count > most:
        raise ValueError
    data = small[:count] if small else _exactly(stream, count + -count % 8)[:count]
    return np.frombuffer(data, order + STORED[kind])


def _exactly(stream: _Stream, count: int) -> bytes:
    pieces = []
    while count and (piece := stream.read(min(count, MEBIBYTE))):
        pieces.append(piece)
        count -= len(piece)
    if count:
        raise EOFError
    return b"".join(pieces)
