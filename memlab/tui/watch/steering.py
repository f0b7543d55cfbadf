"""Asking a run's worker for something: pause, go on, stop, checkpoint, resume. Keys included.

Requests are files; they are written in a thread, and what came of it is a message.
"""

from __future__ import annotations

from dataclasses import dataclass

from textual import work
from textual.message import Message
from textual.screen import Screen

from memlab.errors import MemlabError
from memlab.runs import lifecycle
from memlab.runs.requests import RequestKind
from memlab.runs.run_folder import RunFolder
from memlab.runs.state import RunState
from memlab.tui.confirm import Confirm
from memlab.tui.shell import selected_folder, standby

STEERING = ("pause", "stop", "checkpoint", "resume")


@dataclass(frozen=True)
class Answer:
    """What was asked, or why it could not be; for as long as the run stays in `state`."""

    note: str = ""
    error: str = ""
    state: str = ""


class SteeringScreen(Screen[None]):
    """A screen that steers the selected run."""

    @dataclass
    class Asked(Message):
        """A request was written, or could not be."""

        note: str
        error: str = ""

    def __init__(self) -> None:
        super().__init__()
        self._answer = Answer()

    @property
    def run_state(self) -> RunState | None:
        """The run's state as far as the screen knows."""
        raise NotImplementedError

    def can_steer(self, action: str) -> bool:
        """Whether an action of `STEERING` makes sense in the present state."""
        state = self.run_state
        if state is None:
            return False
        return state.state in ("failed", "interrupted") if action == "resume" else state.living

    def answer(self, state: str) -> Answer:
        """The latest answer, forgotten once the run is in another state."""
        if self._answer.state != state:
            self._answer = Answer(state=state)
        return self._answer

    def forget_answer(self) -> None:
        """Another run is shown."""
        self._answer = Answer()

    def action_pause(self) -> None:
        """Asks the worker to pause, or to go on."""
        if self.run_state is not None and self.run_state.state == "paused":
            self._ask("resume", "Asked to go on.")
        else:
            self._ask("pause", "Asked to pause; the worker answers at its next step.")

    def action_checkpoint(self) -> None:
        self._ask("checkpoint", "Asked for a checkpoint.")

    def action_stop(self) -> None:
        """Asks the user once, then the worker."""

        def answered(yes: bool | None) -> None:
            if yes:
                self._ask("stop", "Asked to stop; it saves a checkpoint first.")

        detail = "It saves a checkpoint first, and u resumes it later."
        self.app.push_screen(Confirm("Stop this run?", detail, "stop it", "s"), answered)

    def action_resume(self) -> None:
        folder = selected_folder(self)
        if folder is not None:
            self._resume(folder)

    @work(thread=True, group="watch-ask", exit_on_error=False)
    def _resume(self, folder: RunFolder) -> None:
        try:
            lifecycle.resume(folder, standby=standby(self))
            self._tell(folder, "Resumed.")
        except MemlabError as error:
            self._tell(folder, "", str(error))

    def _ask(self, kind: RequestKind, note: str) -> None:
        folder = selected_folder(self)
        if folder is not None:
            self._submit(folder, kind, note)

    @work(thread=True, group="watch-ask", exit_on_error=False)
    def _submit(self, folder: RunFolder, kind: RequestKind, note: str) -> None:
        try:
            lifecycle.request(folder, kind)
            self._tell(folder, note)
        except MemlabError as error:
            self._tell(folder, "", str(error))

    def _tell(self, folder: RunFolder, note: str, error: str = "") -> None:
        self._answer = Answer(note, error, folder.state.state)
        self.post_message(self.Asked(note, error))
