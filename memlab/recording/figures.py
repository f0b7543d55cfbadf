"""Losses and accuracies of a recorded run, from the answers that came with its batches."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from memlab.experiment.metrics import (
    METRICS,
    RECOVERED_TRUE_LABELS,
    TRAIN_ACCURACY,
    TRAIN_ACCURACY_CLEAN,
    TRAIN_ACCURACY_CORRUPTED,
    TRAIN_LOSS,
    TRAIN_LOSS_CLEAN,
    TRAIN_LOSS_CORRUPTED,
)
from memlab.recording.answers import Answers
from memlab.recording.given import Given

NAMES = {
    "all": (TRAIN_LOSS, TRAIN_ACCURACY),
    "clean": (TRAIN_LOSS_CLEAN, TRAIN_ACCURACY_CLEAN),
    "corrupted": (TRAIN_LOSS_CORRUPTED, TRAIN_ACCURACY_CORRUPTED),
}


class Tally:
    """Sums over presentations; what nobody can know has no sum and stays NaN."""

    def __init__(self, given: Given) -> None:
        self._corrupted, self._true = given.corrupted, given.true
        self.clear()

    def clear(self) -> None:
        """Begins anew."""
        self.count = 0
        self._sums = {name: np.zeros(3) for name in NAMES}  # count, loss, right
        self._recovered = np.zeros(2)  # count, right

    def take(self, answers: Answers) -> None:
        """Adds answers."""
        right = answers.predicted == answers.labels
        self.count += len(answers)
        self._add("all", answers.loss, right)
        if self._corrupted is None:
            return
        index = answers.index
        known = (index >= 0) & (index < len(self._corrupted))
        corrupted = self._corrupted[np.where(known, index, 0)]
        for name, chosen in (("clean", known & ~corrupted), ("corrupted", known & corrupted)):
            self._add(name, answers.loss[chosen], right[chosen])
        if self._true is not None:
            chosen = known & corrupted
            true = self._true[index[chosen]]
            self._recovered += (chosen.sum(), (answers.predicted[chosen] == true).sum())

    def _add(self, name: str, loss: NDArray[np.float64], right: NDArray[np.bool_]) -> None:
        self._sums[name] += (len(loss), loss.sum(), right.sum())

    def add(self, other: Tally) -> None:
        """Adds what another has seen."""
        self.count += other.count
        for name, sums in other._sums.items():
            self._sums[name] += sums
        self._recovered += other._recovered

    def metrics(self) -> dict[str, float]:
        """Every metric of a row; NaN where it does not exist."""
        found = dict.fromkeys(METRICS, float("nan"))
        for name, (loss, accuracy) in NAMES.items():
            count, total, right = self._sums[name]
            if count:
                found[loss], found[accuracy] = float(total / count), float(right / count)
        if self._recovered[0]:
            found[RECOVERED_TRUE_LABELS] = float(self._recovered[1] / self._recovered[0])
        return found
