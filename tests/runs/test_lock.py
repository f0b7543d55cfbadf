from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest

from memlab.errors import RunFolderError
from memlab.runs.lock import RunLock, is_held
from tests.patience import SECONDS

HOLD = """
import sys, time
from pathlib import Path
from memlab.runs.lock import RunLock
lock = RunLock.take(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(60)
"""
HAND_OVER = """
import os, subprocess, sys
from pathlib import Path
from memlab.runs.lock import RunLock
lock = RunLock.take(Path(sys.argv[1]))
child = subprocess.Popen(["sleep", "60"], pass_fds=(lock.descriptor,))
print(child.pid, flush=True)
os.kill(os.getpid(), 9)
"""


def test_the_lock_of_a_process_killed_with_signal_9_is_free(tmp_path, python) -> None:
    path = tmp_path / "lock"
    assert not is_held(path)
    child = python(HOLD, path)
    assert child.stdout.readline() == "held\n"
    assert is_held(path)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert not is_held(path)


def test_a_handed_over_lock_is_held_though_the_launcher_died(tmp_path, python, eventually) -> None:
    path = tmp_path / "lock"
    launcher = python(HAND_OVER, path)
    child = int(launcher.stdout.readline())
    launcher.wait()
    try:
        assert is_held(path)
    finally:
        os.kill(child, signal.SIGKILL)
    eventually(lambda: not is_held(path))


def test_a_held_lock_is_refused_and_probing_does_not_disturb_it(tmp_path: Path) -> None:
    path = tmp_path / "run-1" / "lock"
    path.parent.mkdir()
    with RunLock.take(path):
        assert all(is_held(path) for _ in range(100))
        with pytest.raises(RunFolderError, match="run-1 is held by a living worker"):
            RunLock.take(path, seconds=0.02)
    assert not is_held(path)


def test_taking_succeeds_while_viewers_probe_all_the_time(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.touch()
    stop = threading.Event()

    def probe() -> None:
        while not stop.is_set():
            is_held(path)

    threads = [threading.Thread(target=probe) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(50):
            RunLock.take(path, seconds=SECONDS).close()
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_a_descriptor_of_another_file_is_not_adopted(tmp_path: Path) -> None:
    (tmp_path / "lock").touch()
    other = os.open(tmp_path / "other", os.O_RDWR | os.O_CREAT)
    with pytest.raises(RunFolderError):
        RunLock.adopt(tmp_path / "lock", other)
    os.close(other)


def test_the_lock_of_a_folder_that_was_replaced_meanwhile_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with RunLock.take(path) as lock:
        path.unlink()
        path.touch()
        with pytest.raises(RunFolderError):
            RunLock.adopt(path, os.dup(lock.descriptor))
