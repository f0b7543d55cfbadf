"""Figures that no training gives, in tables, events and reports: no screen falls over."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest
from settle import settle

from memlab.reports.json import write
from memlab.runs.run_folder import RunFolder
from memlab.tui.app import MemlabApp
from tests.odd_json import mutated
from tests.reports.conftest import METRICS, write_run

SCREENS = ("library", "watch", "report")
VALUES = (1e300, -1e300, 1e15, float("inf"), -float("inf"), float("nan"), 5e-324)


async def opened(run: RunFolder, screen: str) -> None:
    app = MemlabApp(open_run=run.id, screen=screen)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        if screen == "watch":
            for keys in (["a"], ["down"], ["enter"], ["enter"], ["escape", "escape"], ["l"]):
                await pilot.press(*keys)
                await settle(pilot, 2)
        elif screen == "report":
            await pilot.press("f", "end")
            await settle(pilot, 2)
        assert app._exception is None


@pytest.mark.parametrize("screen", SCREENS)
async def test_figures_of_any_size_in_the_tables(home: Path, screen: str) -> None:
    dice = np.random.default_rng(0)
    values = {name: dice.choice(VALUES, (21, 9)) for name in METRICS}
    run = write_run(home / "runs", values=values)
    await opened(run, screen)


@pytest.mark.parametrize("screen", SCREENS)
async def test_events_of_any_time_and_content(home: Path, screen: str) -> None:
    run = write_run(home / "runs", state="failed")
    times = (1e300, "NaN", -1e300, "Infinity", 1e15, 10**400, "null", "[]", 0)
    with open(run.events.path, "a") as log:
        for seq, when in enumerate(times, start=900):
            log.write(f'{{"seq": {seq}, "time": {when}, "type": "member-finished", "member": 0, ')
            log.write(f'"epoch": {"9" * 400}, "reason": [NaN, 1e999]}}\n')
    await opened(run, screen)


@pytest.mark.parametrize("seed", range(6))
async def test_reports_of_any_content(home: Path, seed: int) -> None:
    run = write_run(home / "runs")
    document = json.loads(write(run).path.read_text())
    run.report.path.write_text(json.dumps(mutated(document, random.Random(seed), 5)))
    await opened(run, "report")
