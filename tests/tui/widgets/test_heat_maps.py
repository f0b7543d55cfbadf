from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recorded import Recording
from test_numbers import BLIND, seen
from textual.app import App, ComposeResult

from memlab.tui import palette
from memlab.tui.widgets import heat_rows
from memlab.tui.widgets.heat_map import HeatMap
from memlab.tui.widgets.heat_rows import Heat, compose
from memlab.tui.widgets.heat_scale import STEPS, HeatScale, character, colour, ink_on, scale_of

NAN, INF = math.nan, math.inf
COSINES = [[1.0, -0.5, NAN], [0.0, 0.25, INF], [-INF, -1.0, 0.5]]


class Recorded(Recording, HeatMap):
    """Remembers what it asks to be repainted."""


class Maps(App[None]):
    def compose(self) -> ComposeResult:
        yield Recorded()

    @property
    def heat(self) -> Recorded:
        return self.query_one(Recorded)

    def lines(self) -> list[str]:
        return [self.heat.render_line(y).text for y in range(self.heat.size.height)]

    def backgrounds(self, y: int) -> list[str | None]:
        """Of every column of a line."""
        found: list[str | None] = []
        for segment in self.heat.render_line(y):
            behind = segment.style.bgcolor if segment.style else None
            found += [behind.name if behind else None] * len(segment.text)
        return found


@pytest.fixture(autouse=True)
def truecolor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)


def test_scale_that_may_go_below_zero_is_symmetric_and_another_starts_at_zero() -> None:
    assert scale_of([-0.2, 0.41, NAN, INF], low=-1.0) == HeatScale(-0.5, 0.5, True)
    assert scale_of([3.0, 61.0], low=0.0) == HeatScale(0.0, 100.0)
    assert scale_of([-0.03, 0.9]) == HeatScale(-0.05, 1.0)
    assert scale_of([NAN], low=0.0) == HeatScale(0.0, 1.0)
    assert scale_of([0.0], low=-1.0) == HeatScale(-1.0, 1.0, True)


def test_levels_are_linear_cut_at_the_ends_and_none_for_nan() -> None:
    scale = HeatScale(-0.5, 0.5, True)
    assert [scale.level(v) for v in (-0.5, -0.25, 0.0, 0.125, 9.0)] == [-16, -8, 0, 4, 16]
    assert (scale.level(INF), scale.level(-INF), scale.level(NAN)) == (16, -16, None)
    upward = HeatScale(0.0, 10.0)
    assert [upward.level(v) for v in (0.0, 5.0, 10.0, INF, -INF)] == [0, 8, 16, 16, 0]


@pytest.mark.parametrize("dark", [True, False])
@pytest.mark.parametrize("kind", BLIND)
def test_both_sides_of_zero_differ_for_colour_blind_eyes(kind: str, dark: bool) -> None:
    for level in range(4, STEPS - 1):
        sides = (seen(colour(level, dark), kind), seen(colour(-level, dark), kind))
        assert math.dist(*sides) > 9


@pytest.mark.parametrize("dark", [True, False])
def test_ramps_leave_zero_steadily_and_numbers_read_on_every_level(dark: bool) -> None:
    for sign in (1, -1):
        light = [palette.luminance(colour(sign * level, dark)) for level in range(STEPS + 1)]
        assert light == sorted(light, reverse=not dark)
    for level in range(-STEPS, STEPS + 1):
        assert palette.contrast(ink_on(colour(level, dark)), colour(level, dark)) >= 4.5


def test_wide_cells_have_numbers_blank_for_nan_and_infinities_as_such() -> None:
    rows = compose(Heat(COSINES, HeatScale(-1.0, 1.0, True)), 44, 8)
    texts = ["".join(row.cells) for row in rows]
    assert texts[2].split()[1:3] == ["1.00", "−.50"]
    assert texts[3].split()[1:4] == [".00", ".25", "∞"]
    assert texts[4].split()[1:4] == ["−∞", "−1.00", ".50"]
    nothing = slice(3 + 2 * 12, 3 + 3 * 12)
    assert set(rows[2].styles[nothing]) == {heat_rows.BLANK}
    assert set(rows[2].styles[3 : 3 + 12]) == {heat_rows.CELL + 2 * STEPS}


def test_small_values_are_told_in_powers_of_ten_that_the_legend_names() -> None:
    rows = compose(Heat([[0.0002, 0.00041]], HeatScale(0.0, 0.0005)), 40, 7)
    text = "\n".join("".join(row.cells) for row in rows)
    assert "2.00" in text
    assert "4.10" in text
    assert "×1e−4" in text
    assert "5e-4" in text


def test_matrix_of_many_classes_is_halved_then_averaged_and_says_so() -> None:
    matrix = [[float(x == y) for x in range(100)] for y in range(100)]
    half = compose(Heat(matrix, HeatScale(0.0, 1.0)), 110, 60)
    assert half[2].cells[4] == "▀"
    upper, lower = heat_rows.halves_of(half[2].styles[4])
    assert (upper, lower) == (16, 0)
    means = compose(Heat(matrix, HeatScale(0.0, 1.0)), 60, 24)
    assert heat_rows.halves_of(means[2].styles[4]) == (round(16 / 3), 0)
    assert "mean of 3 × 3" in "".join(means[-2].cells)


def test_without_colours_shades_tell_sign_and_size() -> None:
    line = [-1.0, -0.5, 0.0, 0.5, 1.0, NAN]
    scale = HeatScale(-1.0, 1.0, True)
    rows = compose(Heat([line] * 12, scale), 12, 16, plain=True)
    assert "".join(rows[2].cells[4:10]) == "#=·▒█ "
    assert [character(level) for level in (-16, 16, 0)] == ["#", "█", "·"]


async def test_cells_have_the_colours_of_their_values_and_the_legend_its_numbers() -> None:
    app = Maps()
    async with app.run_test(size=(50, 12)):
        app.heat.show(COSINES, low=-1.0, title="stiffness", axes="class by class")
        lines = app.lines()
        assert "stiffness" in lines[0]
        assert "class by class" in lines[-1]
        assert "−1" in lines[-2]
        assert " 0 " in lines[-2]
        assert "1" in lines[-2]
        top = app.backgrounds(3)
        assert top[8] == colour(16)
        assert top[20] == colour(-8)
        assert top[30] not in {colour(level) for level in range(-16, 17)}


async def test_changed_value_repaints_its_cell_only() -> None:
    app = Maps()
    async with app.run_test(size=(50, 12)) as pilot:
        app.heat.show([[1.0, 0.2], [0.3, 0.4]], low=0.0, title="t")
        await pilot.pause()
        app.heat.asked = []
        app.heat.show([[1.0, 0.2], [0.3, 0.8]], low=0.0, title="t")
        assert app.heat.asked
        assert all(r is not None and r.width <= 12 for r in app.heat.asked)
        app.heat.asked = []
        app.heat.show([[1.0, 0.2], [0.3, 0.8]], low=0.0, title="t")
        assert app.heat.asked == []


values = st.floats(allow_nan=True, allow_infinity=True)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 12).flatmap(
        lambda columns: st.lists(st.lists(values, min_size=columns, max_size=columns), max_size=12)
    ),
    st.integers(0, 90),
    st.integers(0, 30),
    st.sampled_from([None, 0.0, -1.0]),
    st.booleans(),
)
def test_any_matrix_fits_any_size(matrix, width, height, low, plain) -> None:
    scale = scale_of([v for row in matrix for v in row], low)
    rows = compose(Heat(matrix, scale, "title", "axes"), width, height, plain)
    assert len(rows) == height
    assert all(len(row.cells) == len(row.styles) == width for row in rows)
