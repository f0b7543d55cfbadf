"""Small grey pictures of inputs, for people."""

from __future__ import annotations

import numpy as np

from memlab.experiment.footprint import PICTURE_SIDE


def thumbnails(x: np.ndarray, image_shape: tuple[int, int, int] | None) -> np.ndarray:
    """uint8 `[n, height, width]`, at most 28 × 28, darkest to brightest over all of `x`.

    Colours are averaged; larger images are averaged over blocks; what is no image becomes a strip
    of four equal rows.
    """
    if image_shape is None:
        flat = x.reshape(len(x), -1)
        flat = _shrunk(flat[:, None, :], 1, min(PICTURE_SIDE, flat.shape[1]))
        grey = np.repeat(flat, 4, axis=1)
    else:
        grey = x.reshape(len(x), *image_shape).mean(1)
        height, width = grey.shape[1:]
        grey = _shrunk(grey, min(PICTURE_SIDE, height), min(PICTURE_SIDE, width))
    low, high = np.percentile(grey, (0.5, 99.5))
    scaled = (grey - low) / (high - low if high > low else 1.0)
    return np.asarray(np.clip(scaled * 255, 0, 255), dtype=np.uint8)


def _shrunk(grey: np.ndarray, height: int, width: int) -> np.ndarray:
    """Means over blocks: `[n, h, w]` → `[n, height, width]`, never larger than it was."""
    for axis, size in ((1, height), (2, width)):
        if grey.shape[axis] > size:
            starts = np.arange(size) * grey.shape[axis] // size
            counts = np.diff(np.append(starts, grey.shape[axis]))
            shape = [1, 1, 1]
            shape[axis] = size
            grey = np.add.reduceat(grey, starts, axis) / counts.reshape(shape)
    return grey
