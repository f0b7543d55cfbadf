"""Log axes, ticks, dashes and marks by name, as rows of characters."""

from __future__ import annotations

import pytest

from memlab.charts import chart, forest
from memlab.charts.plot import Picture, Reference, Series
from memlab.charts.raster import Frame, pieces

RED = "#ff0000"


def text(picture: Picture, width: int = 62, height: int = 12, **limits) -> list[str]:
    told = {"x": (0.0, 100.0), "y": (0.0, 1.0), "scale": "linear"} | limits
    return ["".join(row.cells) for row in chart.compose(picture, width, height, **told)]


def columns(lines: list[str], marker: str) -> list[int]:
    return sorted(x for line in lines[1:-2] for x, cell in enumerate(line) if cell == marker)


def test_decades_are_equally_wide_on_a_logarithmic_axis():
    series = Series("a", RED, "A", [1.0, 10.0, 100.0], [0.5, 0.5, 0.5])
    made = text(Picture((series,), pointed=True, log_x=True), x=(1.0, 100.0))
    one, ten, hundred = columns(made, "A")
    assert abs((ten - one) - (hundred - ten)) <= 1
    frame = Frame((1.0, 100.0), (0.0, 1.0), 50, 10, False, log_x=True)
    many = [10 ** (i / 500) for i in range(1001)]
    steps = frame.steps(many, [0.0] * 1001)
    assert [step[0] for step in steps] == list(range(100))


def test_what_is_not_positive_is_a_gap_on_logarithmic_axes():
    assert pieces([0.0, 1.0, 2.0], [1.0, 1.0, 1.0], log_x=True) == [([1.0, 2.0], [1.0, 1.0])]
    series = Series("a", RED, "A", [0.0, 10.0], [0.5, 0.5])
    made = text(Picture((series,), pointed=True, log_x=True), x=(1.0, 100.0))
    assert len(columns(made, "A")) == 1


def test_ticks_stand_below_their_marks_and_leave_the_axis_its_name():
    series = Series("a", RED, "A", [4.0, 32.0, 256.0], [0.2, 0.5, 0.8])
    ticks = ((4.0, "4"), (32.0, "32"), (256.0, "256"))
    made = text(Picture((series,), axis="units", pointed=True, log_x=True, ticks=ticks),
                x=(3.0, 300.0))  # fmt: skip
    marks = columns(made, "A")
    for mark, (_, words) in zip(marks, ticks, strict=True):
        assert abs(made[-2].index(words) + len(words) // 2 - mark) <= 1
    assert " units " in made[-1]


def test_ticks_that_would_touch_are_left_out():
    series = Series("a", RED, "A", [1.0, 1.1, 99.0], [0.2, 0.5, 0.8])
    made = text(Picture((series,), ticks=((1.0, "one"), (1.1, "near"), (99.0, "far"))))
    assert "one" in made[-2]
    assert "near" not in made[-2]
    assert "far" in made[-2]


def test_a_dashed_line_has_gaps_where_the_other_has_none():
    xs, ys = [0.0, 100.0], [0.5, 0.5]
    whole = text(Picture((Series("a", RED, "A", xs, ys),)))
    dashed = text(Picture((Series("a", RED, "A", xs, ys, dashed=True),)))
    drawn = [sum("⠀" < cell <= "⣿" for line in made for cell in line) for made in (whole, dashed)]
    assert drawn[1] == pytest.approx(drawn[0] / 2, abs=1)


def test_marks_in_one_place_stand_beside_each_other():
    both = tuple(Series(n, RED, n, [50.0], [0.5]) for n in "AB")
    made = text(Picture(both, pointed=True))
    assert columns(made, "B") == [columns(made, "A")[0] + 1]


NAMED = Picture(
    (Series("", RED, "●", [0, 1, 2], [0.2, 0.5, 0.9], [0.1, 0.5, 0.85], [0.3, 0.5, 0.95]),),
    reference=Reference(0.02),
    title="test accuracy",
    names=("lookup table", "forest", "network"),
)


def test_each_name_has_its_mark_interval_and_number():
    made = text(NAMED, height=forest.height_of(NAMED))
    assert len(made) == 5
    assert ["lookup table" in made[1], "forest" in made[2], "network" in made[3]] == [True] * 3
    places = [line.index("●") for line in made[1:4]]
    assert places == sorted(places)
    assert made[1].index("├") < places[0] < made[1].index("┤")
    assert "├" not in made[2]
    assert "0.20 ± 0.10" in made[1]
    assert "0.500" in made[2]
    assert len({line.index("┊") for line in made[1:4]}) == 1


def test_names_without_room_are_counted_and_unknown_values_are_dots():
    made = text(NAMED, height=4)
    assert "… 2 more" in made[2]
    nan = float("nan")
    unknown = Picture((Series("", RED, "●", [0], [nan], [nan], [nan]),), names=("forest",))
    assert "●" not in "".join(text(unknown))
    assert "·" in text(unknown)[1]


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (19, 3), (20, 3), (47, 5), (200, 1)])
def test_every_size_is_filled_and_nothing_more(size):
    for picture in (NAMED, Picture((Series("a", RED, "A", [1.0], [0.5]),), ticks=((1.0, "1"),))):
        made = text(picture, *size)
        assert [len(line) for line in made] == [size[0]] * size[1]
