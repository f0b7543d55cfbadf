"""What Compose asks before it goes on: values as text, a preset's name, a costly launch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from textual.screen import Screen

from memlab.errors import MemlabError
from memlab.tui.ask_text import AskText
from memlab.tui.compose import launching
from memlab.tui.confirm import Confirm
from memlab.tui.widgets.field import Field

SEVERAL = "Several values make an axis: a comma list, or 0:1:0.2."


def ask_values(screen: Screen[Any], row: Field, take: Callable[[str], None]) -> None:
    """Asks for the values of a field as text, whatever kind of field it is."""
    choices = f" Choices: {', '.join(row.choices[:14])}." if row.choices else ""
    detail = f"{row.help}.{choices} {SEVERAL}"
    _ask(screen, AskText(row.label, detail, row.value, "take", lambda _: ""), take)


def ask_name(screen: Screen[Any], take: Callable[[str], None]) -> None:
    """Asks for a preset's name until it is one."""

    def wrong(name: str) -> str:
        try:
            launching.own_preset_path(name)
        except MemlabError as error:
            return str(error)
        return ""

    detail = "It is kept under my experiments; one of the same name is replaced."
    _ask(screen, AskText("Save as a preset named", detail, "", "save", wrong), take)


def ask_launch(screen: Screen[Any], question: str, start: Callable[[], None]) -> None:
    """Asks whether a costly experiment is to be started."""

    def answered(yes: bool | None) -> None:
        if yes:
            start()

    detail = "It can be paused and stopped at any time, and goes on without the app."
    screen.app.push_screen(Confirm(f"{question} Start it?", detail, "start it", "l"), answered)


def _ask(screen: Screen[Any], question: AskText, take: Callable[[str], None]) -> None:
    def answered(text: str | None) -> None:
        if text is not None:
            take(text)

    screen.app.push_screen(question, answered)
