"""The Microscope screen: one example of the selected run, and from there to any other."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import events, getters
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Static

from memlab.errors import MemlabError
from memlab.reports.example_words import heading, learned, list_words
from memlab.runs.examples import Examples
from memlab.tui.ask_text import AskText
from memlab.tui.header import ShellHeader
from memlab.tui.live import LiveScreen
from memlab.tui.message import put, say
from memlab.tui.microscope import model
from memlab.tui.microscope.large_picture import LargePicture
from memlab.tui.microscope.reader import Frame, Wanted, read
from memlab.tui.microscope.shelves_pane import ShelvesPane
from memlab.tui.plain_lines import framed
from memlab.tui.shell import HEIGHTS, WIDTHS, selected_folder
from memlab.tui.widgets.chart import BrailleChart
from memlab.tui.widgets.key_line import KeyLine

PAGES = ("what", "margins", "others")
BACK = 64  # examples that one can go back through


def open_microscope(
    app: App[object], header: str = "report", name: str = "", group: int | None = None
) -> None:
    """Opens it on the app's selected run: the list that is gone through, and of which axis values.

    `header` is the mode that it is opened from.
    """
    app.push_screen(MicroscopeScreen(Wanted(name=name, group=group), header))


class MicroscopeScreen(LiveScreen[Frame]):
    """Pushed over Watch, Report, or whatever it is opened from."""

    CSS_PATH = "screen.tcss"
    TITLE = "Microscope"
    ABOUT = (
        "One example: its labels, its margin in networks that were trained on it and in those that "
        "were not, whether it is memorized, whom it helps, and what is like it."
    )
    UPDATE_SECONDS = 5.0
    HORIZONTAL_BREAKPOINTS = WIDTHS
    VERTICAL_BREAKPOINTS = HEIGHTS
    BINDINGS: ClassVar[list[BindingType]] = [
        # Before the scrolling of the pane that has the focus.
        Binding("right", "next(1)", "next", key_display="← →", priority=True),
        Binding("left", "next(-1)", "previous", show=False, priority=True),
        Binding("p", "page", "page"),
        Binding("b", "back", "back"),
        Binding("slash", "find", "index", key_display="/"),
        Binding("l", "list", "list"),
        Binding("escape", "dismiss", "close", key_display="esc"),
    ]

    heading = getters.query_one("#heading", Static)
    picture = getters.query_one(LargePicture)
    bands = getters.query_one("#bands", BrailleChart)
    line_of_values = getters.query_one("#values", BrailleChart)
    shelves = getters.query_one(ShelvesPane)

    def __init__(self, wanted: Wanted | None = None, header: str = "report") -> None:
        """`header` is the mode that it is opened from."""
        super().__init__()
        self._wanted = self.about = wanted or Wanted()
        self._header = header
        self._frame: Frame | None = None
        self._known: Examples | None = None
        self._visited: list[Wanted] = []
        self._page = 0

    def compose(self) -> ComposeResult:
        yield ShellHeader(self._header)
        yield Static("reads what the run recorded", id="heading", markup=False)
        yield Static("", id="message", markup=False)
        with Horizontal(id="parts"):
            with Vertical(id="what"):
                yield LargePicture(id="picture")
                yield BrailleChart("values", axis="feature", id="values")
                yield Static("", id="few", markup=False)
                yield Static("", id="facts", markup=False)
            with Vertical(id="margins"):
                yield BrailleChart("margin while training", legend=True, id="bands")
                yield Static("", id="learned", markup=False)
                yield Static("", id="histogram", markup=False)
            with Vertical(id="others"):
                yield ShelvesPane(id="shelves")
        yield KeyLine()

    def on_mount(self) -> None:
        self.query_one("#what").border_title = framed("what it is")
        self.query_one("#others").border_title = framed("others")
        self.shelves.focus()
        self._turn()

    # --- reading

    def question(self) -> Callable[[], Frame] | None:
        folder, wanted, known = selected_folder(self), self._wanted, self._known
        if folder is None or (self._frame is not None and self.about is self._shown_about):
            return None
        return lambda: read(folder, wanted, known)

    _shown_about: object = None

    def complain(self, problem: str) -> None:
        say(self, problem, error=True)
        if self._frame is None:
            put(self, "#heading", "")
        self._shown_about = self.about

    def _want(self, wanted: Wanted) -> None:
        self._wanted = self.about = wanted
        self.look()

    # --- showing

    def show(self, frame: Frame) -> None:
        self._frame, self._known, self._shown_about = frame, frame.examples, self.about
        say(self, "")
        examples, life, dark = frame.examples, frame.life, self.app.current_theme.dark
        place = (list_words(frame.name), frame.rank, len(frame.order)) if frame.name else None
        put(self, "#heading", heading(examples, life.position, place))
        self._show_example(examples, life.position, dark)
        put(self, "#facts", model.fact_lines(examples, life, dark))
        chart = self.bands
        chart.empty = life.missing.get("margins", "no margins were kept of this one")
        chart.show(model.bands(life, dark), model.moments(life))
        chart.set_reference(0.0, "right above")
        put(self, "#learned", learned(life))
        put(self, "#histogram", model.histogram(life))
        self.shelves.show(model.shelves(examples, life, dark))
        self.refresh_bindings()

    def _show_example(self, examples: Examples, position: int, dark: bool) -> None:
        """A picture, or else a line of values, or a table of a few."""
        pixels = model.pixels_of(examples, position)
        is_picture = examples.is_picture and pixels is not None
        values = [] if is_picture else model.values_of(examples, position)
        few = 0 < len(values) <= model.FEW
        self.picture.display = is_picture
        self.picture.show(pixels if is_picture else None)
        self.line_of_values.display = bool(values) and not few
        self.line_of_values.show(model.value_series(values, dark) if not few else [])
        put(self, "#few", model.value_lines(values) if few else "")
        self.query_one("#few").display = few

    # --- keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "page":
            return self.has_class("-narrow") or self.has_class("-short")
        if action in ("next", "list", "find"):
            return self._frame is not None
        return bool(self._visited) if action == "back" else True

    def action_next(self, step: int) -> None:
        """The next example of the list; from one that is not in it, the first."""
        frame = self._frame
        if frame is not None and frame.order:
            at = (frame.rank - 1 + step) % len(frame.order) if frame.rank else 0
            self._want(Wanted(frame.order[at], name=frame.name))

    def action_list(self) -> None:
        """The first example of the next list."""
        frame = self._frame
        if frame is not None and frame.examples.lists:
            names = frame.examples.lists
            at = names.index(frame.name) + 1 if frame.name in names else 0
            self._remember()
            self._want(Wanted(name=names[at % len(names)]))

    def action_find(self) -> None:
        """Asks for an index."""
        if self._known is not None:
            detail = f"A row of the training file, such as {self._known.index[0]}."
            ask = AskText("Which example?", detail, "", "shows it", self._wrong)
            self.app.push_screen(ask, self._found)

    def _wrong(self, text: str) -> str:
        try:
            self._position(text)
        except (MemlabError, ValueError) as error:
            return str(error) if isinstance(error, MemlabError) else "An index is a whole number."
        return ""

    def _position(self, text: str) -> int:
        assert self._known is not None
        word = text.strip().lower()
        test = word.startswith("test")
        return self._known.position(int(word.removeprefix("test")), test)

    def _found(self, text: str | None) -> None:
        if text is not None and self._frame is not None:
            self._step_into(self._position(text))

    def on_shelves_pane_chosen(self, message: ShelvesPane.Chosen) -> None:
        self._step_into(message.position)

    def _step_into(self, position: int) -> None:
        if self._frame is not None:
            self._remember()
            self._want(Wanted(position, name=self._frame.name))

    def _remember(self) -> None:
        if self._frame is not None:
            here = Wanted(self._frame.life.position, name=self._frame.name)
            self._visited = [*self._visited, here][-BACK:]

    def action_back(self) -> None:
        """The example that was looked at before."""
        if self._visited:
            *self._visited, before = self._visited
            self._want(before)

    # --- pages

    def action_page(self) -> None:
        """The next of the three pages."""
        self._page = (self._page + 1) % len(PAGES)
        self._turn()

    def on_resize(self, event: events.Resize) -> None:
        self._turn()
        self.refresh_bindings()

    def _turn(self) -> None:
        self.set_class(self._page == 0, "-what")
        self.set_class(self._page == 1, "-margins")
        self.set_class(self._page == 2, "-others")
        if self.shelves.display:
            self.shelves.focus()
