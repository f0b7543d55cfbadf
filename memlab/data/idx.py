"""The IDX format of MNIST and its relatives (LeCun): unsigned bytes, plain or gzipped."""

from __future__ import annotations

import gzip
import zlib
from math import prod
from pathlib import Path

import numpy as np
import numpy.typing as npt

from memlab.errors import InvalidDataset

UNSIGNED_BYTE = 0x08
DAMAGED = "fetch it again or remove it"


def read_idx(path: Path, dimensions: int) -> npt.NDArray[np.uint8]:
    """The array in `path`, which must have this many dimensions; gzipped if it ends in `.gz`.

    Raises:
        InvalidDataset: if it is damaged or is something else.
    """
    try:
        data = path.read_bytes()
        if path.suffix == ".gz":
            data = gzip.decompress(data)
    except EOFError as error:
        raise InvalidDataset(f"{path} ends too early; {DAMAGED}.") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise InvalidDataset(f"{path} is no sound gzip file; {DAMAGED}.") from error
    except OSError as error:
        raise InvalidDataset(f"{path} cannot be read: {error.strerror}.") from error
    header = 4 + 4 * dimensions
    if data[:4] != bytes((0, 0, UNSIGNED_BYTE, dimensions)):
        raise InvalidDataset(
            f"{path} is no IDX file of bytes in {dimensions} dimension"
            f"{'' if dimensions == 1 else 's'}; {DAMAGED}."
        )
    if len(data) < header:
        raise InvalidDataset(f"{path} ends within its header; {DAMAGED}.")
    shape = tuple(int(n) for n in np.frombuffer(data, ">u4", dimensions, 4))
    if len(data) - header != prod(shape):
        raise InvalidDataset(
            f"{path} should have {prod(shape):,} bytes of data by its header, but has "
            f"{len(data) - header:,}; {DAMAGED}."
        )
    return np.frombuffer(data, np.uint8, offset=header).reshape(shape)
