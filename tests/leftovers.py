"""No test leaves a process behind: a pytest plugin that finds, ends and reports those that do.

Whatever is set up carries a mark in its environment, which every process that it starts inherits:
a test's own mark, or the module's or the session's where a wider fixture starts the process. When
a scope has been torn down, processes with its mark get a moment to end, are then killed, and fail
the test after which they were found. Linux only: elsewhere nothing is looked for.
"""

from __future__ import annotations

import os
import secrets
import signal
import sys
import time
from collections.abc import Generator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest

VARIABLE = "MEMLAB_TEST"
#: For a process that is ending, however busy the machine is; nobody waits where nothing is left.
SECONDS = float(os.environ.get("MEMLAB_TEST_LEFTOVER_SECONDS", "30"))
KERNEL_THREAD = 0x00200000  # PF_KTHREAD, in the flags of /proc/PID/stat
NARROW = ("function", "class")


@dataclass
class Marks:
    """Which processes were started within which scope; only new process ids are looked at."""

    session: str = field(default_factory=lambda: f"{os.getpid()}-{secrets.token_hex(4)}")
    scopes: int = 0
    known: dict[int, str] = field(default_factory=dict)

    def new(self) -> str:
        """A mark that nothing else has."""
        self.scopes += 1
        return f"{self.session}:{self.scopes}."

    def left(self, mark: str) -> list[int]:
        """The living processes with this mark."""
        self._look()
        return [pid for pid, its in self.known.items() if its == mark and not ended(pid)]

    def _look(self) -> None:
        there = {int(name) for name in os.listdir("/proc") if name.isdigit()}
        for pid in self.known.keys() - there:
            del self.known[pid]
        for pid in sorted(there - self.known.keys()):
            found = self._mark_of(pid)
            if found is not None:
                self.known[pid] = found

    def _mark_of(self, pid: int) -> str | None:
        """The mark, "" of a process that is none of ours; None where it is not known yet."""
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:
                environment = file.read()
            fields = status(pid)
            parent, flags = int(fields[1]), int(fields[6])
        except (OSError, ValueError, IndexError):
            return "" if os.path.exists(f"/proc/{pid}") and pid != os.getpid() else None
        if not environment and not flags & KERNEL_THREAD:
            return None  # between exec and its environment, which Popen does not wait for
        for entry in environment.split(b"\0"):
            name, _, value = entry.decode(errors="replace").partition("=")
            if name == VARIABLE and value.startswith(f"{self.session}:"):
                return value
        if parent == os.getpid():  # forked, and its environment not its own
            return os.environ.get(VARIABLE, "")
        return self.known.get(parent, "")


def status(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the name: state, parent, …

    Raises:
        OSError: if the process is gone.
    """
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(")")[2].split()


def ended(pid: int) -> bool:
    """Whether it is gone, or waits for nothing but its parent's notice."""
    try:
        return status(pid)[0] in "ZX"
    except (OSError, IndexError):
        return True


def named(pid: int) -> str:
    """Process id and command, for people."""
    with suppress(OSError), open(f"/proc/{pid}/cmdline", "rb") as file:
        words = file.read().replace(b"\0", b" ").decode(errors="replace").strip()
        return f"{pid} ({words[:200]})"
    return str(pid)


def end_leftovers(marks: Marks, mark: str) -> list[str]:
    """Waits for processes with this mark, kills those that stay, and names them."""
    if not sys.platform.startswith("linux"):
        return []
    deadline = time.monotonic() + SECONDS
    while (left := marks.left(mark)) and time.monotonic() < deadline:
        time.sleep(0.01)
    names = [named(pid) for pid in left]
    while left := marks.left(mark):
        for pid in left:
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)
    return names


def adopt(pid: int, mark: str | None = None) -> None:
    """Counts a process that another one forked for this test as the test's own, or as `mark`'s."""
    for marks in CURRENT:
        marks.known[pid] = os.environ.get(VARIABLE, "") if mark is None else mark


# --- pytest's hooks


CURRENT: list[Marks] = []  # the session's, while there is one

STATE: pytest.StashKey[Marks] = pytest.StashKey()
MARK: pytest.StashKey[str] = pytest.StashKey()


def _mark(node: pytest.Item | pytest.Collector) -> str:
    if MARK not in node.stash:
        node.stash[MARK] = node.session.stash[STATE].new()
    return node.stash[MARK]


def pytest_sessionstart(session: pytest.Session) -> None:
    session.stash[STATE] = Marks()
    CURRENT[:] = [session.stash[STATE]]


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None]:
    os.environ[VARIABLE] = _mark(item)
    return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
) -> Generator[None, object, object]:
    if fixturedef.scope in NARROW:
        return (yield)
    before = os.environ.get(VARIABLE)
    module = fixturedef.scope == "module"
    os.environ[VARIABLE] = _mark(request.node if module else request.session)
    try:
        return (yield)
    finally:
        if before is not None:
            os.environ[VARIABLE] = before


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Generator[None]:
    result = yield
    over: list[pytest.Item | pytest.Collector] = [item]
    stays = set(nextitem.listchain()) if nextitem is not None else set()
    over += [node for node in item.listchain() if MARK in node.stash and node not in {item, *stays}]
    marks = item.session.stash[STATE]
    names = [name for node in over for name in end_leftovers(marks, _mark(node))]
    if names:
        pytest.fail(f"processes were left behind and killed: {', '.join(names)}", pytrace=False)
    return result
