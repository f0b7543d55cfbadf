"""A hand: a process on any machine that trains stacks of a run for a leader elsewhere.

It trains in a thread of its own, in a folder of its own, while its leader asks it again and again
what is new. It knows nothing of how the questions come: Ray calls it as an actor, tests directly.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
import threading
import time
import traceback
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import torch

from memlab.engines.failing import explained
from memlab.engines.outgoing import Message, Outgoing
from memlab.engines.shared_folder import Letters
from memlab.engines.stack_files import StackFiles, place_of
from memlab.experiment import grid
from memlab.runs.door import Place
from memlab.runs.plan import RunPlan
from memlab.runs.run import Run
from memlab.runs.run_folder import EXPERIMENT_FILE, SUBFOLDERS, RunFolder
from memlab.training.plan import StackPlan
from memlab.worker import device as devices
from memlab.worker import planning
from memlab.worker.material import Material, Packed
from memlab.worker.shard import Shard, Work

#: Bytes of one answer, and those that may wait before training waits for the leader.
ANSWER, WAITING = 8 << 20, 64 << 20
LOOK_SECONDS, ROWS_SECONDS = 0.05, 0.5
FOLDER = "memlab-shard-"


class Left(Exception):
    """The leader is gone, or wants no more of this hand."""


@dataclass(frozen=True, eq=False)
class Parcel:
    """What a hand needs of a run; `shared` is a folder that it and the leader see, if any."""

    experiment: bytes
    plan: RunPlan
    packed: Packed
    device: str
    shared: str | None = None


class Hand:
    """Trains what it is told to; all its methods return soon."""

    def __init__(self, parcel: Parcel) -> None:
        devices.keep_memory()
        devices.be_deterministic()
        sweep()
        self._device = torch.device(parcel.device)
        self._folder = RunFolder(Path(tempfile.mkdtemp(prefix=f"{FOLDER}{os.getpid()}-")))
        self._work = unpacked(parcel, self._folder)
        self._stacks = {stack.index: stack for stack in self._work.stacks}
        self._letters = Letters(parcel.shared) if parcel.shared else None
        self._changed = threading.Condition()
        self._messages: deque[Message] = deque()
        self._bytes = 0
        self._orders: deque[str] = deque()
        self._left = False

    def train(self, stack: int, base: Mapping[str, bytes]) -> None:
        """Begins to train a stack from the files that the leader has of it.

        An order that came after the end of the stack before is not this one's: a pause that nobody
        takes back would hold it for ever.
        """
        with self._changed:
            self._orders.clear()
        threading.Thread(target=self._train, args=(stack, dict(base)), daemon=True).start()

    def exchange(self, orders: Sequence[str], seconds: float) -> list[Message]:
        """What is new, waited for up to `seconds`; `orders` are save, pause, go on, stop."""
        with self._changed:
            self._orders.extend(orders)
            self._changed.notify_all()
            if not self._messages:
                self._changed.wait(seconds)
            given: list[Message] = []
            size = 0
            while self._messages and (not given or size + len(self._messages[0][1]) <= ANSWER):
                given.append(self._messages.popleft())
                size += len(given[-1][1])
            self._bytes -= size
            self._changed.notify_all()
            return given

    def leave(self) -> None:
        """Ends the training at the next update, and removes what is here."""
        with self._changed:
            self._left = True
            self._changed.notify_all()
        shutil.rmtree(self._folder.path, ignore_errors=True)

    def _train(self, stack: int, base: dict[str, bytes]) -> None:
        torch.set_num_threads(self._work.plan.threads)  # of this thread: OpenMP counts by thread
        try:
            _StackTraining(self, self._work, self._stacks[stack], self._device, base).run()
        except Left:
            return
        except Exception as error:
            traceback.print_exc()
            message, status = explained(error, self._device)
            with suppress(Left):
                self.tell(kind="failed", message=message, exit_code=status)

    def tell(self, **about: object) -> None:
        """A message without bytes; raises Left."""
        self.put([(json.dumps(about), b"")])

    def put(self, messages: Iterable[Message]) -> None:
        """Messages for the leader, in this order; waits where many are waiting. Raises Left."""
        for message in messages:
            sent = message if self._letters is None else self._letters.posted(message)
            with self._changed:
                while self._bytes > WAITING and not self._left:
                    self._changed.wait(1.0)
                if self._left:
                    raise Left
                self._messages.append(sent)
                self._bytes += len(sent[1])
                self._changed.notify_all()

    def order(self, wait: bool = False) -> str | None:
        """The next order, if there is one; raises Left."""
        with self._changed:
            while wait and not self._orders and not self._left:
                self._changed.wait(1.0)
            if self._left:
                raise Left
            return self._orders.popleft() if self._orders else None


class _StackTraining:
    """One attempt at one stack; it is what the shard tells."""

    def __init__(
        self,
        hand: Hand,
        work: Work,
        stack: StackPlan,
        device: torch.device,
        base: Mapping[str, bytes],
    ) -> None:
        self._hand = hand
        self._stack = stack
        self._folder = work.folder
        self._files = StackFiles(stack.index, work.experiment.instruments.names)
        for name, data in base.items():
            assert self._files.is_own(name), name
            place = place_of(self._folder, name)
            if name.startswith("examples/"):
                place.parent.mkdir()
            place.replace(data)
        self._outgoing = Outgoing(self._folder, self._files)
        self._shard = Shard(work, device, self)
        self._next = self._rows_at = 0.0

    def run(self) -> None:
        finished = self._shard.train(self._stack, self._between)
        self._hand.put(self._outgoing.everything())
        self._clear()  # before the leader may send the next stack
        self._hand.tell(kind="ended", stack=self._stack.index, finished=finished)

    def _clear(self) -> None:
        """Removes the stack's files, which the leader has now."""
        for folder in (self._folder.checkpoints, self._folder.series, self._folder.examples):
            shutil.rmtree(folder.path, ignore_errors=True)
            folder.mkdir()

    def _between(self) -> bool:
        now = time.monotonic()
        if now < self._next:
            return True
        self._next = now + LOOK_SECONDS
        if now >= self._rows_at:
            self._hand.put(self._outgoing.rows())
            self._rows_at = now + ROWS_SECONDS
        while (order := self._hand.order()) is not None:
            if order == "stop":
                return False
            if order in ("save", "pause"):
                self._shard.save()
                self._hand.tell(kind="did", what=order)
            if order == "pause":
                while (order := self._hand.order(wait=True)) != "go on":
                    if order == "stop":
                        return False
        return True

    def append(self, type: str, /, **data: object) -> None:
        """See `Told`; a checkpoint goes before the event that tells of it."""
        if type == "checkpoint":
            self._hand.put(self._outgoing.checkpoint(str(data["file"])))
        self._hand.tell(kind="event", type=type, data=data)

    def progress(self, stack: int, update: int, done_examples: int, last: bool = False) -> None:
        """See `Told`."""
        self._hand.tell(kind="progress", stack=stack, update=update, done=done_examples, last=last)


def unpacked(parcel: Parcel, folder: RunFolder) -> Work:
    """The run of a parcel, in an empty folder."""
    for name in SUBFOLDERS:
        (folder.place / name).mkdir()
    (folder.place / EXPERIMENT_FILE).replace(parcel.experiment)
    experiment = Run(folder).experiment
    members = grid.members(experiment)
    material = Material([], lambda done, total: None, parcel.packed)
    groups, parameters = planning.grouped(members, material)
    stacks = planning.stacks_of(groups, parcel.plan)
    return Work(folder, experiment, members, stacks, parameters, material, parcel.plan)


def sweep(parent: Place | None = None) -> None:
    """Removes the folders of hands on this machine that were killed."""
    top = Path(tempfile.gettempdir()) if parent is None else parent.path
    for name in os.listdir(top):
        found = re.fullmatch(re.escape(FOLDER) + r"(\d+)-\w+", name)
        if found is None:
            continue
        try:
            os.kill(int(found[1]), 0)
        except ProcessLookupError:
            shutil.rmtree(top / name, ignore_errors=True)
        except (OSError, OverflowError):
            continue
