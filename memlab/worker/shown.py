"""What of the examples themselves is kept beside outcomes: pictures, values, hidden neighbours."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from memlab.data.neighbours import nearest
from memlab.data.thumbnails import thumbnails
from memlab.experiment.footprint import SHOWN_BYTES, TRACED
from memlab.instruments.representation import activations
from memlab.training.trainer import StackTrainer

#: Neighbours of each example in the last hidden layer.
NEAREST = 8
#: Features of all networks that are compared take no more than so much.
FEATURE_BYTES = 128 << 20


def shown_sizes(
    examples: int, shape: tuple[int, ...], image: bool
) -> tuple[tuple[int, int] | None, int]:
    """Height and width of the pictures that are kept, or None, and the count of kept values.

    What would take more than `SHOWN_BYTES` is not kept.
    """
    features = int(np.prod(shape))
    picture = None
    if image:
        height, width = thumbnails(np.zeros((1, features), np.float32), _image(shape)).shape[1:]
        picture = (int(height), int(width))
        if examples * height * width > SHOWN_BYTES:
            picture = None
    return picture, features if 2 * examples * features <= SHOWN_BYTES else 0


def pictures(train: np.ndarray, test: np.ndarray) -> NDArray[np.uint8]:
    """Thumbnails of training, then test examples `[n, channels, height, width]`."""
    x = np.concatenate([train, test])
    return thumbnails(x, _image(x.shape[1:]))


def values(train: np.ndarray, test: np.ndarray) -> NDArray[np.float16]:
    """What the networks see, `[train + test, features]` float16; too large becomes the largest."""
    flat = np.concatenate([part.reshape(len(part), -1) for part in (train, test)])
    limit = float(np.finfo(np.float16).max)
    made: NDArray[np.float16] = np.clip(flat, -limit, limit).astype(np.float16)
    return made


def hidden_neighbours(trainer: StackTrainer) -> NDArray[np.int32] | None:
    """The `NEAREST` training examples to each example in the last hidden layer, nearest first.

    `[train + test, NEAREST]`, by the squared Euclidean distance of the features, in units of their
    mean squared norm, averaged over the first networks that are trained to the end; None where
    these have no hidden layer.
    """
    arrays = trainer.arrays
    parts = [part.inputs.values[:1] for part in (arrays.train, arrays.test)]
    chosen = np.flatnonzero(trainer.diverged() < 0)[:TRACED]
    made: list[torch.Tensor] = []
    total = 0
    for position in chosen:
        model = trainer.model.select([int(position)])
        layers = [activations(model, x) for x in parts]
        if not layers[0]:
            return None
        last = list(layers[0])[-1]
        features = torch.cat([layer[last][0] for layer in layers]).float()
        features -= features[: parts[0].shape[1]].mean(0)
        scale = features[: parts[0].shape[1]].square().sum(1).mean().sqrt()
        total += 4 * features.numel()
        if made and total > FEATURE_BYTES:
            break
        made.append(features / scale.clamp_min(1e-12))
    if not made:
        return None
    joined = torch.cat(made, 1).cpu().numpy()
    return nearest(joined, parts[0].shape[1], NEAREST)


def _image(shape: tuple[int, ...]) -> tuple[int, int, int]:
    channels, height, width = shape
    return int(channels), int(height), int(width)
