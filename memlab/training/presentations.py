"""What each member answered to each training example when it was last shown it.

A presentation is an example in a mini-batch; the answer is that of the update's own forward pass,
before the update, with its noise and augmentation. A forgetting event is a wrong answer whose
predecessor was right (Toneva 2019, arXiv 1812.05159, section 3 and algorithm 1).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

#: An example that was not shown yet in this epoch; answers are 0 for wrong and 1 for right.
NOT_YET = -1
#: Updates, and predictions, that are kept until they are looked at together.
WINDOW, MOST = 64, 1 << 21


class Presentations:
    """Forgetting events of a stack, each tensor `[members, examples]`; ended members keep theirs.

    Looking at each update's predictions would cost a small stack a dozen operations: they are
    written down, and looked at when the window is full, an epoch ends or someone asks. Within an
    epoch an example is shown once, so that its answer is counted when the epoch ends.
    """

    def __init__(self, members: int, examples: int, device: torch.device) -> None:
        shape = (members, examples)
        self._rows: Tensor | None = None
        self._labels: Tensor | None = None
        self._since: Callable[[], Tensor] | None = None
        self._window: list[tuple[Tensor, Tensor, int]] = []
        self._rooms: list[Tensor] = []
        self._state = {
            "answers": torch.full(shape, NOT_YET, dtype=torch.int8, device=device),
            "right": torch.zeros(shape, dtype=torch.bool, device=device),
            "learned": torch.zeros(shape, dtype=torch.bool, device=device),
            "forgetting": torch.zeros(shape, dtype=torch.int32, device=device),
        }

    @property
    def state(self) -> dict[str, Tensor]:
        """All that is needed to go on, for a checkpoint; to be restored in place."""
        self.look()
        return self._state

    def follow(self, active: Sequence[int], labels: Tensor, since: Callable[[], Tensor]) -> None:
        """From now on predictions are of the members `active` (positions in the stack).

        `labels` `[active, examples]` are those that they are trained on; `since()` is the update at
        which each diverged, −1 for none, from which on it answers nothing.
        """
        self._labels, self._since = labels, since
        self._rows = None
        if len(active) < len(self._state["right"]):
            self._rows = torch.tensor(list(active), dtype=torch.int64, device=labels.device)

    def room(self, batch: int) -> Tensor:
        """Where the next update's predictions go, int64 `[active, batch]`."""
        assert self._labels is not None
        at, members = len(self._window), len(self._labels)
        if at == len(self._rooms):
            self._rooms.append(self._labels.new_empty(members, batch))
        elif self._rooms[at].shape != (members, batch):
            self._rooms[at] = self._labels.new_empty(members, batch)
        return self._rooms[at]

    def take(self, index: Tensor, predicted: Tensor, update: int, left: int) -> None:
        """Takes predictions for the examples `index`, each `[active, batch]`, of one update.

        `left` of them end an epoch where there are so many; the rest begin the next.
        """
        size = index.shape[1]
        if size < left:
            self._window.append((index, predicted, update))
            kept = len(self._window)
            if kept == WINDOW or kept * predicted.numel() >= MOST:
                self.look()
            return
        self._window.append((index[:, :left], predicted[:, :left], update))
        self.look()
        self._turn()
        if size > left:
            self._window.append((index[:, left:], predicted[:, left:].clone(), update))

    def look(self) -> None:
        """Writes down which predictions of the window were right."""
        if not self._window or self._labels is None or self._since is None:
            return
        index = torch.cat([index for index, _, _ in self._window], 1)
        predicted = torch.cat([predicted for _, predicted, _ in self._window], 1)
        sizes = [index.shape[1] for index, _, _ in self._window]
        updates = np.repeat([update for _, _, update in self._window], sizes)
        self._window = []
        answers = (predicted == self._labels.gather(1, index)).to(torch.int8)
        since = self._since()[:, None]
        late = (since >= 0) & (torch.from_numpy(updates).to(since.device) >= since)
        self._note(index, answers.masked_fill_(late, NOT_YET))

    def _note(self, index: Tensor, answers: Tensor) -> None:
        kept = self._state["answers"]
        if self._rows is None:
            kept.scatter_(1, index, answers)
            return
        flat = index + self._rows[:, None] * kept.shape[1]
        kept.view(-1).scatter_(0, flat.reshape(-1), answers.reshape(-1))

    def _turn(self) -> None:
        """Ends an epoch: counts its answers."""
        state = self._state
        learned, forgetting = self.counts()
        state["learned"].copy_(learned)
        state["forgetting"].copy_(forgetting)
        shown = state["answers"] != NOT_YET
        state["right"].copy_(torch.where(shown, state["answers"] == 1, state["right"]))
        state["answers"].fill_(NOT_YET)

    def counts(self) -> tuple[Tensor, Tensor]:
        """Ever answered right, and forgetting events, of all presentations until now."""
        self.look()
        state = self._state
        learned = state["learned"] | (state["answers"] == 1)
        lost = state["right"] & (state["answers"] == 0)
        return learned, state["forgetting"] + lost.to(torch.int32)
