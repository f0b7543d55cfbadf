"""CPU and bytes of charts and tables while they change, in a headless app at 160×45.

Run as a script; prints one line a case. Bytes are what the compositor would send to a terminal
with true colour.
"""

from __future__ import annotations

import asyncio
import math
import os
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("COLORTERM", "truecolor")
os.environ["TERM"] = "xterm-256color"

from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.screen import Screen

from memlab.charts.sparkline import sparkline
from memlab.tui.palette import marker, ramp
from memlab.tui.widgets.chart import BrailleChart, Series
from memlab.tui.widgets.table import Column, LineTable

COLOURS = ramp(6)


def curves(points: int, phase: float, bands: bool) -> list[Series]:
    """Six curves over epochs 0..100, `points` of 500 known."""
    xs = [index / 5 for index in range(points)]
    found = []
    for k in range(6):
        ys = [1 - 0.9 * math.exp(-x / (5 + 6 * k)) + 0.02 * math.sin(x + k + phase) for x in xs]
        low = [y - 0.03 for y in ys] if bands else None
        high = [y + 0.03 for y in ys] if bands else None
        found.append(Series(f"{k / 5:.1f}", COLOURS[k], marker(k), xs, ys, low, high))
    return found


class Charts(App[None]):
    CSS = "Screen { layout: grid; grid-size: 2 2; }"

    def compose(self) -> ComposeResult:
        for name in ("truth", "lies", "unseen", "loss"):
            yield BrailleChart(name, x_range=(0, 100), y_range=(0, 1.2))


class Table(App[None]):
    def compose(self) -> ComposeResult:
        yield LineTable([Column(f"c{i}", f"column {i}", 11) for i in range(12)])


def count_bytes(app: App[None]) -> list[int]:
    """Renders what a terminal would be sent, as an app on a terminal does, and counts it."""
    sent = [0]
    display = app._display

    def counted(screen: Screen[None], renderable: Any) -> None:
        if hasattr(renderable, "render_segments"):
            sent[0] += len(renderable.render_segments(app.console).encode())
        display(screen, renderable)

    app._display = counted  # type: ignore[method-assign]
    return sent


async def chart_case(name: str, growing: bool, highlighted: str | None, bands: bool) -> None:
    app = Charts()
    async with app.run_test(size=(160, 45)) as pilot:
        charts = list(app.query(BrailleChart))
        for chart in charts:
            chart.highlighted = highlighted
        frames = [
            curves(300 + i if growing else 500, 0 if growing else i * 0.3, bands)
            for i in range(101)
        ]
        for chart in charts:
            chart.show(frames[0])
        await pilot.pause()

        def step(i: int) -> None:
            for chart in charts:
                chart.show(frames[i + 1])

        await measure(app, pilot, name, step)


async def table_case(name: str, cells: int) -> None:
    app = Table()
    async with app.run_test(size=(160, 45)) as pilot:
        table = app.query_one(LineTable)
        keys = [str(i) for i in range(2000)]
        values = {(key, f"c{i}"): f"{i}.00" for key in keys for i in range(12)}
        table.set_rows(keys, lambda row, column: values[row, column])
        await pilot.pause()

        def step(i: int) -> None:
            for n in range(cells):
                values[keys[n // 12 if cells > 40 else n], f"c{n % 12}"] = f"{i}.{n % 97:02d}"
            table.repaint()

        await measure(app, pilot, name, step)


async def measure(
    app: App[None], pilot: Pilot[None], name: str, step: Callable[[int], None]
) -> None:
    sent = count_bytes(app)
    idle = time.process_time()
    for _ in range(100):
        await pilot.pause()
    idle = time.process_time() - idle
    sent[0] = 0
    start = time.process_time()
    for i in range(100):
        step(i)
        await pilot.pause()
    spent = time.process_time() - start - idle
    print(f"{name:<44}{spent * 10:8.2f} ms{sent[0] / 1e5:8.2f} kB an update", flush=True)


async def main() -> None:
    await chart_case("4 charts × 6 × ~350 points, growing", True, None, False)
    await chart_case("4 charts × 6 × 500 points, all moving", False, None, False)
    await chart_case("the same, one highlighted with its band", False, "0.4", True)
    await table_case("table of 2,000 × 12, 16 visible cells", 16)
    await table_case("table of 2,000 × 12, all visible cells", 516)
    start = time.process_time()
    for _ in range(1000):
        sparkline([math.sin(i / 9) for i in range(500)], 20)
    print(f"{'sparkline of 500 points':<44}{time.process_time() - start:8.3f} ms")


if __name__ == "__main__":
    asyncio.run(main())
