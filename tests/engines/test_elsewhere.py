"""Stacks trained by hands elsewhere, without Ray: hands in threads, and strangers as hands."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from memlab.engines import elsewhere
from memlab.engines.elsewhere import Elsewhere
from memlab.engines.hand import Hand, Parcel, sweep
from memlab.engines.here import Here
from memlab.engines.incoming import Incoming, Refused
from memlab.engines.outgoing import Message
from memlab.engines.shared_folder import Letters
from memlab.errors import MemlabError, RunFolderError, TrainingFailed
from memlab.experiment import grid, reading
from memlab.runs import run_folder, table
from memlab.runs.plan import RunPlan
from memlab.runs.run import Run
from memlab.runs.run_folder import RunFolder
from memlab.runs.table import Table
from memlab.training import checkpoint
from memlab.worker import planning
from memlab.worker.material import Material
from memlab.worker.shard import Work
from tests.engines.test_processes import STACKS
from tests.patience import wait_for
from tests.worker.conftest import SMALL, made_run, merged
from tests.worker.test_resume import EVERY, final_tensors, tables

__all__ = ["made_run"]
Made = Callable[..., RunFolder]
LEDGER = {"instruments": {"on": ["ledger"], "cadence": 1.0}}  # not when the clock allows it
SETTINGS: dict[str, Any] = {**EVERY, "stop": {"epochs": 8}, **LEDGER}


def work_of(folder: RunFolder) -> Work:
    """The small experiment in three stacks of one thread."""
    experiment = Run(folder).experiment
    material = Material([], lambda done, total: None)
    members = grid.members(experiment)
    groups, parameters = planning.grouped(members, material)
    plan = RunPlan(STACKS, 1, 1)
    stacks = planning.stacks_of(groups, plan)
    return Work(folder, experiment, members, stacks, parameters, material, plan)


@dataclass
class Watching:
    """A leader that writes nothing down; `stop` says after how many questions to end."""

    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    done: int = 0
    asked: int = 0
    ask: Callable[[Any, int], bool] = lambda crew, asked: True

    def append(self, type: str, /, **data: Any) -> None:
        self.events.append((type, data))

    def advanced(self, stack: int, update: int, done_examples: int, last: bool) -> None:
        self.done = done_examples

    def between(self, crew: Any) -> bool:
        self.asked += 1
        return self.ask(crew, self.asked)

    def of(self, type: str) -> list[dict[str, Any]]:
        return [data for kind, data in self.events if kind == type]


@dataclass(eq=False)
class Near:
    """A hand in this process; `dies` after so many answers, `says` what it is made to say."""

    hand: Hand
    where: str = "here"
    dies: int = 1 << 30
    changed: Callable[[Message], Message] = lambda message: message
    orders: list[str] = field(default_factory=list)
    asked: bool = False

    def train(self, stack: int, base: Mapping[str, bytes]) -> None:
        self.hand.train(stack, base)

    def exchange(self, orders: Sequence[str]) -> None:
        self.orders, self.asked = list(orders), True


class Threads:
    """A cluster of `size` hands in threads."""

    def __init__(self, parcel: Parcel, size: int, **kinds: Any) -> None:
        self.parcel, self.size, self.kinds = parcel, size, kinds
        self.hands: list[Near] = []
        self.hired = 0

    def hire(self, most: int) -> list[Near]:
        made = []
        while len(self.hands) < self.size and len(made) < most:
            made.append(Near(Hand(self.parcel), **self.kinds))
            self.hands.append(made[-1])
            self.hired += 1
            if self.kinds.get("dies", 0) < 1 << 20:
                self.kinds = {**self.kinds, "dies": self.kinds.get("dies", 1 << 30) * 2}
        return made

    def answers(self, seconds: float) -> list[tuple[Near, list[Message] | str]]:
        found: list[tuple[Near, list[Message] | str]] = []
        for near in [near for near in self.hands if near.asked]:
            near.asked = False
            near.dies -= 1
            if near.dies < 0:
                found.append((near, "it was unplugged."))
                continue
            said = near.hand.exchange(near.orders, seconds)
            found.append((near, [near.changed(message) for message in said]))
        return found

    def dismiss(self, near: Near) -> None:
        near.hand.leave()
        self.hands.remove(near)

    def notes(self) -> list[str]:
        return []

    def why_nobody(self) -> str:
        return "Nobody is there."


def parcel_of(work: Work, shared: str | None = None) -> Parcel:
    toml = work.folder.experiment_bytes()
    return Parcel(toml, work.plan, work.material.packed(work.members), "cpu", shared)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunFolder, Watching]:
    """What two hands make undisturbed; only to be read."""
    text = made_text()
    folder, lock = run_folder.create(tmp_path_factory.mktemp("whole") / "runs", "test", text, {})
    lock.close()
    work, leader = work_of(folder), Watching()
    assert Elsewhere(work, leader, Threads(parcel_of(work), 2)).train()
    return folder, leader


def made_text() -> str:
    return reading.to_toml(reading.experiment(merged(SMALL, **SETTINGS), "test"))


def ledger(folder: RunFolder) -> dict[str, bytes]:
    top = folder.examples.path
    return {str(p.relative_to(top)): p.read_bytes() for p in sorted(top.rglob("*")) if p.is_file()}


def same(folder: RunFolder, whole: RunFolder) -> bool:
    return (
        final_tensors(folder) == final_tensors(whole)
        and tables(folder) == tables(whole)
        and ledger(folder) == ledger(whole)
    )


def test_hands_elsewhere_make_the_files_of_a_shard_here(made_run: Made, whole) -> None:
    folder, leader = whole
    alone = made_run(**SETTINGS)
    work, told = work_of(alone), Watching()
    assert Here(work, told, torch.device("cpu")).train()
    assert same(folder, alone)
    assert sorted(m["member"] for m in leader.of("member-finished")) == [0, 1, 2, 3]
    assert leader.done == told.done
    assert sorted(e["file"] for e in leader.of("checkpoint")) == sorted(
        e["file"] for e in told.of("checkpoint")
    )


def test_outcomes_come_back_from_elsewhere_to_the_bit(made_run: Made) -> None:
    settings = {**EVERY, "dataset": {"subset": 0.5}, "evaluation": {"outcomes": True}}
    settings |= {"stop": {"epochs": 2}, "axes": {"corruption.fraction": [0.4]}, "seeds": 4}
    folder, alone = made_run(**settings), made_run(**settings)
    work = work_of(folder)
    assert Elsewhere(work, Watching(), Threads(parcel_of(work), 2, dies=5)).train()
    assert Here(work_of(alone), Watching(), torch.device("cpu")).train()
    assert "stack-001/outcomes.json" in ledger(folder)
    assert same(folder, alone)


def test_a_hand_that_is_lost_costs_nothing_and_counts_nothing_twice(made_run: Made, whole) -> None:
    folder = made_run(**SETTINGS)
    work, leader = work_of(folder), Watching()
    cluster = Threads(parcel_of(work), 1, dies=6)
    assert Elsewhere(work, leader, cluster).train()
    assert cluster.hired > 1
    assert same(folder, whole[0])
    assert sorted(m["member"] for m in leader.of("member-finished")) == [0, 1, 2, 3]
    assert leader.done == whole[1].done
    assert "unplugged" in leader.of("cluster")[0]["message"]


def test_a_stack_that_kills_every_hand_ends_the_run_in_a_sentence(
    made_run: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = work_of(made_run(**SETTINGS))
    monkeypatch.setattr(Threads, "answers", lambda self, s: [(n, "it fell.") for n in self.hands])
    with pytest.raises(TrainingFailed, match=r"lost 12 times without a new checkpoint.*it fell"):
        Elsewhere(work, Watching(), Threads(parcel_of(work), 1)).train()


def test_pause_checkpoint_stop_and_the_next_leader_give_the_same_bits(made_run, whole) -> None:
    def ask(crew: Any, asked: int) -> bool:
        if asked == 3:
            crew.pause()
            crew.go_on()
        if asked == 4:
            crew.save()
        return asked < 6

    folder = made_run(**SETTINGS)
    work = work_of(folder)
    finished = Elsewhere(work, Watching(ask=ask), Threads(parcel_of(work), 1)).train()
    work = work_of(folder)
    assert finished or Elsewhere(work, Watching(), Threads(parcel_of(work), 2)).train()
    assert same(folder, whole[0])


def test_pieces_go_through_a_shared_folder_and_are_gone_at_the_end(made_run, whole, tmp_path):
    folder = made_run(**SETTINGS)
    work = work_of(folder)
    (tmp_path / "shared").mkdir()
    letters, where = Letters.made(str(tmp_path / "shared"), "run")
    assert Elsewhere(work, Watching(), Threads(parcel_of(work, where), 2), letters).train()
    assert same(folder, whole[0])
    assert os.listdir(where) == []
    letters.close()
    assert os.listdir(tmp_path / "shared") == []
    with pytest.raises(RunFolderError):
        letters.taken("../../etc/passwd", 100)


def test_nobody_there_ends_in_a_sentence(made_run: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elsewhere, "PATIENCE", 0.0)
    monkeypatch.setattr(elsewhere, "HIRE_SECONDS", 0.0)
    work = work_of(made_run(**SETTINGS))
    with pytest.raises(TrainingFailed, match=r"Nobody is there. Resuming goes on"):
        Elsewhere(work, Watching(), Threads(parcel_of(work), 0)).train()


# --- strangers


def said(change: Callable[[dict[str, Any], bytes], Message | None]) -> Callable[[Message], Message]:
    def changed(message: Message) -> Message:
        return change(json.loads(message[0]), message[1]) or message

    return changed


def piece(about: dict[str, Any], data: bytes, **other: Any) -> Message | None:
    return (json.dumps({**about, **other}), data) if about["kind"] == "piece" else None


def spoilt(about: dict[str, Any], data: bytes) -> Message | None:
    if not about.get("file", "").endswith(".rows"):
        return None
    return json.dumps(about), data[:-9] + bytes([data[-9] ^ 1]) + data[-8:]


HOSTILE: dict[str, Callable[[dict[str, Any], bytes], Message | None]] = {
    "a path out": lambda a, d: piece(a, d, file="series/../../../evil"),
    "an absolute path": lambda a, d: piece(a, d, file="/etc/cron.d/evil"),
    "another's rows": lambda a, d: piece(a, d, file="series/stack-9.rows"),
    "the run's own files": lambda a, d: piece(a, d, file="state.json"),
    "no name": lambda a, d: piece(a, d, file=["series"]),
    "a huge file": lambda a, d: piece(a, d, size=1 << 62),
    "a gap": lambda a, d: piece(a, d, at=1 << 40, size=1 << 41),
    "a negative place": lambda a, d: piece(a, d, at=-8),
    "a spoilt row": spoilt,
    "an unknown event": lambda a, d: (
        (json.dumps({**a, "type": "finished"}), d) if a["kind"] == "event" else None
    ),
    "another's event": lambda a, d: (
        (json.dumps({**a, "data": {"stack": 7}}), d) if a["kind"] == "event" else None
    ),
    "another's member": lambda a, d: (
        (json.dumps({**a, "data": {"member": 77}}), d) if a["kind"] == "event" else None
    ),
    "too much progress": lambda a, d: (
        (json.dumps({**a, "done": 1 << 60}), d) if a["kind"] == "progress" else None
    ),
    "no JSON object": lambda a, d: ("[]", d),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_what_a_stranger_sends_is_refused_in_a_sentence(made_run: Made, kind: str) -> None:
    folder = made_run(**SETTINGS)
    before = {str(path) for path in folder.path.parent.parent.rglob("*")}
    work = work_of(folder)
    cluster = Threads(parcel_of(work), 1, changed=said(HOSTILE[kind]))
    with pytest.raises(MemlabError) as caught:
        Elsewhere(work, Watching(), cluster).train()
    assert str(caught.value).endswith(".")
    new = {str(path) for path in folder.path.parent.parent.rglob("*")} - before
    within = (folder.series, folder.examples, folder.checkpoints)
    assert all(path.startswith(tuple(str(place) for place in within)) for path in new)
    for stack in range(3):
        checkpoint.newest(folder.checkpoints, stack)


@pytest.fixture
def filled(made_run: Made) -> tuple[RunFolder, Incoming, list[tuple[dict, bytes]]]:
    """A stack's second attempt, and the pieces that the first one sent."""
    folder = made_run(**SETTINGS)
    work = work_of(folder)
    pieces: list[tuple[dict, bytes]] = []

    def kept(about: dict[str, Any], data: bytes) -> None:
        if about["kind"] == "piece" and ("stack-000" in about["file"] or "-000." in about["file"]):
            pieces.append((about, data))

    Elsewhere(work, Watching(), Threads(parcel_of(work), 1, changed=said(kept))).train()
    names = list(work.experiment.instruments.names)
    incoming = Incoming(folder, work.stacks[0], names, 100)
    return folder, incoming, pieces


def test_a_row_that_comes_twice_is_one_row_and_an_older_attempt_is_refused(filled) -> None:
    folder, incoming, pieces = filled
    assert incoming.begin()
    before = tables(folder)
    rows = [(a, d) for a, d in pieces if a["file"].endswith(".rows")]
    assert rows
    for about, data in rows:
        assert incoming.take(1, about, data)
    assert tables(folder) == before
    incoming.begin()
    assert not incoming.take(1, *rows[0])
    assert incoming.refused == 1


def test_a_checkpoint_is_refused_that_is_damaged_or_counts_on_rows_that_are_not_there(filled):
    folder, incoming, pieces = filled
    files = [(a, d) for a, d in pieces if a["file"].startswith("checkpoints/")]
    about, data = files[-1]
    for _, place in checkpoint.found(folder.checkpoints, 0):
        place.unlink()
    incoming.begin()  # and so its tables are empty
    assert Table.open(folder.stack(0)).count == 0
    with pytest.raises(Refused, match="which are not there"):
        incoming.take(1, about, data)
    with pytest.raises(Refused, match="damaged"):
        incoming.take(1, about, data[:-1] + bytes([data[-1] ^ 1]))
    name = "checkpoints/stack-000-update-000000001.safetensors"
    with pytest.raises(Refused, match="not what its name says"):
        incoming.take(1, {**about, "file": name}, data)
    assert not checkpoint.found(folder.checkpoints, 0)


def test_rows_are_whole_and_numbered() -> None:
    dtype = table.row_dtype([("value", "<f8")])
    with pytest.raises(ValueError, match="no rows of"):
        table.rows_of(dtype, 0, b"123")
    with pytest.raises(ValueError, match="not those from number 5"):
        table.rows_of(dtype, 5, np.zeros(1, dtype).tobytes())


def test_folders_of_hands_that_were_killed_are_swept(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    mine, dead = tmp_path / f"memlab-shard-{os.getpid()}-a", tmp_path / "memlab-shard-99999999-a"
    mine.mkdir()
    dead.mkdir()
    sweep()
    assert mine.exists()
    assert not dead.exists()


def test_an_order_that_came_after_a_stacks_end_does_not_hold_the_next(made_run: Made) -> None:
    work = work_of(made_run(**SETTINGS))
    hand = Hand(parcel_of(work))

    def ended(stack: int) -> bool:
        told = [json.loads(message[0]) for message in hand.exchange([], 1.0)]
        return any((one.get("kind"), one.get("stack")) == ("ended", stack) for one in told)

    hand.train(0, {})
    wait_for(lambda: ended(0))
    hand.exchange(["pause"], 0.0)
    hand.train(1, {})
    wait_for(lambda: ended(1), seconds=60)
    hand.leave()
