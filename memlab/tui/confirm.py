"""A question that is asked once, with what would happen; one key says yes, escape says no."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static


class Confirm(ModalScreen[bool]):
    """Dismissed with True by Enter or by the key that asked, with False by escape or n."""

    DEFAULT_CSS = """
    Confirm {
        align: center middle;
        & > Vertical {
            width: 72;
            max-width: 96%;
            height: auto;
            max-height: 90%;
            padding: 1 3;
            border: round $warning;
            background: $surface;
        }
        & #question { text-style: bold; margin-bottom: 1; }
        & #detail { color: $foreground 80%; }
        & #answers { color: $foreground 65%; margin-top: 1; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,y", "answer(True)", "Yes"),
        Binding("escape,n", "answer(False)", "No"),
    ]

    def __init__(self, question: str, detail: str, yes: str, key: str) -> None:
        super().__init__()
        self._texts = (question, detail, f"⏎  {yes}     esc  no")
        self._key = key

    def compose(self) -> ComposeResult:
        question, detail, answers = self._texts
        with Vertical():
            yield Static(question, id="question", markup=False)
            yield Static(detail, id="detail", markup=False)
            yield Static(answers, id="answers", markup=False)

    def action_answer(self, answer: bool) -> None:
        self.dismiss(answer)

    def on_key(self, event: events.Key) -> None:
        """The key that asked says yes as well."""
        if event.key == self._key:
            event.stop()
            self.dismiss(True)
