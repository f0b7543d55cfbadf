"""The Scoreboard: do the papers' claims hold here? It fills in as runs finish."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events, getters, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.css.query import NoMatches
from textual.message import Message
from textual.widgets import Static

from memlab.claims.claim import SIZES, Size
from memlab.tui.confirm import Confirm
from memlab.tui.live import LiveScreen
from memlab.tui.message import put, say
from memlab.tui.scoreboard import model
from memlab.tui.scoreboard.model import Frame, Price, Standing
from memlab.tui.scoreboard.page import ScoreboardPage
from memlab.tui.shell import HEIGHTS, WIDTHS, reason, shell
from memlab.tui.widgets.key_line import KeyLine
from memlab.tui.widgets.table import LineTable

if TYPE_CHECKING:
    from memlab.tui.scoreboard.reader import ScoreboardReader

IDLE_SECONDS = 2.0
BUDGET_SECONDS = 0.2
ASK_SECONDS = 600.0
PAPER = "paper:"
PAGE = f"{PAPER}lookup"  # the only paper with a page of its own
FIRST = "first page"  # the row over all papers


class ClaimsTable(LineTable):
    """Papers with their claims under them."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "select", "open")]

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Nothing is sorted: claims stay under their paper; most papers have no page."""
        if action == "select":
            key = self.cursor_key or ""
            return not key.startswith(PAPER) or key == PAGE
        return not action.startswith("sort")


class ScoreboardScreen(LiveScreen[Frame]):
    """Papers × claims; runs are started and carried on from here."""

    CSS_PATH = "screen.tcss"
    TITLE = "Scoreboard"
    ABOUT = (
        "Do the papers' claims hold on this machine? S is supported, N not supported, C control "
        "failed, ? open, · not run. Runs are trained by workers that go on without the app."
    )
    UPDATE_SECONDS = 0.25
    RESTS = False  # a batch goes on also while another screen is shown
    HORIZONTAL_BREAKPOINTS = WIDTHS
    VERTICAL_BREAKPOINTS = HEIGHTS
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "run('claim')", "run claim"),
        Binding("p", "run('paper')", "run paper"),
        Binding("a", "run('all')", "run all"),
        Binding("s", "stop", "stop"),
        Binding("z", "size", "size"),
        Binding("y", "copy", "copy command"),
    ]

    table = getters.query_one(ClaimsTable)

    @dataclass
    class Priced(Message):
        """What starting these claims costs is known."""

        claims: frozenset[str]
        ask: bool
        price: Price | None
        error: str = ""

    @dataclass
    class Done(Message):
        """Runs were started or asked to stop, or could not be."""

        words: str = ""
        error: str = ""

    def __init__(self, reader: Callable[[], ScoreboardReader] | None = None) -> None:
        """`reader` makes the reader, in a thread."""
        super().__init__()
        self._make = reader or self._default_reader
        self._reader: ScoreboardReader | None = None
        self._frame: Frame | None = None
        self._chosen: Size = SIZES[0]

    def compose(self) -> ComposeResult:
        yield Static("", id="summary", markup=False)
        yield Static("", id="message", markup=False)
        yield ClaimsTable(model.COLUMNS, id="claims", empty="reads the runs folder")
        yield Static("", id="words", markup=False)
        yield KeyLine()

    def on_mount(self) -> None:
        self.table.focus()

    def on_resize(self, event: events.Resize) -> None:
        if self._frame is not None:
            self._summarize(self._frame, event.size.width)

    def _default_reader(self) -> ScoreboardReader:
        from memlab.tui.scoreboard.reader import ScoreboardReader

        settings = getattr(self.app, "settings", None)
        device = settings.device if settings is not None else "auto"
        return ScoreboardReader(shell(self).runs_folder, device)

    # --- reading

    @property
    def _seen(self) -> bool:
        """Whether this screen, or what lies over it, is what the person sees."""
        return self in self.app.screen_stack

    def tick(self) -> None:
        """Often while anything goes on, seldom while nothing does."""
        busy = self._frame is None or self._frame.busy
        if busy or time.monotonic() - self._asked_at > IDLE_SECONDS:
            super().tick()

    def question(self) -> Callable[[], Frame] | None:
        going = self._frame is not None and self._frame.going
        if not self._seen and not going:
            return None
        size, budget = self._chosen, BUDGET_SECONDS if self._seen else -1.0
        return lambda: self._ready().read(size, budget)

    def _ready(self) -> ScoreboardReader:
        """The reader, made when a thread first needs it: it imports what claims need."""
        if self._reader is None:
            self._reader = self._make()
        return self._reader

    def complain(self, problem: str) -> None:
        say(self, problem, error=True)

    def show(self, frame: Frame) -> None:
        if frame.size == self._chosen:
            with suppress(NoMatches):  # when the app closes, widgets go before their screen does
                self._show(frame)
        if frame.more and self._seen:
            self.look()

    # --- showing

    def _show(self, frame: Frame) -> None:
        from memlab.claims.registry import papers

        known: list[str] | None = getattr(self.app, "launched", None)
        if known is not None:
            known += [run for run in frame.launched if run not in known]
        before, self._frame = self._frame, frame
        dark = self.app.current_theme.dark
        keys, rows = [FIRST], [model.in_short(dark)]
        for paper, title in papers([one.claim for one in frame.standings]).items():
            claims = [one for one in frame.standings if one.claim.paper == paper]
            if claims:
                keys.append(f"{PAPER}{paper}")
                rows.append(model.heading(title, claims, keys[-1] == PAGE, dark))
                keys += [one.claim.id for one in claims]
                rows += [model.cells(one, dark, frame.holm) for one in claims]
        table = self.table
        table.set_rows(keys, rows)
        if before is None and len(keys) > 2:
            table.move_to(keys[2])
        self._summarize(frame, self.size.width)
        self._tell()
        for screen in self.app.screen_stack:
            if isinstance(screen, ScoreboardPage) and screen.is_mounted:
                screen.show(frame)
        if before is None or before.under_way != frame.under_way:
            self.refresh_bindings()

    def _summarize(self, frame: Frame, width: int) -> None:
        text = model.summary(frame, width >= WIDTHS[1][0], self.app.current_theme.dark)
        put(self, "#summary", text)

    def _tell(self) -> None:
        standing = self._standing
        text: Any = "" if standing is None else model.words(standing, self.app.current_theme.dark)
        put(self, "#words", text)

    @property
    def _standing(self) -> Standing | None:
        key = self.table.cursor_key or ""
        return self._frame.find(key) if self._frame is not None else None

    # --- keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if not self.is_mounted or action not in ("run", "stop", "copy"):
            return True
        if self._frame is None:
            return False
        if action == "stop":
            return self._frame.under_way
        if action == "run" and parameters == ("paper",):
            return self.table.cursor_key != FIRST
        return parameters != ("claim",) or self._standing is not None

    def on_line_table_row_highlighted(self) -> None:
        self._tell()
        self.refresh_bindings()

    def on_line_table_row_selected(self, message: LineTable.RowSelected) -> None:
        """Opens the claim, the board's first page or the page of the lookup table."""
        if self._frame is None:
            return
        if message.row_key == FIRST:
            from memlab.tui.scoreboard.first import FirstPage

            self.app.push_screen(FirstPage(self._frame))
        elif message.row_key == PAGE:
            from memlab.tui.scoreboard.lookup import LookupScreen

            self.app.push_screen(LookupScreen(self._frame, self._open, self._run))
        elif self._frame.find(message.row_key) is not None:
            self._open(message.row_key)

    def _open(self, claim_id: str) -> None:
        from memlab.tui.scoreboard.claim import ClaimScreen

        if self._frame is not None:
            self.app.push_screen(ClaimScreen(self._frame, claim_id, self._run))

    def action_size(self) -> None:
        """The next size: laptop, full, paper."""
        self._chosen = SIZES[(SIZES.index(self._chosen) + 1) % len(SIZES)]
        say(self, "")
        self.look()

    def action_copy(self) -> None:
        """Copies the command that repeats the claim, or the paper's."""
        key = self.table.cursor_key or ""
        name = "" if key == FIRST else key.removeprefix(PAPER)
        command = model.command(name, self._chosen)
        self.app.copy_to_clipboard(command)
        say(self, f"Copied: {command}")

    # --- running

    def action_run(self, what: str) -> None:
        """Starts what is missing for the claim, its paper or all."""
        key = self.table.cursor_key or ""
        paper = key.removeprefix(PAPER)
        if self._standing is not None:
            paper = self._standing.claim.paper
        self._run({"claim": key, "paper": paper}.get(what, ""), ask=what == "all")

    def _run(self, name: str, ask: bool = False) -> None:
        """Starts what is missing for a claim or a paper, or for all where the name is empty."""
        if self._frame is None:
            return
        claims = [one.claim for one in self._frame.standings]
        chosen = frozenset(c.id for c in claims if name in ("", c.id, c.paper))
        self._price(chosen, ask, self._chosen)

    @work(thread=True, group="scoreboard-do", exit_on_error=False)
    def _price(self, claims: frozenset[str], ask: bool, size: Size) -> None:
        try:
            self.post_message(self.Priced(claims, ask, self._ready().price(claims, size)))
        except Exception as error:
            self.post_message(self.Priced(claims, ask, None, reason(error)))

    def on_scoreboard_screen_priced(self, message: Priced) -> None:
        """Asks where it is much or where everything is to be run; starts the rest at once."""
        price = message.price
        if price is None:
            say(self, message.error, error=True)
        elif not price.runs:
            say(self, "Nothing is missing: what can be run here is finished or under way.")
        elif message.ask or price.seconds > ASK_SECONDS:
            self._ask(message.claims, price)
        else:
            self._start(message.claims, self._chosen)

    def _ask(self, claims: frozenset[str], price: Price) -> None:
        def answered(yes: bool | None) -> None:
            if yes:
                self._start(claims, self._chosen)

        detail = f"{price.words} What is finished is not run again; the runs go on without the app."
        question = f"Run what is missing, at {self._chosen} size?"
        self.app.push_screen(Confirm(question, detail, "run it", "a"), answered)

    @work(thread=True, group="scoreboard-do", exit_on_error=False)
    def _start(self, claims: frozenset[str], size: Size) -> None:
        try:
            self._ready().start(claims, size)
            self.post_message(self.Done())
        except Exception as error:
            self.post_message(self.Done(error=reason(error)))

    def action_stop(self) -> None:
        """Asks once, then stops what is under way, with checkpoints."""

        def answered(yes: bool | None) -> None:
            if yes:
                self._stop(self._chosen)

        detail = "Each saves a checkpoint. Running the claim again goes on from there."
        self.app.push_screen(Confirm("Stop the scoreboard's runs?", detail, "stop", "s"), answered)

    @work(thread=True, group="scoreboard-do", exit_on_error=False)
    def _stop(self, size: Size) -> None:
        try:
            count = self._ready().stop(size)
            runs = "1 run is" if count == 1 else f"{count} runs are"
            self.post_message(self.Done(f"{runs} asked to stop; nothing more is started."))
        except Exception as error:
            self.post_message(self.Done(error=reason(error)))

    def on_scoreboard_screen_done(self, message: Done) -> None:
        say(self, message.error or message.words, error=bool(message.error))
        self.look()
