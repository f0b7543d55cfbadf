"""What every run measures at each evaluation: names, words, units, and which way is better.

Nobody else spells a metric's name: a table's columns, the report's fields and the app's curves
take the constants from here. What an instrument measures is declared with the instrument.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

TRAIN_LOSS: Final = "train_loss"
TRAIN_LOSS_CLEAN: Final = "train_loss_clean"
TRAIN_LOSS_CORRUPTED: Final = "train_loss_corrupted"
TRAIN_ACCURACY: Final = "train_accuracy"
TRAIN_ACCURACY_CLEAN: Final = "train_accuracy_clean"
TRAIN_ACCURACY_CORRUPTED: Final = "train_accuracy_corrupted"
RECOVERED_TRUE_LABELS: Final = "recovered_true_labels"
VALIDATION_LOSS: Final = "validation_loss"
VALIDATION_ACCURACY: Final = "validation_accuracy"
TEST_LOSS: Final = "test_loss"
TEST_ACCURACY: Final = "test_accuracy"
LEARNING_RATE: Final = "learning_rate"

Better = Literal["higher", "lower"]


@dataclass(frozen=True)
class Metric:
    """One figure per network and evaluation.

    `title` names it on an axis, `short` at the head of a column, `caption` above a chart of its
    own. A loss has the unit of the experiment's loss, which is none for both. `better` is None
    where neither way is.
    """

    name: str
    title: str
    short: str
    caption: str
    unit: str
    better: Better | None


def _loss(name: str, title: str, short: str) -> Metric:
    return Metric(name, title, short, title, "", "lower")


def _accuracy(name: str, title: str, short: str, caption: str = "") -> Metric:
    return Metric(name, title, short, caption or title, "share", "higher")


#: In the order of the columns of a stack's table.
METRICS: Final = {
    each.name: each
    for each in (
        _loss(TRAIN_LOSS, "train loss", "train loss"),
        _loss(TRAIN_LOSS_CLEAN, "loss on clean labels", "truth loss"),
        _loss(TRAIN_LOSS_CORRUPTED, "loss on corrupted labels", "lies loss"),
        _accuracy(TRAIN_ACCURACY, "train accuracy", "train"),
        _accuracy(
            TRAIN_ACCURACY_CLEAN,
            "accuracy on clean labels",
            "truth fitted",
            "truth: clean training examples",
        ),
        # Fitting lies is what is studied: neither way is better.
        Metric(
            TRAIN_ACCURACY_CORRUPTED,
            "accuracy on corrupted labels",
            "lies fitted",
            "lies: corrupted training examples",
            "share",
            None,
        ),
        _accuracy(RECOVERED_TRUE_LABELS, "true labels recovered", "seen through"),
        _loss(VALIDATION_LOSS, "validation loss", "validation loss"),
        _accuracy(VALIDATION_ACCURACY, "validation accuracy", "validation", "unseen: validation"),
        _loss(TEST_LOSS, "test loss", "test loss"),
        _accuracy(TEST_ACCURACY, "test accuracy", "test", "unseen: test examples"),
        Metric(LEARNING_RATE, "learning rate", "η", "learning rate", "", None),
    )
}
