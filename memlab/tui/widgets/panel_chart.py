"""One panel of a claim's figure, with its legend below."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from memlab.reports.scoreboard_panels import DrawnPanel
from memlab.tui.widgets.chart import BrailleChart


class PanelChart(BrailleChart):
    """A chart that shows one panel after the other."""

    def present(self, made: DrawnPanel) -> None:
        """Shows a panel in one repaint."""
        picture = made.picture
        told = {
            "title": picture.title,
            "axis": picture.axis,
            "empty": picture.empty,
            "pointed": picture.pointed,
            "lettered": picture.lettered,
            "ticks": picture.ticks,
            "names": picture.names,
            "x_range": made.x,
            "y_range": made.y,
            "x_scale": "log" if picture.log_x else "linear",
            "y_scale": made.scale,
        }
        for name, value in told.items():
            self.set_reactive(getattr(BrailleChart, name), value)
        self._reference = picture.reference
        self.show(picture.series, ())


class PanelFigure(Vertical):
    """A panel and its legend; marks by name take the height that they need."""

    DEFAULT_CSS = """
    PanelFigure {
        width: 1fr;
        & > .legend { height: auto; max-height: 3; padding: 0 1; }
    }
    """

    def compose(self) -> ComposeResult:
        yield PanelChart()
        yield Static("", classes="legend", markup=False)

    def present(self, made: DrawnPanel) -> None:
        """Shows a panel."""
        chart = self.query_one(PanelChart)
        chart.styles.max_height = made.least_height
        chart.present(made)
        parts = [Text.assemble((mark, tone), f" {name}") for mark, tone, name in made.legend]
        legend, text = self.query_one(".legend", Static), Text("  ").join(parts)
        legend.display = bool(parts)
        if str(legend.content) != str(text):
            legend.update(text)
