"""Scaling of inputs; statistics come from the training part alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from memlab.errors import InvalidExperiment


def crop(x: np.ndarray, side: int | None) -> np.ndarray:
    """The centre `side` × `side` pixels of images `[n, channels, height, width]`.

    Raises:
        InvalidExperiment: if these are no images, or smaller.
    """
    if side is None:
        return x
    if x.ndim != 4 or side > min(x.shape[2:]):
        size = "×".join(map(str, x.shape[2:])) if x.ndim == 4 else "no pictures"
        raise InvalidExperiment(f"dataset.crop = {side} does not fit: the inputs are {size}.")
    top, left = (x.shape[2] - side) // 2, (x.shape[3] - side) // 2
    return x[:, :, top : top + side, left : left + side]


def scaler(kind: str, train: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """A function from raw to scaled inputs, float32.

    `standardize`: one mean and deviation over all of the training inputs; `features`: one per
    feature (a constant feature becomes 0); `images`: each example by its own, the deviation at
    least 1/√features (TensorFlow's per-image whitening, as Zhang 2017); `unit`: to [0, 1];
    `none`: as they are, bytes ÷ 255.
    """
    top = 255.0 if train.dtype == np.uint8 else 1.0
    if kind == "none":
        return lambda x: (x.astype(np.float64) / top).astype(np.float32)
    values = train.astype(np.float64) / top
    if kind == "standardize":
        mean, deviation, axis = values.mean(), values.std(), None
    elif kind == "features":
        mean, deviation, axis = values.mean(0), values.std(0), 0
    elif kind == "images":
        return lambda x: _whitened(x.astype(np.float64) / top)
    else:
        mean, deviation, axis = values.min(), values.max() - values.min(), None
    # Not deviation > 0: the mean of equal numbers may be off by a rounding, and so the deviation.
    varies = (values.max(axis) > values.min(axis)) & (deviation > 0)
    inverse = np.where(varies, 1 / np.where(varies, deviation, 1), 0)
    return lambda x: ((x.astype(np.float64) / top - mean) * inverse).astype(np.float32)


def _whitened(x: np.ndarray) -> np.ndarray:
    axes = tuple(range(1, x.ndim))
    features = x[0].size
    deviation = np.maximum(x.std(axes, keepdims=True), 1 / np.sqrt(features))
    return np.asarray((x - x.mean(axes, keepdims=True)) / deviation, dtype=np.float32)
