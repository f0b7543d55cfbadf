"""What each member answered to each training example when it was last shown it.

A presentation is an example in a mini-batch; the answer is that of the update's own forward pass,
before the update, with its noise and augmentation. A forgetting event is a wrong answer whose
predecessor was right (Toneva 2019, arXiv 1812.05159, section 3 and algorithm 1).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

#: An example that was not shown yet in this epoch; answers are 0 for wrong and 1 for right.
NOT_YET = -1


def answer(into: Tensor, logits: Tensor, targets: Tensor) -> None:
    """Writes which answers are right: int8 `[members, batch]` of logits `[members, batch, …]`."""
    torch.eq(logits.argmax(-1), targets, out=into.view(torch.bool))


class Presentations:
    """Forgetting events of a stack, each tensor `[members, examples]`; ended members keep theirs.

    Within an epoch an example is shown once, so a step only writes answers down; they are counted
    all together when the epoch ends.
    """

    def __init__(self, members: int, examples: int, device: torch.device) -> None:
        shape = (members, examples)
        self._rows: Tensor | None = None
        self.state = {
            "answers": torch.full(shape, NOT_YET, dtype=torch.int8, device=device),
            "right": torch.zeros(shape, dtype=torch.bool, device=device),
            "learned": torch.zeros(shape, dtype=torch.bool, device=device),
            "forgetting": torch.zeros(shape, dtype=torch.int32, device=device),
        }

    def follow(self, active: Sequence[int]) -> None:
        """From now on answers are of the members `active` (positions in the stack)."""
        device = self.state["answers"].device
        self._rows = torch.tensor(list(active), dtype=torch.int64, device=device)

    def take(self, index: Tensor, answers: Tensor, left: int) -> None:
        """Takes int8 answers to the examples `index`, each `[active, batch]`.

        `left` of them end an epoch where there are so many; the rest begin the next. `NOT_YET` for
        an answer leaves it out.
        """
        self._note(index[:, :left], answers[:, :left])
        if index.shape[1] >= left:
            self._turn()
        if index.shape[1] > left:
            self._note(index[:, left:], answers[:, left:])

    def _note(self, index: Tensor, answers: Tensor) -> None:
        kept = self.state["answers"]
        if self._rows is None:
            kept.scatter_(1, index, answers)
            return
        flat = index + self._rows[:, None] * kept.shape[1]
        kept.view(-1).scatter_(0, flat.reshape(-1), answers.reshape(-1))

    def _turn(self) -> None:
        """Ends an epoch: counts its answers."""
        state = self.state
        learned, forgetting = self.counts()
        state["learned"].copy_(learned)
        state["forgetting"].copy_(forgetting)
        shown = state["answers"] != NOT_YET
        state["right"].copy_(torch.where(shown, state["answers"] == 1, state["right"]))
        state["answers"].fill_(NOT_YET)

    def counts(self) -> tuple[Tensor, Tensor]:
        """Ever answered right, and forgetting events, of all presentations until now."""
        state = self.state
        learned = state["learned"] | (state["answers"] == 1)
        lost = state["right"] & (state["answers"] == 0)
        return learned, state["forgetting"] + lost.to(torch.int32)
