"""An app of nothing but what screens ask of theirs."""

from __future__ import annotations

from pathlib import Path

from textual.app import App
from textual.screen import Screen

from memlab.tui.shell import Suggestion


class StandIn(App[None]):
    """Shows one screen; remembers what it was asked to show."""

    def __init__(self, runs_folder: Path, screen: Screen[None], run_id: str | None = None) -> None:
        super().__init__()
        self.runs_folder = runs_folder
        self.selected_run = run_id
        self.suggestion: Suggestion | None = None
        self.shown: list[tuple[str, str]] = []
        self._first = screen

    def on_mount(self) -> None:
        self.push_screen(self._first)

    def show_watch(self, run_id: str) -> None:
        self.shown.append(("watch", run_id))

    def show_report(self, run_id: str) -> None:
        self.shown.append(("report", run_id))

    def show_library(self) -> None:
        self.shown.append(("library", ""))
