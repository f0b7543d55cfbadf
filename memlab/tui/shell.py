"""What a screen may ask of the app around it, and nothing else of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

from textual.dom import DOMNode

from memlab.errors import MemlabError
from memlab.runs.launch import Standby
from memlab.runs.run_folder import RunFolder

WIDTHS = [(0, "-narrow"), (110, "-wide")]  # columns from which a class holds
HEIGHTS = [(0, "-short"), (34, "-tall")]  # rows


@dataclass(frozen=True)
class Suggestion:
    """A run that a screen, named by its title, has found where none was chosen."""

    run_id: str
    by: str


class Shell(Protocol):
    """The app as its screens see it; a suggestion counts while it is the selected run."""

    selected_run: str | None
    suggestion: Suggestion | None
    runs_folder: Path

    def show_watch(self, run_id: str) -> None:
        """Opens Watch on a run."""

    def show_report(self, run_id: str) -> None:
        """Opens Report on a run."""

    def show_library(self) -> None:
        """Opens the library."""

    def show_review(self, run_id: str) -> None:
        """Opens the review of a run's suspects over the screen that is shown."""


def shell(node: DOMNode) -> Shell:
    """The app around a screen or widget."""
    return cast(Shell, node.app)


def selected_folder(node: DOMNode) -> RunFolder | None:
    """The folder of the run that the app has selected; None where none is."""
    run_id = shell(node).selected_run
    return RunFolder(shell(node).runs_folder / run_id) if run_id else None


def standby(node: DOMNode) -> Standby | None:
    """A worker with its imports behind it, where the app keeps one ready."""
    found = getattr(node.app, "standby", None)
    return found if isinstance(found, Standby) else None


def reason(error: Exception) -> str:
    """What to show where reading failed: a viewer says so and goes on looking."""
    if isinstance(error, MemlabError):
        return str(error)
    return f"This could not be read: {type(error).__name__}: {error}"
