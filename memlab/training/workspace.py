"""Memory that is used again from update to update, so that none is asked of the system.

On the CPU a fresh tensor of half a megabyte costs more in page faults than most of the arithmetic
done on it. What is taken here is overwritten by the next that takes the same name: it never leaves
the step that took it.
"""

from __future__ import annotations

from math import prod

import torch
from torch import Tensor


class Workspace:
    """Float tensors by name; each name keeps the memory of the largest that it was asked for.

    Elsewhere than on the CPU every tensor is fresh: a captured graph holds on to the addresses that
    it was captured with, and the device's own allocator spares the cost.
    """

    def __init__(self, device: torch.device, dtype: torch.dtype = torch.float32) -> None:
        self._device, self._dtype = device, dtype
        self._keeps = device.type == "cpu"
        self._flat: dict[str, Tensor] = {}
        self._views: dict[tuple[str, tuple[int, ...]], Tensor] = {}

    def take(self, name: str, *shape: int) -> Tensor:
        """A contiguous tensor of this shape, with anything in it."""
        if not self._keeps:
            return torch.empty(shape, dtype=self._dtype, device=self._device)
        found = self._views.get((name, shape))
        if found is None:
            found = self._views[name, shape] = self._cut(name, shape)
        return found

    def _cut(self, name: str, shape: tuple[int, ...]) -> Tensor:
        size = prod(shape)
        flat = self._flat.get(name)
        if flat is None or flat.numel() < size:
            self._views = {known: view for known, view in self._views.items() if known[0] != name}
            flat = torch.empty(size, dtype=self._dtype, device=self._device)
            self._flat[name] = flat
        return flat[:size].view(shape)
