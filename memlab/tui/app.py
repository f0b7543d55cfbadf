"""The app: its modes, keys and themes. What happens on a screen is that screen's.

Little is imported here, so that the shell paints before pydantic, numpy and the run folder's
readers are loaded; torch never is.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual import work
from textual.binding import Binding, BindingType
from textual.command import Provider
from textual.events import Resize
from textual.geometry import Size
from textual.reactive import reactive
from textual.screen import Screen

from memlab import settings
from memlab.tui.compose.screen import ComposeScreen
from memlab.tui.header import NAMES, ShellHeader
from memlab.tui.modes import MODES
from memlab.tui.plain_lines import PlainApp
from memlab.tui.remembered import recall, remember
from memlab.tui.themes import DARK_THEME, THEMES, other
from memlab.tui.too_small import TooSmall, too_small

if TYPE_CHECKING:
    from memlab.runs.launch import Standby
    from memlab.tui.shell import Suggestion


PREWARM_SECONDS = 0.5
#: Modes in which runs are started or resumed.
STARTS = ("compose", "library", "scoreboard")


def _commands() -> type[Provider]:
    from memlab.tui.commands import MemlabCommands

    return MemlabCommands


class MemlabApp(PlainApp):
    """Compose, Watch, Report, Library and Scoreboard, one mode each."""

    TITLE = "memlab"
    CSS = """
    ToastRack { margin-bottom: 1; }
    """
    MODES: ClassVar[dict[str, str | Callable[[], Screen[Any]]]] = MODES
    DEFAULT_MODE = "compose"
    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {_commands}
    COMMAND_PALETTE_BINDING = "ctrl+p"
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(f"{index},f{index + 1}", f"app.mode({name!r})", name.title(), show=False)
            for index, name in enumerate(NAMES, start=1)
        ),
        Binding("question_mark,f1", "help", "help", key_display="?"),
        Binding("ctrl+t", "theme", "light or dark", show=False),
        Binding("q,ctrl+q", "quit", "quit", key_display="q", show=False),
    ]
    selected_run: reactive[str | None] = reactive(None, init=False)
    prewarm: ClassVar[bool] = True

    def __init__(
        self, open_run: str | None = None, screen: str = "compose", review: bool = False
    ) -> None:
        """Opens on a run and a screen; `review` opens the review of the run's suspects over it."""
        super().__init__()
        for theme in THEMES.values():
            self.register_theme(theme)
        self.settings, self._complaint = recall()
        self.runs_folder: Path = settings.runs_folder()
        self.standby: Standby | None = None
        self.suggestion: Suggestion | None = None
        self.compose_tree: dict[str, Any] | None = None
        self.launched: list[str] = []
        self.painted = self._usable = False
        self.theme = self.settings.theme if self.settings.theme in THEMES else DARK_THEME.name
        self._first = screen if screen in NAMES else "compose"
        self._reviews = review and open_run is not None
        self.set_reactive(MemlabApp.selected_run, open_run)

    # --- the interface that screens rely on

    def show_compose(self, preset_tree: dict[str, Any] | None = None) -> None:
        """Opens Compose, on an experiment of some other screen if there is one."""
        self.compose_tree = preset_tree
        self.action_mode("compose")
        base = self.screen_stack[0]
        if preset_tree is not None and isinstance(base, ComposeScreen):
            base.take_over()

    def show_watch(self, run_id: str) -> None:
        """Opens Watch on a run."""
        self.selected_run, self.suggestion = run_id, None
        self.action_mode("watch")

    def show_report(self, run_id: str) -> None:
        """Opens Report on a run."""
        self.selected_run, self.suggestion = run_id, None
        self.action_mode("report")

    def show_library(self) -> None:
        """Opens the library."""
        self.action_mode("library")

    def show_review(self, run_id: str) -> None:
        """Opens the review of a run's suspects over the screen that is shown."""
        from memlab.runs.run_folder import RunFolder
        from memlab.tui.review.screen import ReviewScreen

        self.push_screen(ReviewScreen(RunFolder(self.runs_folder / run_id)))

    def remember(self, **changes: str) -> None:
        """Changes settings at once, and saves them off the event loop."""
        self.settings = replace(self.settings, **changes)  # type: ignore[arg-type] # all texts
        self._save(changes)

    @work(thread=True, group="settings", exit_on_error=False)
    def _save(self, changes: dict[str, str]) -> None:
        problem = remember(**changes)
        if problem:
            self.call_from_thread(self.notify, problem, severity="warning")

    # --- from the first paint on

    def on_ready(self) -> None:
        """The first layout is there and updates are no longer held back: paint it."""
        self.screen.refresh()
        self.screen.call_after_refresh(self._first_paint)

    async def _first_paint(self) -> None:
        self.painted = True
        base = self.screen_stack[0]
        if self._first == "compose" and isinstance(base, ComposeScreen):
            self._arrived()
            await base.load()
        else:
            self.action_mode(self._first)
            if self._reviews and self.selected_run is not None:
                self.call_after_refresh(self.show_review, self.selected_run)
            self.ready()
        if self._complaint:
            self.notify(self._complaint, severity="warning", timeout=20)

    def ready(self) -> None:
        """The first screen is usable: start-up's garbage stays where it is, later's is swept."""
        gc.freeze()
        gc.enable()
        self._usable = True
        self.set_timer(PREWARM_SECONDS, self.keep_worker)

    @work(thread=True, group="standby", exclusive=True, exit_on_error=False)
    def keep_worker(self) -> None:
        """Keeps a worker ready, its imports behind it, so that a started run moves at once."""
        if not self.prewarm or (self.standby is not None and self.standby.ready):
            return
        from memlab.runs.launch import Standby

        if self.is_running:
            self.standby = Standby.start()
            if not self.is_running:
                self.standby.close()

    def on_resize(self, event: Resize) -> None:
        """Covers a screen that has no room; `self.size` is still the one before."""
        self._fit(event.size)

    def _fit(self, size: Size) -> None:
        """A screen that has no room is covered until it has."""
        if not self.screen_stack:
            return
        small, covered = too_small(*size), isinstance(self.screen, TooSmall)
        if small and not covered:
            self.push_screen(TooSmall())
        elif covered and not small:
            self.pop_screen()

    def watch_selected_run(self) -> None:
        for header in self.screen.query(ShellHeader):
            header.context = self.selected_run or ""

    # --- keys

    def action_mode(self, name: str) -> None:
        """Switches to a screen, and back from what lies over it."""
        if not self.is_running:  # a key that was pressed before the one that quits
            return
        if self.current_mode != name:
            self.switch_mode(name)
        while len(self.screen_stack) > 1:
            self.pop_screen()
        self.call_after_refresh(self._arrived)
        if name in STARTS and self._usable:
            self.keep_worker()

    def _arrived(self) -> None:
        self._fit(self.size)
        for header in self.screen_stack[0].query(ShellHeader):
            header.context = self.selected_run or ""

    def action_help(self) -> None:
        from memlab.tui.help import help_on

        self.push_screen(help_on(self.screen))

    def action_theme(self) -> None:
        """Changes between light and dark, and remembers it."""
        self.theme = other(self.theme)
        self.remember(theme=self.theme)

    async def action_quit(self) -> None:
        """Ends the app and says which runs go on."""
        from memlab.tui.farewell import said_in_time

        self.exit(message=await said_in_time(self.runs_folder, self.selected_run, self.launched))

    def leave(self) -> None:
        """Ends the app from a signal handler, at any moment of its life.

        Raises:
            SystemExit: if it does not run yet, or no more; the terminal is as it was found.
        """
        if self._loop is None:
            raise SystemExit(0)
        with suppress(RuntimeError):  # the loop is closing already
            self._loop.call_soon_threadsafe(self.exit)

    def _handle_exception(self, error: Exception) -> None:
        """Textual's; what fails in a screen while it is taken down with the app is not shown."""
        if not self._exit:
            super()._handle_exception(error)

    def on_unmount(self) -> None:
        """A worker that waits for a run is not needed any more."""
        if self.standby is not None:
            self.standby.close()
