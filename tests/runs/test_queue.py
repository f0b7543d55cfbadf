from __future__ import annotations

import signal
from pathlib import Path

from memlab.runs import queue
from memlab.runs.queue import wait_for_turn, waiting

WORK = """
import sys
from pathlib import Path
from memlab.runs.queue import wait_for_turn
turn = wait_for_turn(Path(sys.argv[1]), "cuda:0", on_wait=lambda n: print("before", n, flush=True))
print("turn", flush=True)
sys.stdin.readline()
turn.close()
print("done", flush=True)
sys.stdin.readline()
"""


def test_the_first_come_is_the_first_served(tmp_path: Path, python) -> None:
    workers = []
    for position in range(4):
        worker = python(WORK, tmp_path)
        first = worker.stdout.readline()
        assert first == ("turn\n" if position == 0 else f"before {position}\n")
        workers.append(worker)
    assert waiting(tmp_path, "cuda:0") == 4
    for index, worker in enumerate(workers):
        if index:
            lines = list(iter(worker.stdout.readline, "turn\n"))
            assert set(lines) <= {f"before {position}\n" for position in range(1, index + 1)}
        worker.stdin.write("\n")
        worker.stdin.flush()
        assert worker.stdout.readline() == "done\n"
    assert waiting(tmp_path, "cuda:0") == 0


def test_dead_workers_neither_hold_the_device_nor_the_queue(tmp_path: Path, python) -> None:
    workers = []
    for _ in range(3):
        workers.append(python(WORK, tmp_path))
        workers[-1].stdout.readline()
    holder, dead, last = workers
    dead.send_signal(signal.SIGKILL)
    dead.wait()
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    lines = iter(last.stdout.readline, "turn\n")
    assert all(line.startswith("before") for line in lines)
    tickets = list(queue.queue_folder(tmp_path, "cuda:0").glob("*.ticket"))
    assert tickets == []


def test_waiting_can_be_given_up_and_devices_do_not_wait_for_each_other(tmp_path: Path) -> None:
    with wait_for_turn(tmp_path, "cpu"):
        positions: list[int] = []
        gave_up = wait_for_turn(tmp_path, "cpu", lambda: bool(positions), positions.append)
        assert gave_up is None
        assert positions == [1]
        assert waiting(tmp_path, "cpu") == 1
        other = wait_for_turn(tmp_path, "cuda:1")
        assert other is not None
        other.close()
    again = wait_for_turn(tmp_path, "cpu")
    assert again is not None
    again.close()


def test_cores_are_lent_singly_and_nobody_jumps_the_queue(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(queue.os, "sched_getaffinity", lambda pid: {3, 5}, raising=False)
    one, other = (wait_for_turn(tmp_path, "cpu", cores=1) for _ in range(2))
    assert one is not None
    assert other is not None
    assert waiting(tmp_path, "cpu") == 2
    told: list[int] = []
    assert wait_for_turn(tmp_path, "cpu", lambda: bool(told), told.append, cores=1) is None
    assert told == [2]
    one.close()
    told.clear()
    ticket, name = queue._draw(queue.queue_folder(tmp_path, "cpu"))  # who wants both, and waits
    assert wait_for_turn(tmp_path, "cpu", lambda: bool(told), told.append, cores=1) is None
    assert told == [2]  # one is served, one is first
    queue.os.unlink(queue.queue_folder(tmp_path, "cpu") / name)
    queue.os.close(ticket)
    with wait_for_turn(tmp_path, "cpu", cores=1):
        assert waiting(tmp_path, "cpu") == 2
    other.close()
    more = wait_for_turn(tmp_path, "cpu", cores=64)
    assert more is not None
    more.close()
    assert waiting(tmp_path, "cpu") == 0
