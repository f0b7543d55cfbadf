"""The order in which the members of a stack see their training examples."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Thread

import numpy as np
import torch
from torch import Tensor

from memlab.training.randomness import orders


class BatchOrder:
    """A new order every epoch, from each member's key; a batch may reach into the next epoch.

    `own` `[members, train_examples]` says which examples a member's are, None for all in common.
    Where a GPU trains, the host draws the next epoch's order meanwhile.
    """

    def __init__(
        self, keys: Sequence[int], train_examples: int, own: Tensor | None, device: torch.device
    ) -> None:
        self._keys, self._total = keys, train_examples
        self._own, self._device = own, device
        self._epochs: dict[int, Tensor] = {}
        self._next: _Ahead | None = None

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
            order = torch.from_numpy(self._drawn(epoch)).to(self._device)
            self._epochs[epoch] = order if self._own is None else self._own.gather(1, order)
        return self._epochs[epoch]

    def _drawn(self, epoch: int) -> np.ndarray:
        if self._device.type != "cuda":
            return orders(self._keys, epoch, self._total)
        known, self._next = self._next, None
        found = known.order() if known is not None and known.epoch == epoch else None
        if found is None:
            found = orders(self._keys, epoch, self._total)
        self._next = _Ahead(self._keys, epoch + 1, self._total)
        return found


class _Ahead:
    """The order of an epoch, being drawn by a thread: numpy shuffles without Python's lock."""

    def __init__(self, keys: Sequence[int], epoch: int, total: int) -> None:
        self.epoch = epoch
        self._order: np.ndarray | None = None
        self._thread = Thread(target=self._draw, args=(list(keys), total), daemon=True)
        self._thread.start()

    def _draw(self, keys: Sequence[int], total: int) -> None:
        self._order = orders(keys, self.epoch, total)

    def order(self) -> np.ndarray | None:
        """Waits for it; None where the thread failed."""
        self._thread.join()
        return self._order
