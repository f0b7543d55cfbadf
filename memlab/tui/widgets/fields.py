"""A form as one scrolling list with a single editor, cheaper and calmer than a widget a field.

The list is told fields and tells what a person changed; it validates nothing itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from memlab.tui.plain_lines import framed
from memlab.tui.widgets.field import Field
from memlab.tui.widgets.field_lines import FieldLines
from memlab.tui.widgets.path_completion import complete

__all__ = ["Field", "FieldList"]


class FieldEditor(Input):
    """The one inline input; up and down take the text and move on."""

    DEFAULT_CSS = """
    FieldEditor, FieldEditor:focus {
        layer: editor;
        display: none;
        height: 1;
        border: none;
        padding: 0;
        background: $foreground 20%;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Cancel", show=False),
        Binding("up", "take(-1)", "Take and go up", show=False),
        Binding("down", "take(1)", "Take and go down", show=False),
        Binding("tab", "complete", "Complete a path, or take and go down", show=False),
    ]
    paths: Mapping[str, str | None] = MappingProxyType({})

    @dataclass
    class Left(Message):
        """Editing ended; `text` None where it was cancelled, `step` lines to move then."""

        text: str | None
        step: int = 0

    @dataclass
    class Completed(Message):
        """A thread has completed `before`; `names` may follow."""

        before: str
        text: str
        names: tuple[str, ...]

    def action_leave(self) -> None:
        self.post_message(self.Left(None))

    def action_complete(self) -> None:
        """Completes the path, where one is typed."""
        before, colon, path = self.value.partition(":")
        suffix = self.paths.get(before + colon)
        if suffix is not None:
            self._complete(before + colon, path, suffix)
        else:
            self.action_take(1)

    @work(thread=True, group="complete", exclusive=True, exit_on_error=False)
    def _complete(self, prefix: str, path: str, suffix: str) -> None:
        found = complete(path, suffix)
        self.post_message(self.Completed(prefix + path, prefix + found.text, found.names))

    def action_take(self, step: int) -> None:
        self.post_message(self.Left(self.value, step))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(self.Left(event.value))

    def on_blur(self, event: events.Blur) -> None:
        """A click elsewhere ends it."""
        if self.app.app_focus:
            self.post_message(self.Left(self.value))


class FieldNames(Static):
    """What may follow in the path that is being typed."""

    DEFAULT_CSS = """
    FieldNames {
        layer: editor;
        display: none;
        height: auto;
        max-height: 6;
        padding: 0 1;
        background: $panel;
        color: $foreground 80%;
    }
    """

    def show_names(self, names: Sequence[str], x: int, y: int) -> None:
        """Names below the editor; hidden where there are none."""
        self.display = bool(names)
        self.styles.offset = (x, y)
        self.update(framed("   ".join(names)))


class FieldChoices(OptionList):
    """The small list of one field's choices."""

    DEFAULT_CSS = """
    FieldChoices, FieldChoices:focus {
        layer: editor;
        display: none;
        width: auto;
        height: auto;
        max-height: 12;
        border: none;
        padding: 0 1;
        background: $panel;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Cancel", show=False),
        Binding("space", "select", "Choose", show=False),
    ]

    @dataclass
    class Left(Message):
        """Choosing was cancelled."""

    def action_leave(self) -> None:
        self.post_message(self.Left())

    def on_blur(self, event: events.Blur) -> None:
        """A click elsewhere ends it."""
        if self.app.app_focus:
            self.post_message(self.Left())


class FieldList(Widget):
    """Fields under collapsible headings, edited in place.

    Digits, point and sign start editing a text field at once, as Enter does; other letters stay
    free for the screen's own keys. `r` asks for the preset's value.
    """

    DEFAULT_CSS = """
    FieldList {
        width: 1fr;
        height: 1fr;
        layers: lines editor;
    }
    """

    @dataclass
    class Changed(Message):
        """A person gave the field this text."""

        key: str
        text: str

    @dataclass
    class Reset(Message):
        """A person wants the preset's value back."""

        key: str

    @dataclass
    class Highlighted(Reset):
        """The cursor is on this field ("" on a heading)."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._lines = FieldLines()
        self._editor = FieldEditor()
        self._choices = FieldChoices()
        self._names = FieldNames(markup=False)
        self._editing: str | None = None
        self._completed_to = ""

    def compose(self) -> ComposeResult:
        yield self._lines
        yield self._editor
        yield self._choices
        yield self._names

    def set_fields(self, fields: Sequence[Field]) -> None:
        """Replaces the fields; the cursor, open sections and a running edit stay."""
        self._lines.set_fields(fields)

    def move_to(self, key: str) -> None:
        """Puts the cursor on a field, opening its section."""
        self._lines.show_key(key)

    def focus_lines(self) -> None:
        """Gives the keys to the list."""
        self._lines.focus()

    @property
    def cursor_key(self) -> str:
        """Key of the cursor's field; empty on a heading."""
        return self._lines.cursor_key

    @property
    def editing(self) -> str | None:
        """Key of the field being edited, or None."""
        return self._editing

    # --- from the lines

    @on(FieldLines.Moved)
    def _moved(self, event: FieldLines.Moved) -> None:
        event.stop()
        self.post_message(self.Highlighted(event.key))

    @on(FieldLines.Chosen)
    def _chosen(self, event: FieldLines.Chosen) -> None:
        event.stop()
        self.post_message(self.Changed(event.key, event.text))

    @on(FieldLines.ResetAsked)
    def _reset_asked(self, event: FieldLines.ResetAsked) -> None:
        event.stop()
        self.post_message(self.Reset(event.key))

    @on(FieldLines.Edit)
    def _edit(self, event: FieldLines.Edit) -> None:
        event.stop()
        field = self._lines.fields[event.key]
        self._lines.scroll_to_cursor()
        self._editing = event.key
        if field.kind == "choice":
            self._open_choices(field)
        else:
            self._open_editor(field, event.start or field.value, select=not event.start)

    def _open_editor(self, field: Field, text: str, select: bool) -> None:
        editor, region = self._editor, self._lines.value_region()
        editor.paths = field.paths
        editor.styles.offset = (region.x, region.y)
        wide = self.size.width - region.x if field.paths else region.width
        editor.styles.width = wide
        editor.select_on_focus = select
        editor.value = text
        editor.cursor_position = len(editor.value)
        editor.display = True
        editor.focus()

    def _open_choices(self, field: Field) -> None:
        choices, region = self._choices, self._lines.value_region()
        choices.clear_options()
        labels = [_label(field, option) for option in field.options]
        choices.add_options([Option(framed(label)) for label in labels])
        if field.value in field.options:
            choices.highlighted = field.options.index(field.value)
        elif (kind := field.value.partition(":")[0] + ":") in field.paths:
            choices.highlighted = field.options.index(kind)
        height = min(12, len(field.options))
        below = region.y + 1 + height <= self.size.height
        top = region.y + 1 if below else max(0, region.y - height)
        width = max(map(len, labels), default=1) + 4
        choices.styles.offset = (max(0, min(region.x, self.size.width - width)), top)
        choices.styles.width = min(width, max(1, self.size.width))
        choices.display = True
        choices.focus()

    # --- from the editors

    @on(FieldEditor.Completed)
    def _completed(self, event: FieldEditor.Completed) -> None:
        event.stop()
        editor = self._editor
        if self._editing is None or editor.value != event.before:
            return
        editor.value = self._completed_to = event.text
        editor.cursor_position = len(event.text)
        x, y = int(editor.styles.offset.x.value), int(editor.styles.offset.y.value)
        self._names.show_names(event.names, x, y + 1)

    @on(FieldEditor.Changed)
    def _typed(self, event: FieldEditor.Changed) -> None:
        event.stop()
        if event.value != self._completed_to:
            self._names.display = False

    @on(FieldEditor.Left)
    def _editor_left(self, event: FieldEditor.Left) -> None:
        event.stop()
        key, self._editing = self._editing, None
        if key is None:
            return
        self._close(self._editor)
        field = self._lines.fields.get(key)
        if event.text is not None and field is not None and event.text != field.value:
            self.post_message(self.Changed(key, event.text))
        if event.step:
            self._lines.action_move(event.step)

    @on(OptionList.OptionSelected)
    def _option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        key, self._editing = self._editing, None
        self._close(self._choices)
        if key is None:
            return
        field = self._lines.fields[key]
        text = field.options[event.option_index]
        if text in field.paths:
            self._editing = key
            same = field.value.startswith(text)
            self._open_editor(field, field.value if same else text, select=False)
        elif text != field.value:
            self.post_message(self.Changed(key, text))

    @on(FieldChoices.Left)
    def _choices_left(self, event: FieldChoices.Left) -> None:
        event.stop()
        if self._choices.display:
            self._editing = None
            self._close(self._choices)

    def _close(self, editor: Widget) -> None:
        if editor.has_focus:
            self._lines.focus()
        editor.display = self._names.display = False

    def on_resize(self) -> None:
        """An open editor follows its row."""
        region = self._lines.value_region()
        if self._editor.display:
            self._editor.styles.offset = (region.x, region.y)
            self._editor.styles.width = region.width


def _label(field: Field, option: str) -> str:
    """A choice with what is said beside it."""
    note = field.notes.get(option, "")
    return f"{option}  {note}" if note else option
