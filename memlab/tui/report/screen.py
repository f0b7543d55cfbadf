"""The Report screen: the sentence first, then the ladder, the table, and how to repeat it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import getters, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.message import Message
from textual.widgets import Static

from memlab.errors import FileIsThere
from memlab.experiment.recorded import axis_of
from memlab.experiment.spec import Experiment
from memlab.runs.run_folder import RunFolder
from memlab.text import plain
from memlab.tui.axis_values import axis_title, axis_values
from memlab.tui.confirm import Confirm
from memlab.tui.message import put, say
from memlab.tui.report import model
from memlab.tui.report.files import Loaded, export, load
from memlab.tui.report.model import verdicts
from memlab.tui.report.sections_pane import SectionsPane
from memlab.tui.shell import HEIGHTS, reason, shell
from memlab.tui.suggesting import SuggestingScreen
from memlab.tui.watch import model as watch_model
from memlab.tui.watch.instruments import InstrumentsScreen
from memlab.tui.widgets.chart import BrailleChart
from memlab.tui.widgets.key_line import KeyLine
from memlab.tui.widgets.table import LineTable

if TYPE_CHECKING:
    from memlab.reports.findings import Findings

UNSAFE_NAME = "Not copied: the run's folder has a name that is not safe to paste; rename it."
NO_RUN = "No runs yet, so there is no report.  1  composes the first one, and ⏎ there starts it."


class ReportScreen(SuggestingScreen[Loaded]):
    """The findings of the selected run, also of one that still goes on."""

    CSS_PATH = "screen.tcss"
    TITLE = "Report"
    ABOUT = "What was memorized, what it cost, and how sure that is."
    UPDATE_SECONDS = 1.0
    VERTICAL_BREAKPOINTS = HEIGHTS
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "next(1)", "instrument"),
        Binding("shift+tab", "next(-1)", "previous instrument", show=False),
        Binding("f", "fold", "unfold"),
        Binding("i", "instruments", "curves"),
        Binding("v", "examples", "examples"),
        Binding("w", "curves", "watch"),
        Binding("y", "copy", "copy"),
        Binding("e", "export", "export"),
        Binding("r", "review", "review labels"),
    ]

    scroll = getters.query_one("#scroll", VerticalScroll)
    ladder = getters.query_one("#ladder", BrailleChart)
    claims = getters.query_one("#claims", Static)
    rows = getters.query_one("#rows", LineTable)
    sections = getters.query_one(SectionsPane)

    @dataclass
    class Exported(Message):
        """Files were written, or could not be."""

        paths: list[Path]
        error: str = ""
        there: bool = False

    def __init__(self) -> None:
        super().__init__()
        self._loaded: Loaded | None = None

    def compose(self) -> ComposeResult:
        yield Static("", id="message", markup=False)
        with VerticalScroll(id="scroll"):
            yield Static("", id="standing", markup=False)
            yield Static("", id="verdict", markup=False)
            yield Static("", id="words", markup=False)
            yield BrailleChart("what memorizing cost", legend=True, pointed=True, id="ladder")
            yield Static("", id="marks", markup=False)
            table = LineTable(model.columns(""), id="rows", empty="no figures yet")
            table.can_focus = False
            yield table
            yield Static("", id="claims", markup=False)
            yield SectionsPane(id="sections")
            yield Static("", id="experiment", markup=False)
            yield Static("", id="reproduce", markup=False)
        yield KeyLine()

    def on_mount(self) -> None:
        self.ladder.empty = "no figures yet"
        self.scroll.focus()

    # --- reading

    def follow(self, folder: RunFolder) -> None:
        self._loaded = None
        say(self, "")
        self.refresh_bindings()

    def question_about(self, folder: RunFolder) -> Callable[[], Loaded]:
        before = self._loaded
        return lambda: load(folder, before)

    def complain(self, problem: str) -> None:
        say(self, problem, error=True)

    def show_nothing(self) -> None:
        say(self, NO_RUN)

    def show(self, frame: Loaded) -> None:
        if frame is not self._loaded:
            self._loaded = frame
            self.refresh_bindings()
            self._show(frame)

    # --- showing

    def _show(self, loaded: Loaded) -> None:
        findings, made, state = loaded.findings, loaded.experiment, loaded.state
        said = findings.sentences
        against = axis_of(findings.experiment)
        standing = model.standing(state.state, loaded.epoch, state.message, against)
        put(self, "#standing", standing)
        self.query_one("#standing").set_class(bool(standing), "-shown")
        put(self, "#verdict", said[0] if said else made.question)
        put(self, "#words", "\n".join(said[1:]))
        self.query_one("#words").display = len(said) > 1
        chart = self.ladder
        chart.axis = model.axis_name(made)
        chart.display = made.recorded is None  # one network, and nothing to compare it with
        dark = self.app.current_theme.dark
        marks = model.beside(findings, made, dark)
        chart.show([*model.ladder(findings, made, dark), *marks])
        put(self, "#marks", model.marks_line(marks))
        self.query_one("#marks").display = bool(marks)
        self._show_rows(findings, made)
        claims = verdicts(findings, dark)
        self.claims.update(claims)
        self.claims.display = bool(claims)
        values = axis_values(made, dark)[: len(findings.rows)]
        self.sections.show(loaded.sections, axis_title(made), values, self.app.no_color)
        name = made.title or loaded.folder.id
        source = f"\nAfter {made.source}." if made.source else ""
        put(self, "#experiment", watch_model.facts(made, name) + source)
        again = (("run it again:  ", "dim"), (findings.reproduce, "bold"), ("   y copies", "dim"))
        self.query_one("#reproduce", Static).update(Text.assemble(*again))
        self.query_one("#reproduce").display = bool(findings.reproduce)

    def _show_rows(self, findings: Findings, made: Experiment) -> None:
        table = self.rows
        values = axis_values(made, self.app.current_theme.dark)
        shown = model.shown(findings)
        rows = [
            model.cells(row, value, self.app.no_color, *shown)
            for row, value in zip(findings.rows, values, strict=False)
        ]
        table.set_columns(model.columns(axis_title(made), *shown))
        table.set_rows([value.key for value in values[: len(rows)]], rows)
        table.styles.height = 1 + max(1, len(rows))

    # --- keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("next", "fold", "instruments"):
            return self._loaded is not None and bool(self._loaded.sections.folds)
        if action == "review":
            return self._loaded is not None and self._loaded.judges_labels
        if action == "examples":
            return self._loaded is not None and watch_model.looks_at(self._loaded.experiment)
        if action == "copy":
            return self._loaded is not None and bool(self._loaded.findings.reproduce)
        return self._loaded is not None if action in ("export", "curves") else True

    def action_next(self, step: int) -> None:
        """The cursor goes to the next instrument, and after the last back to the whole page."""
        stops = [self.scroll, *self.sections.folds]
        at = stops.index(self.focused) if self.focused in stops else 0
        stops[(at + step) % len(stops)].focus()

    def action_fold(self) -> None:
        """Unfolds all instruments, or folds all where all are unfolded."""
        folds = self.sections.folds
        opened = not all(fold.opened for fold in folds)
        for fold in folds:
            fold.opened = opened
        if opened and self.focused not in folds and folds:
            folds[0].focus()

    def action_instruments(self) -> None:
        """Opens what the instruments measured, as curves and maps."""
        self.app.push_screen(InstrumentsScreen(header="report"))

    def action_examples(self) -> None:
        """Opens the most memorized examples, or the most suspect, under the microscope."""
        from memlab.tui.microscope.screen import open_microscope

        open_microscope(self.app, "report")

    def action_curves(self) -> None:
        if self._loaded is not None:
            shell(self).show_watch(self._loaded.folder.id)

    def action_review(self) -> None:
        """Goes through the labels that are held for wrong, one at a time."""
        if self._loaded is not None:
            shell(self).show_review(self._loaded.folder.id)

    def action_copy(self) -> None:
        """Copies the command that repeats the run."""
        if self._loaded is not None:
            command = self._loaded.findings.reproduce
            if plain(command, len(command)) != command:  # pasting it could run something else
                say(self, UNSAFE_NAME, error=True)
                return
            self.app.copy_to_clipboard(command)
            say(self, f"Copied: {command}")

    def action_export(self) -> None:
        if self._loaded is not None:
            self._write(self._loaded)

    def _ask_to_replace(self, loaded: Loaded, detail: str) -> None:
        def answered(yes: bool | None) -> None:
            if yes:
                self._write(loaded, replace=True)

        question = "Replace the report that was exported before?"
        self.app.push_screen(Confirm(question, detail, "replace it", "e"), answered)

    @work(thread=True, group="report-export", exit_on_error=False)
    def _write(self, loaded: Loaded, replace: bool = False) -> None:
        try:
            self.post_message(self.Exported(export(loaded, Path.cwd(), replace=replace)))
        except FileIsThere as error:
            self.post_message(self.Exported([], reason(error), there=True))
        except Exception as error:
            self.post_message(self.Exported([], reason(error)))

    def on_report_screen_exported(self, message: Exported) -> None:
        """Says where the files are, or asks whether they may be replaced."""
        if message.there and self._loaded is not None:
            self._ask_to_replace(self._loaded, message.error)
            return
        if message.error:
            say(self, message.error, error=True)
            return
        names = ", ".join(path.name for path in message.paths)
        say(self, f"Wrote {names} into {message.paths[0].parent}")
