"""Learning rates of a stack's members at each update."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from memlab.experiment.schedule import Timeline
from memlab.experiment.spec import Experiment


class StackRates:
    """η of every member as a function of the update; members with equal schedules share one."""

    def __init__(
        self, experiments: Sequence[Experiment], train_examples: int, device: torch.device
    ) -> None:
        self._first = np.array([e.optimizer.learning_rate for e in experiments])
        distinct: dict[str, int] = {}
        self._timelines: list[Timeline] = []
        which = []
        for experiment in experiments:
            name = experiment.schedule.model_dump_json()
            if name not in distinct:
                distinct[name] = len(self._timelines)
                self._timelines.append(Timeline(experiment, train_examples))
            which.append(distinct[name])
        self._which = np.array(which)
        self._device = device
        self._factors: tuple[float, ...] = ()
        self._vector = torch.empty(0)

    def values(self, update: int) -> np.ndarray:
        """η of `update` for each member, float64 `[members]`."""
        factors = np.array([timeline.rate_factor(update) for timeline in self._timelines])
        return np.asarray(self._first * factors[self._which])

    def vector(self, update: int) -> Tensor:
        """η of `update` on the training device, float32 `[members]`; copied only if it changed."""
        factors = tuple(timeline.rate_factor(update) for timeline in self._timelines)
        if factors != self._factors:
            self._factors = factors
            rates = self._first * np.array(factors)[self._which]
            self._vector = torch.from_numpy(rates).to(self._device, torch.float32)
        return self._vector
