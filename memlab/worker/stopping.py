"""Stop rules: which members of a stack are finished after an evaluation, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from memlab.experiment.metrics import TRAIN_ACCURACY, TRAIN_LOSS, VALIDATION_ACCURACY
from memlab.experiment.training_spec import StopSpec
from memlab.strict_json import numbers


class StopRules:
    """What the rules remember of each member (position in its stack): best validation accuracy."""

    def __init__(self, spec: StopSpec, members: int) -> None:
        self.spec = spec
        self._best = [float("-inf")] * members
        self._best_epoch = [0.0] * members

    def due(
        self,
        active: Sequence[int],
        metrics: Mapping[str, np.ndarray],
        diverged: np.ndarray,
        epoch: float,
    ) -> dict[int, str]:
        """Position in `active` → reason, for each member that ends here.

        `metrics` and `diverged` are per active member.
        """
        reasons: dict[int, str] = {}
        for position, member in enumerate(active):
            reason = self._reason(member, position, metrics, epoch)
            if diverged[position] >= 0:
                reason = "diverged"
            if reason:
                reasons[position] = reason
        return reasons

    def _reason(
        self, member: int, position: int, metrics: Mapping[str, np.ndarray], epoch: float
    ) -> str:
        accuracy = float(metrics[VALIDATION_ACCURACY][position])
        if accuracy > self._best[member]:
            self._best[member], self._best_epoch[member] = accuracy, epoch
        reached = self.spec.train_accuracy
        if reached is not None and float(metrics[TRAIN_ACCURACY][position]) >= reached:
            return f"train accuracy {reached:g} reached"
        low = self.spec.train_loss
        if low is not None and float(metrics[TRAIN_LOSS][position]) <= low:
            return f"train loss {low:g} reached"
        patience = self.spec.patience
        if patience is not None and epoch - self._best_epoch[member] >= patience:
            return f"no better validation accuracy for {patience:g} epochs"
        return ""

    def state(self) -> dict[str, Any]:
        """What to keep in a checkpoint."""
        return {"best": numbers(self._best), "best_epoch": self._best_epoch}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Takes back what `state` gave."""
        self._best = [float("-inf") if v is None else float(v) for v in state["best"]]
        self._best_epoch = [float(value) for value in state["best_epoch"]]
