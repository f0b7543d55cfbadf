"""A screen about one run, which finds one for itself where the user has chosen none.

What a screen has found is a suggestion: the next screen of this kind looks for its own, until the
user chooses. The runs folder is read in a thread.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Generic

from textual import work
from textual.message import Message

from memlab.runs.newest import Wanted, finished, newest
from memlab.runs.run_folder import RunFolder
from memlab.tui.live import Frame, LiveScreen
from memlab.tui.shell import Suggestion, selected_folder, shell


class SuggestingScreen(LiveScreen[Frame], Generic[Frame]):
    """Shows the newest run that is `WANTED`, else the newest, where none is chosen."""

    WANTED: ClassVar[Wanted] = finished

    @dataclass
    class Found(Message):
        """A thread has looked for a run; None where there is none."""

        run_id: str | None

    _seeking = False

    def question(self) -> Callable[[], Frame] | None:
        """Looks for a run where none is chosen, else asks about the one that is."""
        searching, folder = self._is_open(), selected_folder(self)
        self.set_class(folder is None, "-no-run")
        if searching and not self._seeking:
            self._seeking = True
            self._look_for(shell(self).runs_folder)
        if searching or folder is None:
            return None
        if folder.id != self.about:
            self.about = folder.id
            self.follow(folder)
        return self.question_about(folder)

    def follow(self, folder: RunFolder) -> None:
        """Forgets the run before."""
        raise NotImplementedError

    def question_about(self, folder: RunFolder) -> Callable[[], Frame]:
        """What a thread shall read of this run."""
        raise NotImplementedError

    def show_nothing(self) -> None:
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
