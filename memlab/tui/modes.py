"""The five screens by name, each imported when it is first wanted."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from textual.screen import Screen

from memlab.tui.header import NAMES, ShellHeader


def mode(name: str) -> Callable[[], Screen[Any]]:
    """Makes the screen of that name, with the header over it."""

    def make() -> Screen[Any]:
        module = import_module(f"memlab.tui.{name}.screen")
        screen: Screen[Any] = getattr(module, f"{name.title()}Screen")()
        screen.compose_add_child(ShellHeader(name))
        return screen

    return make


MODES: dict[str, str | Callable[[], Screen[Any]]] = {name: mode(name) for name in NAMES}
