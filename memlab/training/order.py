"""The order in which the members of a stack see their training examples."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from memlab.training.randomness import orders


class BatchOrder:
    """A new order every epoch, from each member's key; a batch may reach into the next epoch.

    `own` `[members, train_examples]` says which examples a member's are, None for all in common.
    """

    def __init__(
        self, keys: Sequence[int], train_examples: int, own: Tensor | None, device: torch.device
    ) -> None:
        self._keys, self._total = keys, train_examples
        self._own, self._device = own, device
        self._epochs: dict[int, Tensor] = {}

    def batch(self, seen: int, size: int) -> Tensor:
        """Which examples come after the first `seen`, `[members, size]`."""
        epoch, start = divmod(seen, self._total)
        order = self._order(epoch)
        if start + size <= self._total:
            return order[:, start : start + size]
        rest = self._order(epoch + 1)[:, : start + size - self._total]
        return torch.cat([order[:, start:], rest], 1)

    def _order(self, epoch: int) -> Tensor:
        if epoch not in self._epochs:
            for old in [e for e in self._epochs if e < epoch - 1]:
                del self._epochs[old]
            order = torch.from_numpy(orders(self._keys, epoch, self._total)).to(self._device)
            self._epochs[epoch] = order if self._own is None else self._own.gather(1, order)
        return self._epochs[epoch]
