"""A worker that is half done until it is asked to stop, or its folder or its life ends."""

from __future__ import annotations

import argparse
from pathlib import Path

from memlab.runs.event_log import EventLog
from memlab.runs.lock import RunLock
from memlab.runs.run_folder import RunFolder
from memlab.runs.state import write_state
from tests.runs.fake_worker import asked_to_stop

parser = argparse.ArgumentParser()
parser.add_argument("folder", type=Path)
parser.add_argument("--lock-fd", type=int)
arguments = parser.parse_args()
folder = RunFolder(arguments.folder)
lock = RunLock.adopt(folder.path / "lock", arguments.lock_fd)
with EventLog(folder.events) as log:
    log.append("worker-started")
    write_state(folder.path, "running", progress=0.5)
    if asked_to_stop(folder):
        log.append("stopped")
        write_state(folder.path, "interrupted", "Stopped on request.")
lock.close()
