"""Corruption: what noise does to the training data (Zhang 2017, section 2; Arpit 2017, section 3).

Which examples are corrupted, and by what, is keyed by the member's seed alone: at a larger fraction
the same examples are corrupted in the same way, and more of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from memlab.data.split import Part, Splits
from memlab.experiment import plugins
from memlab.experiment.keys import key
from memlab.experiment.material_spec import LABEL_CORRUPTIONS, CorruptionSpec


@dataclass(frozen=True)
class Corrupted:
    """A member's data.

    `corrupted` `[n]` marks training examples whose label changed or whose input was replaced,
    `drawn` those that were chosen (a uniform label may fall on the true class); threshold samples
    are among both. `train_x` is the split's own array where no input was touched. `own` `[n]` marks
    the examples that the member is trained on (`dataset.subset`, `dataset.without`); None: all of
    them. The parts named by `held_out` are measured on the others.
    """

    train_x: np.ndarray
    train_given: np.ndarray
    train_true: np.ndarray
    corrupted: np.ndarray
    drawn: np.ndarray
    validation_x: np.ndarray
    validation_y: np.ndarray
    test_x: np.ndarray
    test_y: np.ndarray
    changed_fraction: float
    own: np.ndarray | None = None
    held_out: tuple[str, ...] = ()

    def of_own(self) -> Corrupted:
        """With the examples that the member is trained on only."""
        if self.own is None:
            return self
        names = ("train_x", "train_given", "train_true", "corrupted", "drawn")
        kept = {name: getattr(self, name)[self.own] for name in names}
        return replace(self, own=None, **kept)


#: x `[n, …]`, the training inputs, whether they are images, seed and part → all of x corrupted.
InputMaker = Callable[[np.ndarray, np.ndarray, bool, int, str], np.ndarray]


@dataclass(frozen=True)
class Corruption:
    """A third party's corruption, behind the entry point group `memlab.corruptions`.

    One of the two is given: `labels(y, classes, generator)` gives a label `[n]` for every example,
    of which those of the chosen examples are used; `inputs` is an `InputMaker` that draws from
    `memlab.experiment.keys.key(seed, …)` alone.
    """

    name: str
    about: str
    labels: Callable[[np.ndarray, int, np.random.Generator], np.ndarray] | None = None
    inputs: InputMaker | None = None


def corrupt(splits: Splits, spec: CorruptionSpec, seed: int) -> Corrupted:
    """The splits with exactly round(fraction · N) examples corrupted, for each part of `kind`.

    Validation and test stay clean unless `spec.test`; then they are corrupted alike, shuffled
    pixels by the same permutation.
    """
    train = splits.train
    classes = splits.true_classes
    given, labels_drawn = _labels(train.y, classes, spec, seed, "train")
    if splits.fake is not None:
        given = np.where(splits.fake, classes, given)
        labels_drawn = labels_drawn | splits.fake
    x, inputs_drawn = _inputs(train, splits, spec, seed, "train")
    corrupted = (given != train.y) | inputs_drawn
    parts = []
    for name, part in (("validation", splits.validation), ("test", splits.test)):
        if spec.test:
            y, _ = _labels(part.y, classes, spec, seed, name)
            parts.append((_inputs(part, splits, spec, seed, name)[0], y))
        else:
            parts.append((part.x, part.y))
    (validation_x, validation_y), (test_x, test_y) = parts
    return Corrupted(
        x,
        given,
        train.y,
        corrupted,
        labels_drawn | inputs_drawn,
        validation_x,
        validation_y,
        test_x,
        test_y,
        float(corrupted.mean()),
        held_out=splits.held_out,
    )


def chosen(count: int, fraction: float, seed: int, purpose: str) -> np.ndarray:
    """A mask of exactly round(fraction · count) examples; those of a smaller fraction are in it."""
    mask = np.zeros(count, dtype=bool)
    mask[key(seed, purpose).permutation(count)[: round(fraction * count)]] = True
    return mask


def _kinds(spec: CorruptionSpec) -> tuple[str | None, str | None]:
    """The label kind and the input kind."""
    if spec.kind in plugins.names(plugins.CORRUPTIONS):
        found: Corruption = plugins.load(plugins.CORRUPTIONS, spec.kind, Corruption)
        return (spec.kind, None) if found.labels is not None else (None, spec.kind)
    names = [] if spec.kind == "none" else spec.kind.split("+")
    labels = next((name for name in names if name in LABEL_CORRUPTIONS), None)
    inputs = next((name for name in names if name not in LABEL_CORRUPTIONS), None)
    return labels, inputs


def _labels(
    y: np.ndarray, classes: int, spec: CorruptionSpec, seed: int, part: str
) -> tuple[np.ndarray, np.ndarray]:
    kind, _ = _kinds(spec)
    if kind is None or spec.fraction == 0:
        return y, np.zeros(len(y), dtype=bool)
    mask = chosen(len(y), spec.fraction, seed, f"corrupt labels {part}")
    draws = key(seed, f"replace labels {part}")
    if kind == "labels":
        replaced = draws.integers(0, classes, len(y))
    elif kind == "labels-other":
        replaced = (y + draws.integers(1, classes, len(y))) % classes
    elif kind == "labels-pair":
        replaced = (y + 1) % classes
    else:
        foreign: Corruption = plugins.load(plugins.CORRUPTIONS, kind, Corruption)
        assert foreign.labels is not None
        replaced = foreign.labels(y, classes, draws)
    return np.where(mask, replaced, y).astype(np.int64), mask


def _inputs(
    examples: Part, splits: Splits, spec: CorruptionSpec, seed: int, part: str
) -> tuple[np.ndarray, np.ndarray]:
    x, train_x = examples.x, splits.train.x
    labels, kind = _kinds(spec)
    fraction = spec.fraction
    if labels is not None and spec.input_fraction is not None:
        fraction = spec.input_fraction
    if kind is None or fraction == 0:
        return x, np.zeros(len(x), dtype=bool)
    mask = chosen(len(x), fraction, seed, f"corrupt inputs {part}")
    made = x.copy()
    if kind == "inputs-class":
        made[mask] = class_gaussian(examples, splits, seed, part)[mask]
        return made, mask
    make = MAKERS[kind] if kind in MAKERS else _foreign_inputs(kind)
    made[mask] = make(x, train_x, splits.image_shape is not None, seed, part)[mask]
    return made, mask


def gaussian(x: np.ndarray, train_x: np.ndarray, image: bool, seed: int, part: str) -> np.ndarray:
    """Arpit's randX: normal with the training inputs' own mean and deviation, per feature."""
    mean, deviation = train_x.mean(0, dtype=np.float64), train_x.std(0, dtype=np.float64)
    noise = key(seed, f"gaussian inputs {part}").standard_normal(x.shape, dtype=np.float32)
    return np.asarray(mean + deviation * noise, dtype=np.float32)


def class_gaussian(examples: Part, splits: Splits, seed: int, part: str) -> np.ndarray:
    """Normal with the mean and the covariance of the training inputs of an example's true class.

    A draw is μ + Σ_k z_k (x_k − μ) / √n over the class's n training examples, z standard normal,
    which has that covariance exactly; no matrix is taken apart.
    """
    train = splits.train
    flat = train.x.reshape(len(train.x), -1).astype(np.float64)
    made = np.empty((len(examples.x), flat.shape[1]), np.float32)
    for label in np.unique(examples.y):
        rows, own = np.flatnonzero(examples.y == label), flat[train.y == label]
        mean = own.mean(0)
        # Keyed by class, so that an example's draw does not depend on how many others there are.
        drawn = key(seed, f"class gaussian inputs {part}", int(label))
        z = drawn.standard_normal((len(rows), len(own)))
        made[rows] = mean + z @ (own - mean) / np.sqrt(len(own))
    return made.reshape(examples.x.shape)


def shuffled(x: np.ndarray, train_x: np.ndarray, image: bool, seed: int, part: str) -> np.ndarray:
    """One permutation of the positions for all examples and parts, the channels kept together."""
    flat = _positions(x, image)
    order = key(seed, "pixel-shuffle").permutation(flat.shape[-1])
    return np.asarray(flat[..., order]).reshape(x.shape)


def scrambled(x: np.ndarray, train_x: np.ndarray, image: bool, seed: int, part: str) -> np.ndarray:
    """A permutation of its own for each example, the channels kept together."""
    flat = _positions(x, image)
    draws = key(seed, f"pixel-random {part}").random((len(x), flat.shape[-1]), dtype=np.float32)
    order = draws.argsort(1, kind="stable")[:, None, :]
    taken = np.take_along_axis(flat, np.broadcast_to(order, flat.shape), 2)
    return np.asarray(taken).reshape(x.shape)


def _positions(x: np.ndarray, image: bool) -> np.ndarray:
    """`[n, channels, positions]`; what is no image has one channel."""
    return x.reshape(len(x), x.shape[1] if image else 1, -1)


def _foreign_inputs(kind: str) -> InputMaker:
    found: Corruption = plugins.load(plugins.CORRUPTIONS, kind, Corruption)
    assert found.inputs is not None
    return found.inputs


MAKERS: dict[str, InputMaker] = {
    "inputs": gaussian,
    "pixel-shuffle": shuffled,
    "pixel-random": scrambled,
}
