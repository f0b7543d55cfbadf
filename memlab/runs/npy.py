"""Arrays in a run folder: `.npy` files of known dtype and shape, through the door; no pickle."""

from __future__ import annotations

import io
import math
import mmap
import os
from collections.abc import Sequence
from tokenize import TokenError
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from memlab.errors import RunFolderError
from memlab.runs.door import Missing, Place


def replace(place: Place, array: NDArray[Any]) -> None:
    """Replaces the file at `place` by the array, whole or not at all.

    Raises:
        StorageError: if it cannot be written.
    """
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.ascontiguousarray(array), allow_pickle=False)
    place.replace(buffer.getvalue())


def mapped(place: Place, dtype: np.dtype[Any], shape: Sequence[int]) -> NDArray[Any]:
    """The array, read-only and mapped: such files keep their size, or are replaced as a whole.

    Raises:
        RunFolderError: if it is missing, torn, or another array than this.
    """
    count = math.prod(shape)
    try:
        with place.reading() as descriptor, os.fdopen(os.dup(descriptor), "rb") as file:
            start = _npy_start(file, dtype, tuple(shape))
            size = start + count * dtype.itemsize
            if start < 0 or os.fstat(descriptor).st_size != size:
                raise RunFolderError(
                    f"{place} is damaged: it should be {dtype} of shape {tuple(shape)}."
                )
            mapped = mmap.mmap(descriptor, size, access=mmap.ACCESS_READ)
    except Missing as error:
        raise RunFolderError(f"{place} is missing; what it belongs to is incomplete.") from error
    except (OSError, ValueError, TypeError, EOFError, SyntaxError, TokenError) as error:
        raise RunFolderError(f"{place} is damaged: it is no whole .npy file.") from error
    return np.frombuffer(mapped, dtype, count, start).reshape(shape)


def _npy_start(file: BinaryIO, dtype: np.dtype[Any], shape: tuple[int, ...]) -> int:
    """Where the values begin; -1 where the header is that of another array."""
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        found = np.lib.format.read_array_header_1_0(file)
    elif version == (2, 0):
        found = np.lib.format.read_array_header_2_0(file)
    else:
        return -1
    return file.tell() if found == (shape, False, dtype) else -1
