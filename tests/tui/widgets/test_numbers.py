from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memlab.charts.axis import label, limits
from memlab.charts.sparkline import sparkline
from memlab.tui import palette
from memlab.tui.widgets.columns import sort_key

NUMBERS = st.floats(allow_nan=True, allow_infinity=True)
NAN = math.nan


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_tick_labels_never_fail(value: float) -> None:
    assert 0 < len(label(value)) <= 8


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.25, "0.25"), (9999.9, "10k"), (999999, "1M"), (-0.001234, "-0.00123"), (1e12, "1e12")],
)
def test_tick_labels_are_short(value: float, text: str) -> None:
    assert label(value) == text


@given(st.lists(NUMBERS, max_size=200), st.integers(-1, 40))
def test_sparkline_is_never_wider_than_asked(values: list[float], width: int) -> None:
    assert len(sparkline(values, width)) <= max(0, width)


def test_sparkline_keeps_gaps_and_spikes() -> None:
    assert sparkline([0, NAN, 1], 3) == "▁ █"
    assert "█" in sparkline([0.0] * 50 + [1.0] + [0.0] * 50, 10, 0, 1)
    assert sparkline([0.5, 0.5], 4) == "▄▄"


@given(st.floats(-1e300, 1e300), st.floats(-1e300, 1e300))
def test_limits_contain_the_data(one: float, other: float) -> None:
    low, high = sorted((one, other))
    found = limits(low, high)
    slack = 1e-6 * (found[1] - found[0])
    assert found[0] - slack <= low <= high <= found[1] + slack
    assert found[0] < found[1]


def test_limits_are_round_and_seldom_move() -> None:
    before = limits(0.0, 0.93)
    assert before == (0.0, 1.0)
    assert limits(0.0, 0.6, before) == before
    assert limits(0.0, 0.01, before)[1] < 0.1
    assert limits(0.002, 3.0, scale="log") == pytest.approx((0.001, 10.0))


def test_ramp_depends_on_the_position_alone_and_reads_on_both_backgrounds() -> None:
    assert palette.ramp(6) == palette.ramp(6)
    assert palette.ramp(0) == []
    assert len(set(palette.ramp(12))) == 12
    for colour in palette.ramp(12):
        assert palette.contrast(colour, "#121212") >= 3
        assert palette.contrast(colour, "#ffffff") >= 2.6


def test_lightness_rises_along_the_ramp() -> None:
    light = [palette.luminance(colour) for colour in palette.ramp(12)]
    assert light == sorted(light)


# Machado, Oliveira and Fernandes (2009), severity 1, on linear RGB.
BLIND = {
    "none": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protan": ((0.152, 1.053, -0.205), (0.115, 0.786, 0.099), (-0.004, -0.048, 1.052)),
    "deutan": ((0.367, 0.861, -0.228), (0.280, 0.673, 0.047), (-0.012, 0.043, 0.969)),
    "tritan": ((1.256, -0.077, -0.179), (-0.078, 0.931, 0.148), (0.005, 0.691, 0.304)),
}


def seen(colour: str, kind: str) -> tuple[float, float, float]:
    """A colour as such eyes see it, in CIE Lab."""
    channels = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    rgb = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    r, g, b = (sum(m * c for m, c in zip(row, rgb, strict=True)) for row in BLIND[kind])
    xyz = (
        (0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505,
        0.2126 * r + 0.7152 * g + 0.0722 * b,
        (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089,
    )
    x, y, z = (v ** (1 / 3) if v > 0.008856 else 7.787 * v + 16 / 116 for v in xyz)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


@pytest.mark.parametrize("kind", BLIND)
@pytest.mark.parametrize("dark", [True, False])
def test_truth_lies_and_unseen_differ_for_colour_blind_eyes(kind: str, dark: bool) -> None:
    colours = palette.palette(dark)
    hues = [seen(colour, kind) for colour in (colours.truth, colours.lies, colours.unseen)]
    pairs = ((0, 1), (0, 2), (1, 2))
    assert min(math.dist(hues[i], hues[j]) for i, j in pairs) > 20


@pytest.mark.parametrize("kind", BLIND)
def test_neighbours_on_a_ramp_of_six_differ_for_colour_blind_eyes(kind: str) -> None:
    lab = [seen(colour, kind) for colour in palette.ramp(6)]
    assert min(math.dist(a, b) for i, a in enumerate(lab) for b in lab[i + 1 :]) > 8


def test_sorting_puts_unknown_last_and_numbers_by_value() -> None:
    cells = ["·", ".9 ± .1", "1.2", "–", "−3", "■ .5", "x"]
    assert sorted(cells, key=sort_key) == ["−3", "■ .5", ".9 ± .1", "1.2", "x", "·", "–"]
