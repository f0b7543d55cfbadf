"""A program: from launch to report by keys alone, with a real worker; prints what was seen.

A process of its own, so that what it has imported at the end is the app's alone.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parent))

from settle import settle, until, until_process
from textual.widgets import Static

from memlab.tui.app import MemlabApp
from memlab.tui.widgets.chart import BrailleChart
from memlab.tui.widgets.table import LineTable


def verdict(app: MemlabApp) -> str:
    """What the line of that name says; nothing before the screen is composed."""
    return "".join(str(line.content) for line in app.screen.query("#verdict").results(Static))


async def main() -> dict[str, object]:
    """Presses keys as the speaker does."""
    app = MemlabApp()
    seen: dict[str, object] = {}
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: bool(app.screen.query("#presets").results()))
        await until_process(pilot, lambda: getattr(app.screen, "_shelf", None) is not None)
        await pilot.press("end")
        await until_process(pilot, lambda: app.screen._shown is not None)  # type: ignore[attr-defined]
        await pilot.press("enter")
        await until_process(pilot, lambda: app.current_mode == "watch")
        run_id = app.selected_run
        await until_process(pilot, lambda: verdict(app))
        await settle(pilot)
        seen["run"] = run_id
        seen["said"] = str(app.screen.query_one("#sentence", Static).content)
        chart = app.screen.query_one("#lies", BrailleChart)
        seen["points"] = [len(series.x) for series in chart._series]
        watched = verdict(app)
        await pilot.press("3")
        await until_process(pilot, lambda: verdict(app))
        await settle(pilot)
        seen["same_sentence"] = watched == verdict(app)
        seen["rows"] = len(app.screen.query_one(LineTable).row_keys)
        await pilot.press("4")
        await settle(pilot)
        seen["library"] = app.screen.query_one(LineTable).row_keys
    seen["torch"] = sorted(name for name in sys.modules if name.partition(".")[0] == "torch")
    return seen


print(json.dumps(asyncio.run(main())))
