from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recorded import Recording
from textual.app import App, ComposeResult

from memlab.charts.raster import Canvas, Frame, pieces
from memlab.tui.widgets.chart import BrailleChart, Mark, Series

NAN, INF = math.nan, math.inf


@pytest.fixture(autouse=True)
def truecolor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)


class Recorded(Recording, BrailleChart):
    """Remembers what it asks to be repainted."""


class Charts(App[None]):
    def compose(self) -> ComposeResult:
        yield Recorded("validation", y_range=(0, 1), x_range=(0, 100), empty="waits for epoch 1")

    @property
    def chart(self) -> Recorded:
        return self.query_one(Recorded)

    def text(self) -> list[str]:
        return [self.chart.render_line(y).text for y in range(self.chart.size.height)]


def series(name: str, ys: list[float], colour: str = "#ff0000", **more: Any) -> Series:
    xs = [100 * i / max(1, len(ys) - 1) for i in range(len(ys))]
    return Series(name, colour, name[:1], xs, ys, **more)


def dots(line: str) -> Iterator[int]:
    return (x for x, cell in enumerate(line) if "⠀" < cell <= "⣿")


async def test_chart_without_points_says_what_it_waits_for() -> None:
    app = Charts()
    async with app.run_test(size=(60, 12)):
        assert any("waits for epoch 1" in line for line in app.text())
        app.chart.show([series("a", [NAN, NAN])])
        assert any("waits for epoch 1" in line for line in app.text())


async def test_chart_has_its_title_limits_and_axis_in_the_frame() -> None:
    app = Charts()
    async with app.run_test(size=(60, 12)):
        app.chart.show([series("a", [0.0, 1.0])])
        lines = app.text()
        assert lines[0].startswith("╭ validation ─")
        assert lines[1][1:5].strip() == "1"
        assert lines[-2][1:5].strip() == "0"
        assert " 0 " in lines[-1]
        assert " epoch " in lines[-1]
        assert " 100 " in lines[-1]
        assert {len(line) for line in lines} == {60}


async def test_nan_and_infinity_are_gaps() -> None:
    app = Charts()
    async with app.run_test(size=(60, 12)):
        ys = [0.5] * 101
        ys[40:61] = [NAN, INF, -INF] * 7
        app.chart.show([series("a", ys)])
        columns = sorted({x for line in app.text()[1:-1] for x in dots(line)})
        holes = [b - a for a, b in itertools.pairwise(columns) if b - a > 1]
        assert len(holes) == 1
        assert holes[0] > 8


async def test_an_update_repaints_only_the_span_that_changed() -> None:
    app = Charts()
    async with app.run_test(size=(100, 30)) as pilot:
        xs = [float(i) for i in range(61)]
        ys = [0.5 + 0.3 * math.sin(x / 9) for x in xs]
        app.chart.show([Series("a", "#ff0000", "a", xs[:60], ys[:60])])
        await pilot.pause()
        app.chart.asked.clear()
        app.chart.show([Series("a", "#ff0000", "a", xs, ys)])
        regions = [region for region in app.chart.asked if region is not None]
        assert len(regions) == len(app.chart.asked)
        assert 0 < sum(region.area for region in regions) <= 12
        app.chart.asked.clear()
        app.chart.show([Series("a", "#ff0000", "a", list(xs), list(ys))])
        assert app.chart.asked == []


async def test_highlighted_series_wins_where_curves_overlap() -> None:
    app = Charts()
    async with app.run_test(size=(60, 12)):
        app.chart.highlighted = "a"
        both = [series("a", [0.5] * 9, "#00ff00"), series("b", [0.5] * 9, "#0000ff")]
        app.chart.show(both)
        row = next(y for y, line in enumerate(app.text()) if list(dots(line)))
        drawn = [s for s in app.chart.render_line(row) if list(dots(s.text))]
        assert {s.style.color.name for s in drawn if s.style and s.style.color} == {"#00ff00"}


async def test_reference_and_marks_carry_their_labels() -> None:
    app = Charts()
    async with app.run_test(size=(60, 12)):
        app.chart.show([series("a", [0.9] * 9)], [Mark(40, "best", 0.5), Mark(NAN, "never")])
        app.chart.set_reference(0.1, "chance")
        text = "\n".join(app.text())
        assert "▼ best" in text
        assert "╌ chance ╌" in text
        assert "never" not in text


async def test_series_end_in_their_marker_without_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = Charts()
    async with app.run_test(size=(60, 12)):
        app.chart.show([series("q", [0.2] * 9), series("z", [0.9] * 9)])
        assert any("q" in line[50:] for line in app.text()[1:-1])
        assert any("z" in line[50:] for line in app.text()[1:-1])


async def test_extremes_of_a_bucket_stay_visible() -> None:
    app = Charts()
    async with app.run_test(size=(60, 12)):
        ys = [0.1] * 2000
        ys[777] = 0.95
        app.chart.show([series("a", ys)])
        assert list(dots(app.text()[1]))
        flat = [0.1] * 50
        app.chart.show([series("a", flat, minimum=flat, maximum=[0.9] * 50)])
        assert list(dots(app.text()[3]))


async def test_axis_follows_the_data_in_round_steps() -> None:
    app = Charts()
    async with app.run_test(size=(60, 12)):
        app.chart.y_range = None
        app.chart.show([series("a", [0.0, 3.7])])
        assert app.text()[1][1:5].strip() == "4"
        app.chart.y_scale = "log"
        app.chart.show([series("a", [0.0, 0.02, 3.7])])
        assert app.text()[1][1:5].strip() == "10"


async def test_no_size_crashes_and_resize_storms_settle() -> None:
    app = Charts()
    shuffle = random.Random(1)
    async with app.run_test(size=(80, 24)) as pilot:
        app.chart.legend = True
        bent = [math.sin(i / 9) for i in range(300)]
        bands = {"low": [y - 1 for y in bent], "high": bent, "minimum": bent, "maximum": bent}
        app.chart.show([series("a", bent, **bands), series("b", [NAN])], [Mark(5, "here")])
        app.chart.set_reference(0.5, "chance")
        sizes = [(1, 1), (2, 2), (3, 3), (16, 4), (200, 60), (5, 60), (200, 1), (40, 12)]
        sizes += [(shuffle.randint(1, 200), shuffle.randint(1, 60)) for _ in range(40)]
        for width, height in sizes:
            await pilot.resize_terminal(width, height)
            app.chart.show([series("a", bent[: width + 1], **bands)])
            lines = app.text()
            assert all(len(line) == width for line in lines)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(), max_size=80),
    st.integers(1, 30),
    st.integers(1, 10),
    st.booleans(),
)
def test_no_values_draw_outside_of_the_canvas(
    ys: list[float], width: int, height: int, log: bool
) -> None:
    frame = Frame((0.0, 50.0), (0.001, 1.0), width, height, log)
    canvas = Canvas(width, height)
    for part in pieces([float(i) for i in range(len(ys))], ys, log):
        steps = frame.steps(*part)
        assert all(0 <= step[0] < 2 * width for step in steps)
        canvas.trace(steps, 0)
    assert len(canvas.dots) == width * height
    assert all(0 <= mask < 256 for mask in canvas.dots)
