"""What an engine needs of the run's leader, what the leader needs of it, and which one trains."""

from __future__ import annotations

from typing import Protocol

import torch

from memlab.worker.shard import Work


class Crew(Protocol):
    """Those who train, as a leader who answers requests sees them."""

    def save(self) -> None:
        """A checkpoint of every stack that is being trained."""

    def pause(self) -> None:
        """Saves, and trains no further until `go_on`."""

    def go_on(self) -> None:
        """Ends a pause."""


class Leader(Protocol):
    """Who leads a run: writes its log and its progress, and answers what is asked of it."""

    def append(self, type: str, /, **data: object) -> object:
        """An event."""

    def advanced(self, stack: int, update: int, done_examples: int, last: bool) -> None:
        """A stack is at `update`; `done_examples` counts members × examples of the whole run."""

    def between(self, crew: Crew) -> bool:
        """Answers what was asked; False to end the training here, with a checkpoint."""


class Engine(Protocol):
    """Trains the stacks of a run."""

    def train(self) -> bool:
        """Whether all came to their end; else each has a checkpoint.

        Raises:
            MemlabError: why it could not go on; every stack keeps its newest checkpoint.
        """


class Nobody:
    """A crew where nothing is being trained."""

    def save(self) -> None:
        """See `Crew`."""

    def pause(self) -> None:
        """See `Crew`."""

    def go_on(self) -> None:
        """See `Crew`."""


def engine_of(work: Work, leader: Leader, device: torch.device) -> Engine:
    """The engine that the run's plan asks for."""
    from memlab.engines.here import Here
    from memlab.engines.processes import Processes

    if work.plan.processes == 1:
        return Here(work, leader, device)
    return Processes(work, leader, device)
