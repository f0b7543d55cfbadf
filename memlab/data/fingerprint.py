"""What a run trained on, as one number: resuming on other data is noticed by it.

Only the values count, not how they lie in memory: an array and its copy in Fortran's order, in
another byte order or as a view have one fingerprint.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256

import numpy as np

from memlab.data.split import Part, Splits

PIECE_BYTES = 1 << 24


def fingerprint(splits: Splits) -> str:
    """32 hexadecimal digits over all that training sees of the three parts.

    Shape, type and values of `x`, `y` and `index` of each part, the marks of threshold samples,
    the number of classes and the shape of a picture; names of classes are not among them. Keep it
    per dataset: it reads everything once.

    >>> part = Part(np.zeros((2, 3), np.float32), np.array([0, 1]), np.array([4, 2]))
    >>> fingerprint(Splits(part, part, part, 2, None, ("a", "b")))
    '5e5711d13516f656e245c6f02ebbc675'
    """
    digest = sha256(f"memlab data 1 {splits.classes} {splits.image_shape}".encode())
    for part in (splits.train, splits.validation, splits.test):
        for array in _arrays(part):
            _add(digest.update, array)
    if splits.fake is not None:
        _add(digest.update, splits.fake)
    return digest.hexdigest()[:32]


def _arrays(part: Part) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return part.x, part.y, part.index


def _add(update: Callable[[bytes | memoryview], None], array: np.ndarray) -> None:
    """Adds type, shape and values, row by row of the first axis, little-endian."""
    kind = array.dtype.newbyteorder("<")
    update(f"\n{kind.str}{array.shape}\n".encode())
    if not array.size:
        return
    step = max(1, PIECE_BYTES * len(array) // array.nbytes)
    for start in range(0, len(array), step):
        piece = np.ascontiguousarray(array[start : start + step], dtype=kind)
        update(piece.reshape(-1).view(np.uint8).data)
