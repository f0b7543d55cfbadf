"""Which member's loss stopped being finite, and at which update."""

from __future__ import annotations

import torch
from torch import Tensor

#: Updates whose losses are kept until they are looked at together.
WINDOW = 64


class Divergence:
    """The first update with a loss that is not finite, for each member; −1 for none.

    Looking at every update's losses would cost a small stack half a dozen operations each time:
    they are written down, and looked at when the window is full or someone asks.
    """

    def __init__(self, members: int, device: torch.device) -> None:
        self._since = torch.full((members,), -1, dtype=torch.int64, device=device)
        self._losses = torch.zeros(WINDOW, members, device=device)
        self._rows = self._losses.unbind()
        self._updates: list[int] = []

    def note(self, update: int, losses: Tensor) -> None:
        """The members' losses at `update`, `[members]`."""
        self._rows[len(self._updates)].copy_(losses)
        self._updates.append(update)
        if len(self._updates) == WINDOW:
            self._look()

    def _look(self) -> None:
        if not self._updates:
            return
        wrong = ~torch.isfinite(self._losses[: len(self._updates)])
        first = wrong.int().argmax(0)
        when = torch.tensor(self._updates, device=first.device)[first]
        fresh = wrong.any(0) & (self._since < 0)
        self._since = torch.where(fresh, when, self._since)
        self._updates = []

    @property
    def since(self) -> Tensor:
        """Update at which each member's loss stopped being finite, int64 `[members]`."""
        self._look()
        return self._since

    def select(self, keep: Tensor) -> Divergence:
        """What is known of the members `keep` (indices)."""
        return Divergence.known(self.since[keep])

    @classmethod
    def known(cls, since: Tensor) -> Divergence:
        """Goes on from `since`."""
        made = cls(len(since), since.device)
        made._since = since
        return made
