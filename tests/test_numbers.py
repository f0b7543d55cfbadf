"""Numbers as text: the one module that prints them."""

from __future__ import annotations

import ast
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import memlab
from memlab import numbers as n
from memlab.estimate import Estimate

NUMBERS = st.floats(allow_nan=True, allow_infinity=True)
NAN = math.nan
#: What the command line may take from the app: the app itself, and pictures in half blocks.
OF_THE_APP = {
    "app.py": {"memlab.tui.app", "memlab.tui.hang_up"},
    "suspects.py": {"memlab.tui.widgets.picture"},
}


@pytest.mark.parametrize(
    ("mean", "interval", "text"),
    [
        (0.9983, 0.0021, ".998 ± .002"),
        (0.712, 0.0512, ".71 ± .05"),
        (1.0, 0.0, "1.000 ± .000"),
        (0.65, 0.096, ".7 ± .1"),
        (345.2, 12.0, "345 ± 12"),
        (-0.04, 0.01, "−.04 ± .01"),
        (0.5, NAN, ".500"),
        (NAN, NAN, "–"),
        (NAN, 0.1, "–"),
        (math.inf, 0.1, "∞"),
    ],
)
def test_estimate_has_the_digits_its_interval_supports(
    mean: float, interval: float, text: str
) -> None:
    assert n.plus_minus(Estimate.around(mean, interval)) == text


def test_aligned_estimates_have_their_points_below_each_other() -> None:
    lines = n.align(["1.000 ± .000", ".71 ± .05", "–", ".5"])
    assert lines == ["1.000 ± .000", " .71  ± .05 ", "–           ", " .5         "]
    assert n.aligned(".71 ± .05") == " .71  ± .05 "


@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=8))
def test_aligned_estimates_have_one_width(pairs: list[tuple[float, float]]) -> None:
    assert (
        len(
            {
                len(line)
                for line in n.align([n.plus_minus(Estimate.around(*pair)) for pair in pairs])
            }
        )
        == 1
    )


@given(st.floats(-1e6, 1e6), st.floats(0, 1e6))
def test_estimate_reads_back_within_its_last_digit(mean: float, interval: float) -> None:
    text = (
        n.plus_minus(Estimate.around(mean, interval))
        .split(" ± ")[0]
        .replace(",", "")
        .replace("−", "-")
    )
    assert abs(float(text) - mean) <= 0.5 * 10.0 ** -n.decimals_supported(interval) * 1.001


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(6, "0:06"), (754, "12:34"), (4320, "1 h 12 min"), (273600, "3 d 4 h"), (None, "·")],
)
def test_clocks(seconds: float | None, text: str) -> None:
    assert n.clock(seconds) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [(512, "512 B"), (3e5, "0.3 MB"), (12e6, "12 MB"), (1.5e9, "1.5 GB"), (2048, "2 kB")],
)
def test_sizes(size: float, text: str) -> None:
    assert n.size(size) == text


@given(NUMBERS)
def test_no_formatter_fails(value: float) -> None:
    for text in (
        n.clock(value),
        n.duration(value),
        n.number(value, 2, True),
        n.size(value),
        n.count(value),
        n.percent(value),
        n.share(value),
        n.points(value),
    ):
        assert text


def test_count_has_thousands_separators() -> None:
    assert n.count(71300) == "71,300"


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (Estimate(0.42, 0.38, 0.46, 3), "0.4200 [0.3800, 0.4600]"),
        (Estimate(-2.0, -2.0, -2.0, 3), "−2.000 [−2.000, −2.000]"),
        (Estimate.around(0.5), "0.5 (n = 1)"),
        (Estimate.around(NAN), "unknown"),
    ],
)
def test_bracketed_intervals_have_the_digits_of_their_width(found: Estimate, text: str) -> None:
    assert n.bracketed(found) == text


def test_zero_stands_before_the_point_in_sentences_only() -> None:
    found = Estimate.around(0.71432, 0.0523)
    assert (n.plus_minus(found), n.estimate(found)) == (".71 ± .05", "0.71 ± 0.05")


def test_the_command_line_prints_numbers_without_the_app() -> None:
    folder = Path(memlab.__file__).parent / "cli"
    for file in folder.glob("*.py"):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        names = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        found = {name for name in names if name.startswith("memlab.tui")}
        allowed = {"memlab.tui.app", "memlab.tui.hang_up"} if file.name == "app.py" else set()
        assert found <= allowed | (
            {"memlab.tui.widgets.picture"} if file.name == "suspects.py" else set()
        )
