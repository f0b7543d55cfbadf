"""The engine of other machines: hands there train a stack each, and what they send is kept here.

The truth is in the run folder. A hand that is lost costs what came after its stack's newest
checkpoint: another takes the stack from there, as a new attempt. Which machines there are, and how
they are reached, is a `Cluster`'s affair.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from memlab import strict_json
from memlab.engines.engine import Leader
from memlab.engines.incoming import Incoming, Refused
from memlab.engines.outgoing import Message
from memlab.engines.processes import ShardFailed
from memlab.engines.shared_folder import LETTER, Letters
from memlab.errors import MemlabError, RunFolderError, TrainingFailed
from memlab.runs.event_log import LINE_BYTES
from memlab.runs.instrument_notes import NOTE
from memlab.strict_json import whole
from memlab.worker.shard import Work

LOOK_SECONDS, HIRE_SECONDS = 0.05, 1.0
#: So often a stack may be lost with no new checkpoint in between: with a hand that had begun, and
#: with any. A node that is gone takes hands for half a minute before its cluster knows.
MOST_LOSSES, MOST_ATTEMPTS = 3, 12
#: Seconds without a single machine that can train, after which nobody waits any longer.
PATIENCE = 120.0
#: The user's word on that.
PATIENCE_VARIABLE = "MEMLAB_RAY_PATIENCE"
MOST_LETTER = 1 << 28
#: Events of which there may be one only, however often a stack is trained again.
ENDS = ("member-finished", "member-diverged")
EVENTS = (
    *ENDS,
    "stack-started",
    "corruption",
    "checkpoint",
    "instrument-failed",
    NOTE,
    "instruments-cost",
    "ledger-as-before",
)


class Remote(Protocol):
    """A hand on another machine, asked without waiting; `Cluster.answers` has what it says."""

    where: str

    def train(self, stack: int, base: Mapping[str, bytes]) -> None:
        """See `Hand`."""

    def exchange(self, orders: Sequence[str]) -> None:
        """See `Hand`; one at a time."""


class Cluster(Protocol):
    """Machines that can train."""

    def hire(self, most: int) -> Sequence[Remote]:
        """Further hands, up to `most`, where there is room for them now."""

    def answers(self, seconds: float) -> Sequence[tuple[Remote, list[Message] | str]]:
        """What hands have answered, or the reason why one is lost; waits up to `seconds`."""

    def dismiss(self, hand: Remote) -> None:
        """Ends a hand."""

    def notes(self) -> Sequence[str]:
        """What is to be told of machines, a sentence each; told once."""

    def why_nobody(self) -> str:
        """Why no machine can train now, in a sentence."""


@dataclass
class Job:
    """One stack: how far it is here, how often it was lost, and how many examples it has seen."""

    incoming: Incoming
    losses: int = 0
    attempts: int = 0
    began_at: int = -1
    examples: int = 0
    done: bool = False


@dataclass
class Busy:
    """What a hand is at."""

    stack: int
    attempt: int
    heard: bool = False
    orders: list[str] = field(default_factory=list)
    waiting_for: set[str] = field(default_factory=set)


class Elsewhere:
    """Trains on a cluster; a crew."""

    def __init__(
        self, work: Work, leader: Leader, cluster: Cluster, letters: Letters | None = None
    ) -> None:
        experiment = work.experiment
        names, keep = list(experiment.instruments.names), experiment.checkpoints.keep
        self._leader = leader
        self._cluster = cluster
        self._letters = letters
        self._jobs = {
            stack.index: Job(Incoming(work.folder, stack, names, keep)) for stack in work.stacks
        }
        self._most = {
            s.index: s.timeline.examples_before(s.timeline.updates) * len(s.members)
            for s in work.stacks
        }
        self._members = {stack.index: frozenset(stack.indices) for stack in work.stacks}
        self._left = deque(self._jobs)
        self._hands: dict[Remote, Busy | None] = {}
        self._ended_members: set[tuple[str, int]] = set()
        self._unfinished = self._held = False
        self._failure: MemlabError | None = None
        self._next_hire = 0.0
        self._nobody_since: float | None = None

    def train(self) -> bool:
        """See `Engine`."""
        try:
            while self._busy() or (self._left and not self._unfinished):
                self._hire()
                self._listen()
                if not self._unfinished and not self._leader.between(self):
                    self._stop()
            if self._failure is not None:
                raise self._failure
            return not self._unfinished
        finally:
            for hand in list(self._hands):
                self._dismiss(hand)

    def save(self) -> None:
        """See `Crew`."""
        self._ask("save")

    def pause(self) -> None:
        """See `Crew`; a stack that is not begun waits."""
        self._held = True
        self._ask("pause")

    def go_on(self) -> None:
        """See `Crew`."""
        self._held = False
        for _, busy in self._busy():
            busy.orders.append("go on")
        for hand, at in list(self._hands.items()):
            if at is None:
                self._next(hand)

    def _busy(self) -> list[tuple[Remote, Busy]]:
        return [(hand, busy) for hand, busy in self._hands.items() if busy is not None]

    def _hire(self) -> None:
        """Gives what is left to further hands, where the cluster has room."""
        now = time.monotonic()
        if not self._left or self._unfinished or self._held or now < self._next_hire:
            return
        self._next_hire = now + HIRE_SECONDS
        for hand in self._cluster.hire(len(self._left)):
            self._hands[hand] = None
            self._next(hand)
        for note in self._cluster.notes():
            self._leader.append("cluster", message=note)
        if self._hands:
            self._nobody_since = None
            return
        self._nobody_since = self._nobody_since or now
        if now - self._nobody_since > float(os.environ.get(PATIENCE_VARIABLE) or PATIENCE):
            why = self._cluster.why_nobody()
            self._fail(TrainingFailed(f"{why} Resuming goes on from the newest checkpoints."))

    def _next(self, hand: Remote) -> None:
        """The next stack for a hand that has none; without one it goes."""
        if self._held:
            return
        if not self._left or self._unfinished:
            self._dismiss(hand)
            return
        stack = self._left.popleft()
        job = self._jobs[stack]
        base = job.incoming.begin()
        job.began_at = job.incoming.update
        self._hands[hand] = Busy(stack, job.incoming.attempt)
        hand.train(stack, base)
        hand.exchange([])

    def _dismiss(self, hand: Remote) -> None:
        self._hands.pop(hand, None)
        self._cluster.dismiss(hand)

    def _ask(self, what: str) -> None:
        """Asks all for something, and listens until each has done it or its stack has ended."""
        for _, busy in self._busy():
            busy.orders.append(what)
            busy.waiting_for.add(what)
        while any(busy.waiting_for for _, busy in self._busy()):
            self._listen()

    def _stop(self) -> None:
        self._unfinished = True
        for _, busy in self._busy():
            busy.orders.append("stop")

    def _listen(self) -> None:
        """Hears what the hands have to tell, waiting for a moment if that is nothing."""
        for hand, answer in self._cluster.answers(LOOK_SECONDS):
            busy = self._hands.get(hand)
            if busy is None:
                continue
            if isinstance(answer, str):
                self._lost(hand, busy, answer)
                continue
            try:
                for message in answer:
                    self._heard(hand, busy, message)
            except (Refused, RunFolderError) as error:
                self._fail(error)
                self._hands[hand] = None
                self._dismiss(hand)
            if self._hands.get(hand) is busy:
                orders, busy.orders = busy.orders, []
                hand.exchange(orders)

    def _heard(self, hand: Remote, busy: Busy, message: Message) -> None:
        text, data = message
        about = strict_json.loads(text) if len(text) <= LINE_BYTES else None
        if not isinstance(about, dict):
            raise Refused(f"{hand.where} sent what is no message.")
        kind, job = about.get("kind"), self._jobs[busy.stack]
        busy.heard = True
        if kind == "piece":
            if LETTER in about and self._letters is not None:
                data = self._letters.taken(about[LETTER], MOST_LETTER)
            job.incoming.take(busy.attempt, about, data)
        elif kind == "event":
            self._event(busy, about.get("type"), about.get("data"))
        elif kind == "progress":
            self._progress(busy, job, about)
        elif kind == "did":
            busy.waiting_for.discard(str(about.get("what")))
        elif kind == "ended":
            self._ended(hand, job, about.get("finished") is True)
        elif kind == "failed":
            self._hands[hand] = None
            code = whole(about.get("exit_code"), 1, 2) or 1
            self._fail(ShardFailed(str(about.get("message"))[:2000], code))

    def _event(self, busy: Busy, type: object, data: object) -> None:
        if not isinstance(type, str) or not isinstance(data, dict) or type not in EVENTS:
            raise Refused(f"An event of stack {busy.stack} is none that training tells.")
        if data.get("stack", busy.stack) != busy.stack or data.keys() & {"seq", "time", "type"}:
            raise Refused(f"An event of stack {busy.stack} is that of another.")
        if "member" in data and data["member"] not in self._members[busy.stack]:
            raise Refused(f"An event of stack {busy.stack} is that of another's network.")
        if type in ENDS:
            ended = (type, whole(data.get("member")) or 0)
            if ended in self._ended_members:
                return
            self._ended_members.add(ended)
        self._leader.append(type, **{str(name): value for name, value in data.items()})

    def _progress(self, busy: Busy, job: Job, about: Mapping[str, object]) -> None:
        update = whole(about.get("update"), 0)
        done = whole(about.get("done"), 0, self._most[busy.stack])
        if update is None or done is None:
            raise Refused(f"The progress of stack {busy.stack} is none that it can have.")
        job.examples = done
        total = sum(each.examples for each in self._jobs.values())
        self._leader.advanced(busy.stack, update, total, about.get("last") is True)

    def _ended(self, hand: Remote, job: Job, finished: bool) -> None:
        job.done = finished
        if not finished:
            self._unfinished = True
        self._hands[hand] = None
        self._next(hand)

    def _lost(self, hand: Remote, busy: Busy, reason: str) -> None:
        """A hand is gone: its stack is another's, if that has not happened too often."""
        self._dismiss(hand)
        job = self._jobs[busy.stack]
        if job.incoming.update > job.began_at:
            job.losses = job.attempts = 0
        job.losses += busy.heard
        job.attempts += 1
        self._leader.append(
            "cluster", message=f"{hand.where} was lost with stack {busy.stack}: {reason}"
        )
        self._next_hire = 0.0
        if job.losses < MOST_LOSSES and job.attempts < MOST_ATTEMPTS:
            self._left.appendleft(busy.stack)
            return
        self._fail(
            TrainingFailed(
                f"Stack {busy.stack} was lost {job.attempts} times without a new checkpoint, the "
                f"last time on {hand.where}: {reason} Everything up to the newest checkpoints is "
                "kept; resuming goes on from there."
            )
        )

    def _fail(self, error: MemlabError) -> None:
        """The others save and stop; the first reason is the run's."""
        self._failure = self._failure or error
        self._stop()
