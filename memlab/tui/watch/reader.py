"""Reads a run for the Watch screen: one `WatchFrame` a call, made in a thread, shown in the app.

The reader owns the run's view and is used by one thread at a time. What the figures mean is in
`model`; how they look is the screen's affair.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from memlab.charts.plot import Mark, Series
from memlab.errors import MemlabError
from memlab.estimate import over_seeds
from memlab.experiment.metrics import (
    RECOVERED_TRUE_LABELS,
    TRAIN_ACCURACY,
    TRAIN_ACCURACY_CLEAN,
    TRAIN_ACCURACY_CORRUPTED,
    TRAIN_LOSS,
    TRAIN_LOSS_CLEAN,
    TRAIN_LOSS_CORRUPTED,
    VALIDATION_ACCURACY,
    VALIDATION_LOSS,
)
from memlab.experiment.spec import Experiment
from memlab.runs.curve import Curve
from memlab.runs.run import Run
from memlab.runs.run_folder import RunFolder
from memlab.runs.state import RunState
from memlab.text import plain
from memlab.tui import palette
from memlab.tui.axis_values import AxisValue, axis_values
from memlab.tui.watch import model
from memlab.tui.watch.curves import WORDS, Content, drawn, mark, series_of, steady
from memlab.tui.watch.instrument_lines import InstrumentEvents, InstrumentLine, instrument_lines
from memlab.tui.widgets.picture import Thumbnail
from memlab.tui.widgets.progress import Progress

PAGES = ("truth", "lies", "unseen", "loss")
PICTURES = 24
LONGEST_DEVICE = 80  # characters
KEPT_POINTS = 1024  # of a curve, 512 at least: more than a terminal 250 columns wide has dots
ACCURACY = {
    "truth": TRAIN_ACCURACY_CLEAN,
    "lies": TRAIN_ACCURACY_CORRUPTED,
    "unseen": VALIDATION_ACCURACY,
}
#: What stands on the page of truth where nobody said which labels are clean.
UNTOLD = {"accuracy": TRAIN_ACCURACY, "loss": TRAIN_LOSS}
LOSS = {"truth": TRAIN_LOSS_CLEAN, "lies": TRAIN_LOSS_CORRUPTED, "unseen": VALIDATION_LOSS}


@dataclass(frozen=True)
class Request:
    """What the screen shows now, and therefore needs; without `figures` standings may be older."""

    pages: tuple[str, ...] = ("truth", "lies", "unseen")
    loss: bool = False
    points: int = 640
    sparkline: int = 24
    cursor: str | None = None
    highlighted: bool = False
    dark: bool = True
    plain: bool = False
    figures: bool = True


@dataclass(frozen=True)
class WatchFrame:
    """Everything on the screen at one moment; `figures` says whether `standings` are of it."""

    run_id: str
    state: RunState
    epoch: float | None
    progress: Progress
    sentence: str
    verdict: str = ""
    charts: dict[str, Content] = field(default_factory=dict)
    values: tuple[AxisValue, ...] = ()
    standings: tuple[model.Standing, ...] = ()
    pictures: tuple[Thumbnail, ...] = ()
    pictures_note: str = ""
    instruments: tuple[InstrumentLine, ...] = ()
    problems: tuple[str, ...] = ()
    chance: float | None = None
    figures: bool = True


class WatchReader:
    """Follows one run."""

    def __init__(self, folder: RunFolder) -> None:
        """Opens it.

        Raises:
            RunFolderError, InvalidExperiment: if it cannot be read, with the reason.
        """
        run = Run(folder, KEPT_POINTS)
        self.folder = folder
        self.view = run.view
        self.experiment: Experiment = run.experiment
        self._values: dict[bool, tuple[AxisValue, ...]] = {}
        self._last: Request | None = None
        self._standings: tuple[model.Standing, ...] = ()
        self._standings_are_new = True
        self._curves: dict[tuple[str, str], Curve] = {}  # of one read
        self._verdict: tuple[RunState | None, str] = (None, "")
        self._instrument_events = InstrumentEvents(folder)

    def values(self, dark: bool = True) -> tuple[AxisValue, ...]:
        """The axis values with their colours."""
        if dark not in self._values:
            self._values[dark] = axis_values(self.experiment, dark)
        return self._values[dark]

    def read(self, request: Request, force: bool = False) -> WatchFrame | None:
        """The run as it is now; None where nothing changed since the last call."""
        changed = self.view.refresh()
        asked = replace(request, figures=True)
        stale = request.figures and not self._standings_are_new
        if not changed and asked == self._last and not force and not stale:
            return None
        figures = request.figures or force or asked != self._last
        self._last, self._standings_are_new = asked, figures
        values = self.values(request.dark)
        self._curves.clear()
        epoch = self._epoch()
        progress = self._progress(epoch)
        if figures:
            self._standings = tuple(self._read_standings(values, request, progress.epochs))
        standings = self._standings
        pictures, note = self._pictures(request, values)
        charts = {page: self._chart(page, request, values, standings) for page in request.pages}
        return WatchFrame(
            run_id=self.folder.id,
            state=self.view.state,
            epoch=epoch,
            progress=progress,
            sentence=model.sentence(
                self.view.state,
                epoch,
                seconds=self.view.worked_seconds or 0.0,
                recorded=self.experiment.recorded is not None,
            ),
            verdict=self._said_at_the_end(),
            charts=charts,
            values=values,
            standings=standings,
            pictures=pictures,
            pictures_note=note,
            instruments=self._instruments(request, values, progress.epochs),
            problems=self.view.problems,
            chance=model.chance(self.experiment, self.view.guessing),
            figures=figures,
        )

    # --- parts of a frame

    def _curve(self, value: AxisValue, metric: str) -> Curve:
        """The full curve of an axis value, made once a read."""
        key = value.key, metric
        if key not in self._curves:
            self._curves[key] = self.view.curve(metric, value.members)
        return self._curves[key]

    def _said_at_the_end(self) -> str:
        """The report's first sentence where the run has finished; read once."""
        state = self.view.state
        if state.state != "finished":
            return ""
        if self._verdict[0] != state:
            from memlab import reports

            try:
                said = reports.document(reports.load_or_build(self.folder)).get("sentences") or [""]
            except MemlabError:  # Report says why
                said = [""]
            self._verdict = state, str(said[0])
        return self._verdict[1]

    def _epoch(self) -> float | None:
        tables = [table for table in self.view.stacks.values() if len(table)]
        if not tables:
            return None
        return max(float(table.read("epoch", len(table) - 1)[0]) for table in tables)

    def _progress(self, epoch: float | None) -> Progress:
        state, known = self.view.state, self.view.progress
        device = plain(state.device or self.view.environment.get("device") or "", LONGEST_DEVICE)
        finished = state.state == "finished"
        if known is None:
            recorded = self.experiment.recorded is not None
            epochs = None if recorded else self.experiment.stop.epochs
            return Progress(
                state.state,
                epoch,
                float(epochs) if epochs else None,
                device=device,
                unit=model.axis(self.experiment),
            )
        fraction = known.fraction if known.total_examples else None
        return Progress(
            state=state.state,
            epoch=epoch if finished else known.epoch,
            epochs=known.epochs_total or None,
            fraction=1.0 if finished else fraction,
            remaining=0.0 if finished else known.seconds_left,
            samples_per_second=known.samples_per_second,
            device=device,
        )

    def _read_standings(
        self,
        values: Sequence[AxisValue],
        request: Request,
        epochs: float | None,
    ) -> list[model.Standing]:
        unseen = {value.key: self._curve(value, ACCURACY["unseen"]) for value in values}
        means = [curve.mean for curve in unseen.values() if np.isfinite(curve.mean).any()]
        if not means and self.experiment.recorded is None:
            return [model.Standing() for _ in values]
        means = means or [np.zeros(1)]
        low = min(float(np.nanmin(mean)) for mean in means)
        high = max(float(np.nanmax(mean)) for mean in means)
        everyone = sum(len(value.members) for value in values)
        latest = {metric: self.view.latest(metric, everyone) for metric in model.METRICS}
        truth = TRAIN_ACCURACY if model.untold(self.experiment) else TRAIN_ACCURACY_CLEAN
        standings = []
        for value in values:
            members = np.array([m for m in value.members if m < len(latest[TRAIN_ACCURACY])])
            if not members.size or not len(unseen[value.key].mean):
                standings.append(model.Standing())
                continue
            now = {
                metric: latest[metric][members] for metric in model.METRICS if len(latest[metric])
            }
            with np.errstate(invalid="ignore", over="ignore"):  # infinities of odd tables
                gap = now[TRAIN_ACCURACY] - now[VALIDATION_ACCURACY]
            best = model.best_of(unseen[value.key])
            standings.append(
                model.Standing(
                    truth=over_seeds(now[truth]),
                    lies=over_seeds(now[TRAIN_ACCURACY_CORRUPTED]),
                    recovered=over_seeds(now[RECOVERED_TRUE_LABELS]),
                    unseen=over_seeds(now[VALIDATION_ACCURACY]),
                    gap=over_seeds(gap),
                    best=best[0] if best else None,
                    best_epoch=best[1] if best else None,
                    moment=model.memorization_moment(
                        self._curve(value, TRAIN_ACCURACY_CORRUPTED),
                        self._curve(value, RECOVERED_TRUE_LABELS),
                    ),
                    sparkline=model.so_far(
                        steady(unseen[value.key], 512), request.sparkline, epochs, low, high
                    ),
                )
            )
        return standings

    def _chart(
        self,
        page: str,
        request: Request,
        values: Sequence[AxisValue],
        standings: Sequence[model.Standing],
    ) -> Content:
        if page == "loss":
            return self._loss(request, values)
        metric = (LOSS if request.loss else ACCURACY)[page]
        if page == "truth" and model.untold(self.experiment):
            metric = UNTOLD["loss" if request.loss else "accuracy"]
        series: list[Series] = []
        marks: list[Mark] = []
        rows = False
        seen = drawn(values, request.cursor, request.highlighted)
        for value, standing in zip(values, standings, strict=True):
            if value not in seen:
                continue
            curve = steady(self._curve(value, metric), request.points)
            rows = rows or len(curve.epoch) > 0
            if not np.isfinite(curve.mean).any():
                continue
            shape = value.letter if request.plain else value.marker
            series.append(series_of(curve, value.key, value.colour, shape))
            if not request.highlighted or value.key == request.cursor:
                found = mark(page, request.loss, curve, standing, value)
                marks += [found] if found else []
        if marks:  # one label is enough to say what all of them are
            at = 0 if page == "lies" else len(marks) // 2
            marks[at] = replace(marks[at], label=WORDS[page])
        empty = model.NO_LIES if page == "lies" and rows and not series else model.WAITING
        return Content(tuple(series), tuple(marks), empty)

    def _loss(self, request: Request, values: Sequence[AxisValue]) -> Content:
        value = next((v for v in values if v.key == request.cursor), values[0])
        colours = palette.palette(request.dark)
        series = []
        for kind, metric in self._losses().items():
            curve = steady(self._curve(value, metric), request.points)
            if np.isfinite(curve.mean).any():
                marker = (palette.KIND_LETTERS if request.plain else palette.KIND_MARKERS)[kind]
                untold = kind == "truth" and model.untold(self.experiment)
                name = "train" if untold else kind
                series.append(series_of(curve, name, getattr(colours, kind), marker))
        return Content(tuple(series))

    def _losses(self) -> dict[str, str]:
        untold = model.untold(self.experiment)
        return LOSS | {"truth": UNTOLD["loss"]} if untold else LOSS

    def _instruments(
        self, request: Request, values: Sequence[AxisValue], epochs: float | None
    ) -> tuple[InstrumentLine, ...]:
        on, told = self.experiment.instruments.names, self._instrument_events.read()
        seen = [v for v in values if v.key == request.cursor and request.highlighted] or values
        members = [member for value in seen for member in value.members]
        return instrument_lines(self.view, on, told, members, epochs)

    def _pictures(
        self, request: Request, values: Sequence[AxisValue]
    ) -> tuple[tuple[Thumbnail, ...], str]:
        chosen = next((v for v in values if v.key == request.cursor), None)
        only = set(chosen.members) if chosen is not None and request.highlighted else None
        lies = palette.palette(request.dark).lies
        thumbnails: list[Thumbnail] = []
        seen: set[int] = set()
        epochs: list[float] = []
        for each in self.view.memorized(PICTURES if only is None else 512):
            if each.index in seen or (only is not None and each.member not in only):
                continue
            seen.add(each.index)
            epochs.append(each.epoch)
            words = model.caption(each.true, each.given)
            thumbnails.append(Thumbnail(each.picture, words, colour=lies))
            if len(thumbnails) == PICTURES:
                break
        if not thumbnails:
            return (), ""
        low, high = round(min(epochs)), round(max(epochs))
        when = f"epoch {high}" if low == high else f"epochs {low}–{high}"
        return tuple(thumbnails), f"fitted at {when}"
