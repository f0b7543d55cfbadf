from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memlab.charts.axis import label, limits
from memlab.tui import palette
from memlab.tui.widgets import number as n
from memlab.tui.widgets.columns import sort_key
from memlab.tui.widgets.sparkline import sparkline

NUMBERS = st.floats(allow_nan=True, allow_infinity=True)
NAN = math.nan


@pytest.mark.parametrize(
    ("mean", "interval", "text"),
    [
        (0.9983, 0.0021, ".998 ± .002"),
        (0.712, 0.0512, ".71 ± .05"),
        (1.0, 0.0, "1.000 ± .000"),
        (0.65, 0.096, ".7 ± .1"),
        (345.2, 12.0, "345 ± 12"),
        (-0.04, 0.01, "−.04 ± .01"),
        (0.5, None, ".500"),
        (0.5, NAN, ".500"),
        (None, None, "·"),
        (NAN, 0.1, "–"),
        (math.inf, 0.1, "∞"),
    ],
)
def test_estimate_has_the_digits_its_interval_supports(
    mean: float | None, interval: float | None, text: str
) -> None:
    assert n.estimate(mean, interval) == text


def test_aligned_estimates_have_their_points_below_each_other() -> None:
    lines = n.align(["1.000 ± .000", ".71 ± .05", "–", ".5"])
    assert lines == ["1.000 ± .000", " .71  ± .05 ", "–           ", " .5         "]
    assert n.aligned(".71 ± .05") == " .71  ± .05 "


@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=8))
def test_aligned_estimates_have_one_width(pairs: list[tuple[float, float]]) -> None:
    assert len({len(line) for line in n.align([n.estimate(*pair) for pair in pairs])}) == 1


@given(st.floats(-1e6, 1e6), st.floats(0, 1e6))
def test_estimate_reads_back_within_its_last_digit(mean: float, interval: float) -> None:
    text = n.estimate(mean, interval).split(" ± ")[0].replace(",", "").replace("−", "-")
    assert abs(float(text) - mean) <= 0.5 * 10.0 ** -n.decimals_supported(interval) * 1.001


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(6, "0:06"), (754, "12:34"), (4320, "1 h 12 min"), (273600, "3 d 4 h"), (None, "·")],
)
def test_durations(seconds: float | None, text: str) -> None:
    assert n.duration(seconds) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [(512, "512 B"), (3e5, "0.3 MB"), (12e6, "12 MB"), (1.5e9, "1.5 GB"), (2048, "2 kB")],
)
def test_sizes(size: float, text: str) -> None:
    assert n.size(size) == text


@given(NUMBERS)
def test_no_formatter_fails(value: float) -> None:
    for text in (n.duration(value), n.size(value), n.count(value), n.percent(value), label(0.0)):
        assert text
    if math.isfinite(value):
        assert len(label(value)) <= 8


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.25, "0.25"), (9999.9, "10k"), (999999, "1M"), (-0.001234, "-0.00123"), (1e12, "1e12")],
)
def test_tick_labels_are_short(value: float, text: str) -> None:
    assert label(value) == text


def test_count_has_thousands_separators() -> None:
    assert n.count(71300) == "71,300"


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
