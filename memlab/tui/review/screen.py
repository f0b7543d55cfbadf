"""The Review screen: suspects one at a time, each answered with one key; pushed over another."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import getters, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Static

from memlab.charts.plot import Series
from memlab.errors import MemlabError
from memlab.reports.review_list import class_of
from memlab.runs.review import Kind
from memlab.runs.run_folder import RunFolder
from memlab.tui import palette
from memlab.tui.ask_text import AskText
from memlab.tui.header import ShellHeader
from memlab.tui.live import LiveScreen
from memlab.tui.message import put, say
from memlab.tui.review import model
from memlab.tui.review.bar import SuspicionBar
from memlab.tui.review.reader import Frame, Question, Reviewer, Seen
from memlab.tui.shell import HEIGHTS, WIDTHS, reason
from memlab.tui.widgets.chart import BrailleChart
from memlab.tui.widgets.key_line import KeyLine
from memlab.tui.widgets.neighbours import ExampleGrid

WRITES = "Writes the corrected copy …"

Step = Callable[[Reviewer], Frame]


class ReviewScreen(LiveScreen[Frame]):
    """Asks about one label after the other; every answer is on the disk before the next one."""

    CSS_PATH = "screen.tcss"
    TITLE = "Review"
    ABOUT = "Labels held for wrong, one at a time. Every answer is kept at once; u takes it back."
    HORIZONTAL_BREAKPOINTS = WIDTHS
    VERTICAL_BREAKPOINTS = HEIGHTS
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "say('right')", "right"),
        Binding("n", "suggestion", "suggested"),
        Binding("0", "digit(0)", "another", key_display="0-9"),
        *(Binding(digit, f"digit({digit})", show=False) for digit in "123456789"),
        Binding("equals_sign", "name", "name", key_display="="),
        Binding("d", "say('drop')", "drop"),
        Binding("s", "say('skip')", "skip"),
        Binding("u", "undo", "undo"),
        Binding("g,enter", "go_on", "go on", key_display="g"),
        Binding("w", "write", "write copy"),
        Binding("q,escape", "leave", "leave", key_display="q"),
    ]

    bar = getters.query_one(SuspicionBar)
    picture = getters.query_one("#picture", ExampleGrid)
    of_given = getters.query_one("#of-given", ExampleGrid)
    of_suggested = getters.query_one("#of-suggested", ExampleGrid)
    curve = getters.query_one("#curve", BrailleChart)

    class Written(Message):
        """The corrected copy was written, or could not be."""

        def __init__(self, text: str, error: bool = False) -> None:
            super().__init__()
            self.text, self.error = text, error

    def __init__(self, folder: RunFolder) -> None:
        super().__init__()
        self._folder = folder
        self._reviewer: Reviewer | None = None
        self._step: Step | None = None  # what a thread shall do next, or is doing
        self._frame: Frame | None = None
        self._beyond = False  # whether to go on where no label is held for wrong any more
        self._problem = False  # whether it could not be opened

    def compose(self) -> ComposeResult:
        yield ShellHeader("report")
        yield Static("", id="message", markup=False)
        yield Static("reads the run and its data", id="standing", markup=False)
        yield SuspicionBar(id="bar")
        with Vertical(id="question"):
            yield Static("", id="asked", markup=False)
            with Horizontal(id="body"):
                yield ExampleGrid(id="of-given")
                yield ExampleGrid(id="picture")
                yield BrailleChart("values", axis="value", legend=True, id="curve")
                yield Static("", id="table", markup=False)
                yield ExampleGrid(id="of-suggested")
            yield Static("", id="suggestion", markup=False)
        yield Static("", id="end", markup=False)
        yield Static("", id="legend", markup=False)
        yield KeyLine()

    def on_unmount(self) -> None:
        if self._reviewer is not None:
            self._reviewer.close()

    # --- reading and writing, one step at a time

    def question(self) -> Callable[[], Frame] | None:
        reviewer, step, folder = self._reviewer, self._step, self._folder
        if reviewer is not None:
            return None if step is None else lambda: step(reviewer)
        return None if self._problem else lambda: self._opened(folder)

    def _opened(self, folder: RunFolder) -> Frame:
        reviewer = Reviewer(folder)
        try:
            frame = reviewer.next_question()
        except BaseException:
            reviewer.close()
            raise
        self._reviewer = reviewer
        if not self.is_attached:  # the screen was left meanwhile
            reviewer.close()
        return frame

    def _do(self, step: Step) -> None:
        """Nothing more is taken before the next question is there: it would answer that one."""
        if self._reviewer is not None and self._step is None:
            self._step = step
            self.look()

    def complain(self, problem: str) -> None:
        self._step = None
        self._problem = self._reviewer is None
        if self._problem:
            put(self, "#standing", "")
        say(self, problem, error=True)

    def show(self, frame: Frame) -> None:
        self._reviewer, self._step = frame.reviewer, None
        self._frame = frame
        say(self, "")
        self._show(frame)
        self.refresh_bindings()

    # --- showing

    @property
    def _asked(self) -> Question | None:
        """What is asked now; None where the end is shown instead."""
        frame = self._frame
        if frame is None or frame.question is None or self._ended(frame):
            return None
        return frame.question

    def _ended(self, frame: Frame) -> bool:
        """Whether all labels that are held for wrong are judged, and the rest is not wanted."""
        if frame.question is None:
            return True
        return not (self._beyond or frame.again or frame.issues_left)

    def _show(self, frame: Frame) -> None:
        question = self._asked
        put(self, "#standing", model.standing(frame))
        last = len(frame.chances) - 1
        self.bar.show(frame.chances, last if frame.question is None else frame.question.at)
        self.query_one("#question").display = question is not None
        self.query_one("#end").display = question is None
        put(self, "#legend", model.legend(frame.listed))
        self.query_one("#legend").display = frame.listed.named
        if question is None:
            put(self, "#end", model.end(frame))
            return
        put(self, "#asked", model.asked(frame, question))
        put(self, "#suggestion", model.suggestion(frame, question))
        self._show_example(frame, question)

    def _show_example(self, frame: Frame, question: Question) -> None:
        pixels = question.example.pixels
        tabled = pixels is None and model.tabled(question)
        self.picture.display = pixels is not None
        self.curve.display = pixels is None and not tabled
        self.query_one("#table").display = tabled
        self.set_class(self.curve.display, "-curve")
        self.of_given.display = self.of_suggested.display = not tabled
        if pixels is not None:
            self.picture.show_pictures("", [pixels])
        elif tabled:
            put(self, "#table", model.table(frame, question))
        else:
            self.curve.show(self._curves(frame, question))
        if tabled:
            return
        given = model.named(frame.listed, question.given)
        _show_in(self.of_given, f"nearest given {given}", question.of_given)
        if question.suggested < 0:
            _show_in(self.of_suggested, "", ())
        else:
            other = model.named(frame.listed, question.suggested)
            _show_in(self.of_suggested, f"nearest given {other}", question.of_suggested)

    def _curves(self, frame: Frame, question: Question) -> list[Series]:
        colours = palette.palette(self.app.current_theme.dark)
        values = question.example.curve
        xs = [float(at) for at in range(len(values))]
        made = [Series("this", colours.changed, "●", xs, values.tolist())]
        for label, near, colour in (
            (question.given, question.of_given, colours.lies),
            (question.suggested, question.of_suggested, colours.truth),
        ):
            if near:
                name = f"of {model.named(frame.listed, label)}"
                ys = model.mean([each.curve for each in near]).tolist()
                made.append(Series(name, colour, "·", xs, ys, dashed=True))
        return made

    # --- keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        frame, asked = self._frame, self._asked
        if action in ("say", "digit", "name"):
            return asked is not None
        if action == "suggestion":
            return asked is not None and asked.suggested >= 0
        if action == "undo":
            return frame is not None and bool(frame.review.given)
        if action == "go_on":
            return frame is not None and asked is None and frame.question is not None
        if action == "write":
            return frame is not None and frame.review.wrong > 0
        return True

    def action_say(self, kind: Kind) -> None:
        self._answer(kind)

    def action_suggestion(self) -> None:
        if self._asked is not None:
            self._answer("label", self._asked.suggested)

    def action_digit(self, digit: int) -> None:
        """Says that it is the class of that number."""
        frame = self._frame
        if frame is None:
            return
        if digit >= len(frame.listed.class_names):
            say(self, f"There is no class {digit}: there are {len(frame.listed.class_names)}.")
            return
        self._label(digit)

    def _label(self, label: int) -> None:
        if self._asked is not None:
            same = label == self._asked.given
            self._answer("right" if same else "label", None if same else label)

    def _answer(self, kind: Kind, label: int | None = None) -> None:
        question = self._asked
        if question is not None:
            self._do(lambda reviewer: reviewer.answered(question.at, kind, label))

    def action_name(self) -> None:
        """Asks for a class by its name."""
        frame = self._frame
        if frame is None:
            return
        listed = frame.listed

        def wrong(text: str) -> str:
            try:
                class_of(listed, text)
            except MemlabError as error:
                return str(error)
            return ""

        def answered(text: str | None) -> None:
            if text is not None:
                self._label(class_of(listed, text))

        detail = f"One of {len(listed.class_names)} classes; the beginning of a name is enough."
        self.app.push_screen(AskText("Which class is it?", detail, "", "take it", wrong), answered)

    def action_undo(self) -> None:
        self._do(lambda reviewer: reviewer.taken_back())

    def action_go_on(self) -> None:
        self._beyond = True
        if self._frame is not None:
            self._show(self._frame)
            self.refresh_bindings()

    def action_leave(self) -> None:
        self.dismiss()

    def action_write(self) -> None:
        """Writes what the review has changed beside the data, or into the working folder."""
        if self._reviewer is not None:
            say(self, WRITES)
            self._write(self._folder)

    @work(thread=True, group="review-write", exit_on_error=False)
    def _write(self, folder: RunFolder) -> None:
        from memlab.library import correcting

        try:
            self.post_message(self.Written(correcting.write_beside(folder)))
        except Exception as error:
            self.post_message(self.Written(reason(error), error=True))

    def on_review_screen_written(self, message: Written) -> None:
        say(self, message.text, error=message.error)


def _show_in(grid: ExampleGrid, title: str, examples: tuple[Seen, ...]) -> None:
    grid.empty = "no other example has this label" if title else ""
    pictures = [each.pixels for each in examples if each.pixels is not None]
    if pictures:
        grid.show_pictures(title, pictures)
    else:
        grid.show_values(title, [each.curve.tolist() for each in examples])
