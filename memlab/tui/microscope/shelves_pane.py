"""Other examples as pictures in rows under titles, with a cursor; Enter steps into one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message

from memlab.tui.microscope.model import Other, Shelf
from memlab.tui.widgets.columns import fit
from memlab.tui.widgets.cursor_lines import CursorLines
from memlab.tui.widgets.painted_lines import Piece, ink
from memlab.tui.widgets.picture import picture_lines, shrink

CURSOR = "▸"
GAP = 2
LEAST = 7  # columns of a picture with its captions
SIDE = 14  # pixels of the largest picture


class ShelvesPane(CursorLines):
    """A title for each shelf, below it the pictures that fit, each with two lines of captions."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "shelf--title",
        "shelf--told",
        "shelf--caption",
        "shelf--cursor",
    }
    DEFAULT_CSS = """
    ShelvesPane {
        & > .shelf--title { color: $foreground; text-style: bold; }
        & > .shelf--told { color: $foreground 65%; }
        & > .shelf--caption { color: $foreground 85%; }
        & > .shelf--cursor { color: $foreground; text-style: bold reverse; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select", "step into"),
        Binding("tab", "step(1)", "picture"),
        Binding("shift+tab", "step(-1)", "previous picture", show=False),
    ]

    @dataclass
    class Chosen(Message):
        """Enter or a second click on an example."""

        position: int

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._shelves: tuple[Shelf, ...] = ()
        self._cursor = (0, 0)
        self._lines: list[list[Piece]] = []
        self._tops: list[int] = []

    def show(self, shelves: Sequence[Shelf]) -> None:
        """Shows these; the cursor goes to the first example."""
        self._shelves = tuple(shelves)
        first = next((at for at, shelf in enumerate(shelves) if shelf.others), 0)
        self._cursor = (first, 0)
        self.scroll_to(y=0, animate=False)
        self.repaint_all()
        self._measure()

    @property
    def chosen(self) -> Other | None:
        """The example at the cursor."""
        shelf, at = self._cursor
        others = self._shelves[shelf].others if shelf < len(self._shelves) else ()
        return others[at] if at < len(others) else None

    # --- the cursor

    @property
    def cursor_line(self) -> int:
        return self._tops[self._cursor[0]] if self._cursor[0] < len(self._tops) else -1

    @property
    def stops(self) -> Sequence[int]:
        pairs = zip(self._tops, self._shelves, strict=False)
        return [top for top, shelf in pairs if shelf.others]

    def go(self, index: int) -> None:
        self._move((self._tops.index(index), 0))

    def belongs(self, index: int) -> tuple[int, int]:
        at = self._tops.index(index)
        after = [*self._tops, len(self._lines)][at + 1]
        return index, after - 1

    def _move(self, cursor: tuple[int, int]) -> None:
        if cursor != self._cursor:
            self._cursor = cursor
            self.repaint()
            self.scroll_to_cursor()

    def action_step(self, step: int) -> None:
        """To the next example, from shelf to shelf and round."""
        shown = self._across
        all_of = [
            (shelf, at)
            for shelf, each in enumerate(self._shelves)
            for at in range(min(shown, len(each.others)))
        ]
        if all_of:
            now = all_of.index(self._cursor) if self._cursor in all_of else 0
            self._move(all_of[(now + step) % len(all_of)])

    def action_select(self) -> None:
        """Tells which example is to be opened."""
        if (chosen := self.chosen) is not None:
            self.post_message(self.Chosen(chosen.position))

    def on_click(self, event: events.Click) -> None:
        """Moves the cursor to the picture under the mouse; a second click opens it."""
        line = event.y + self.scroll_offset.y
        shelf = max((at for at, top in enumerate(self._tops) if top <= line), default=0)
        at = event.x // (self._slot_width + GAP)
        if shelf < len(self._shelves) and at < min(self._across, len(self._shelves[shelf].others)):
            again = (shelf, at) == self._cursor
            self._move((shelf, at))
            if again:
                self.action_select()

    # --- painting

    @property
    def _room(self) -> int:
        return max(1, self.scrollable_content_region.width)

    @property
    def _small(self) -> dict[int, list[list[int]]]:
        return {
            other.position: shrink(other.pixels, SIDE, SIDE)
            for shelf in self._shelves
            for other in shelf.others
            if other.pixels is not None
        }

    @property
    def _slot_width(self) -> int:
        widths = [len(rows[0]) for rows in self._small.values() if rows]
        lines = [len(other.line) for shelf in self._shelves for other in shelf.others]
        return max([LEAST, *widths, *lines])

    @property
    def _across(self) -> int:
        """How many examples fit side by side."""
        return max(1, (self._room + GAP) // (self._slot_width + GAP))

    def _measure(self) -> None:
        self.compose_lines()
        self.virtual_size = Size(0, len(self._lines))

    def on_resize(self) -> None:
        """Other widths have room for other pictures."""
        self._measure()

    def compose_lines(self) -> None:
        plain = self.app.no_color or self.app.console.color_system in (None, "standard")
        small, self._lines, self._tops = self._small, [], []
        for number, shelf in enumerate(self._shelves):
            self._tops.append(len(self._lines))
            self._lines.append(self._title(number, shelf))
            if shelf.others:
                shown = shelf.others[: self._across]
                slots = [self._slot(number, at, o, small, plain) for at, o in enumerate(shown)]
                gap = (" " * GAP, self.style_of("shelf--caption"))
                for row in range(max(map(len, slots))):
                    self._lines.append([p for slot in slots for p in (*slot[row], gap)])

    def _title(self, number: int, shelf: Shelf) -> list[Piece]:
        here = number == self._cursor[0] and bool(shelf.others)
        mark = f"{CURSOR} " if here else "  "
        told = self.chosen.told if here and self.chosen is not None else shelf.nothing
        told = "" if shelf.others and not here else told
        room = self._room - len(mark) - len(shelf.title) - GAP
        return [
            (f"{mark}{shelf.title}", self.style_of("shelf--title")),
            ("  " + fit(told, max(0, room), "left"), self.style_of("shelf--told")),
        ]

    def _slot(
        self,
        number: int,
        at: int,
        other: Other,
        small: dict[int, list[list[int]]],
        plain: bool,
    ) -> list[list[Piece]]:
        width, style = self._slot_width, self.style_of("shelf--caption")
        heights = [-(-len(rows) // 2) for rows in small.values()]
        lines: list[list[Piece]] = []
        for strip in picture_lines(small.get(other.position, []), shades=plain):
            spare = width - strip.cell_length
            body = [(text, style + (own or Style())) for text, own, _ in strip]
            left = spare // 2
            lines.append([(" " * left, style), *body, (" " * (spare - left), style)])
        if other.line:
            lines.append([(fit(other.line, width, "center"), style)])
        while len(lines) < max(heights, default=0):
            lines.append([(" " * width, style)])
        here = (number, at) == self._cursor
        first = self.style_of("shelf--cursor") if here else style
        first = first + ink(other.colour) if other.colour and not here else first
        label, below = other.captions
        return [
            *lines,
            [(fit(label, width, "center"), first)],
            [(fit(below, width, "center"), style)],
        ]

    def line(self, y: int) -> list[Piece]:
        at = y + self.scroll_offset.y
        return self._lines[at] if at < len(self._lines) else [("", self.style_of("shelf--caption"))]
