"""The engine of several processes: each trains one stack at a time, and takes the next when done.

The processes are forked from the leader, whose imports and data they share, before it has used a
thread or a GPU. Each holds the run's lock with the leader and ends with it, so that at no instant
two generations write the same tables.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import traceback
from dataclasses import dataclass, field

import torch

from memlab.cores import usable_cores
from memlab.engines.engine import Leader
from memlab.engines.link import LineClosed, Link, Message, pair
from memlab.engines.shard_process import serve
from memlab.errors import MemlabError, TrainingFailed
from memlab.training.plan import StackPlan
from memlab.worker.shard import Work

LOOK_SECONDS = 0.05


@dataclass
class Hand:
    """One training process: what it is at, and how many examples it has behind it."""

    pid: int
    link: Link
    examples: int = 0
    busy: bool = False
    waiting_for: set[str] = field(default_factory=set)


class ShardFailed(MemlabError):
    """A training process told why it could not go on."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class Processes:
    """Trains in `work.plan.processes` processes, or as many as there are cores; a crew.

    How many there are changes no bit.
    """

    def __init__(self, work: Work, leader: Leader, device: torch.device) -> None:
        self._work = work
        self._leader = leader
        self._device = device
        self._hands: list[Hand] = []
        self._left: list[StackPlan] = []
        self._unfinished = self._held = False
        self._failure: MemlabError | None = None

    def train(self) -> bool:
        """See `Engine`."""
        self._left = list(self._work.stacks)
        try:
            wanted = min(self._work.plan.processes, usable_cores(), len(self._left))
            for _ in range(wanted):
                self._hands.append(self._forked())
            for hand in self._hands:
                self._next(hand)
            while self._busy():
                self._listen()
                if not self._unfinished and not self._leader.between(self):
                    self._stop()
            if self._failure is not None:
                raise self._failure
            return not self._unfinished
        finally:
            self._dismiss()

    def save(self) -> None:
        """See `Crew`."""
        self._ask("save")

    def pause(self) -> None:
        """See `Crew`; a process that is done meanwhile gets no new stack."""
        self._held = True
        self._ask("pause")

    def go_on(self) -> None:
        """See `Crew`."""
        self._held = False
        for hand in self._hands:
            if hand.busy:
                self._tell(hand, do="go on")
            else:
                self._next(hand)

    def _busy(self) -> list[Hand]:
        return [hand for hand in self._hands if hand.busy]

    def _forked(self) -> Hand:
        ours, theirs = pair()
        sys.stdout.flush()
        sys.stderr.flush()
        leader, first = os.getpid(), not self._hands
        pid = os.fork()
        if pid:
            theirs.close()
            return Hand(pid, ours)
        try:
            ours.close()
            for hand in self._hands:
                hand.link.close()
            serve(self._work, theirs, self._device, leader, first)
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(0)

    def _next(self, hand: Hand) -> None:
        if self._left and not self._unfinished and not self._held:
            hand.busy = True
            self._tell(hand, do="train", stack=self._left.pop(0).index)

    def _tell(self, hand: Hand, **message: object) -> None:
        try:
            hand.link.send(**message)
        except LineClosed:
            self._lost(hand)

    def _ask(self, what: str) -> None:
        """Asks all for something, and listens until each has done it or its stack has ended."""
        for hand in self._busy():
            hand.waiting_for.add(what)
            self._tell(hand, do=what)
        while any(hand.waiting_for for hand in self._busy()):
            self._listen()

    def _stop(self) -> None:
        self._unfinished = True
        for hand in self._busy():
            self._tell(hand, do="stop")

    def _listen(self) -> None:
        """Hears what the processes have to tell, waiting for a moment if that is nothing."""
        ready, _, _ = select.select([hand.link for hand in self._busy()], [], [], LOOK_SECONDS)
        for hand in self._busy():
            if hand.link not in ready:
                continue
            try:
                while hand.busy and (message := hand.link.poll()) is not None:
                    self._heard(hand, message)
            except LineClosed:
                self._lost(hand)

    def _heard(self, hand: Hand, message: Message) -> None:
        kind = message.pop("kind")
        if kind == "event":
            self._leader.append(message.pop("type"), **message["data"])
        elif kind == "progress":
            hand.examples = message["done"]
            total = sum(each.examples for each in self._hands)
            self._leader.advanced(message["stack"], message["update"], total, message["last"])
        elif kind == "did":
            hand.waiting_for.discard(message["what"])
        elif kind == "ended":
            hand.busy = False
            hand.waiting_for.clear()
            if not message["finished"]:
                self._unfinished = True
            self._next(hand)
        elif kind == "failed":
            hand.busy = False
            self._fail(ShardFailed(message["message"], message["exit_code"]))

    def _lost(self, hand: Hand) -> None:
        hand.busy = False
        _, status = os.waitpid(hand.pid, 0)
        hand.pid = 0
        ended = os.waitstatus_to_exitcode(status)
        how = f"was killed by {signal.Signals(-ended).name}" if ended < 0 else "ended by itself"
        memory = ", as the system does when memory is short" if ended == -signal.SIGKILL else ""
        self._fail(
            TrainingFailed(
                f"A training process {how}{memory}. Everything up to the newest checkpoints is "
                "kept; resuming goes on from there."
            )
        )

    def _fail(self, error: MemlabError) -> None:
        """The others save and stop; the first reason is the run's."""
        self._failure = self._failure or error
        self._stop()

    def _dismiss(self) -> None:
        """Ends all processes and waits for them."""
        for hand in self._hands:
            hand.link.close()
        for hand in self._hands:
            if hand.pid:
                os.waitpid(hand.pid, 0)
        self._hands.clear()
