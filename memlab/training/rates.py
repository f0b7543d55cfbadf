"""Learning rates of a stack's members at each update."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from memlab.experiment.schedule import Timeline
from memlab.experiment.spec import Experiment
from memlab.experiment.training_spec import OptimizerSpec


def first_rates(specs: Sequence[OptimizerSpec], sharpness: Tensor | None) -> list[float]:
    """η₀ of each member, before any warm-up: its own, or its share of 1/λ₀ (`sharpness`)."""
    rates = []
    for position, spec in enumerate(specs):
        asked = spec.learning_rate_of_sharpness
        if asked is None or sharpness is None:
            rates.append(spec.learning_rate)
        else:
            rates.append(asked / float(sharpness[position]))
    return rates


class StackRates:
    """η of every member as a function of the update; members with equal schedules share one.

    `first` are the rates that they start from, `[members]`; forks may have their own.
    """

    def __init__(
        self,
        experiments: Sequence[Experiment],
        train_examples: int,
        device: torch.device,
        first: Sequence[float],
    ) -> None:
        forks = [e.fork.learning_rate for e in experiments]
        later = [own or rate for own, rate in zip(forks, first, strict=True)]
        self._first = np.array([first, later])
        distinct: dict[str, int] = {}
        self._timelines: list[Timeline] = []
        firsts: list[Experiment] = []
        which = []
        for experiment in experiments:
            fork = experiment.fork.model_dump_json(include={"at", "schedule", "batch_size"})
            name = experiment.schedule.model_dump_json() + fork
            if name not in distinct:
                distinct[name] = len(self._timelines)
                self._timelines.append(Timeline(experiment, train_examples))
                firsts.append(experiment)
            which.append(distinct[name])
        self._which = np.array(which)
        self._device = device
        self._constant = all(
            t.fork is None and e.schedule.kind == "constant" and e.schedule.warmup == 0
            for t, e in zip(self._timelines, firsts, strict=True)
        )
        self._now: tuple[tuple[bool, float], ...] = ()
        self._vector = torch.empty(0)

    def _state(self, update: int) -> tuple[tuple[bool, float], ...]:
        """Of each distinct timeline, whether it is past its fork, and its factor."""
        return tuple((t.forked(update), t.rate_factor(update)) for t in self._timelines)

    def _rates(self, state: tuple[tuple[bool, float], ...]) -> np.ndarray:
        forked = np.array([past for past, _ in state])[self._which]
        factors = np.array([factor for _, factor in state])[self._which]
        return np.asarray(np.where(forked, self._first[1], self._first[0]) * factors)

    def values(self, update: int) -> np.ndarray:
        """η of `update` for each member, float64 `[members]`."""
        return self._rates(self._state(update))

    def vector(self, update: int) -> Tensor:
        """η of `update` on the training device, float32 `[members]`; copied only if it changed."""
        if self._constant and self._now:
            return self._vector
        state = self._state(update)
        if state != self._now:
            self._now = state
            rates = torch.from_numpy(self._rates(state).astype(np.float32))
            self._vector = rates.to(self._device, non_blocking=True)  # nobody waits for a GPU
        return self._vector
