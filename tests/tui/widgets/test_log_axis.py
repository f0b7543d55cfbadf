"""A logarithmic axis holds positive finite values only: everything else is a gap, never a crash."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from textual.app import App, ComposeResult

from memlab.charts.axis import limits, ticks
from memlab.charts.plot import Picture, Series
from memlab.charts.rows import NONE_POSITIVE, compose, x_span, y_span
from memlab.tui.widgets.chart import BrailleChart

NAN, INF = math.nan, math.inf
ANY = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True, allow_subnormal=True),
    st.sampled_from([0.0, -0.0, -1.0, NAN, INF, -INF, 5e-324, 1e-310, 1.7e308, 1.0]),
)
EMPTY = "waits for the first measurement"


def line(ys: list[float], **more: object) -> Series:
    return Series("a", "#ff0000", "■", [float(i) for i in range(len(ys))], ys, **more)  # type: ignore[arg-type]


def drawn(series: Series, pointed: bool = False) -> list[str]:
    """The rows as the widget composes them, at 60 × 12."""
    picture = Picture((series,), empty=EMPTY, bands=frozenset({0}), pointed=pointed)
    xs, ys = x_span(picture.series, True), y_span(picture.series, True)
    x, y = (0.0, 1.0), (0.0, 1.0)  # what a linear axis left behind
    if xs is not None and ys is not None:
        x, y = (0.0, max(1.0, xs[1])), limits(*ys, (0.0, 1.0), "log")
    return ["".join(row.cells) for row in compose(picture, 60, 12, x, y, "log")]


def braille(rows: list[str]) -> bool:
    return any("⠀" < cell <= "⣿" for row in rows for cell in row)


@given(st.lists(ANY, max_size=12), st.booleans())
@example([0.0, -1.0], False)
@example([1e-310, 5e-324], False)
@example([5e-324, 1.7e308], True)
def test_any_values_are_drawn_where_positive_and_waited_for_where_not(
    ys: list[float], pointed: bool
) -> None:
    rows = drawn(line(ys, low=[-y for y in ys], high=ys, minimum=ys, maximum=ys), pointed)
    text = " ".join(" ".join(rows).split())
    finite = [y for y in ys if math.isfinite(y)]
    if any(y > 0 for y in finite):
        assert ("■" in text) if pointed else braille(rows)
        assert "waits" not in text
    else:
        assert not braille(rows)
        assert "■" not in text
        assert (NONE_POSITIVE if finite else EMPTY) in text


@given(st.lists(ANY, max_size=8))
def test_what_is_not_positive_moves_no_limit(ys: list[float]) -> None:
    positive = [y for y in ys if 0 < y < INF]
    assert y_span((line(ys),), True) == ((min(positive), max(positive)) if positive else None)


@given(st.floats(5e-324, 1.7e308), st.floats(5e-324, 1.7e308))
def test_limits_are_positive_in_order_and_have_finite_ticks(one: float, other: float) -> None:
    low, high = limits(min(one, other), max(one, other), None, "log")
    assert 0 < low < high < INF
    values = ticks((low, high), "log", 4)
    assert values == sorted(values)
    assert all(0 < value < INF for value in values)


class Charts(App[None]):
    def compose(self) -> ComposeResult:
        yield BrailleChart("density", y_range=(0, 1), empty=EMPTY)


@pytest.mark.parametrize("fixed", [None, (0.0, 1.0)])
async def test_chart_turned_logarithmic_without_a_positive_value_says_what_it_waits_for(
    fixed: tuple[float, float] | None,
) -> None:
    app = Charts()
    async with app.run_test(size=(80, 12)) as pilot:
        chart = app.query_one(BrailleChart)
        chart.y_range = fixed
        chart.show([line([0.0, 0.5, 1.0])])
        chart.y_scale = "log"
        chart.show([line([0.0, -1.0, NAN])])
        await pilot.pause()
        assert any(NONE_POSITIVE in chart.render_line(y).text for y in range(12))
        chart.show([line([0.0, 0.03, 40.0])])
        await pilot.pause()
        text = [chart.render_line(y).text for y in range(12)]
        assert text[1][1:5].strip() == "100"
        assert braille(text)
