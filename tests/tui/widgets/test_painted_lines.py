"""What differs between two lines is found to the column."""

from __future__ import annotations

import pytest
from rich.style import Style

from memlab.charts.row import Row
from memlab.tui.widgets.painted_lines import changed_span

PLAIN, BOLD = Style(), Style(bold=True)


@pytest.mark.parametrize(
    ("before", "after", "span"),
    [
        ([("ab", PLAIN), ("cd", BOLD)], [("ab", PLAIN), ("cd", BOLD)], None),
        ([("ab", PLAIN), ("cd", BOLD)], [("ab", PLAIN), ("cx", BOLD)], (2, 4)),
        ([("ab", PLAIN), ("cd", BOLD)], [("ab", BOLD), ("cd", BOLD)], (0, 2)),
        ([("ab", PLAIN), ("cd", BOLD)], [("a", PLAIN), ("b", BOLD), ("cd", BOLD)], (0, 2)),
        ([("ab", PLAIN), ("cd", BOLD)], [("abx", PLAIN), ("cd", BOLD)], (0, 5)),
        ([("ab", PLAIN)], [("ab", PLAIN), ("cd", BOLD)], (2, 4)),
        ([("漢", PLAIN), ("cd", BOLD)], [("漢", PLAIN), ("cx", BOLD)], (2, 4)),
        ([], [], None),
    ],
)
def test_span_of_styled_texts(
    before: list[tuple[str, Style]], after: list[tuple[str, Style]], span: tuple[int, int] | None
) -> None:
    assert changed_span(before, after) == span


def test_span_of_rows() -> None:
    before, after = Row(6), Row(6)
    after.put(2, "xy", 1)
    assert changed_span(before, after) == (2, 4)
    assert changed_span(after, after) is None
    assert changed_span([("ab", PLAIN)], after) == (0, 6)
