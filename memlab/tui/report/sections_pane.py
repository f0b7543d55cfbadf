"""The report's sections on instruments and on baselines, one below the other, in a scroll."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from memlab.tui.axis_values import AxisValue
from memlab.tui.widgets.fold import Fold

if TYPE_CHECKING:
    from memlab.reports.blocks import Block
    from memlab.tui.report.sections import Fold as Folded
    from memlab.tui.report.sections import Sections

FIRST = "what each says first; tab and ⏎ unfold the rest"
BESIDE = "no deep networks, on the same corrupted data"


class SectionsPane(Vertical):
    """What instruments say first, a fold for each, what they cost, and baselines."""

    DEFAULT_CSS = """
    SectionsPane {
        height: auto;
        padding: 0 2;
        & > Static { height: auto; }
        & > #suspects, & > #memorization { display: none; margin: 1 0 0 0; }
        & > .heading { margin: 1 0 0 0; }
        & > .words { color: $foreground 75%; }
        & > #folds { height: auto; margin: 1 0 0 0; }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._shown: tuple[object, ...] = ()
        self.folds: list[Fold] = []

    def compose(self) -> ComposeResult:
        """Suspects, who is memorized, then two headings, each with what stands below it."""
        yield Static("", id="suspects", markup=False)
        yield Static("", id="memorization", markup=False)
        yield Static("", id="instruments-heading", classes="heading", markup=False)
        yield Static("", id="headlines", markup=False)
        yield Static("", id="cost", classes="words", markup=False)
        yield Vertical(id="folds")
        yield Static("", id="baselines-heading", classes="heading", markup=False)
        yield Static("", id="baselines", markup=False)

    def show(
        self, sections: Sections, axis: str, values: Sequence[AxisValue], plain: bool = False
    ) -> None:
        """Shows sections whose rows are of these axis values; `plain` gives letters for shapes."""
        if self._shown == (told := (sections, axis, tuple(values), plain)):
            return
        self._shown = told
        labels = [_label(value, plain) for value in values]
        self._put_blocks("#suspects", sections.suspects)
        self._put_blocks("#memorization", sections.memorization)
        self._put_headlines(sections, axis, labels)
        self._put_folds(sections.folds, axis, labels)
        self._put_baselines(sections, axis, labels)

    def _put_blocks(self, selector: str, blocks: Sequence[Block]) -> None:
        from memlab.reports.renderers.console import ConsolePage

        self._put(selector, ConsolePage(blocks) if blocks else Text(), bool(blocks))

    def _put_headlines(self, sections: Sections, axis: str, labels: list[Text]) -> None:
        from memlab.reports.renderers.console import Grids

        table, about = sections.headlines, FIRST if sections.folds else ""
        there = table or sections.folds or sections.instruments_hint or sections.cost
        self._put("#instruments-heading", _heading("instruments", about), bool(there))
        body: RenderableType = Text(sections.instruments_hint)
        if table is not None:
            body = Grids(table, axis, labels)
        self._put("#headlines", body, bool(table or sections.instruments_hint))
        self._put("#cost", Text(sections.cost), bool(sections.cost))

    def _put_folds(self, told: Sequence[Folded], axis: str, labels: list[Text]) -> None:
        from memlab.reports.renderers.console import Grids

        holder, names = self.query_one("#folds"), [fold.name for fold in told]
        holder.display = bool(told)
        if [fold.name for fold in self.folds] != names:
            holder.remove_children()
            self.folds = [Fold(name) for name in names]
            holder.mount_all(self.folds)
        width = max((len(fold.title) for fold in told), default=0)
        for widget, fold in zip(self.folds, told, strict=True):
            about = Text(fold.table.about, "italic")
            body = Group(about, Grids(fold.table, axis, labels))
            widget.show(fold.title.ljust(width), fold.note, body)

    def _put_baselines(self, sections: Sections, axis: str, labels: list[Text]) -> None:
        from memlab.reports.renderers.console import Grids

        there = sections.baselines or sections.baselines_failed or sections.baselines_hint
        heading = _heading("baselines", BESIDE if sections.baselines else "")
        self._put("#baselines-heading", heading, bool(there))
        parts: list[RenderableType] = [Text(f"✗ {text}") for text in sections.baselines_failed]
        for table in sections.baselines:
            parts += [Text()] if parts else []
            title = table.title.removeprefix("network and baselines: ")
            parts += [Text(title, "italic"), Grids(table, axis, labels)]
        self._put("#baselines", Group(*parts) if parts else Text(sections.baselines_hint))

    def _put(self, selector: str, body: RenderableType, shown: bool = True) -> None:
        line = self.query_one(selector, Static)
        line.update(body)
        line.display = shown


def _heading(name: str, about: str) -> Text:
    return Text.assemble((name, "bold"), f"   {about}" if about else "")


def _label(value: AxisValue, plain: bool) -> Text:
    """An axis value as the table of figures has it."""
    text = Text()
    text.append(f"{value.letter if plain else value.marker} {value.short}", f"bold {value.colour}")
    return text
