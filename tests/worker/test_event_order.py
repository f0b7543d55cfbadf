"""Event before state: whoever sees a state finds on disk the event that led to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from memlab.engines import session
from memlab.runs.event_log import EventReader
from memlab.runs.requests import Request, RequestKind
from memlab.runs.run_folder import RunFolder
from memlab.runs.state import write_state
from memlab.worker import __main__ as worker
from memlab.worker.control import Control

#: What has happened, in an event, when a state is seen; other states tell of nothing that has.
LED_TO = {
    "running": ("worker-started", "resumed"),
    "paused": ("paused",),
    "finished": ("finished",),
    "interrupted": ("stopped",),
    "failed": ("failed",),
}
States = list[tuple[str, list[str]]]
TURNING_POINTS = frozenset(name for names in LED_TO.values() for name in names)


class Asked(Control):
    """Is asked one thing after another, without waiting for anybody."""

    def __init__(self, folder: Path, kinds: Iterable[RequestKind]) -> None:
        super().__init__(folder)
        self._asked = [Request(kind) for kind in kinds]

    def poll(self, force: bool = False) -> list[Request]:
        return [self._asked.pop(0)] if self._asked else []

    def keep(self, later: list[Request]) -> None:
        self._asked[:0] = later


@pytest.fixture
def states(monkeypatch: pytest.MonkeyPatch) -> States:
    """The states that are written, each with the turning point that was then newest on disk."""
    seen: States = []

    def noted(folder: Path, state: str, *arguments: object, **options: object) -> None:
        events = [event.type for event in EventReader(RunFolder(folder).events).read()]
        seen.append((state, [name for name in events if name in TURNING_POINTS][-1:]))
        write_state(folder, state, *arguments, **options)  # type: ignore[arg-type]

    for module in (session, worker):
        monkeypatch.setattr(module, "write_state", noted)
    return seen


def assert_events_came_first(states: States) -> None:
    for state, newest in states:
        if state in LED_TO:
            assert newest, (state, newest)
            assert newest[0] in LED_TO[state], (state, newest)


@pytest.mark.parametrize(
    ("asked", "end"),
    [
        ([], "finished"),
        (["pause", "resume", "stop"], "interrupted"),
        (["pause", "stop"], "interrupted"),
    ],
)
def test_each_state_of_a_run_follows_its_event(
    home: Path, made_run: Callable[..., RunFolder], states, asked, end
) -> None:
    folder = made_run(stop={"epochs": 2}, axes={}, seeds=1)
    assert session.Session(folder, Asked(folder.path, asked)).run() == 0
    assert states[-1][0] == end
    assert ("paused" in dict(states)) == bool(asked)
    assert_events_came_first(states)


def test_a_failure_is_an_event_before_it_is_a_state(
    home: Path, made_run: Callable[..., RunFolder], states
) -> None:
    folder = made_run(dataset={"name": "npz:/nowhere.npz"})
    assert session.Session(folder, Asked(folder.path, [])).run() == 1
    assert states[-1][0] == "failed"
    assert_events_came_first(states)


def test_libraries_that_cannot_be_loaded_are_an_event_too(
    home: Path, made_run: Callable[..., RunFolder], states, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    from memlab.runs.lock import RunLock

    folder = made_run()
    monkeypatch.setattr(Control, "listen", lambda self: None)
    monkeypatch.setitem(sys.modules, "memlab.engines.session", None)
    assert worker._work(folder.path, RunLock.take(folder.lock)) == 1
    assert folder.state.state == "failed"
    assert_events_came_first(states)
