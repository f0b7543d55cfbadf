"""Who leads a run, as those who train its stacks see it."""

from __future__ import annotations

from typing import Protocol


class Told(Protocol):
    """Who leads the run, as a shard sees it."""

    def append(self, type: str, /, **data: object) -> object:
        """An event, as `EventLog.append`."""

    def progress(self, stack: int, update: int, done_examples: int, last: bool = False) -> None:
        """How far a stack is; `done_examples` counts members × examples of this shard alone.

        `last` is the end of a stack, which no one may miss.
        """
