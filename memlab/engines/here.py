"""The engine of one process: the stacks one after the other, in the process that leads the run."""

from __future__ import annotations

import torch

from memlab.engines.engine import Leader
from memlab.worker.shard import Shard, Work


class Here:
    """Trains in this process; a crew of one."""

    def __init__(self, work: Work, leader: Leader, device: torch.device) -> None:
        self._work = work
        self._leader = leader
        self._shard = Shard(work, device, self)

    def train(self) -> bool:
        """See `Engine`."""
        torch.set_num_threads(self._work.plan.threads)
        for stack in self._work.stacks:
            if not self._shard.train(stack, lambda: self._leader.between(self)):
                return False
        self._shard.note()
        return True

    def append(self, type: str, /, **data: object) -> None:
        """See `Told`."""
        self._leader.append(type, **data)

    def progress(self, stack: int, update: int, done_examples: int, last: bool = False) -> None:
        """See `Told`."""
        self._leader.advanced(stack, update, done_examples, last)

    def save(self) -> None:
        """See `Crew`."""
        self._shard.save()

    def pause(self) -> None:
        """See `Crew`: nothing trains while the leader answers."""
        self._shard.save()

    def go_on(self) -> None:
        """See `Crew`."""
