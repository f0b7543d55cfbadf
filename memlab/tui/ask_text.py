"""A question that is answered by a line of text; what is wrong with it is said below it."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static


class AskText(ModalScreen[str | None]):
    """Dismissed with the text, or None by escape; `wrong` says why a text will not do, or ""."""

    DEFAULT_CSS = """
    AskText {
        align: center middle;
        & > Vertical {
            width: 72;
            max-width: 96%;
            height: auto;
            padding: 1 3;
            border: round $accent;
            background: $surface;
        }
        & #question { text-style: bold; }
        & #detail { color: $foreground 70%; }
        & Input, & Input:focus {
            margin: 1 0 0 0; border: none; height: 1; padding: 0 1; background: $panel;
        }
        & #wrong { color: $error; height: auto; min-height: 1; }
        & #answers { color: $foreground 65%; margin-top: 1; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "give_up", "cancel")]

    def __init__(
        self, question: str, detail: str, text: str, yes: str, wrong: Callable[[str], str]
    ) -> None:
        super().__init__()
        self._question, self._detail, self._text, self._yes = question, detail, text, yes
        self._wrong = wrong

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static(self._question, id="question", markup=False)
            yield Static(self._detail, id="detail", markup=False)
            yield Input(self._text)
            yield Static("", id="wrong", markup=False)
            yield Static(f"⏎  {self._yes}     esc  cancel", id="answers", markup=False)

    @on(Input.Changed)
    def _changed(self) -> None:
        self.query_one("#wrong", Static).update("")

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        wrong = self._wrong(event.value)
        if wrong:
            self.query_one("#wrong", Static).update(wrong)
        else:
            self.dismiss(event.value)

    def action_give_up(self) -> None:
        self.dismiss(None)
