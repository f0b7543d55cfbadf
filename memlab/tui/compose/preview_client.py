"""Talks to the process that draws corrupted examples (`python -m memlab.data.preview`).

The app asks with an experiment and gets pictures with given and true labels, one JSON object a
line each way; numpy and the datasets stay in that process. Blocking: for thread workers only.
"""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from memlab import child

COMMAND: tuple[str, ...] = child.command("-m", "memlab.data.preview")
GONE = "The pictures are not available: their process ended."


@dataclass(frozen=True)
class Example:
    """One training example, [height][width] of 0..255; `corrupted` if its label or input changed.

    Labels are names of classes; pixels are empty where the data are no images.
    """

    pixels: tuple[tuple[int, ...], ...]
    given: str
    true: str
    corrupted: bool

    @property
    def caption(self) -> str:
        """`2→9` for a lie, `3` for the truth."""
        return self.given if self.given == self.true else f"{self.true}→{self.given}"


@dataclass(frozen=True)
class Preview:
    """What the noise does to the first examples; shares are of the training examples.

    `error` is a sentence where there is nothing to show.
    """

    examples: tuple[Example, ...] = ()
    drawn: float | None = None
    changed: float | None = None
    sizes: tuple[int, int, int] | None = None
    downloads: Mapping[str, int] = field(default_factory=dict)
    error: str = ""


class PreviewClient:
    """One child process, started when it is first asked and again when it has died."""

    def __init__(self, folders: Sequence[str] = (), command: Sequence[str] = COMMAND) -> None:
        self._folders = [os.path.abspath(os.path.expanduser(folder)) for folder in folders]
        self._command = tuple(command)
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()
        self._number = 0
        self._closed = False

    def ask(self, experiment: Mapping[str, Any], count: int) -> Preview:
        """The first `count` examples of a single cell (no axes); waits for the answer."""
        with self._lock:
            self._number += 1
            request = {
                "id": self._number,
                "experiment": dict(experiment),
                "count": count,
                "folders": self._folders,
                "here": _here(),
            }
            return self._exchange(json.dumps(request))

    def downloads(self) -> dict[str, int]:
        """Bytes to download of each dataset that is not on disk; waits for the answer."""
        with self._lock:
            self._number += 1
            request = {"id": self._number, "list": True, "folders": self._folders}
            return dict(self._exchange(json.dumps(request)).downloads)

    def warm(self) -> None:
        """Starts the process, so that the first answer comes sooner."""
        with self._lock:
            self._running()

    def close(self) -> None:
        """Ends the process; whoever waits for it gets an answer at once."""
        self._closed = True
        process, self._process = self._process, None
        if process is not None:
            with suppress(OSError):
                process.kill()
            process.wait()

    def _exchange(self, line: str) -> Preview:
        process = self._running()
        if process is None or process.stdin is None or process.stdout is None:
            return Preview(error=GONE)
        try:
            process.stdin.write(line + "\n")
            process.stdin.flush()
            while answer := process.stdout.readline():
                preview = _parsed(answer, self._number)
                if preview is not None:
                    return preview
        except (OSError, ValueError):
            pass
        if self._process is process:
            self._process = None
        return Preview(error=GONE)

    def _running(self) -> subprocess.Popen[str] | None:
        if self._closed:
            return None
        if self._process is None or self._process.poll() is not None:
            try:
                self._process = subprocess.Popen(
                    self._command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    encoding="utf-8",
                    cwd=child.FOLDER,
                    env=child.environment(os.environ),
                    start_new_session=True,
                )
            except OSError:
                return None
            if self._closed:
                self.close()
        return self._process


def _here() -> str:
    """Where relative paths start; "" where that folder was deleted."""
    try:
        return os.getcwd()
    except OSError:
        return ""


def _parsed(line: str, number: int) -> Preview | None:
    """The answer in a line; None where it answers another question or is no answer."""
    try:
        answer = json.loads(line)
        if answer.get("id") != number:
            return None
        if answer.get("error"):
            return Preview(error=str(answer["error"]))
        return Preview(
            tuple(_example(item) for item in answer.get("examples", ())),
            answer.get("drawn"),
            answer.get("changed"),
            _sizes(answer.get("sizes")),
            {str(name): int(size) for name, size in (answer.get("downloads") or {}).items()},
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _example(item: Mapping[str, Any]) -> Example:
    pixels = tuple(tuple(int(value) for value in row) for row in item.get("pixels") or ())
    given, true = str(item["given"]), str(item["true"])
    return Example(pixels, given, true, bool(item.get("corrupted", given != true)))


def _sizes(found: object) -> tuple[int, int, int] | None:
    if isinstance(found, list) and len(found) == 3:
        return (int(found[0]), int(found[1]), int(found[2]))
    return None
