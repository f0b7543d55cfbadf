"""Starting a worker that outlives whoever starts it, and handing it the run's lock.

A worker is a process of its own session without a terminal; what it prints goes to `worker.log`.
A cold one is spawned with the lock's descriptor inherited (`launch`); a standby, which has its
imports behind it, gets the descriptor over a socket (`Standby`).
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from memlab import child
from memlab.errors import TrainingFailed
from memlab.runs.door import Place
from memlab.runs.lock import RunLock
from memlab.runs.state import LOCK_FILE

WORKER: tuple[str, ...] = child.command("-m", "memlab.worker")
LOG_FILE = "worker.log"
MESSAGE_BYTES = 1 << 16


@dataclass(frozen=True)
class Assignment:
    """What a standby was given: the run's folder and its lock."""

    folder: Path
    lock: RunLock


def launch(
    folder: Path, lock: RunLock, worker: Sequence[str] = WORKER, arguments: Sequence[str] = ()
) -> int:
    """Spawns `worker FOLDER --lock-fd N` detached; it shares the lock from its first instant.

    The caller closes its own share of the lock afterwards.

    Returns:
        The process id, for people only.

    Raises:
        StorageError, RunFolderError: if worker.log cannot be written, or is a link.
        TrainingFailed: if the process cannot be started.
    """
    log = (Place(folder) / LOG_FILE).append_descriptor()
    try:
        command = [*worker, str(folder.absolute()), "--lock-fd", str(lock.descriptor), *arguments]
        process = _detached(command, lock.descriptor, log)
    finally:
        os.close(log)
    return process.pid


class Standby:
    """A worker that waits, its imports done, for a run to train; it ends when nobody needs it."""

    def __init__(self, process: subprocess.Popen[bytes], connection: socket.socket) -> None:
        self._process = process
        self._connection: socket.socket | None = connection

    @classmethod
    def start(cls, worker: Sequence[str] = WORKER) -> Self:
        """Spawns `worker --standby --socket-fd N`.

        Raises:
            TrainingFailed: if the process cannot be started.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            command = [*worker, "--standby", "--socket-fd", str(theirs.fileno())]
            process = _detached(command, theirs.fileno(), subprocess.DEVNULL)
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        return cls(process, ours)

    @property
    def pid(self) -> int:
        """The process id, for people only."""
        return self._process.pid

    @property
    def ready(self) -> bool:
        """Whether it lives and has not been given a run yet."""
        return self._connection is not None and self._process.poll() is None

    def assign(self, folder: Path, lock: RunLock) -> bool:
        """Hands the run over, its lock included; False if the standby is dead: then `launch`."""
        connection, alive = self._connection, self.ready
        self._connection = None
        if connection is None:
            return False
        with connection:
            if not alive:
                return False
            message = json.dumps({"folder": str(folder.absolute())}) + "\n"
            try:
                socket.send_fds(connection, [message.encode()], [lock.descriptor])
            except OSError:
                return False
            return self._process.poll() is None

    def close(self) -> None:
        """Ends it, unless it has a run; also in the midst of its imports."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
            self._process.terminate()


def await_assignment(socket_descriptor: int) -> Assignment | None:
    """In the standby: waits for a run; None when whoever started it is gone or done with it.

    The standard streams are redirected to the run's worker.log before this returns.

    Raises:
        RunFolderError: if the lock that came is not the run's.
        StorageError: if worker.log cannot be written.
    """
    with socket.socket(fileno=socket_descriptor) as connection:
        connection.set_inheritable(False)
        data = b""
        received: list[int] = []
        while not data.endswith(b"\n"):
            try:
                part, descriptors, _, _ = socket.recv_fds(connection, MESSAGE_BYTES, 1)
            except ConnectionError:
                part, descriptors = b"", []
            received += descriptors
            if not part:
                for descriptor in received:
                    os.close(descriptor)
                return None
            data += part
    folder = Path(json.loads(data)["folder"])
    lock = RunLock.adopt(folder / LOCK_FILE, received[0])
    redirect_streams(Place(folder) / LOG_FILE)
    return Assignment(folder, lock)


def redirect_streams(place: Place) -> None:
    """Standard output and error go to the file at `place` from here on, standard input is empty."""
    with suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
    log = place.append_descriptor()
    nothing = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    for source, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    os.close(log)
    os.close(nothing)


def _detached(command: Sequence[str], keep: int, output: int) -> subprocess.Popen[bytes]:
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=child.FOLDER,
            env=child.environment(os.environ),
            pass_fds=(keep,),
            start_new_session=True,
        )
    except OSError as error:
        raise TrainingFailed(f"No worker could be started: {error.strerror}.") from error
    threading.Thread(target=process.wait, name="worker-reaper", daemon=True).start()
    return process
