"""The stream of lies that a network has just learned to repeat."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from memlab.data.corruption import Corrupted
from memlab.training.plan import StackPlan
from memlab.worker.material import Material
from memlab.worker.recorder import MemorizedTable


class MemorizedStream:
    """Remembers which lies the shown members repeat, so that newly fitted ones can be told."""

    def __init__(
        self, material: Material, plan: StackPlan, shown: list[int], parts: Sequence[Corrupted]
    ) -> None:
        self._plan = plan
        self._parts = parts
        self._index = {m: material.splits(plan.members[m]).train.index for m in shown}
        self._material = material
        self._before = {m: np.zeros(len(index), dtype=bool) for m, index in self._index.items()}

    def picture(self) -> tuple[int, int]:
        """Height and width of the pictures."""
        height, width = self._material.pictures(self._plan.members[0]).shape[1:]
        return int(height), int(width)

    def record(
        self, table: MemorizedTable, epoch: float, member: int, repeated: np.ndarray
    ) -> None:
        """Writes what `member` (position in the stack) has come to repeat since last time.

        `repeated` is bool `[train examples]`.
        """
        fresh = np.flatnonzero(repeated & ~self._before[member])
        self._before[member] = repeated
        if epoch == 0 or len(fresh) == 0:
            return
        part = self._parts[member]
        pictures = self._material.pictures(self._plan.members[member])
        labels = (part.train_given, part.train_true)
        run_member = self._plan.members[member].index
        table.append(epoch, run_member, fresh, self._index[member], labels, pictures)

    def state(self) -> dict[str, torch.Tensor]:
        """What to keep in a checkpoint."""
        return {f"repeated.{m}": torch.from_numpy(v.copy()) for m, v in self._before.items()}

    def restore(self, tensors: dict[str, torch.Tensor]) -> None:
        """Takes out of `tensors` what `state` put there."""
        for member in self._before:
            self._before[member] = tensors.pop(f"repeated.{member}").numpy().copy()
