"""One worker a device at a time, first come first served: a folder of locked files, no server.

A worker that waits holds a ticket, a file named by the time and locked by its living owner; the
one with the oldest ticket takes the device's lock. What a dead owner leaves behind is free in the
kernel's eyes, ignored and swept.
"""

from __future__ import annotations

import os
import re
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from memlab import disk
from memlab.atomic import storing
from memlab.runs.lock import is_held, try_lock

POLL_SECONDS = 0.05
STALE_SECONDS = 60.0
DEVICE_LOCK = "device.lock"
TICKET = ".ticket"


class Turn(disk.OpenFile):
    """The device is ours until `close`, or until this process dies."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor


def queue_folder(data_folder: Path, device: str) -> Path:
    """Where the queue of `device` (such as `cuda:0`) is."""
    return data_folder / "queue" / (re.sub(r"[^A-Za-z0-9_-]+", "-", device) or "device")


def wait_for_turn(
    data_folder: Path,
    device: str,
    should_stop: Callable[[], bool] = lambda: False,
    on_wait: Callable[[int], None] = lambda position: None,
) -> Turn | None:
    """Waits until the device is free and all earlier tickets are served.

    Args:
        should_stop: asked about 20 times a second; True gives up.
        on_wait: told how many workers are before this one whenever that changes, at least once
            if it has to wait at all.

    Returns:
        The turn, or None where `should_stop` said so.

    Raises:
        StorageError: if the queue's folder cannot be written.
    """
    folder = queue_folder(data_folder, device)
    with storing(folder):
        folder.mkdir(mode=disk.FOLDER_MODE, parents=True, exist_ok=True)
    with storing(folder / DEVICE_LOCK):
        lock = disk.create(folder / DEVICE_LOCK, os.O_RDWR | os.O_CREAT)
    ticket, name = _draw(folder)
    told = -1
    taken = False
    try:
        while not should_stop():
            before = _living_before(folder, name)
            if before == 0 and try_lock(lock):
                taken = True
                return Turn(lock)
            position = before + 1 if is_held(folder / DEVICE_LOCK) else before
            if position != told and position > 0:
                told = position
                on_wait(position)
            time.sleep(POLL_SECONDS)
        return None
    finally:
        with suppress(OSError):
            os.unlink(folder / name)
        os.close(ticket)
        if not taken:
            os.close(lock)


def waiting(data_folder: Path, device: str) -> int:
    """How many living workers hold or wait for the device."""
    folder = queue_folder(data_folder, device)
    return _living_before(folder, "~") + is_held(folder / DEVICE_LOCK)


def _draw(folder: Path) -> tuple[int, str]:
    """A ticket that is locked before it can be seen: its descriptor and its name."""
    name = f"{time.time_ns():020d}-{os.getpid()}-{secrets.token_hex(3)}{TICKET}"
    hidden = folder / f".{name}"
    with storing(hidden):
        descriptor = disk.create(hidden, os.O_RDWR | os.O_CREAT | os.O_EXCL)
        try_lock(descriptor)
        os.rename(hidden, folder / name)
    return descriptor, name


def _living_before(folder: Path, mine: str) -> int:
    count = 0
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(TICKET))
    except OSError:
        return 0
    for name in names:
        if name == mine or (not name.startswith(".") and name > mine):
            continue
        path = folder / name
        if is_held(path):
            count += not name.startswith(".")
        elif not name.startswith(".") or _is_stale(path):
            with suppress(OSError):
                os.unlink(path)
    return count


def _is_stale(path: Path) -> bool:
    try:
        return time.time() - os.stat(path).st_mtime > STALE_SECONDS
    except OSError:
        return False
