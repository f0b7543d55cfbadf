"""The charts of Watch: truth, lies, unseen and loss, side by side or one at a time.

Told an experiment and frames; which chart is shown, accuracy or loss, and zoom are kept here.
"""

from __future__ import annotations

from collections.abc import Mapping

from textual.app import ComposeResult
from textual.containers import Horizontal

from memlab.experiment.metrics import METRICS, TRAIN_ACCURACY
from memlab.tui.watch.curves import Content
from memlab.tui.watch.reader import ACCURACY, PAGES
from memlab.tui.widgets.chart import BrailleChart

TITLES = {page: METRICS[metric].caption for page, metric in ACCURACY.items()}
ALL_LABELS = METRICS[TRAIN_ACCURACY].caption
SIDE_BY_SIDE = 110  # columns from which three charts stand beside each other


class WatchCharts(Horizontal):
    """Four charts; `single` shows the current page alone."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.page = "lies"
        self.loss = self.zoomed = False
        self.untold = False  # which labels are clean

    def compose(self) -> ComposeResult:
        """All four; styles choose which are seen."""
        for page in PAGES:
            chart = BrailleChart(TITLES.get(page, "loss"), id=page)
            chart.legend = page == "loss"
            yield chart

    @property
    def single(self) -> bool:
        """Whether one chart has all the room."""
        return self.zoomed or self.app.size.width < SIDE_BY_SIDE

    @property
    def pages(self) -> tuple[str, ...]:
        """The charts that are seen."""
        beside = ("truth", "unseen", "loss") if self.untold else PAGES[:3]
        return (self.page,) if self.single else beside

    @property
    def _turns(self) -> tuple[str, ...]:
        """The pages that there are."""
        return tuple(page for page in PAGES if page != "lies" or not self.untold)

    @property
    def points(self) -> int:
        """How many points a curve may have and still show each of them."""
        wide = self.app.size.width
        return max(160, (wide if self.single else wide // 3) * 8)

    def chart(self, page: str) -> BrailleChart:
        """One of the four."""
        return self.query_one(f"#{page}", BrailleChart)

    def forget(self) -> None:
        """Another run is coming."""
        for page in PAGES:
            self.chart(page).highlighted = None
            self.chart(page).show((), ())

    def prepare(self, clean: bool, untold: bool = False, axis: str = "epoch") -> None:
        """What depends on the experiment only; without lies another page comes first."""
        self.untold = untold
        for page in PAGES:
            self.chart(page).axis = axis
        self.set_class(untold, "-untold")
        if clean and self.page == "lies":
            self.page = "unseen"

    def turn(self, step: int) -> None:
        """Another page."""
        self.page = self._turns[(self._turns.index(self.page) + step) % len(self._turns)]

    def fit(self, label: str) -> None:
        """Classes, axes and titles for the size; `label` is the axis value under the cursor."""
        for page in PAGES:
            self.set_class(page == self.page, f"-page-{page}")
            fixed = page != "loss" and not self.loss
            self.chart(page).y_range = (0.0, 1.0) if fixed else None
        self.set_class(self.single, "-single")
        self.entitle(label)

    def entitle(self, label: str) -> None:
        """The titles; that of the losses names the axis value they belong to."""
        quantity = " · loss" if self.loss else ""
        turn, turns = self._turns.index(self.page) + 1, len(self._turns)
        place = f" ({turn} of {turns})" if self.single else ""
        for page, title in TITLES.items():
            words = ALL_LABELS if self.untold and page == "truth" else title
            self.chart(page).title = words + quantity + place
        self.chart("loss").title = f"loss{', ' + label if label else ''}{place}"

    def show(
        self, charts: Mapping[str, Content], highlighted: str | None, chance: float | None
    ) -> None:
        """The curves; `highlighted` is the key of the axis value that stays bright."""
        for page, content in charts.items():
            chart = self.chart(page)
            chart.set_reference(chance if page != "loss" else None, "chance")
            chart.empty = content.empty
            chart.highlighted = highlighted if page != "loss" else None
            chart.show(content.series, content.marks)

    def highlight(self, key: str | None) -> None:
        """Brightens one axis value, or all alike."""
        for page in PAGES[:3]:
            self.chart(page).highlighted = key
