"""A training process, from its fork to its end: what the leader asks, and what it is told."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
import traceback

import torch

from memlab.engines.failing import explained
from memlab.engines.link import LineClosed, Link, Message
from memlab.worker.shard import Shard, Work

POLL_SECONDS = 0.05
PR_SET_PDEATHSIG = 1


def serve(work: Work, link: Link, device: torch.device, parent: int, first: bool) -> None:
    """Trains the stacks that the leader, `parent`, names until it closes the line.

    The `first` of the run's processes notes what its stacks took.
    """
    _settle(parent, work.plan.threads)
    _ShardProcess(work, link, device, first).serve()


def _settle(parent: int, threads: int) -> None:
    """Ends with the leader, leaves signals to it, and uses its own share of the cores."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    torch.set_num_threads(threads)


class _ShardProcess:
    """Serves one line; it is what its shard tells."""

    def __init__(self, work: Work, link: Link, device: torch.device, first: bool) -> None:
        self._link = link
        self._stacks = {stack.index: stack for stack in work.stacks}
        self._shard = Shard(work, device, self)
        self._device = device
        self._first = first
        self._next = 0.0

    def serve(self) -> None:
        try:
            while True:
                message = self._link.wait()
                if message["do"] == "train":
                    self._train(message["stack"])
                elif message["do"] in ("save", "pause"):
                    self._link.send(kind="did", what=message["do"])
        except LineClosed:
            if self._first:
                self._shard.note()

    def _train(self, stack: int) -> None:
        try:
            finished = self._shard.train(self._stacks[stack], self._between)
        except LineClosed:
            raise
        except Exception as error:
            traceback.print_exc()
            message, status = explained(error, self._device)
            self._link.send(kind="failed", message=message, exit_code=status)
            return
        self._link.send(kind="ended", stack=stack, finished=finished)

    def _between(self) -> bool:
        """Answers the leader; looks 20 times a second at most."""
        now = time.monotonic()
        if now < self._next:
            return True
        self._next = now + POLL_SECONDS
        while (message := self._link.poll()) is not None:
            if not self._answer(message):
                return False
        return True

    def _answer(self, message: Message) -> bool:
        if message["do"] == "stop":
            return False
        if message["do"] in ("save", "pause"):
            self._shard.save()
            self._link.send(kind="did", what=message["do"])
        if message["do"] == "pause":
            while (message := self._link.wait())["do"] != "go on":
                if message["do"] == "stop":
                    return False
        return True

    def append(self, type: str, /, **data: object) -> None:
        """See `Told`."""
        self._link.send(kind="event", type=type, data=data)

    def progress(self, stack: int, update: int, done_examples: int, last: bool = False) -> None:
        """See `Told`."""
        self._link.send(kind="progress", stack=stack, update=update, done=done_examples, last=last)
