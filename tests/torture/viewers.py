"""The viewers of the command line, called in process, and what must hold of what they print."""

from __future__ import annotations

import io
import json
import os
import re
import resource
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

RUN = "RUN"
#: Name → arguments of `memlab`.
VIEWERS: dict[str, tuple[str, ...]] = {
    "runs": ("runs",),
    "runs json": ("runs", "--json"),
    "report text": ("report", RUN),
    "report md": ("report", RUN, "--format", "md"),
    "report html": ("report", RUN, "--format", "html"),
    "report json": ("report", RUN, "--format", "json"),
    "watch": ("watch", RUN, "--plain"),
    "suspects": ("suspects", RUN),
    "review": ("suspects", RUN, "--review"),
    "apply": ("suspects", RUN, "--apply", "--seeds", "0"),
    "inspect": ("inspect", RUN, "--list", "suspects"),
    "inspect json": ("inspect", RUN, "--list", "suspects", "--json"),
    "compare": ("compare", RUN, RUN),
    "compare json": ("compare", RUN, RUN, "--json"),
}
JSON = frozenset({"runs json", "report json", "inspect json", "compare json"})
INTERRUPTED = 130
MAX_SENTENCES = 4500  # characters that "one sentence" may have, the path of a run included
MAX_OUTPUT = 64 << 20
#: Controls but the newline, C1, bidirectional marks and overrides, line separators, surrogates.
FORBIDDEN = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
RAW_HTML = ("<script>alert", "<img src=x onerror")


@dataclass(frozen=True)
class Printed:
    """What one call printed and how it ended; `raised` is the name of what it let through."""

    status: int
    output: bytes
    errors: bytes
    raised: str
    cpu: float
    wall: float


def warm_up(run: str) -> None:
    """Calls every viewer once on a good run, so that children find all imports done.

    A hundred folders a viewer need the time of one import then.
    """
    for name in VIEWERS:
        printed = call(name, run)
        if found := complaints(name, printed, run):
            raise RuntimeError(f"{name} on a good run: {found}\n{printed.errors.decode()}")
    assert "torch" not in sys.modules
    assert threading.active_count() == 1, "who forks must have one thread"


def call(name: str, run: str) -> Printed:
    """Calls a viewer in this process, its streams redirected to memory; never raises."""
    return call_words(VIEWERS[name], run)


def call_words(words: Sequence[str], run: str) -> Printed:
    """The same with the arguments of `memlab`."""
    from memlab.cli.main import main

    argv = [run if word == RUN else word for word in words]
    files = [os.memfd_create("out"), os.memfd_create("err")]
    saved = sys.stdout, sys.stderr
    descriptors = os.dup(1), os.dup(2)
    for number, file in enumerate(files, start=1):
        os.dup2(file, number)
    sys.stdout, sys.stderr = (
        io.TextIOWrapper(io.FileIO(n, "wb", closefd=False), "utf-8", line_buffering=True)
        for n in (1, 2)
    )
    raised, status = "", 0
    began, used = time.monotonic(), _cpu()
    try:
        status = main(argv)
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else 1
    except BaseException as error:
        raised = f"{type(error).__name__}: {error}{_origin(error)}"[:300]
    cpu, wall = _cpu() - used, time.monotonic() - began
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (ValueError, OSError) as error:
            raised = raised or f"{type(error).__name__}: {error}"[:300]
    sys.stdout, sys.stderr = saved
    for number, descriptor in enumerate(descriptors, start=1):
        os.dup2(descriptor, number)
        os.close(descriptor)
    output, errors = (os.pread(file, MAX_OUTPUT, 0) for file in files)
    for file in files:
        os.close(file)
    return Printed(status, output, errors, raised, cpu, wall)


def _origin(error: BaseException) -> str:
    """Where memlab raised or called what raised."""
    frame, found = error.__traceback__, ""
    while frame is not None:
        name = frame.tb_frame.f_code.co_filename
        if "/memlab/" in name:
            found = f" at {name.rpartition('/memlab/')[2]}:{frame.tb_lineno}"
        frame = frame.tb_next
    return found


def complaints(name: str, printed: Printed, neighbour: str) -> list[str]:
    """What is wrong with how a viewer ended and what it printed."""
    found = []
    if printed.raised:
        found.append(f"raised {printed.raised!a}")
    if b"Traceback (most recent call last)" in printed.output + printed.errors:
        found.append("printed a traceback")
    for stream, data in (("stdout", printed.output), ("stderr", printed.errors)):
        try:
            text = data.decode()
        except UnicodeDecodeError:
            found.append(f"{stream} is not UTF-8")
            continue
        if bad := FORBIDDEN.search(text):
            around = text[max(0, bad.start() - 30) : bad.end() + 20]
            found.append(f"{stream} has U+{ord(bad[0]):04X}: {around!a}")
    if not printed.raised:
        found += _ending(name, printed)
    if name == "runs" and neighbour.encode()[:20] not in printed.output and not printed.raised:
        found.append("does not list the good run beside it")
    return found


def _ending(name: str, printed: Printed) -> list[str]:
    allowed = (0, 1, 2, INTERRUPTED) if name in ("watch", "resume adopted") else (0, 1, 2)
    if printed.status not in allowed:
        return [f"ended with {printed.status}"]
    if printed.status in (1, 2):
        words = printed.errors.decode(errors="replace").strip()
        if not words:
            return [f"ended with {printed.status} without a word"]
        if len(words) > MAX_SENTENCES:
            return [f"said {len(words)} characters instead of a sentence"]
        return []
    if name in JSON:
        return _json(printed.output)
    if name == "report html":
        return [f"raw {raw!r} in the page" for raw in RAW_HTML if raw.encode() in printed.output]
    return []


def _json(data: bytes) -> list[str]:
    def refuse(word: str) -> None:
        raise ValueError(f"{word} is no JSON")

    try:
        json.loads(data, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        return [f"printed no JSON: {str(error)[:100]}"]
    return []


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
