"""The Library: all runs, live. Open, compare, resume, delete."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from textual import getters, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Input, Static

from memlab.errors import MemlabError
from memlab.runs import lifecycle
from memlab.runs.origin import Registry
from memlab.runs.run_folder import RunFolder
from memlab.tui.confirm import Confirm
from memlab.tui.library import model
from memlab.tui.library.model import Entry
from memlab.tui.library.reader import LibraryReader
from memlab.tui.live import LiveScreen
from memlab.tui.message import say
from memlab.tui.shell import shell, standby
from memlab.tui.widgets.key_line import KeyLine
from memlab.tui.widgets.table import LineTable

SHOW_SECONDS = 20.0  # after which "3 min ago" is said anew
EMPTY = "No runs yet.  1  composes the first one, and ⏎ there starts it."
NO_MATCH = "No run matches the filter.  esc  shows all."

# A reader, what it read, whether there is more, and how many runs are older than the registry.
Answer = tuple[LibraryReader, list[Entry], bool, int]


class RunsTable(LineTable):
    """The list of runs."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select", "open"),
        Binding("o", "sort_next", "sort by", show=False),
        Binding("O", "sort_reverse", "reverse", show=False),
    ]


class LibraryScreen(LiveScreen[Answer]):
    """Runs newest first; the cursor stays on its run."""

    CSS_PATH = "screen.tcss"
    TITLE = "Library"
    ABOUT = "All runs, newest first. Mark two or more to compare them."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("w", "watch", "watch"),
        Binding("slash", "filter", "filter", key_display="/"),
        Binding("space", "mark", "mark"),
        Binding("v", "compare", "compare"),
        Binding("u", "resume", "resume"),
        Binding("r", "review", "review labels", show=False),
        Binding("A", "adopt", "adopt"),
        Binding("x,delete", "delete", "delete", key_display="x"),
        Binding("escape", "clear", "show all, unmark", show=False),
    ]

    heading = getters.query_one("#heading", Static)
    filter = getters.query_one("#filter", Input)
    table = getters.query_one(RunsTable)

    @dataclass
    class Done(Message):
        """Something was done to a run, or could not be."""

        run_id: str
        error: str = ""
        open_watch: bool = False

    def __init__(self) -> None:
        super().__init__()
        self._entries: dict[str, Entry] = {}
        self._marked: set[str] = set()
        self._reader: LibraryReader | None = None
        self._loaded = False
        self._read_last: list[Entry] | None = None
        self._shown_at = 0.0

    def compose(self) -> ComposeResult:
        yield Static("", id="heading", markup=False)
        yield Static("", id="message", markup=False)
        yield Input(placeholder="words in title, data, state or id", id="filter", compact=True)
        yield RunsTable(model.COLUMNS, id="runs", empty="reads the runs folder")
        yield KeyLine()

    def on_mount(self) -> None:
        self.table.focus()

    # --- reading

    def question(self) -> Callable[[], Answer]:
        reader, runs_folder = self._reader, shell(self).runs_folder

        def read() -> Answer:
            older = 0 if reader else lifecycle.unsettled(runs_folder)
            known = reader or LibraryReader(runs_folder)
            return known, *known.read(), older

        return read

    def complain(self, problem: str) -> None:
        say(self, problem)

    def show(self, frame: Answer) -> None:
        self._reader, entries, more, older = frame
        before = self._current
        if older:
            self._ask_about(older)
        if more:
            self.look()
        if not self._is_new(entries):
            return
        self.calm = not any(entry.living for entry in entries)
        self._entries = {entry.id: entry for entry in entries}
        self._marked &= self._entries.keys()
        self._loaded = True
        self._show()
        after = self._current
        if (before and before.state.state) != (after and after.state.state):
            self.refresh_bindings()

    def _ask_about(self, older: int) -> None:
        """The one question about runs from before there was a registry."""

        def answered(yes: bool | None) -> None:
            self._settle(bool(yes))

        question = f"Are the {older} runs here yours?"
        detail = (
            "They are from before memlab noted who made a run. Yours can be resumed, forked and "
            "reused; the others can be looked at, and A adopts one later."
        )
        self.app.push_screen(Confirm(question, detail, "all are mine", "y"), answered)

    @work(thread=True, group="library-do", exit_on_error=False)
    def _settle(self, mine: bool) -> None:
        runs = shell(self).runs_folder
        refused: list[str] = []
        try:
            if mine:
                refused = lifecycle.adopt_all(runs, older_only=True)[1]
            else:
                Registry.of(runs).settle()
        except MemlabError as error:
            refused = [str(error)]
        for run_id in [folder.name for folder in runs.iterdir()] if mine else []:
            self._look_again(run_id)
        self.post_message(self.Done("", "; ".join(refused)))

    def _look_again(self, run_id: str) -> None:
        if self._reader is not None:
            self._reader.look_again(run_id)

    def _is_new(self, entries: list[Entry]) -> bool:
        """Whether there is anything to show that is not there yet; minutes pass, too."""
        now = time.monotonic()
        if entries == self._read_last and now - self._shown_at < SHOW_SECONDS:
            return False
        self._read_last, self._shown_at = entries, now
        return True

    # --- showing

    def _show(self) -> None:
        words = self.filter.value
        shown = [entry for entry in self._entries.values() if model.matches(entry, words)]
        dark, now = self.app.current_theme.dark, time.time()
        table = self.table
        table.empty = NO_MATCH if self._entries else EMPTY if self._loaded else table.empty
        table.set_rows(
            [entry.id for entry in shown],
            [model.cells(entry, entry.id in self._marked, dark, now) for entry in shown],
        )
        text = model.heading(list(self._entries.values()), len(shown), len(self._marked))
        heading = self.heading
        if heading.content != text:
            heading.update(text if self._entries else "")
            if not shown:
                table.refresh()

    @property
    def _current(self) -> Entry | None:
        return self._entries.get(self.table.cursor_key or "")

    def on_line_table_row_highlighted(self) -> None:
        """What was said belonged to another run."""
        say(self, "")
        self.refresh_bindings()

    # --- keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        entry = self._current if self.is_mounted else None
        if action in ("watch", "mark", "delete"):
            return entry is not None
        if action == "review":
            return entry is not None and not entry.problem
        if action == "resume":
            dead = entry is not None and entry.state.state in ("interrupted", "failed")
            return dead and entry is not None and not (entry.guest or entry.recorded)
        if action == "adopt":
            return entry is not None and entry.guest and not entry.problem
        if action == "compare":
            return len(self._marked) > 1
        return True

    def on_line_table_row_selected(self, message: LineTable.RowSelected) -> None:
        """Watches a living run, reports any other."""
        entry = self._entries.get(message.row_key)
        if entry is None:
            return
        if entry.problem:
            say(self, entry.problem)
        elif entry.state.final:
            shell(self).show_report(entry.id)
        else:
            shell(self).show_watch(entry.id)

    def action_watch(self) -> None:
        if self._current is not None:
            shell(self).show_watch(self._current.id)

    def action_review(self) -> None:
        """Goes through the labels of the run that are held for wrong, one at a time."""
        if self._current is not None:
            shell(self).show_review(self._current.id)

    def action_filter(self) -> None:
        line = self.filter
        line.add_class("-shown")
        line.focus()

    def on_input_changed(self) -> None:
        """Narrows the list while typing."""
        self._show()

    def on_input_submitted(self) -> None:
        """Back to the list, narrowed."""
        self.table.focus()

    def action_clear(self) -> None:
        """Back to all, alike."""
        line = self.filter
        line.value = ""
        line.remove_class("-shown")
        if not self.table.has_focus:
            self.table.focus()
        else:
            self._marked.clear()
        say(self, "")
        self._show()
        self.refresh_bindings()

    def action_mark(self) -> None:
        """Marks a run for comparison, or not."""
        entry = self._current
        if entry is not None:
            self._marked ^= {entry.id}
            self._show()
            self.refresh_bindings()

    def action_compare(self) -> None:
        from memlab.tui.library.compare import CompareScreen

        chosen = [entry.id for entry in self._entries.values() if entry.id in self._marked]
        self.app.push_screen(CompareScreen(chosen))

    def action_resume(self) -> None:
        if self._current is not None:
            self._resume(RunFolder(shell(self).runs_folder / self._current.id))

    @work(thread=True, group="library-do", exit_on_error=False)
    def _resume(self, folder: RunFolder) -> None:
        try:
            lifecycle.resume(folder, standby=standby(self))
            self.post_message(self.Done(folder.id, open_watch=True))
        except MemlabError as error:
            self.post_message(self.Done(folder.id, str(error)))

    def action_adopt(self) -> None:
        """Asks once, then makes a run from elsewhere one of the user's own."""
        entry = self._current
        if entry is None:
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self._adopt(RunFolder(shell(self).runs_folder / entry.id))

        question = "Adopt this run?"
        self.app.push_screen(Confirm(question, model.adopting(entry), "adopt it", "A"), answered)

    @work(thread=True, group="library-do", exit_on_error=False)
    def _adopt(self, folder: RunFolder) -> None:
        try:
            lifecycle.adopt(folder, shell(self).runs_folder)
            self.post_message(self.Done(folder.id))
        except MemlabError as error:
            self.post_message(self.Done(folder.id, str(error)))

    def action_delete(self) -> None:
        """Asks once, then deletes; a living run is refused."""
        entry = self._current
        if entry is None:
            return
        if entry.living:
            say(self, f"{entry.id} is {entry.state.state}; stop it before deleting it.")
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self._delete(RunFolder(shell(self).runs_folder / entry.id))

        question = "Delete this run?"
        self.app.push_screen(Confirm(question, model.losing(entry), "delete it", "x"), answered)

    @work(thread=True, group="library-do", exit_on_error=False)
    def _delete(self, folder: RunFolder) -> None:
        try:
            lifecycle.delete(folder)
            self.post_message(self.Done(folder.id))
        except MemlabError as error:
            self.post_message(self.Done(folder.id, str(error)))

    def on_library_screen_done(self, message: Done) -> None:
        say(self, message.error)
        self._look_again(message.run_id)
        if message.open_watch:
            shell(self).show_watch(message.run_id)
        self.look()
