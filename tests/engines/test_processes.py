"""Training in several processes: the same bits as in one, and nothing lost whoever is killed."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from memlab.experiment import reading
from memlab.runs import forking, lifecycle, plan
from memlab.runs.plan import PLAN_FILE, RunPlan
from memlab.runs.run_folder import RunFolder
from memlab.runs.view import RunView
from memlab.training import checkpoint
from tests import leftovers
from tests.patience import wait_for
from tests.worker.conftest import SMALL, ended, merged
from tests.worker.test_resume import EVERY, final_tensors, tables

STACKS = ((0,), (1, 3), (2,))
LONG = {**EVERY, "stop": {"epochs": 40}}


def launched(home: Path, processes: int, **changes: object) -> RunFolder:
    """The small experiment in three stacks, on `processes` processes of one thread."""
    made = reading.experiment(merged(SMALL, **changes), "test")
    (home / "runs").mkdir(exist_ok=True)
    planned = RunPlan(STACKS, processes, 1)
    return lifecycle.start(
        reading.to_toml(made),
        "test",
        home / "runs",
        fill=lambda folder: plan.write(folder.place / PLAN_FILE, planned),
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """The same stacks, one after another in one process; only to be read."""
    home = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEMLAB_HOME", str(home))
        patch.setenv("OMP_NUM_THREADS", "1")
        folder = ended(launched(home, 1, **LONG))
    assert folder.state.state == "finished", folder.worker_log.path.read_text()
    return folder


def hands(folder: RunFolder) -> list[int]:
    """The training processes, children of the leader."""
    leader = folder.state.pid
    if leader is None:
        return []
    try:
        named = Path(f"/proc/{leader}/task/{leader}/children").read_text()
    except OSError:
        return []
    return [int(pid) for pid in named.split()]


def checkpoints(folder: RunFolder) -> int:
    return sum(len(checkpoint.found(folder.checkpoints, stack)) for stack in range(3))


def same(folder: RunFolder, whole: RunFolder) -> bool:
    assert folder.state.state == "finished", folder.worker_log.path.read_text()
    return final_tensors(folder) == final_tensors(whole) and tables(folder) == tables(whole)


def test_two_processes_give_the_bits_of_one(home, whole) -> None:
    folder = ended(launched(home, 2, **LONG))
    assert same(folder, whole)
    ends = [e for e in RunView(folder).events if e.type == "member-finished"]
    assert sorted(e.data["member"] for e in ends) == [0, 1, 2, 3]
    progress = RunView(folder).progress
    assert progress is not None
    assert progress.done_examples == progress.total_examples


@pytest.mark.parametrize("victim", ["a process", "the leader"])
def test_whoever_is_killed_the_resumed_run_ends_the_same(home, whole, victim: str) -> None:
    folder = launched(home, 2, **LONG)
    wait_for(lambda: checkpoints(folder) >= 5 and hands(folder))
    team = hands(folder)
    pid = team[0] if victim == "a process" else folder.state.pid
    os.kill(pid, signal.SIGKILL)
    ended(folder)
    assert all(leftovers.ended(hand) for hand in team)
    if victim == "a process":
        assert folder.state.state == "failed"
        assert "A training process was killed by SIGKILL" in folder.state.message
    else:
        assert folder.state.state == "interrupted"
    lifecycle.resume(folder)
    assert same(ended(folder), whole)


def test_pause_checkpoint_and_stop_reach_all_processes(home, whole) -> None:
    folder = launched(home, 2, **LONG)
    wait_for(lambda: checkpoints(folder) >= 4)
    lifecycle.request(folder, "pause")
    wait_for(lambda: folder.state.state == "paused")
    before = tables(folder)
    busy = sum(time_of(hand) for hand in hands(folder))
    lifecycle.request(folder, "checkpoint")  # dropped, as a pause answers to two requests only
    assert tables(folder) == before
    assert sum(time_of(hand) for hand in hands(folder)) - busy < 1.0
    lifecycle.request(folder, "resume")
    wait_for(lambda: folder.state.state == "running" or not folder.state.living)
    lifecycle.request_stop(folder)
    ended(folder)
    if folder.state.state == "interrupted":
        lifecycle.resume(folder)
    assert same(ended(folder), whole)


def time_of(pid: int) -> float:
    """Processor seconds of a process so far."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_a_failure_in_a_process_is_the_runs(home) -> None:
    folder = launched(home, 2, instruments={"on": ["ledger"]}, **LONG)
    wait_for(lambda: checkpoints(folder) >= 2)
    lifecycle.request_stop(folder)
    ended(folder)
    (folder.examples.path / "stack-001").rename(folder.examples.path / "gone")
    (folder.examples.path / "stack-001").write_text("no folder")
    lifecycle.resume(folder)
    ended(folder)
    assert folder.state.state == "failed"
    assert "stack-001" in folder.state.message


def test_a_plan_for_other_networks_is_refused(home) -> None:
    made = reading.experiment(SMALL, "test")
    (home / "runs").mkdir(exist_ok=True)
    for stacks, word in ((((0, 1),), "not a plan for the 4"), (((0, 1, 2, 7),), "not a plan for")):
        folder = ended(
            lifecycle.start(
                reading.to_toml(made),
                "test",
                home / "runs",
                fill=lambda folder, stacks=stacks: plan.write(
                    folder.place / PLAN_FILE, RunPlan(stacks, 1, 1)
                ),
            )
        )
        assert folder.state.state == "failed"
        assert word in folder.state.message


def test_a_fork_of_several_stacks_takes_up_each_where_it_was(home, whole) -> None:
    made = forking.forked(whole, 20.0, ["learning_rate=0.05"])
    text, runs = reading.to_toml(made), home / "runs"
    began: list[int] = []
    fork = lifecycle.start(
        text, "fork", runs, fill=lambda folder: began.append(forking.inherit(whole, made, folder))
    )
    fresh = lifecycle.start(
        text,
        "fresh",
        runs,
        fill=lambda folder: plan.write(folder.place / PLAN_FILE, RunPlan(STACKS, 2, 1)),
    )
    assert began[0] > 0
    assert same(ended(fork), ended(fresh))


@pytest.mark.parametrize("processes", [1, 2])
def test_a_stop_keeps_what_was_trained_since_the_last_checkpoint(home, processes: int) -> None:
    folder = launched(home, processes, stop={"epochs": 3000}, checkpoints={"every_seconds": 600})
    wait_for(lambda: len(progress_of(folder)) > 0 and progress_of(folder)[-1] > 20_000)
    lifecycle.request_stop(folder)
    assert ended(folder).state.state == "interrupted"
    kept = [checkpoint.newest(folder.checkpoints, stack) for stack in range(3)]
    assert sum(found is not None and found[0].update > 0 for found in kept) >= processes


def progress_of(folder: RunFolder) -> list[int]:
    table = RunView(folder).tables.get("progress")
    return [] if table is None else [int(n) for n in table.read("done_examples")]
