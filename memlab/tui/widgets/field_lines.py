"""The lines of a form on the line API, with a cursor. Editing belongs to the list around it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message

from memlab.tui.palette import palette, ramp
from memlab.tui.widgets.columns import fit
from memlab.tui.widgets.cursor_lines import CursorLines
from memlab.tui.widgets.field import Field, Line, arrange, closed_at_first
from memlab.tui.widgets.painted_lines import Piece, ink

STARTERS = "0123456789.-+"


class FieldLines(CursorLines):
    """Draws fields under headings; the cursor keeps its field when fields are replaced."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "field--heading",
        "field--label",
        "field--value",
        "field--help",
        "field--cursor",
    }
    DEFAULT_CSS = """
    FieldLines {
        layer: lines;
        & > .field--heading { color: $foreground 65%; text-style: bold; }
        & > .field--label { color: $foreground 80%; }
        & > .field--value { color: $foreground; }
        & > .field--help { color: $foreground 45%; }
        & > .field--cursor { background: $foreground 8%; }
        &:focus > .field--cursor { background: $foreground 16%; text-style: bold; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "select", "Choose", show=False),
        Binding("left", "cycle(-1)", "Previous choice", show=False),
        Binding("right", "cycle(1)", "Next choice", show=False),
        Binding("r", "reset", "Reset to preset", show=False),
    ]

    @dataclass
    class Moved(Message):
        """The cursor is on this field ("" on a heading)."""

        key: str

    @dataclass
    class Edit(Message):
        """Somebody wants to edit the field; `start` is the first character typed."""

        key: str
        start: str = ""

    @dataclass
    class Chosen(Message):
        """A choice was cycled."""

        key: str
        text: str

    @dataclass
    class ResetAsked(Message):
        """The field goes back to the preset's value."""

        key: str

    def __init__(self) -> None:
        super().__init__()
        self.fields: dict[str, Field] = {}
        self._lines: list[Line] = []
        self._shut: set[str] = set()
        self._unfolded: set[str] = set()
        self._sections: set[str] = set()
        self._cursor: tuple[str, str] | None = None  # kind and name of the cursor's line

    def set_fields(self, fields: Sequence[Field]) -> None:
        """Replaces the fields; sections, cursor and scroll position stay as they were."""
        index = self.cursor_line
        self.fields = {field.key: field for field in fields}
        sections = {field.section for field in fields}
        self._shut |= closed_at_first(fields) & (sections - self._sections)
        self._sections |= sections
        self._arrange(index)

    @property
    def cursor_line(self) -> int:
        for index, line in enumerate(self._lines):
            if (line.kind, line.name) == self._cursor:
                return index
        return 0

    @property
    def cursor_key(self) -> str:
        """Key of the cursor's field; empty on a heading."""
        return self._cursor[1] if self._cursor and self._cursor[0] == "field" else ""

    @property
    def label_width(self) -> int:
        """Cells of the column of labels."""
        longest = max((len(field.label) for field in self.fields.values()), default=0)
        return min(longest, max(4, self.size.width * 2 // 5))

    def value_region(self) -> Region:
        """Where the cursor's value lies, relative to this widget."""
        left = 2 + self.label_width + 3
        y = self.cursor_line - self.scroll_offset.y
        return Region(left, y, max(1, self.scrollable_content_region.width - left), 1)

    def show_key(self, key: str) -> None:
        """Puts the cursor on a field, opening its section."""
        field = self.fields.get(key)
        if field is None:
            return
        self._shut.discard(field.section)
        self._arrange(self.cursor_line)
        if all((line.kind, line.name) != ("field", key) for line in self._lines):
            self._unfolded.add(field.section)
            self._arrange(self.cursor_line)
        self.go(next(i for i, line in enumerate(self._lines) if line == Line("field", key)))

    # --- keys and mouse

    @property
    def stops(self) -> list[int]:
        return [index for index, line in enumerate(self._lines) if line.stops]

    def opens_at_once(self, index: int) -> bool:
        return self._lines[index].kind != "field"

    def action_select(self) -> None:
        """Edits, opens a list of choices, or opens and closes a section."""
        if not self._lines:
            return
        line = self._lines[self.cursor_line]
        if line.kind == "field":
            if self.fields[line.name].kind == "bool":
                self.action_cycle(1)
            else:
                self.post_message(self.Edit(line.name))
            return
        self._toggle(line)

    def action_cycle(self, step: int) -> None:
        """Takes the next or the previous choice, or opens and closes a section."""
        if not self._lines:
            return
        line = self._lines[self.cursor_line]
        if line.kind == "heading":
            if (line.name in self._shut) == (step > 0):
                self._toggle(line)
            return
        field = self.fields.get(line.name) if line.kind == "field" else None
        if field is None or not field.options or field.kind == "text":
            return
        options = [option for option in field.options if option not in field.paths]
        now = options.index(field.value) if field.value in options else -1 if step > 0 else 0
        self.post_message(self.Chosen(field.key, options[(now + step) % len(options)]))

    def action_reset(self) -> None:
        if self.cursor_key:
            self.post_message(self.ResetAsked(self.cursor_key))

    def on_key(self, event: events.Key) -> None:
        """Starts editing where a number is typed."""
        field = self.fields.get(self.cursor_key)
        typed = event.character
        if field is not None and field.kind == "text" and typed and typed in STARTERS:
            event.stop()
            self.post_message(self.Edit(field.key, typed))

    def _toggle(self, line: Line) -> None:
        names = self._shut if line.kind == "heading" else self._unfolded
        names.symmetric_difference_update({line.name})
        self._arrange(self.cursor_line)

    def go(self, index: int) -> None:
        line = self._lines[index]
        if (line.kind, line.name) != self._cursor:
            self._cursor = (line.kind, line.name)
            self.repaint()
            self.post_message(self.Moved(self.cursor_key))
        self.scroll_to_cursor()

    def belongs(self, index: int) -> tuple[int, int]:
        """With the errors below it, and the heading above the first field."""
        last = index
        while last + 1 < len(self._lines) and self._lines[last + 1].kind == "error":
            last += 1
        return 0 if index == 1 and self._lines[0].kind == "heading" else index, last

    def _arrange(self, index: int) -> None:
        before = len(self._lines)
        width = self.scrollable_content_region.width - 7
        self._lines = arrange(list(self.fields.values()), self._shut, self._unfolded, width)
        if all((line.kind, line.name) != self._cursor for line in self._lines):
            self._cursor = None
            stops = self.stops
            fields = [i for i in stops if self._lines[i].kind == "field"]
            if stops:
                near = max((i for i in stops if i <= index), default=stops[0])
                chosen = self._lines[near if before or not fields else fields[0]]
                self._cursor = (chosen.kind, chosen.name)
                self.post_message(self.Moved(self.cursor_key))
        if len(self._lines) != before:
            self.virtual_size = Size(0, len(self._lines))
        self.repaint()

    # --- painting

    def on_resize(self) -> None:
        """Errors wrap anew, and the cursor stays in sight."""
        self._arrange(self.cursor_line)
        self.scroll_to_cursor()

    def line(self, y: int) -> list[Piece]:
        index = y + self.scroll_offset.y
        base = self.style_of("field--value")
        if index >= len(self._lines):
            return [("", base)]
        line = self._lines[index]
        here = (line.kind, line.name) == self._cursor and line.kind != "error"
        if line.kind == "field":
            pieces = self._field_pieces(self.fields[line.name], here)
        elif line.kind == "error":
            colours = palette(self.app.current_theme.dark)
            first = index == 0 or self._lines[index - 1].kind != "error"
            pieces = [("    ! " if first else "      ", ink(colours.error, None, True))]
            pieces.append((line.text, ink(colours.error)))
        elif line.kind == "more":
            pieces = [(f"  ▸ {line.text}", self.style_of("field--help"))]
        else:
            heading = self.style_of("field--heading")
            arrow = "▸" if line.name in self._shut else "▾"
            note = f"  {line.text}" if line.text else ""
            help_style = self.style_of("field--help")
            pieces = [(f"{arrow} {line.name}", heading), (note, help_style)]
        if here:
            over = self.style_of("field--cursor")
            used = sum(len(text) for text, _ in pieces)
            pieces.append((" " * max(0, self.size.width - used), base))
            return [(text, base + style + over) for text, style in pieces]
        return [(text, base + style) for text, style in pieces]

    def _field_pieces(self, field: Field, here: bool) -> list[Piece]:
        colours = palette(self.app.current_theme.dark)
        label = self.style_of("field--label")
        value = self.style_of("field--value")
        dim = self.style_of("field--help")
        mark, mark_style = ("*", ink(colours.changed, None, True)) if field.changed else (" ", dim)
        if field.error:
            mark, mark_style = "!", ink(colours.error, None, True)
        text = field.value + (" ▾" if field.kind == "choice" else "")
        own = ink(colours.error) if field.error else value
        room = self.scrollable_content_region.width - 2 - self.label_width - 3
        squares = [("■", ink(colour)) for colour in ramp(min(field.axis, 12))]
        spare = room - len(text) - (len(squares) + 2 if squares else 0)
        if spare < 0:
            squares = []
        pieces = [
            ("▸ " if here else "  ", label),
            (fit(field.label, self.label_width, "left") + " ", label),
            (mark + " ", mark_style),
        ]
        if field.axis and not squares and not field.error:
            pieces += _axis_pieces(field, max(0, room), value)
        else:
            pieces.append((fit(text, max(0, room), "left").rstrip(), own))
        if squares:
            pieces += [("  ", value), *squares]
        note = " ".join(part for part in (field.unit, field.help if here else "") if part)
        if note and spare > 6:
            pieces.append(("  " + fit(note, spare - 3, "left").rstrip(), dim))
        return pieces


def _axis_pieces(field: Field, room: int, style: Style) -> list[Piece]:
    """The values of an axis, each in its own colour, where squares have no room."""
    texts = field.value.split(",")
    if len(texts) != field.axis:
        return [(fit(field.value, room, "left").rstrip(), style)]
    pieces: list[Piece] = []
    for index, (text, colour) in enumerate(zip(texts, ramp(len(texts)), strict=True)):
        text = text + ("," if index < len(texts) - 1 else "")
        if len(text) > room:
            return [*pieces, ("…"[:room], style)]
        pieces.append((text, ink(colour)))
        room -= len(text)
    return pieces
