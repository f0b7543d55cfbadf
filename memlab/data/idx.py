"""The IDX format of MNIST and its relatives (LeCun): unsigned bytes, plain or gzipped."""

from __future__ import annotations

import zlib
from math import prod
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from memlab.data.data_file import (
    MEBIBYTE,
    Inflating,
    check_expansion,
    exactly,
    opened,
    size_of,
)
from memlab.errors import InvalidDataset

UNSIGNED_BYTE = 0x08
DAMAGED = "fetch it again or remove it"
#: Ten times the largest of the sets in this format that memlab knows.
MOST_BYTES = 512 * MEBIBYTE


def read_idx(path: Path, dimensions: int) -> npt.NDArray[np.uint8]:
    """The array in `path`, which must have this many dimensions; gzipped if it ends in `.gz`.

    Raises:
        InvalidDataset: if it is damaged or is something else, or larger than `MOST_BYTES`.
    """
    with opened(path) as file:
        try:
            return (
                _gzipped(file, path, dimensions)
                if path.suffix == ".gz"
                else _plain(file, path, dimensions)
            )
        except zlib.error as error:
            raise InvalidDataset(f"{path} is no sound gzip file; {DAMAGED}.") from error
        except OSError as error:
            raise InvalidDataset(f"{path} cannot be read: {error.strerror}.") from error


def _plain(file: BinaryIO, path: Path, dimensions: int) -> npt.NDArray[np.uint8]:
    shape = _shape(exactly(file, 4 + 4 * dimensions, path), path, dimensions)
    have = size_of(file) - 4 - 4 * dimensions
    if have != prod(shape):
        raise InvalidDataset(
            f"{path} should have {prod(shape):,} bytes of data by its header, but has "
            f"{have:,}; {DAMAGED}."
        )
    return _array(exactly(file, prod(shape), path), shape, path)


def _gzipped(file: BinaryIO, path: Path, dimensions: int) -> npt.NDArray[np.uint8]:
    stream = Inflating(file, 31)
    shape = _shape(stream.read(4 + 4 * dimensions), path, dimensions)
    check_expansion(str(path), prod(shape), size_of(file))
    data = stream.read(prod(shape))
    if len(data) == prod(shape) and not stream.ended():
        raise InvalidDataset(f"{path} has more data than its header says; {DAMAGED}.")
    return _array(data, shape, path)


def _shape(header: bytes, path: Path, dimensions: int) -> tuple[int, ...]:
    if len(header) >= 4 and header[:4] != bytes((0, 0, UNSIGNED_BYTE, dimensions)):
        raise InvalidDataset(
            f"{path} is no IDX file of bytes in {dimensions} dimension"
            f"{'' if dimensions == 1 else 's'}; {DAMAGED}."
        )
    if len(header) < 4 + 4 * dimensions:
        raise InvalidDataset(f"{path} ends within its header; {DAMAGED}.")
    shape = tuple(int(n) for n in np.frombuffer(header, ">u4", dimensions, 4))
    if prod(shape) > MOST_BYTES:
        raise InvalidDataset(
            f"{path} has {prod(shape):,} bytes of data by its header; {MOST_BYTES:,} are the most."
        )
    return shape


def _array(data: bytes, shape: tuple[int, ...], path: Path) -> npt.NDArray[np.uint8]:
    if len(data) != prod(shape):
        raise InvalidDataset(f"{path} ends too early; {DAMAGED}.")
    return np.frombuffer(data, np.uint8).reshape(shape)
