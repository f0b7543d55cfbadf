"""Baselines by name, and what they reach, split as the network's training set is split."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from memlab.baselines import kernel_matrices, kernels, linear, neighbours, random_forest
from memlab.baselines.baseline import (
    BASELINES,
    Baseline,
    BaselineData,
    Network,
    Predicted,
    accuracy,
)
from memlab.data.corruption import Corrupted
from memlab.errors import InvalidExperiment
from memlab.experiment.metrics import TEST_ACCURACY
from memlab.runs.roc import roc_area
from memlab.spelling import closest, did_you_mean

#: Importing a file declares its baselines.
FAMILIES = (neighbours, kernels, random_forest, linear, kernel_matrices)


@dataclass(frozen=True)
class Reached:
    """What a baseline reaches, by the names of the network's metrics; NaN of no examples.

    `recovered_true_labels` is over corrupted examples whose label changed; `lies_found` is the area
    under the ROC curve of the suspicion for those; `chosen` is what validation chose; `tried` norm
    and test accuracy of interpolants by their setting; `seconds` of wall time.
    """

    train_accuracy: float
    train_accuracy_clean: float
    train_accuracy_corrupted: float
    recovered_true_labels: float
    test_accuracy: float
    chosen: Mapping[str, float]
    seconds: float
    validation_accuracy: float = float("nan")
    lies_found: float = float("nan")
    tried: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


def find(name: str) -> Baseline:
    """The declaration of `name`.

    Raises:
        InvalidExperiment: if there is none, with the nearest valid name.
    """
    if name in BASELINES:
        return BASELINES[name]
    hint = did_you_mean(closest(name, BASELINES), f". Known: {', '.join(BASELINES)}.")
    raise InvalidExperiment(f"There is no baseline {name!r}{hint}")


def reach(
    name: str,
    data: Corrupted,
    classes: int,
    seed: int = 0,
    degree: int | None = None,
    network: Network | None = None,
) -> Reached:
    """Fits the baseline `name` to a member's data and measures it; see `BaselineData`.

    Raises:
        InvalidExperiment: if there is no such baseline, or the data are more than it takes.
    """
    wanted = find(name)
    if len(data.train_x) > wanted.most_examples:
        raise InvalidExperiment(
            f"The baseline {name!r} takes at most {wanted.most_examples:,} training examples, "
            f"these are {len(data.train_x):,}; lower dataset.train."
        )
    start = time.perf_counter()
    predicted, validation = _fitted(wanted, BaselineData.of(data, classes, seed, degree, network))
    found = measured(predicted, data, time.perf_counter() - start)
    return replace(found, validation_accuracy=validation)


def _fitted(wanted: Baseline, data: BaselineData) -> tuple[Predicted, float]:
    """Its predictions, and its accuracy on the validation part, which it predicts as test data.

    NaN where it predicts other examples than it is given.
    """
    count = len(data.validation_x)
    joined = replace(data, test_x=np.concatenate([data.validation_x, data.test_x]))
    predicted = wanted.fit(joined)
    if len(predicted.test) != len(joined.test_x):
        return predicted, float("nan")
    validation = accuracy(predicted.test[:count], data.validation_y)
    tried = {name: replace(one, test=one.test[count:]) for name, one in predicted.tried.items()}
    return replace(predicted, test=predicted.test[count:], tried=tried), validation


def measured(predicted: Predicted, data: Corrupted, seconds: float = float("nan")) -> Reached:
    """The network's metrics for predictions on the training and test part."""
    lies = data.corrupted
    lied = lies & (data.train_true != data.train_given)
    suspicion = predicted.suspicion
    given = np.asarray(data.train_given, np.int64)
    return Reached(
        train_accuracy=accuracy(predicted.train, given),
        train_accuracy_clean=accuracy(predicted.train[~lies], given[~lies]),
        train_accuracy_corrupted=accuracy(predicted.train[lies], given[lies]),
        recovered_true_labels=accuracy(predicted.train[lied], data.train_true[lied]),
        test_accuracy=accuracy(predicted.test, data.test_y),
        chosen=predicted.chosen,
        seconds=seconds,
        tried={
            name: {"norm": one.norm, TEST_ACCURACY: accuracy(one.test, data.test_y)}
            for name, one in predicted.tried.items()
        },
        lies_found=float("nan") if suspicion is None else roc_area(suspicion, lied).auc,
    )
