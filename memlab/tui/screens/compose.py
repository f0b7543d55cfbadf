"""The Compose screen: presets, the form, and what the noise does. It composes and wires.

It paints empty first and is filled after; the experiment's declaration and the presets are
imported only then.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.message import Message
from textual.screen import Screen
from textual.timer import Timer
from textual.widgets import Footer, OptionList, Static
from textual.widgets.option_list import Option

from memlab.errors import MemlabError
from memlab.tui.widgets.fields import FieldList
from memlab.tui.widgets.picture import PictureStrip

if TYPE_CHECKING:
    from memlab.tui.app import MemlabApp
    from memlab.tui.compose_model import Cell, Evaluation
    from memlab.tui.form import Draft
    from memlab.tui.preview_client import Preview, PreviewClient
    from memlab.tui.preset_shelf import Shelf

PAGES = ("#presets-box", "#form-box", "#preview-box")
STRIPS = 3
EXAMPLES = 24
DEBOUNCE_SECONDS = 0.12
PREWARM_SECONDS = 0.5
WAITING = "the pictures are being drawn"


class PresetList(OptionList):
    """The presets; Enter starts the one under the cursor."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "screen.launch", "launch")]


class PreviewPane(VerticalScroll):
    """The right panel; scrolls where it has no room."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "screen.page(-1)", "previous page", show=False),
        Binding("right", "screen.page(1)", "next page", show=False),
    ]


class ComposeScreen(Screen[None]):
    """Compose an experiment and start it."""

    CSS_PATH = "compose.tcss"
    TITLE = "Compose"
    AUTO_FOCUS = "PresetList"
    HORIZONTAL_BREAKPOINTS: ClassVar[list[tuple[int, str]] | None] = [
        (0, "-narrow"),
        (110, "-wide"),
        (150, "-broad"),
    ]
    VERTICAL_BREAKPOINTS: ClassVar[list[tuple[int, str]] | None] = [(0, "-short"), (34, "-tall")]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("l", "launch", "launch"),
        Binding("s", "save", "save as preset"),
        Binding("t", "several", "type values"),
        Binding("r", "reset_all", "reset", show=False),
        Binding("R", "reset_all", "reset the whole preset", show=False),
        Binding("right_square_bracket", "cell(1)", "next noise", key_display="[ ]"),
        Binding("left_square_bracket", "cell(-1)", "previous noise", show=False),
        Binding("tab", "page(1)", "next panel"),
        Binding("shift+tab", "page(-1)", "previous panel", show=False),
        Binding("right", "page(1)", "next panel", show=False),
        Binding("left", "page(-1)", "previous panel", show=False),
        Binding("escape", "page(0)", "to the presets", show=False),
    ]

    @dataclass
    class Evaluated(Message):
        """A large draft was read."""

        evaluation: Evaluation

    @dataclass
    class Previewed(Message):
        """Pictures came, of the cell that was asked for."""

        cell: Cell
        preview: Preview

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
        self._shelf: Shelf | None = None
        self._shown: Evaluation | None = None
        self._client: PreviewClient | None = None
        self._asking: Timer | None = None
        self._drawing = self._again = self._starting = self._launch_next = False
        self._cell: int | None = None
        self._preview: Preview | None = None
        self._page = 0
        self._device = "cpu"

    @property
    def shell(self) -> MemlabApp:
        """The app around it."""
        return cast("MemlabApp", self.app)

    @property
    def fields(self) -> FieldList:
        """The form."""
        return self.query_one(FieldList)

    def compose(self) -> ComposeResult:
        with Horizontal(id="columns"):
            with Vertical(id="presets-box"):
                yield PresetList(id="presets", compact=True)
            with Vertical(id="form-box"):
                yield FieldList()
            with PreviewPane(id="preview-box"):
                yield Static("", id="noise", markup=False)
                for _ in range(STRIPS):
                    yield PictureStrip(classes="pictures", empty="")
                yield Static("", id="facts", markup=False)
                yield Static("", id="price-label", markup=False)
                yield Static("", id="cost", markup=False)
        yield Static("", id="problem", markup=False)
        yield Static("", id="question", markup=False)
        yield Static("", id="look-for", markup=False)
        yield Footer()

    def on_mount(self) -> None:
        self.query_one("#presets-box").border_title = "presets"
        self.query_one("#form-box").border_title = "experiment"
        self.query_one("#preview-box").border_title = "what the noise does"
        self.add_class("-page-0")
        self.call_after_refresh(self._load)

    def on_unmount(self) -> None:
        if self._client is not None:
            self._client.close()

    def on_screen_resume(self) -> None:
        if self._shelf is not None:
            self._prewarm()

    def on_resize(self) -> None:
        self._title_pages()
        self._show_pictures()

    # --- filling

    def _load(self) -> None:
        from memlab.tui.cost import device_kind
        from memlab.tui.preset_shelf import Shelf
        from memlab.tui.preview_client import PreviewClient

        settings = self.shell.settings
        self._device = device_kind(settings.device)
        self._client = PreviewClient(settings.dataset_folders)
        self._shelf = Shelf(self.shell.compose_tree)
        self._list_presets(self._shelf.key_of(settings.preset))
        self._title_pages()
        self.call_after_refresh(self._usable)

    def _usable(self) -> None:
        self.shell.ready()
        self.set_timer(PREWARM_SECONDS, self._prewarm)

    def take_over(self) -> None:
        """Shows the experiment that another screen handed to the app."""
        if self._shelf is not None:
            self._shelf = self._shelf.with_given(self.shell.compose_tree)
            self._list_presets(self._shelf.first)

    def _list_presets(self, key: str) -> None:
        assert self._shelf is not None
        presets = self.query_one(PresetList)
        with self.prevent(OptionList.OptionHighlighted):
            presets.clear_options()
            presets.add_options(
                Option(f" {self._shelf.label(entry)}" if entry.key else entry.title,
                       id=entry.key or None, disabled=not entry.key)
                for entry in self._shelf.entries
            )
            presets.highlighted = presets.get_option_index(key)
        self._choose(key)

    @on(OptionList.OptionHighlighted, "#presets")
    def _highlighted(self, event: OptionList.OptionHighlighted) -> None:
        if event.option.id and self._shelf is not None and event.option.id != self._shelf.current:
            self._choose(event.option.id)

    def _choose(self, key: str) -> None:
        assert self._shelf is not None
        self._cell = None
        problem = self._shelf.choose(key)
        self._say(problem)
        if not problem:
            self._evaluate()

    # --- reading a draft

    def _evaluate(self) -> None:
        from memlab.tui import compose_model, form

        assert self._shelf is not None
        draft = self._shelf.draft
        self._shown = None
        if form.is_large(draft):
            self.query_one("#cost", Static).update("counting the networks")
            self._evaluate_in_thread(draft)
        else:
            self._show(compose_model.evaluate(draft, self._device))

    @work(thread=True, group="evaluate", exclusive=True, exit_on_error=False)
    def _evaluate_in_thread(self, draft: Draft) -> None:
        from memlab.tui import compose_model

        self.post_message(self.Evaluated(compose_model.evaluate(draft, self._device)))

    @on(Evaluated)
    def _evaluated(self, event: Evaluated) -> None:
        if self._shelf is not None and event.evaluation.draft is self._shelf.draft:
            self._show(event.evaluation)

    def _show(self, evaluation: Evaluation) -> None:
        assert self._shelf is not None
        self._shown = evaluation
        self.fields.set_fields(evaluation.rows)
        self.query_one("#price-label", Static).update("what it costs")
        self.query_one("#cost", Static).update("\n".join(evaluation.note.lines))
        tree = evaluation.reading.tree
        question, look_for = str(tree.get("question", "")), str(tree.get("look_for", ""))
        self.query_one("#question", Static).update(f"“{question}”" if question else "")
        self.query_one("#look-for", Static).update(look_for)
        self.query_one("#form-box").border_title = self._shelf.heading
        presets = self.query_one(PresetList)
        label = f" {self._shelf.label(self._shelf.entry)}"
        if presets.get_option(self._shelf.current).prompt != label:
            presets.replace_option_prompt(self._shelf.current, label)
        if evaluation.experiment is not None:
            self._say("")
            self._ask_soon()
        if self._launch_next:
            self._launch_next = False
            self.action_launch()

    def _say(self, problem: str) -> None:
        self.query_one("#problem", Static).update(problem)
        self.set_class(bool(problem), "-problem")

    # --- the form

    @on(FieldList.Changed)
    def _changed(self, event: FieldList.Changed) -> None:
        self._type(event.key, event.text)

    @on(FieldList.Reset)
    def _reset(self, event: FieldList.Reset) -> None:
        if self._shelf is not None and not isinstance(event, FieldList.Highlighted):
            self._shelf.draft = self._shelf.draft.without(event.key)
            self._evaluate()

    def _type(self, key: str, text: str) -> None:
        if self._shelf is not None:
            self._shelf.draft = self._shelf.draft.with_text(key, text)
            self._evaluate()

    def action_reset_all(self) -> None:
        if self._shelf is not None:
            self._shelf.forget()
            self._evaluate()

    def action_several(self) -> None:
        """Asks for the values of the field under the cursor as text, choices included."""
        from memlab.tui.screens.ask_text import AskText

        key = self.fields.cursor_key
        row = next((r for r in self._shown.rows if r.key == key), None) if self._shown else None
        if row is None:
            return

        def answered(text: str | None) -> None:
            if text is not None:
                self._type(row.key, text)

        choices = f" Choices: {', '.join(row.choices[:12])}." if row.choices else ""
        detail = f"{row.help}.{choices} Several values make an axis: a comma list, or 0:1:0.2."
        self.app.push_screen(AskText(row.label, detail, row.value, "take", lambda _: ""), answered)

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
            from memlab.tui.screens.confirm import Confirm

            detail = "It can be paused and stopped at any time, and goes on without the app."
            question = f"{shown.note.question} Start it?"
            self.app.push_screen(Confirm(question, detail, "start it", "l"), self._confirmed)
        else:
            self._confirmed(True)

    def _confirmed(self, yes: bool | None) -> None:
        if yes and self._shown is not None and not self._starting:
            self._starting = True
            self._start(self._shown)

    @work(thread=True, group="launch", exit_on_error=False)
    def _start(self, shown: Evaluation) -> None:
        from memlab.tui import launching

        app = self.shell
        assert shown.experiment is not None
        try:
            folder = launching.launch(
                shown.experiment, shown.draft.name, app.runs_folder, app.settings.device,
                app.standby,
            )
            self.post_message(self.Started(folder.id))
        except (MemlabError, OSError) as error:
            self.post_message(self.Started("", str(error)))

    @on(Started)
    def _started(self, event: Started) -> None:
        self._starting = False
        self._say(event.error)
        if event.run_id:
            self.shell.launched.append(event.run_id)
            if self._shelf is not None and self._shelf.draft.name != self.shell.settings.preset:
                self.shell.remember(preset=self._shelf.draft.name)
            self.shell.show_watch(event.run_id)

    @work(thread=True, group="standby", exclusive=True, exit_on_error=False)
    def _prewarm(self) -> None:
        """Keeps a worker ready, its imports behind it, so that curves move at once."""
        from memlab.runs.launch import Standby

        app = self.shell
        if app.prewarm and app.is_running and (app.standby is None or not app.standby.ready):
            app.standby = Standby.start()
            if not app.is_running:
                app.standby.close()

    # --- saving

    def action_save(self) -> None:
        """Asks for a name and saves the draft under it."""
        from memlab.tui import launching
        from memlab.tui.screens.ask_text import AskText

        if self._shown is None or self._shown.experiment is None:
            self.action_launch()
            return
        tree = self._shown.reading.tree

        def wrong(name: str) -> str:
            try:
                launching.own_preset_path(name)
            except MemlabError as error:
                return str(error)
            return ""

        def answered(name: str | None) -> None:
            if name is not None:
                self._save(tree, name)

        detail = "It is kept under my experiments; one of the same name is replaced."
        self.app.push_screen(
            AskText("Save as a preset named", detail, "", "save", wrong), answered
        )

    @work(thread=True, group="save", exit_on_error=False)
    def _save(self, tree: dict[str, Any], name: str) -> None:
        from memlab.tui import launching

        try:
            self.post_message(self.Saved(launching.save_preset(tree, name).stem))
        except (MemlabError, OSError) as error:
            self.post_message(self.Saved("", str(error)))

    @on(Saved)
    def _saved(self, event: Saved) -> None:
        self._say(event.error)
        if event.name and self._shelf is not None:
            from memlab.tui.preset_shelf import Shelf

            self._shelf.forget()
            self._shelf = Shelf(self.shell.compose_tree)
            self._list_presets(self._shelf.key_of(event.name))
            self.notify(f"Saved as {event.name}.")

    # --- pictures

    def action_cell(self, step: int) -> None:
        """Draws the next or previous combination of axis values."""
        from memlab.tui import compose_model

        if self._shown is not None and self._shown.experiment is not None:
            now = compose_model.cell(self._shown.experiment, self._cell)
            self._cell = (now.index + step) % now.count
            self._ask_soon()

    def _ask_soon(self) -> None:
        if self._asking is not None:
            self._asking.stop()
        self._asking = self.set_timer(DEBOUNCE_SECONDS, self._ask)

    def _ask(self) -> None:
        from memlab.tui import compose_model

        if self._drawing:
            self._again = True
        elif self._shown is not None and self._shown.experiment is not None and self._client:
            self._drawing, self._again = True, False
            if self._preview is None:
                self.query_one("#noise", Static).update(WAITING)
            cell = compose_model.cell(self._shown.experiment, self._cell)
            self._draw(self._client, cell)

    @work(thread=True, group="preview", exit_on_error=False)
    def _draw(self, client: PreviewClient, cell: Cell) -> None:
        self.post_message(self.Previewed(cell, client.ask(cell.experiment, EXAMPLES)))

    @on(Previewed)
    def _previewed(self, event: Previewed) -> None:
        from memlab.tui import compose_model

        self._drawing, self._preview = False, event.preview
        place = f"  ({event.cell.index + 1} of {event.cell.count})" if event.cell.count > 1 else ""
        self.query_one("#noise", Static).update(event.preview.error or event.cell.label + place)
        self.query_one("#facts", Static).update(compose_model.facts(event.preview))
        self._show_pictures()
        if self._again:
            self._ask()

    def _show_pictures(self) -> None:
        from memlab.tui import compose_model

        if self._preview is None:
            return
        pictures = compose_model.thumbnails(self._preview.examples, self.app.current_theme.dark)
        height = compose_model.strip_height(pictures)
        pane = self.query_one("#preview-box")
        rows = max(1, min(STRIPS, (pane.size.height - 11) // (height + 1)))
        wanted = compose_model.strips(pictures, max(10, pane.size.width - 3), rows)
        wanted += [[] for _ in range(STRIPS - rows)]
        for strip, shown in zip(self.query(PictureStrip), wanted, strict=True):
            strip.display = bool(shown)
            strip.styles.height = height
            strip.set_pictures(shown)

    # --- panels

    @property
    def _narrow(self) -> bool:
        return self.has_class("-narrow")

    def action_page(self, step: int) -> None:
        """Goes to another panel; 0 to the presets. On a wide screen the pictures are passed by."""
        count = len(PAGES) if self._narrow else len(PAGES) - 1
        self._open((self._page + step) % count if step else 0)

    def _open(self, page: int) -> None:
        self._page = page
        for index in range(len(PAGES)):
            self.set_class(index == page, f"-page-{index}")
        (self.query_one(PresetList).focus, self.fields.focus_lines,
         self.query_one("#preview-box").focus)[page]()
        self._title_pages()
        self.call_after_refresh(self._show_pictures)

    def on_descendant_focus(self) -> None:
        """The panel with the keys is the one to page from, however it got them."""
        for index, name in enumerate(PAGES):
            if self.query_one(name).has_focus_within:
                self._page = index
        self.refresh_bindings()

    def _title_pages(self) -> None:
        hints = ("⏎ launch", "⏎ edit · r reset", "") if not self._narrow else tuple(
            f"{index} of 3 · tab {name}"
            for index, name in enumerate(("experiment", "noise and cost", "presets"), start=1)
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
