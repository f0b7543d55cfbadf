"""Work in a forked child of a warm process: a hard time limit, its memory, and its way to end.

The child speaks through a pipe, a JSON line a message; the clock of its limit starts anew with
each, so that a hang is told from much work. Fork only from a process that has one thread.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import select
import shutil
import signal
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Say = Callable[[Any], None]
DATA_LIMIT = 1 << 30  # of memory beyond the parent's, so that no case can hurt the machine
RAISED = 70
LIBC = ctypes.CDLL(None)
SET_DEATH_SIGNAL = 1  # of prctl(2)
LOOK_SECONDS = 0.1
TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Ended:
    """How a child ended: what it said, and `hung` where it was silent for too long.

    `signal` is 0 where it ended by itself; `growth` is its largest resident size beyond what the
    parent had at the fork, in bytes.
    """

    said: list[Any] = field(default_factory=list)
    status: int = 0
    signal: int = 0
    hung: bool = False
    growth: int = 0


@contextmanager
def scratch() -> Iterator[Path]:
    """A temporary folder, in memory where there is room: what syncs to a busy disk waits."""
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > 2 << 30
    with tempfile.TemporaryDirectory(prefix="torture-", dir=memory if roomy else None) as top:
        yield Path(top)


def die_with_parent() -> None:
    """Lets the kernel end this process with its parent (on Linux), so that none is left behind."""
    prctl = getattr(LIBC, "prctl", None)
    if prctl is not None:
        prctl(SET_DEATH_SIGNAL, int(signal.SIGKILL), 0, 0, 0)


def resident() -> int:
    """The bytes of its own that this process has in memory now: a fork begins with no others."""
    _, held, shared, *_ = map(int, Path("/proc/self/statm").read_text().split())
    return (held - shared) * os.sysconf("SC_PAGE_SIZE")


def forked(
    work: Callable[[Say], None],
    *,
    cpu_seconds: float,
    asleep_seconds: float,
    data_limit: int | None = DATA_LIMIT,
) -> Ended:
    """Runs `work(say)` in a child and waits for its end.

    A message must follow the last within `cpu_seconds` of the child's own time and before it has
    slept for `asleep_seconds`, or it is killed as hung. Waiting for a busy processor is neither.
    """
    reading, writing = os.pipe()
    before = resident()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        _child(work, writing, data_limit)
    os.close(writing)
    said, hung = _listen(pid, reading, cpu_seconds, asleep_seconds)
    os.close(reading)
    if hung:
        _kill(pid)
    _, status, usage = os.wait4(pid, 0)
    _kill(pid)  # whatever it left behind in its group
    number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else 0
    return Ended(said, code, number, hung, usage.ru_maxrss * 1024 - before)


def _kill(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def _child(work: Callable[[Say], None], writing: int, data_limit: int | None) -> None:
    status = 0
    try:
        die_with_parent()
        os.setpgid(0, 0)
        if data_limit is not None:
            used = int(Path("/proc/self/statm").read_text().split()[5])
            most = used * os.sysconf("SC_PAGE_SIZE") + data_limit
            resource.setrlimit(resource.RLIMIT_DATA, (most, most))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

        def say(message: Any) -> None:
            _write(writing, (json.dumps(message) + "\n").encode())

        work(say)
    except BaseException:
        status = RAISED
        _write(writing, (json.dumps({"raised": traceback.format_exc()}) + "\n").encode())
    finally:
        os._exit(status)


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view.nbytes:
        view = view[os.write(descriptor, view) :]


def _listen(
    pid: int, reading: int, cpu_seconds: float, asleep_seconds: float
) -> tuple[list[Any], bool]:
    data, used, asleep, hung = b"", _cpu(pid), 0.0, False
    while True:
        began, before = time.monotonic(), _cpu(pid)
        if select.select([reading], [], [], LOOK_SECONDS)[0]:
            part = os.read(reading, 1 << 16)
            if not part:
                break
            data, used, asleep = data + part, _cpu(pid), 0.0
            continue
        now = _cpu(pid)
        if now == before and _state(pid) != "R":  # a runnable child waits for a busy machine
            asleep += time.monotonic() - began
        if now - used > cpu_seconds or asleep > asleep_seconds:
            hung = True
            break
    lines = data.split(b"\n")[:-1]
    return [json.loads(line) for line in lines], hung


def _stat(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ["Z", *["0"] * 20]


def _state(pid: int) -> str:
    return _stat(pid)[0]


def _cpu(pid: int) -> float:
    fields = _stat(pid)
    return (int(fields[11]) + int(fields[12])) / TICK
