"""A worker without torch: takes the lock over as the real one does, trains nothing.

Run as a script by the tests. What it does is said in the experiment, `mode = "…"`, or else in
the environment. It lives for `LIFE_SECONDS` at most, and no longer than its folder.
"""

import argparse
import os
import re
import sys
import time
from pathlib import Path

from memlab.runs import requests
from memlab.runs.event_log import EventLog
from memlab.runs.launch import await_assignment
from memlab.runs.lock import RunLock
from memlab.runs.run_folder import RunFolder
from memlab.runs.state import write_state

LIFE_SECONDS = 120.0


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--lock-fd", type=int)
    parser.add_argument("--standby", action="store_true")
    parser.add_argument("--socket-fd", type=int)
    arguments = parser.parse_args()
    if arguments.standby:
        assignment = await_assignment(arguments.socket_fd)
        if assignment is None:
            return
        path, lock = assignment.folder, assignment.lock
    else:
        path = arguments.folder
        lock = RunLock.adopt(path / "lock", arguments.lock_fd)
    work(RunFolder(path), lock)


def work(folder: RunFolder, lock: RunLock) -> None:
    said = re.search(r'mode = "(\w+)"', folder.experiment_toml())
    mode = said[1] if said else os.environ.get("FAKE_WORKER_MODE", "finish")
    if mode == "silent":
        asked_to_stop(folder, heed=False)
    print(
        f"working in session {os.getsid(0)} of {os.getpid()}, tty {sys.stdin.isatty()}", flush=True
    )
    with EventLog(folder.events) as log:
        log.append("worker-started")
        write_state(folder.path, "running")
        if mode == "wait":
            if not asked_to_stop(folder):
                return
            log.append("stopped")
            write_state(folder.path, "interrupted", "stopped")
        else:
            log.append("finished")
            write_state(folder.path, "finished")
    lock.close()


def asked_to_stop(folder: RunFolder, heed: bool = True) -> bool:
    """Waits for a request to stop; False where its life or its folder ended before."""
    end = time.monotonic() + LIFE_SECONDS
    while time.monotonic() < end and folder.path.is_dir():
        if heed and any(r.kind == "stop" for r in requests.take_all(folder.path).requests):
            return True
        time.sleep(0.01)
    return False


if __name__ == "__main__":
    main()
