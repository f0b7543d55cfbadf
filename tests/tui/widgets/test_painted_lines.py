"""What differs between two lines is found to the column."""

from __future__ import annotations

import pytest
from rich.style import Style
from textual.app import App, ComposeResult

from memlab.charts.row import Row
from memlab.tui.widgets.painted_lines import Line, PaintedLines, changed_span

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


class Framed(PaintedLines):
    """Texts in a frame, with room around them."""

    DEFAULT_CSS = "Framed { border: round red; padding: 1 2; height: 9; }"
    texts = ("one", "two", "three", "four", "five")

    def line(self, y: int) -> Line:
        return [(self.texts[y], PLAIN)]


class Host(App[None]):
    def compose(self) -> ComposeResult:
        yield Framed()


@pytest.mark.parametrize("at", range(5))
async def test_a_line_that_changed_within_a_frame_is_painted_again_and_no_other(at: int) -> None:
    app = Host()
    async with app.run_test(size=(40, 12)) as pilot:
        await pilot.pause()
        framed = app.query_one(Framed)
        framed.texts = (*framed.texts[:at], "CHANGED", *framed.texts[at + 1 :])
        asked: list[int] = []
        line = framed.render_line
        framed.render_line = lambda y: (asked.append(y), line(y))[1]  # type: ignore[method-assign]
        framed.repaint()
        await pilot.pause()
        shown = [strip.text[3:].strip(" │") for strip in app.screen._compositor.render_strips()]
        assert shown[2:7] == list(framed.texts)
        assert set(asked) == {at}
