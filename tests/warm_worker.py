"""Workers forked from a process whose imports are done: two seconds less for each in a test.

`install` gives `lifecycle` a `launch` that asks a server for the worker (one server a test process,
started when the first is needed). What it gets is a process of its own session with the run's lock,
as from `memlab.runs.launch.launch`, so that it can be killed for real. Commands that a test runs,
standbys, other workers than memlab's and those with another PYTHONPATH start as ever.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from memlab import child
from memlab.runs import launch, lifecycle
from memlab.runs.door import Place
from memlab.runs.lock import RunLock
from tests import leftovers

MARK = "warm"
MESSAGE_BYTES = 1 << 20
PATH = os.environ.get("PYTHONPATH")
ROOT = Path(__file__).resolve().parents[1]


def install() -> None:
    """From now on what `lifecycle` starts or resumes has a warm worker."""
    lifecycle.launch = _launch  # type: ignore[attr-defined]


_server: socket.socket | None = None


def _launch(
    folder: Path,
    lock: RunLock,
    worker: Sequence[str] = launch.WORKER,
    arguments: Sequence[str] = (),
) -> int:
    """A worker for the run, forked by the server; its process id."""
    if tuple(worker) != launch.WORKER or os.environ.get("PYTHONPATH") != PATH:
        return launch.launch(folder, lock, worker, arguments)
    log = (Place(folder) / launch.LOG_FILE).append_descriptor()
    asked = {
        "arguments": [str(folder.absolute()), "--lock-fd", str(lock.descriptor), *arguments],
        "keep": lock.descriptor,
        "environment": child.environment(os.environ),
    }
    try:
        server = _connection()
        socket.send_fds(server, [json.dumps(asked).encode()], [lock.descriptor, log])
        pid = int(server.recv(MESSAGE_BYTES))
    finally:
        os.close(log)
    leftovers.adopt(pid)
    return pid


def _connection() -> socket.socket:
    """The way to this process' server, which ends when it is closed."""
    global _server
    if _server is None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        words = ["-P", str(Path(__file__).resolve()), str(theirs.fileno())]
        environment = {
            **child.environment(os.environ),
            leftovers.VARIABLE: MARK,
            "PYTHONPATH": str(ROOT),
            "OMP_NUM_THREADS": "1",
        }
        with theirs:
            process = subprocess.Popen(
                [sys.executable, *words], pass_fds=(theirs.fileno(),), cwd="/", env=environment
            )
        leftovers.adopt(process.pid, MARK)
        ours.recv(1)
        _server = ours
    return _server


# --- the server


def _serve(connection: socket.socket) -> None:
    import sklearn.datasets  # noqa: F401

    import memlab.engines.session  # noqa: F401
    from memlab.worker import device

    device.be_deterministic()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody has to wait for what it forks
    connection.send(b"+")
    while True:
        message, descriptors, _, _ = socket.recv_fds(connection, MESSAGE_BYTES, 2)
        if not message:
            return
        pid = os.fork()
        if pid == 0:
            connection.close()
            _be_worker(json.loads(message), *descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        connection.send(str(pid).encode())


def _be_worker(asked: dict[str, object], lock: int, log: int) -> NoReturn:
    """In the fork: what a spawned worker finds, then its main function."""
    status = 1
    try:
        os.setsid()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((nothing, 0), (log, 1), (log, 2)):
            os.dup2(source, target)
        os.close(nothing)
        os.close(log)
        keep = int(str(asked["keep"]))
        if lock != keep:
            os.dup2(lock, keep)
            os.close(lock)
        os.environ.clear()
        os.environ.update(dict(asked["environment"]))  # type: ignore[call-overload]
        sys.argv = ["memlab.worker", *list(asked["arguments"])]  # type: ignore[call-overload]
        import torch

        from memlab.cores import usable_cores
        from memlab.worker.__main__ import main

        torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", usable_cores())))
        status = main()
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        os._exit(status)


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
