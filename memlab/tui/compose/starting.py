"""Starting runs and saving presets off the event loop; what came of it is a message."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from textual import work
from textual.message import Message
from textual.screen import Screen

from memlab.errors import MemlabError

if TYPE_CHECKING:
    from memlab.tui.app import MemlabApp
    from memlab.tui.compose.model import Evaluation


class StartingScreen(Screen[None]):
    """A screen that starts runs."""

    @dataclass
    class Started(Message):
        """A run was made, or an error says why not."""

        run_id: str
        error: str = ""

    @dataclass
    class Saved(Message):
        """The draft became a preset of that name, or an error says why not."""

        name: str
        error: str = ""

    def __init__(self) -> None:
        super().__init__()
        self._starting = False

    @property
    def shell(self) -> MemlabApp:
        """The app around it."""
        return cast("MemlabApp", self.app)

    def _launch(self, shown: Evaluation) -> None:
        if not self._starting:
            self._starting = True
            self._start(shown)

    @work(thread=True, group="launch", exit_on_error=False)
    def _start(self, shown: Evaluation) -> None:
        from memlab.tui.compose import launching

        app = self.shell
        assert shown.experiment is not None
        try:
            folder = launching.launch(
                shown.experiment,
                shown.draft.name,
                app.runs_folder,
                app.settings.device,
                app.standby,
            )
            self.post_message(self.Started(folder.id))
        except (MemlabError, OSError) as error:
            self.post_message(self.Started("", str(error)))

    @work(thread=True, group="save", exit_on_error=False)
    def _save_as(self, tree: dict[str, Any], name: str) -> None:
        from memlab.tui.compose import launching

        try:
            self.post_message(self.Saved(launching.save_preset(tree, name).stem))
        except (MemlabError, OSError) as error:
            self.post_message(self.Saved("", str(error)))
