"""The live screen: one question at a time, answers about what is shown, rests that grow."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from settle import settle, until
from textual.app import App

from memlab.tui import live
from memlab.tui.live import LONGEST_SECONDS, SHARE, LiveScreen


class Counting(LiveScreen[int]):
    UPDATE_SECONDS = 3600.0

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0
        self.shown: list[int] = []
        self.problems: list[str] = []
        self.gate = threading.Event()
        self.gate.set()

    def question(self) -> Callable[[], int]:
        def read() -> int:
            self.gate.wait()
            self.asked += 1
            if self.asked == 3:
                raise ValueError("three")
            return self.asked

        return read

    def show(self, frame: int) -> None:
        self.shown.append(frame)

    def complain(self, problem: str) -> None:
        self.problems.append(problem)


class Host(App[None]):
    def on_mount(self) -> None:
        self.push_screen(Counting())


async def test_what_is_asked_while_a_thread_reads_is_asked_once_after_it() -> None:
    async with Host().run_test() as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, Counting)
        await settle(pilot)
        screen.asked, screen.shown = 10, []
        screen.gate.clear()
        for _ in range(5):
            screen.look()
        screen.gate.set()
        await settle(pilot)
        assert screen.shown == [11, 12]


async def test_an_answer_about_something_else_is_dropped() -> None:
    async with Host().run_test() as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, Counting)
        await settle(pilot)
        screen.asked, screen.shown = 10, []
        screen.gate.clear()
        screen.look()
        screen.about = "another"
        screen.look()
        screen.gate.set()
        await settle(pilot)
        assert screen.shown == [12]


async def test_what_cannot_be_read_is_said_and_reading_goes_on() -> None:
    async with Host().run_test() as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, Counting)
        await settle(pilot)
        screen.asked, screen.shown = 2, []
        screen.look()
        await settle(pilot)
        screen.look()
        await settle(pilot)
        assert len(screen.problems) == 1
        assert "three" in screen.problems[0]
        assert screen.shown == [4]


async def test_a_dear_update_is_followed_by_a_longer_rest() -> None:
    async with Host().run_test() as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, Counting)
        await until(pilot, lambda: screen.update_seconds > 0)
        await settle(pilot)
        asked = screen.asked
        screen.update_seconds = 2 * SHARE * LONGEST_SECONDS
        screen.tick()
        await settle(pilot)
        assert screen.asked == asked
        screen.update_seconds = 0.0
        screen.tick()
        await settle(pilot)
        assert screen.asked == asked + 1


async def test_where_nothing_is_under_way_it_looks_less_often(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live, "CALM_SECONDS", 1e6)
    monkeypatch.setattr(live, "LONGEST_SECONDS", 1e6)
    async with Host().run_test() as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, Counting)
        await until(pilot, lambda: screen.update_seconds > 0)
        await settle(pilot)
        screen.update_seconds = screen._meter.rest = 0.0
        asked, screen._asked_at = screen.asked, time.monotonic()
        screen.calm = True
        screen.tick()
        await settle(pilot)
        assert screen.asked == asked
        screen.calm = False
        screen.tick()
        await settle(pilot)
        assert screen.asked == asked + 1


@pytest.mark.parametrize("idle", [None, 0.0, 5.0])
def test_where_no_core_is_idle_updates_take_a_small_share_of_the_cores(
    idle: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = {"spent": 0.0, "idle": idle}
    monkeypatch.setattr(live, "usable_cores", lambda: 2)
    monkeypatch.setattr(live, "idle_seconds", lambda: clock["idle"])
    monkeypatch.setattr(live.time, "process_time", lambda: clock["spent"])
    meter = live.Meter()
    for _ in range(20):
        meter.begin()
        clock["spent"] += 0.03
        meter.end()
        if idle is not None:
            clock["idle"] += idle / 100
    meter.begin()
    assert meter.rest == pytest.approx(
        0.03 / (2 * live.BUSY_SHARE) if idle == 0.0 else 0.0, rel=1e-3
    )
