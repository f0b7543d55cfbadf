"""Cores and GPUs are lent to runs, first come first served: a folder of locked files, no server.

A worker that waits holds a ticket, a file named by the time and locked by its living owner; the
one with the oldest ticket takes a lock for each core that it wants, or the one lock of a GPU, as
soon as all of them are free. It keeps the ticket, marked as served, so that others can count it.
What a dead owner leaves behind is free in the kernel's eyes, ignored and swept.
"""

from __future__ import annotations

import os
import re
import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

from memlab import disk
from memlab.atomic import storing
from memlab.runs.lock import is_held, try_lock

POLL_SECONDS = 0.05
STALE_SECONDS = 60.0
DEVICE, LOCK = "device", ".lock"
TICKET, SERVED = ".ticket", ".served"


class Turn:
    """The cores or the device are ours until `close`, or until this process dies."""

    def __init__(self, locks: Sequence[int], ticket: int, path: Path) -> None:
        self._descriptors = [*locks, ticket]
        self._path = path

    def close(self) -> None:
        """Lets the next in the queue have them."""
        if self._descriptors:
            with suppress(OSError):
                os.unlink(self._path)
        for descriptor in self._descriptors:
            os.close(descriptor)
        self._descriptors = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def queue_folder(data_folder: Path, device: str) -> Path:
    """Where the queue of `device` (such as `cuda:0`) is."""
    return data_folder / "queue" / (re.sub(r"[^A-Za-z0-9_-]+", "-", device) or "device")


def wait_for_turn(
    data_folder: Path,
    device: str,
    should_stop: Callable[[], bool] = lambda: False,
    on_wait: Callable[[int], None] = lambda position: None,
    cores: int | None = None,
) -> Turn | None:
    """Waits until all earlier tickets are served and what is wanted is free.

    Args:
        should_stop: asked about 20 times a second; True gives up.
        on_wait: told how many workers are before this one whenever that changes, at least once
            if it has to wait at all.
        cores: how many of the cores that this process may use; without it, or for more than there
            are, all of them. A GPU is lent whole.

    Returns:
        The turn, or None where `should_stop` said so.

    Raises:
        StorageError: if the queue's folder cannot be written.
    """
    folder = queue_folder(data_folder, device)
    with storing(folder):
        folder.mkdir(mode=disk.FOLDER_MODE, parents=True, exist_ok=True)
    ticket, name = _draw(folder)
    told = -1
    taken: Turn | None = None
    try:
        while not should_stop():
            before, served = _living(folder, name)
            locks = _take(folder, _seats(device), cores) if before == 0 else None
            if locks is not None:
                taken = Turn(locks, ticket, _serve(folder, name))
                return taken
            if before + served != told and before + served > 0:
                told = before + served
                on_wait(told)
            time.sleep(POLL_SECONDS)
        return None
    finally:
        if taken is None:
            with suppress(OSError):
                os.unlink(folder / name)
            os.close(ticket)


def waiting(data_folder: Path, device: str) -> int:
    """How many living workers have a share of the device, or wait for one."""
    return sum(_living(queue_folder(data_folder, device), "~"))


def _seats(device: str) -> list[str]:
    """The names of what is lent: the cores that this process may use, or the device."""
    if device != "cpu":
        return [DEVICE]
    if hasattr(os, "sched_getaffinity"):
        return [f"core-{core}" for core in sorted(os.sched_getaffinity(0))]
    return [f"core-{core}" for core in range(os.cpu_count() or 1)]


def _take(folder: Path, seats: Sequence[str], count: int | None) -> list[int] | None:
    """Locks on `count` of the seats, or on none at all."""
    wanted = len(seats) if count is None else min(count, len(seats))
    taken: list[int] = []
    for seat in seats:
        if len(taken) == wanted:
            break
        with storing(folder / seat):
            descriptor = disk.create(folder / f"{seat}{LOCK}", os.O_RDWR | os.O_CREAT)
        if try_lock(descriptor):
            taken.append(descriptor)
        else:
            os.close(descriptor)
    if len(taken) == wanted:
        return taken
    for descriptor in taken:
        os.close(descriptor)
    return None


def _serve(folder: Path, name: str) -> Path:
    served = folder / f"{name.removesuffix(TICKET)}{SERVED}"
    with storing(served):
        os.rename(folder / name, served)
    return served


def _draw(folder: Path) -> tuple[int, str]:
    """A ticket that is locked before it can be seen: its descriptor and its name."""
    name = f"{time.time_ns():020d}-{os.getpid()}-{secrets.token_hex(3)}{TICKET}"
    hidden = folder / f".{name}"
    with storing(hidden):
        descriptor = disk.create(hidden, os.O_RDWR | os.O_CREAT | os.O_EXCL)
        try_lock(descriptor)
        os.rename(hidden, folder / name)
    return descriptor, name


def _living(folder: Path, mine: str) -> tuple[int, int]:
    """How many living workers wait before the ticket `mine`, and how many are being served."""
    before = served = 0
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith((TICKET, SERVED)))
    except OSError:
        return 0, 0
    for name in names:
        hidden, is_served = name.startswith("."), name.endswith(SERVED)
        if name == mine or (not hidden and not is_served and name > mine):
            continue
        path = folder / name
        if is_held(path):
            before += not hidden and not is_served
            served += is_served
        elif not hidden or _is_stale(path):
            with suppress(OSError):
                os.unlink(path)
    return before, served


def _is_stale(path: Path) -> bool:
    try:
        return time.time() - os.stat(path).st_mtime > STALE_SECONDS
    except OSError:
        return False
