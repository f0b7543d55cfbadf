"""The Compose screen: presets, the form, and what the noise does. It composes and wires.

It paints empty first and is filled after; the experiment's declaration and the presets are
imported only then.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Static

from memlab.tui.compose.noise_pane import NoisePane
from memlab.tui.compose.starting import StartingScreen
from memlab.tui.plain_lines import framed

if TYPE_CHECKING:
    from textual.widgets import OptionList

    from memlab.experiment.speeds import Speeds
    from memlab.tui.compose.cost import SpeedsReader
    from memlab.tui.compose.form import Draft
    from memlab.tui.compose.model import DataFacts, Evaluation
    from memlab.tui.compose.panels import PresetList
    from memlab.tui.compose.preset_shelf import Shelf
    from memlab.tui.widgets.fields import FieldList

PAGES = ("#presets-box", "#form-box", "#preview-box")
WIDTHS = [(0, "-narrow"), (110, "-wide"), (150, "-broad")]
HEIGHTS = [(0, "-short"), (34, "-tall")]


class ComposeScreen(StartingScreen):
    """Compose an experiment and start it."""

    CSS_PATH = "screen.tcss"
    TITLE = "Compose"
    ABOUT = (
        "Choose a preset, change what you like, and start it. Several values in a field, such "
        "as 0, 0.2, 0.4 or 0:1:0.2, make an axis: one network for each, times the seeds."
    )
    AUTO_FOCUS = ""
    HORIZONTAL_BREAKPOINTS = WIDTHS
    VERTICAL_BREAKPOINTS = HEIGHTS
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("l", "screen.launch", "launch"),
        Binding("s", "save", "save"),
        Binding("t", "several", "values"),
        Binding("r", "reset_all", "reset", show=False),
        Binding("R", "reset_all", "reset the whole preset", show=False),
        Binding("right_square_bracket", "cell(1)", "noise", key_display="[ ]"),
        Binding("left_square_bracket", "cell(-1)", "previous noise", show=False),
        Binding("tab", "page(1)", "panel"),
        Binding("shift+tab", "page(-1)", "previous panel", show=False),
        Binding("right", "page(1)", "next panel", show=False),
        Binding("left", "page(-1)", "previous panel", show=False),
        Binding("escape", "page(0)", "to the presets", show=False),
    ]

    @dataclass
    class Evaluated(Message):
        """A large draft was read."""

        evaluation: Evaluation

    def __init__(self) -> None:
        super().__init__()
        self._shelf: Shelf | None = None
        self._shown: Evaluation | None = None
        self._launch_next = self._anew = False
        self._page = 0
        self._loading = False
        self._device = "cpu"
        self._speeds: SpeedsReader | None = None
        self._facts: DataFacts | None = None

    @property
    def fields(self) -> FieldList:
        """The form."""
        return cast("FieldList", self.query_one("#fields"))

    @property
    def presets(self) -> PresetList:
        """The list of presets."""
        return cast("PresetList", self.query_one("#presets"))

    @property
    def pane(self) -> NoisePane:
        """Pictures and cost."""
        return self.query_one(NoisePane)

    def compose(self) -> ComposeResult:
        """The frame, painted first; it is filled after."""
        with Horizontal(id="columns"):
            yield Vertical(id="presets-box")
            yield Vertical(id="form-box")
            yield NoisePane(id="preview-box")
        yield Static("", id="problem", markup=False)
        yield Static("", id="question", markup=False)
        yield Static("", id="look-for", markup=False)

    def on_mount(self) -> None:
        """Titles, and the first of the narrow pages."""
        self.query_one("#presets-box").border_title = "presets"
        self.query_one("#form-box").border_title = "experiment"
        self.query_one("#preview-box").border_title = "what the noise does"
        self.add_class("-page-0")

    def on_screen_resume(self) -> None:
        """Fills the screen once."""
        if self._shelf is None:
            self.call_later(self.load)

    def on_resize(self) -> None:
        """Hints differ on narrow screens."""
        self._title_pages()

    # --- filling

    async def load(self) -> None:
        """Imports what the form needs and fills the panels, once the shell is painted."""
        if self._loading or not self.is_current or not self.shell.painted:
            return
        self._loading = True
        from memlab.tui.compose.cost import SpeedsReader, device_kind
        from memlab.tui.compose.panels import fill
        from memlab.tui.compose.preset_shelf import Shelf
        from memlab.tui.compose.preview_client import PreviewClient

        await fill(self, PreviewClient(self.shell.settings.dataset_folders))
        settings = self.shell.settings
        self._device, self._speeds = device_kind(settings.device), SpeedsReader()
        self._shelf = Shelf(self.shell.compose_tree)
        self._list_presets(self._shelf.key_of(settings.preset))
        self._title_pages()
        self.call_after_refresh(self._usable)

    def _usable(self) -> None:
        self.shell.ready()

    def take_over(self) -> None:
        """Shows the experiment that another screen handed to the app."""
        if self._shelf is not None:
            self._shelf = self._shelf.with_given(self.shell.compose_tree)
            self._list_presets(self._shelf.first)

    def _list_presets(self, key: str) -> None:
        assert self._shelf is not None
        self.presets.show_shelf(self._shelf, key)
        self._choose(key)

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        key = event.option.id if event.option_list.id == "presets" else None
        if key and self._shelf is not None and key != self._shelf.current:
            self._choose(key)

    def _choose(self, key: str) -> None:
        assert self._shelf is not None
        self._anew = True
        problem = self._shelf.choose(key)
        self._say(problem)
        if not problem:
            self._evaluate()

    # --- reading a draft

    def _evaluate(self) -> None:
        from memlab.tui.compose import form
        from memlab.tui.compose import model as compose_model

        assert self._shelf is not None
        draft = self._shelf.draft
        self._shown = None
        if form.is_large(draft):
            self.pane.show_cost(("counting the networks",))
            self._evaluate_in_thread(draft)
        else:
            self._show(compose_model.evaluate(draft, self._device, self._measured()))

    @work(thread=True, group="evaluate", exclusive=True, exit_on_error=False)
    def _evaluate_in_thread(self, draft: Draft) -> None:
        from memlab.tui.compose import model as compose_model

        made = compose_model.evaluate(draft, self._device, self._measured())
        self.post_message(self.Evaluated(made))

    def _measured(self) -> Speeds | None:
        return self._speeds.read(self._device) if self._speeds is not None else None

    @on(Evaluated)
    def _evaluated(self, event: Evaluated) -> None:
        if self._shelf is not None and event.evaluation.draft is self._shelf.draft:
            self._show(event.evaluation)

    def _show(self, evaluation: Evaluation) -> None:
        assert self._shelf is not None
        self._shown = evaluation
        self._show_rows(evaluation)
        self.pane.show_cost(evaluation.note.lines)
        tree = evaluation.reading.tree
        question, look_for = str(tree.get("question", "")), str(tree.get("look_for", ""))
        self.query_one("#question", Static).update(f"“{question}”" if question else "")
        self.query_one("#look-for", Static).update(look_for)
        self.query_one("#form-box").border_title = framed(self._shelf.heading)
        self.presets.relabel(self._shelf)
        if evaluation.experiment is not None:
            self._say("")
            self.pane.show_experiment(evaluation.experiment, anew=self._anew)
            self._anew = False
        if self._launch_next:
            self._launch_next = False
            self.action_launch()

    def _show_rows(self, evaluation: Evaluation) -> None:
        self.fields.set_fields(
            self._facts.told(evaluation.rows) if self._facts else evaluation.rows
        )

    @on(NoisePane.Listed)
    def _listed(self, event: NoisePane.Listed) -> None:
        self._know(downloads=event.downloads)

    @on(NoisePane.Unread)
    def _unread(self, event: NoisePane.Unread) -> None:
        self._know(unread={event.name: event.error} if event.error else {})

    def _know(self, **facts: Mapping[str, Any]) -> None:
        """Takes what the pictures' process has found out about the data to their row."""
        from memlab.tui.compose.model import DataFacts

        known = replace(self._facts or DataFacts(), **facts)
        if known != self._facts:
            self._facts = known
            if self._shown is not None:
                self._show_rows(self._shown)

    def _say(self, problem: str) -> None:
        self.query_one("#problem", Static).update(problem)
        self.set_class(bool(problem), "-problem")

    # --- the form

    def on_field_list_changed(self, event: FieldList.Changed) -> None:
        self._type(event.key, event.text)

    def on_field_list_reset(self, event: FieldList.Reset) -> None:
        if self._shelf is not None:
            self._shelf.draft = self._shelf.draft.without(event.key)
            self._evaluate()

    def _type(self, key: str, text: str) -> None:
        if self._shelf is not None:
            self._shelf.draft = self._shelf.draft.with_text(key, text)
            self._evaluate()

    def action_reset_all(self) -> None:
        """Drops what was typed over the preset."""
        if self._shelf is not None:
            self._shelf.forget()
            self._evaluate()

    def action_several(self) -> None:
        """Asks for the values of the field under the cursor as text, choices included."""
        from memlab.tui.compose.questions import ask_values

        rows = self._shown.rows if self._shown is not None else ()
        row = next((row for row in rows if row.key == self.fields.cursor_key), None)
        if row is not None:
            ask_values(self, row, partial(self._type, row.key))

    # --- launching

    def action_launch(self) -> None:
        """Starts the experiment, or goes to the row that stands in the way."""
        shown = self._shown
        if shown is None:
            self._launch_next = self._shelf is not None and self._shelf.valid
            return
        if shown.experiment is None:
            self._open(1)
            self.fields.move_to(shown.first_error)
            return
        if shown.note.question and self.shell.settings.confirm:
            from memlab.tui.compose.questions import ask_launch

            ask_launch(self, shown.note.question, partial(self._launch, shown))
        else:
            self._launch(shown)

    @on(StartingScreen.Started)
    def _started(self, event: StartingScreen.Started) -> None:
        self._starting = False
        self._say(event.error)
        if event.run_id:
            self.shell.launched.append(event.run_id)
            if self._shelf is not None and self._shelf.draft.name != self.shell.settings.preset:
                self.shell.remember(preset=self._shelf.draft.name)
            self.shell.show_watch(event.run_id)

    # --- saving

    def action_save(self) -> None:
        """Asks for a name and saves the draft under it."""
        if self._shown is None or self._shown.experiment is None:
            self.action_launch()
            return
        from memlab.tui.compose.questions import ask_name

        tree = self._shown.reading.tree

        def save(name: str) -> None:
            self._save_as(tree, name)

        ask_name(self, save)

    @on(StartingScreen.Saved)
    def _saved(self, event: StartingScreen.Saved) -> None:
        self._say(event.error)
        if event.name and self._shelf is not None:
            from memlab.tui.compose.preset_shelf import Shelf

            self._shelf.forget()
            self._shelf = Shelf(self.shell.compose_tree)
            self._list_presets(self._shelf.key_of(event.name))
            self.notify(f"Saved as {event.name}.")

    # --- panels

    def action_cell(self, step: int) -> None:
        """Draws the next or previous combination of axis values."""
        self.pane.step(step)

    @property
    def _narrow(self) -> bool:
        return self.has_class("-narrow")

    def action_page(self, step: int) -> None:
        """Goes to another panel; 0 to the presets. On a wide screen the pictures are passed by."""
        count = len(PAGES) if self._narrow else len(PAGES) - 1
        self._open((self._page + step) % count if step else 0)

    def _open(self, page: int) -> None:
        if self._shelf is None:
            return
        self._page = page
        for index in range(len(PAGES)):
            self.set_class(index == page, f"-page-{index}")
        if page == 1:
            self.fields.focus_lines()
        else:
            self.query_one("#preview-box" if page else "#presets").focus()
        self._title_pages()

    def on_descendant_focus(self) -> None:
        """The panel with the keys is the one to page from, however it got them."""
        for index, name in enumerate(PAGES):
            if self.query_one(name).has_focus_within:
                self._page = index
        self.refresh_bindings()

    def _title_pages(self) -> None:
        hints = (
            ("⏎ launch", "⏎ edit · r reset", "")
            if not self._narrow
            else tuple(
                f"{index} of 3 · tab {name}"
                for index, name in enumerate(("experiment", "noise and cost", "presets"), start=1)
            )
        )
        for name, hint in zip(PAGES, hints, strict=True):
            self.query_one(name).border_subtitle = hint

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "several":
            return self._page == 1
        if action == "cell":
            made = self._shown.experiment if self._shown is not None else None
            return made is not None and bool(made.axes)
        return True
