"""A screen about one run, which finds one for itself where the user has chosen none.

What a screen has found is a suggestion: the next screen of this kind looks for its own, until the
user chooses. The runs folder is read in a thread.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual import work
from textual.message import Message
from textual.screen import Screen

from memlab.runs.newest import Wanted, finished, newest
from memlab.tui.screens.shell import Suggestion, shell


class SuggestingScreen(Screen[None]):
    """Shows the newest run that is `WANTED`, else the newest, where none is chosen."""

    WANTED: ClassVar[Wanted] = finished

    @dataclass
    class Found(Message):
        """A thread has looked for a run; None where there is none."""

        run_id: str | None

    _seeking = False

    def seek(self) -> bool:
        """Looks for a run where none is chosen; whether what to show is still to be found."""
        if not self._is_open():
            return False
        if not self._seeking:
            self._seeking = True
            self._look_for(shell(self).runs_folder)
        return True

    def look(self) -> None:
        """Shows the selected run as it is now."""
        raise NotImplementedError

    def show_nothing(self) -> None:
        """Says how to make the first run."""
        raise NotImplementedError

    def _is_open(self) -> bool:
        """Whether no run is selected, or only by another screen's suggestion."""
        selected, suggestion = shell(self).selected_run, shell(self).suggestion
        if selected is None or suggestion is None or suggestion.run_id != selected:
            return selected is None
        return suggestion.by != self.TITLE

    @work(thread=True, group="suggest", exit_on_error=False)
    def _look_for(self, runs_folder: Path) -> None:
        folder = None
        try:
            folder = newest(runs_folder, type(self).WANTED)
        finally:
            self.post_message(self.Found(folder.id if folder is not None else None))

    def on_suggesting_screen_found(self, message: Found) -> None:
        """Takes the run, unless the user has chosen one meanwhile."""
        self._seeking = False
        if not self._is_open():
            self.look()
        elif message.run_id is None:
            self.show_nothing()
        else:
            shell(self).suggestion = Suggestion(message.run_id, self.TITLE or "")
            shell(self).selected_run = message.run_id
            self.look()
