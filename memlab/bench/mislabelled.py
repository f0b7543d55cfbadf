"""How well a score finds wrong labels: the measures of `memlab bench suspects`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memlab.runs.roc import roc_area

FIRST = 50


@dataclass(frozen=True)
class Found:
    """Of one replicate; NaN where no label is wrong.

    `first_50` is the share of wrong labels among the 50 most suspicious; `missed` the share of the
    wrong ones that are not among as many most suspicious as there are wrong ones; `false_alarms`
    the share of all labels that are held for wrong, counted where none is.
    """

    average_precision: float
    auroc: float
    first_50: float
    missed: float
    false_alarms: float
    seconds: float

    @property
    def caught(self) -> float:
        """The share of the wrong labels that are not missed."""
        return 1.0 - self.missed


def measured(
    score: NDArray[np.float64], wrong: NDArray[np.bool_], issues: int, seconds: float
) -> Found:
    """From a score, high where suspicious, and which labels are wrong.

    >>> score, wrong = np.array([3.0, 2.0, 1.0, 0.0]), np.array([True, False, True, False])
    >>> found = measured(score, wrong, 0, 0.0)
    >>> round(found.average_precision, 3), found.auroc, found.missed
    (0.833, 0.75, 0.5)
    """
    count = int(wrong.sum())
    if not count:
        nan = float("nan")
        return Found(nan, nan, nan, nan, issues / len(wrong), seconds)
    order = np.argsort(-score, kind="stable")
    hits = wrong[order]
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    return Found(
        average_precision=float(precision[hits].mean()),
        auroc=roc_area(score, wrong).auc,
        first_50=float(hits[: min(FIRST, len(hits))].mean()),
        missed=1.0 - float(hits[:count].sum()) / count,
        false_alarms=float("nan"),
        seconds=seconds,
    )
