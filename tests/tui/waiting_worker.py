"""A worker that is half done until it is asked to stop."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from memlab.runs import requests
from memlab.runs.lock import RunLock
from memlab.runs.run_folder import RunFolder
from memlab.runs.state import write_state

parser = argparse.ArgumentParser()
parser.add_argument("folder", type=Path)
parser.add_argument("--lock-fd", type=int)
arguments = parser.parse_args()
folder = RunFolder(arguments.folder)
lock = RunLock.adopt(folder.path / "lock", arguments.lock_fd)
write_state(folder.path, "running", progress=0.5)
while not any(request.kind == "stop" for request in requests.take_all(folder.path).requests):
    time.sleep(0.01)
write_state(folder.path, "interrupted", "Stopped on request.")
lock.close()
