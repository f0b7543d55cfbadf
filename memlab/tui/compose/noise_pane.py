"""The right panel of Compose: what the noise does, drawn by a process of its own, and the cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Static

if TYPE_CHECKING:
    from memlab.experiment.spec import Experiment
    from memlab.tui.compose.model import Cell
    from memlab.tui.compose.preview_client import Preview, PreviewClient

STRIPS = 3
EXAMPLES = 24
DEBOUNCE_SECONDS = 0.12
TEXT_LINES = 11
WAITING = "the pictures are being drawn"


class NoisePane(VerticalScroll):
    """Told an experiment, it shows one combination of its axis values; `step` shows the next.

    Questions wait until typing pauses, and one is asked at a time.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "screen.page(-1)", "previous panel", show=False),
        Binding("right", "screen.page(1)", "next panel", show=False),
    ]

    @dataclass
    class Drawn(Message):
        """Pictures came, of the cell that was asked for."""

        cell: Cell
        preview: Preview

    @dataclass
    class Unread(Message):
        """Whether the user's own data of that name can be read: why not, or ""."""

        name: str
        error: str

    @dataclass
    class Listed(Message):
        """Bytes to download of the datasets that are not on disk."""

        downloads: Mapping[str, int]

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.preview: Preview | None = None
        self._client: PreviewClient | None = None
        self._made: Experiment | None = None
        self._chosen: int | None = None
        self._timer: Timer | None = None
        self._drawing = self._again = self._listed = False

    async def fill(self, client: PreviewClient) -> None:
        """Mounts what is inside; `client` is closed with the panel."""
        from memlab.tui.widgets.picture import PictureStrip

        self._client = client
        await self.mount(
            Static("", id="noise", markup=False),
            *(PictureStrip(classes="pictures", empty="") for _ in range(STRIPS)),
            Static("", id="facts", markup=False),
            Static("", id="price-label", markup=False),
            Static("", id="cost", markup=False),
        )
        for strip in self.query(PictureStrip):
            strip.display = False

    @work(thread=True, group="datasets", exit_on_error=False)
    def _list(self, client: PreviewClient) -> None:
        self.post_message(self.Listed(client.downloads()))

    def on_unmount(self) -> None:
        """The process has nobody left to draw for."""
        if self._client is not None:
            self._client.close()

    def show_cost(self, lines: tuple[str, ...]) -> None:
        """The estimate, line by line."""
        self.query_one("#price-label", Static).update("what it costs")
        self.query_one("#cost", Static).update("\n".join(lines))

    def show_experiment(self, made: Experiment, *, anew: bool = False) -> None:
        """Draws this experiment soon; `anew` forgets which combination was chosen."""
        self._made = made
        if anew:
            self._chosen = None
        self._ask_soon()

    def step(self, step: int) -> None:
        """Draws the next or previous combination of axis values."""
        from memlab.tui.compose import model as compose_model

        if self._made is not None:
            now = compose_model.cell(self._made, self._chosen)
            self._chosen = (now.index + step) % now.count
            self._ask_soon()

    def _ask_soon(self) -> None:
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(DEBOUNCE_SECONDS, self._ask)

    def _ask(self) -> None:
        from memlab.tui.compose import model as compose_model

        if self._drawing:
            self._again = True
        elif self._made is not None and self._client is not None:
            self._drawing, self._again = True, False
            if self.preview is None:
                self.query_one("#noise", Static).update(WAITING)
            self._draw(self._client, compose_model.cell(self._made, self._chosen))

    @work(thread=True, group="preview", exit_on_error=False)
    def _draw(self, client: PreviewClient, cell: Cell) -> None:
        self.post_message(self.Drawn(cell, client.ask(cell.experiment, EXAMPLES)))

    @on(Drawn)
    def _drawn(self, event: Drawn) -> None:
        from memlab.tui.compose import model as compose_model

        event.stop()
        self._drawing, self.preview = False, event.preview
        place = f"  ({event.cell.index + 1} of {event.cell.count})" if event.cell.count > 1 else ""
        self.query_one("#noise", Static).update(event.preview.error or event.cell.label + place)
        self.query_one("#facts", Static).update(compose_model.facts(event.preview))
        self._lay_out()
        name = str(event.cell.experiment["dataset"]["name"])
        if ":" in name:
            self.post_message(self.Unread(name, event.preview.error))
        if not self._listed and self._client is not None:
            self._listed = True
            self._list(self._client)
        if self._again:
            self._ask()

    def on_resize(self) -> None:
        """More or fewer pictures have room."""
        self._lay_out()

    def _lay_out(self) -> None:
        """In as many rows as have room."""
        if self.preview is None:
            return
        from memlab.tui.compose import model as compose_model
        from memlab.tui.widgets.picture import PictureStrip

        pictures = compose_model.thumbnails(self.preview.examples, self.app.current_theme.dark)
        examples = self.preview.examples
        height = compose_model.strip_height(examples)
        rows = max(1, min(STRIPS, (self.size.height - TEXT_LINES) // (height + 1)))
        wanted = compose_model.strips(pictures, examples, max(10, self.size.width - 1), rows)
        wanted += [[] for _ in range(STRIPS - rows)]
        for strip, shown in zip(self.query(PictureStrip), wanted, strict=True):
            strip.display = bool(shown)
            strip.styles.height = height
            strip.set_pictures(shown)
