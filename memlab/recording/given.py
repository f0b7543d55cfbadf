"""What a person tells the recorder of her data, checked once: labels, which are clean, pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memlab.data.thumbnails import thumbnails
from memlab.errors import InvalidDataset
from memlab.experiment.footprint import PICTURE_SIDE
from memlab.instruments.ledger_store import LedgerLimits

MOST_EXAMPLES, MOST_CLASSES = 1 << 31, 1 << 20
CHUNK = 1 << 24  # values of x that are looked at together


@dataclass(frozen=True, eq=False)
class Given:
    """The training examples: `labels`, `true` and `corrupted` are `[examples]`, None if unknown.

    `pictures` is uint8 `[examples, height, width]`; `x`, or the `dataset`, are what was given, for
    the instruments.
    """

    examples: int
    labels: NDArray[np.int64] | None = None
    corrupted: NDArray[np.bool_] | None = None
    true: NDArray[np.int64] | None = None
    pictures: NDArray[np.uint8] | None = None
    x: Any = None
    dataset: Any = None

    @property
    def has_inputs(self) -> bool:
        """Whether there is anything to ask the network about."""
        return self.x is not None or self.dataset is not None


def given(train: Any, clean: Any) -> Given:
    """From `train`, (x, y), a data set with a length, or a count, and which labels are clean.

    Args:
        clean: bool `[examples]`, true where the label is right; or int `[examples]`, the true
            labels; None where nobody knows.

    Raises:
        InvalidDataset: in one sentence.
    """
    if isinstance(train, int) and not isinstance(train, bool):
        x, labels, count = None, None, train
    elif isinstance(train, tuple | list) and len(train) == 2:
        x, labels = train[0], _labels(train[1], "train's y")
        count = len(labels)
        if _length(x) != count:
            raise InvalidDataset(f"train has {_length(x):,} inputs and {count:,} labels.")
    elif hasattr(train, "__len__") and hasattr(train, "__getitem__") and not _is_text(train):
        x, count = None, len(train)
        stated = getattr(train, "targets", getattr(train, "labels", None))
        labels = None if stated is None or callable(stated) else _labels(stated, "its labels")
        if labels is not None and len(labels) != count:
            labels = None
    else:
        raise InvalidDataset(
            "train is (x, y), a data set with a length, or the number of training examples, not "
            f"{type(train).__name__}."
        )
    if not 1 <= count <= MOST_EXAMPLES:
        raise InvalidDataset(f"There are {count:,} training examples; it takes one or more.")
    corrupted, true = _clean(clean, labels, count)
    dataset = None if isinstance(train, int | tuple | list) else train
    return Given(count, labels, corrupted, true, pictures_of(x, count), x, dataset)


def array(value: Any, what: str) -> NDArray[Any]:
    """A tensor, array or list as an array on the host.

    Raises:
        InvalidDataset: if it is none.
    """
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        value = value.numpy() if value.dtype.is_floating_point is False else value.float().numpy()
    try:
        return np.asarray(value)
    except (ValueError, TypeError) as error:
        raise InvalidDataset(f"{what} cannot be read as numbers.") from error


def _is_text(value: Any) -> bool:
    return isinstance(value, str | bytes)


def _length(x: Any) -> int:
    try:
        return len(x)
    except TypeError:
        raise InvalidDataset("train's x has no length.") from None


def _labels(value: Any, what: str) -> NDArray[np.int64]:
    found = array(value, what)
    if found.ndim == 2 and found.shape[1] == 1:
        found = found[:, 0]
    whole = found.dtype.kind in "biu" or (
        found.dtype.kind == "f" and bool(np.all(found == np.floor(found)))
    )
    if found.ndim != 1 or not whole:
        raise InvalidDataset(
            f"{what} is to be one class number for each example, not {found.dtype} of shape "
            f"{tuple(found.shape)}."
        )
    if found.size and not 0 <= found.min() <= found.max() < MOST_CLASSES:
        low, high = found.min(), found.max()
        raise InvalidDataset(f"{what} goes from {low} to {high}; classes are from 0.")
    return found.astype(np.int64)


def _clean(
    clean: Any, labels: NDArray[np.int64] | None, count: int
) -> tuple[NDArray[np.bool_] | None, NDArray[np.int64] | None]:
    """Which labels are wrong, and the true ones, as far as they are known."""
    if clean is None:
        return None, None
    found = array(clean, "clean")
    if found.shape != (count,) or found.dtype.kind not in "biu":
        raise InvalidDataset(
            f"clean is a mask, or the true labels, of all {count:,} training examples, not "
            f"{found.dtype} of shape {tuple(found.shape)}."
        )
    if found.dtype.kind == "b":
        return ~found, None
    true = _labels(found, "clean")
    if labels is None:
        raise InvalidDataset(
            "True labels in clean need the given ones beside them: train=(x, y); or give a mask."
        )
    return true != labels, true


def pictures_of(x: Any, count: int) -> NDArray[np.uint8] | None:
    """Thumbnails where `x` is pictures, `[n, h, w]`, `[n, c, h, w]` or `[n, h, w, c]`."""
    shape: Sequence[int] = tuple(getattr(x, "shape", ()))
    if len(shape) == 3:
        image = (1, shape[1], shape[2])
    elif len(shape) == 4 and shape[1] in (1, 3):
        image = (shape[1], shape[2], shape[3])
    elif len(shape) == 4 and shape[3] in (1, 3):
        image = (shape[3], shape[1], shape[2])
    else:
        return None
    if min(image[1:]) < 4:
        return None
    if count * min(PICTURE_SIDE, image[1]) * min(PICTURE_SIDE, image[2]) > (
        LedgerLimits().pictures_bytes
    ):
        return None
    step = max(1, CHUNK // (image[0] * image[1] * image[2]))
    parts = []
    for first in range(0, count, step):
        part = array(x[first : first + step], "train's x")
        if part.dtype.kind not in "biuf":
            return None
        if len(shape) == 4 and shape[1] not in (1, 3):
            part = part.transpose(0, 3, 1, 2)
        parts.append(thumbnails(np.nan_to_num(part.astype(np.float32)), image))
    return np.concatenate(parts)
