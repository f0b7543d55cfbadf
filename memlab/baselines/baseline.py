"""What a baseline is: its data, its predictions, and its declaration, which enters it by name.

The methods are a file a family; finding and running them is `registry.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from memlab.data.corruption import Corrupted

Features = NDArray[np.float32]
Labels = NDArray[np.int64]


#: Float32 arrays of the training, validation and test part.
Parts = tuple[Features, Features, Features]


class Network(Protocol):
    """The member's own network, for baselines that are made of it."""

    def tangent_kernel(self) -> Parts:
        """tr K ÷ classes before the first update, of each part's examples with training ones."""

    def features(self) -> Parts:
        """Activations of the last hidden layer after the training, `[n, units]`.

        Raises:
            InvalidExperiment: if there is no such layer, or the trained network was not kept.
        """


@dataclass(frozen=True, eq=False)
class BaselineData:
    """A corrupted split as vectors: float32 `[n, features]` and int64 labels `[n]`.

    `train_y` are the given labels; a baseline sees no others of the training part. `seed` keys
    what it draws; `degree` is the one asked for of polynomials.
    """

    train_x: Features
    train_y: Labels
    validation_x: Features
    validation_y: Labels
    test_x: Features
    classes: int
    seed: int
    degree: int | None = None
    network: Network | None = None

    @classmethod
    def of(
        cls,
        data: Corrupted,
        classes: int,
        seed: int = 0,
        degree: int | None = None,
        network: Network | None = None,
    ) -> BaselineData:
        """The data that the network of the same member has."""
        return cls(
            _flat(data.train_x),
            np.asarray(data.train_given, np.int64),
            _flat(data.validation_x),
            np.asarray(data.validation_y, np.int64),
            _flat(data.test_x),
            classes,
            seed,
            degree,
            network,
        )

    def targets(self) -> Features:
        """Given labels as one-hot float32 `[n, classes]`."""
        return one_hot(self.train_y, self.classes)


@dataclass(frozen=True, eq=False)
class Interpolant:
    """One of several functions through all given labels: its norm ‖f‖ in the kernel's space, over
    all outputs, and its predictions on the test part."""

    norm: float
    test: Labels


@dataclass(frozen=True, eq=False)
class Predicted:
    """Predicted classes, int64 `[n]`, on the training and test part, and what was chosen.

    `suspicion` `[n]` is how little a training example's label fits to what the others say of it,
    the example itself left out; None where the method has no such score. `tried` are the functions
    of other settings by what was set, where these are looked at too.
    """

    train: Labels
    test: Labels
    chosen: Mapping[str, float] = field(default_factory=dict)
    suspicion: NDArray[np.float64] | None = None
    tried: Mapping[str, Interpolant] = field(default_factory=dict)


@dataclass(frozen=True)
class Baseline:
    """The declaration of a baseline; more than `most_examples` would take too long or too much
    memory. With `of_network` it is made of the member's network, so that no two share a fit."""

    name: str
    title: str
    about: str
    most_examples: int
    fit: Callable[[BaselineData], Predicted]
    of_network: bool = False


#: All declared baselines by name; filled when their files are imported.
BASELINES: dict[str, Baseline] = {}


def baseline(
    name: str, title: str, about: str, most_examples: int, of_network: bool = False
) -> Callable[[Callable[[BaselineData], Predicted]], Callable[[BaselineData], Predicted]]:
    """Function decorator: declares the baseline that the function fits."""

    def add(fit: Callable[[BaselineData], Predicted]) -> Callable[[BaselineData], Predicted]:
        BASELINES[name] = Baseline(name, title, about, most_examples, fit, of_network)
        return fit

    return add


def one_hot(labels: Labels, classes: int) -> Features:
    """float32 `[n, classes]`."""
    made = np.zeros((len(labels), classes), np.float32)
    made[np.arange(len(labels)), labels] = 1.0
    return made


def accuracy(predicted: Labels, labels: Labels) -> float:
    """Share of equal entries; NaN of none."""
    return float((predicted == labels).mean()) if len(labels) else float("nan")


def _flat(x: NDArray[np.float32]) -> Features:
    return np.ascontiguousarray(x.reshape(len(x), -1), dtype=np.float32)
