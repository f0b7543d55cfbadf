"""`python -m memlab.worker`: a run folder in, trained members out; or a standby that waits."""

from __future__ import annotations

import argparse
import os
import select
import signal
import sys
import traceback
from pathlib import Path

from memlab.runs.event_log import EventLog
from memlab.runs.launch import await_assignment
from memlab.runs.lock import RunLock
from memlab.runs.run_folder import RunFolder
from memlab.runs.state import LOCK_FILE, write_state
from memlab.worker.control import Control


def main() -> int:
    """Parses the command, takes over the run's lock and trains."""
    parser = argparse.ArgumentParser(prog="python -m memlab.worker")
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--lock-fd", type=int)
    parser.add_argument("--standby", action="store_true")
    parser.add_argument("--socket-fd", type=int)
    parser.add_argument("--restart", action="store_true")
    arguments = parser.parse_args()
    if arguments.standby:
        _import()
        _calibrate(arguments.socket_fd)
        assignment = await_assignment(arguments.socket_fd)
        if assignment is None:
            return 0
        return _work(assignment.folder, assignment.lock)
    path = arguments.folder / LOCK_FILE
    if arguments.lock_fd is not None:
        lock = RunLock.adopt(path, arguments.lock_fd)
    else:
        lock = RunLock.take(path)
    return _work(arguments.folder, lock, arguments.restart)


def _import() -> None:
    import memlab.engines.session  # noqa: F401 - slow, so done before there is a run
    from memlab.worker import device

    device.be_deterministic()


def _calibrate(descriptor: int) -> None:
    """Uses the wait for a run on a machine that was never measured; a run that comes ends it.

    In a child: threads that were used here could not be used by processes forked for the run.
    """
    from memlab.worker import calibrating

    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(reading)
            calibrating.when_idle(descriptor)
        finally:
            os._exit(0)
    os.close(writing)
    select.select([descriptor, reading], [], [])
    os.close(reading)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def _work(folder: Path, lock: RunLock, restart: bool = False) -> int:
    with lock:
        control = Control(folder)
        control.listen()
        write_state(folder, "starting", "loading torch")
        try:
            from memlab.engines.session import Session
            from memlab.worker import device
        except (ImportError, OSError) as error:
            traceback.print_exc()
            message = f"The worker could not load its libraries: {error}"
            with EventLog(RunFolder(folder).events) as log:
                log.append("failed", message=message, exit_code=1)
            write_state(folder, "failed", message)
            return 1
        device.keep_memory()
        device.be_deterministic()
        return Session(RunFolder(folder), control, restart).run()


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # torch's teardown may take seconds, and everything is written
