"""What the Watch screen shows, worked out from a run: figures, moments, sentences. Pure.

Nothing here reads a file or knows a widget; curves come in as `Curve`s of `memlab.runs.curve`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memlab.charts.sparkline import sparkline
from memlab.estimate import Estimate
from memlab.experiment import datasets
from memlab.experiment.metrics import (
    RECOVERED_TRUE_LABELS,
    TRAIN_ACCURACY,
    TRAIN_ACCURACY_CLEAN,
    TRAIN_ACCURACY_CORRUPTED,
    VALIDATION_ACCURACY,
)
from memlab.experiment.own_network import is_own
from memlab.experiment.recorded import words
from memlab.experiment.spec import Experiment
from memlab.numbers import aligned, clock, count, number, plus_minus
from memlab.runs.curve import Curve
from memlab.runs.guessing import Guessing
from memlab.runs.state import RunState
from memlab.text import plain
from memlab.tui.axis_values import AxisValue
from memlab.tui.widgets.columns import Coloured, Column

Values = NDArray[np.float64]
NO_LIES = "Nothing is corrupted here: there are no lies to learn."
WAITING = "waits for the first measurement"
STARTING = "The worker is starting: it imports torch, which takes a few seconds."
#: Of a run of which nobody knows which labels are clean: `truth` are all training labels.
UNTOLD = ("value", "truth", "unseen", "best", "gap", "spark")
COLUMNS = ("value", "truth", "lies", "recovered", "unseen", "best", "gap", "spark")
NARROW = ("value", "lies", "unseen", "gap", "spark")
METRICS = (
    TRAIN_ACCURACY,
    TRAIN_ACCURACY_CLEAN,
    TRAIN_ACCURACY_CORRUPTED,
    RECOVERED_TRUE_LABELS,
    VALIDATION_ACCURACY,
)


@dataclass(frozen=True)
class Standing:
    """Where one axis value stands now; None is not known yet."""

    truth: Estimate | None = None
    lies: Estimate | None = None
    recovered: Estimate | None = None
    unseen: Estimate | None = None
    gap: Estimate | None = None
    best: float | None = None
    best_epoch: float | None = None
    moment: float | None = None
    sparkline: str = ""


def best_of(curve: Curve) -> tuple[float, float] | None:
    """Highest mean and its epoch, the first of equals; None where there is none."""
    if not curve.mean.size or not np.isfinite(curve.mean).any():
        return None
    at = int(np.nanargmax(curve.mean_high))
    return float(curve.mean_high[at]), float(curve.peak[at])


def memorization_moment(fitted: Curve, recovered: Curve) -> float | None:
    """The epoch from which on more lies are repeated than seen through, to the last row.

    None where that isn't so now, or where there are no lies. Before the network knows anything
    both are at chance: the moment is not before the first epoch after which they differ for good.
    """
    length = min(len(fitted.mean), len(recovered.mean))
    with np.errstate(invalid="ignore"):
        ahead = fitted.mean[:length] > recovered.mean[:length]
    if not length or not ahead[-1]:
        return None
    behind = np.flatnonzero(~ahead)
    first = int(behind[-1]) + 1 if behind.size else 0
    return float(fitted.epoch[first])


def so_far(curve: Curve, width: int, epochs: float | None, low: float, high: float) -> str:
    """The curve as blocks; as many of `width` as the share of the epochs that is behind."""
    if not len(curve.mean) or width < 1:
        return ""
    last = float(curve.epoch[-1])
    share = min(1.0, last / epochs) if epochs else 1.0
    room = max(1, round(width * share))
    if len(curve.mean) < room:
        at = np.linspace(0, last, room)
        values = np.interp(at, curve.epoch, curve.mean)
    else:
        values = curve.mean
    return sparkline(values.tolist(), room, low, high)


def columns(
    title: str, narrow: bool, sparkline: int = 24, untold: bool = False, axis: str = "epoch"
) -> list[Column]:
    """The columns for a width, in order; their keys are of `COLUMNS`.

    `untold` are those of a run of which nobody knows which labels are clean; `axis` is what figures
    stand against, empty where that is not the same in all rows.
    """
    every = {
        "value": Column("value", title, sortable=False),
        "truth": Column("truth", "train" if untold else "truth fitted", 12, priority=3),
        "lies": Column("lies", "lies fitted", 12),
        "recovered": Column("recovered", "lies seen through", 17, priority=2),
        "unseen": Column("unseen", "unseen now", 12),
        "best": Column("best", f"best @ {axis}".rstrip(), 13, priority=1),
        "gap": Column("gap", "gap", 12),
        "spark": Column("spark", "validation, so far", sparkline, sortable=False, priority=4),
    }
    if untold:
        return [every[key] for key in UNTOLD if not narrow or key != "best"]
    return [every[key] for key in (NARROW if narrow else COLUMNS)]


def row_cells(value: AxisValue, standing: Standing, plain: bool = False) -> list[object]:
    """Cells in the order of `COLUMNS`."""

    def shown(figure: Estimate | None) -> str:
        return aligned("·", 1, 3) if figure is None else aligned(plus_minus(figure))

    best = "·"
    if standing.best is not None and standing.best_epoch is not None:
        best = f"{number(standing.best)} @ {number(standing.best_epoch, 0):>3}"
    mark = value.letter if plain else value.marker
    return [
        Coloured(f"{mark} {value.short}", value.colour, True),
        shown(standing.truth),
        shown(standing.lies),
        shown(standing.recovered),
        shown(standing.unseen),
        best,
        shown(standing.gap),
        Coloured(standing.sparkline, value.colour),
    ]


def facts(experiment: Experiment, name: str) -> str:
    """One line that says what is trained: `noise-ladder · digits 1,000 · mlp 2×256 · η 0.1`."""
    if experiment.recorded is not None:
        return " · ".join((name, *words(experiment.recorded.model_dump())))
    axes = experiment.axes
    parts = [name]
    if "dataset.name" not in axes:
        size = experiment.dataset.train
        size_text = f" {count(size)}" if size and "dataset.train" not in axes else ""
        parts.append(experiment.dataset.name + size_text)
    if "model.name" not in axes:
        parts.append(_model(experiment))
    if not any(name.startswith("optimizer.learning_rate") for name in axes):
        parts.append(_rate(experiment))
    if "optimizer.batch_size" not in axes:
        parts.append(f"S {experiment.optimizer.batch_size}")
    return " · ".join(parts)


def _rate(experiment: Experiment) -> str:
    asked = experiment.optimizer.learning_rate_of_sharpness
    return f"η {experiment.optimizer.learning_rate:g}" if asked is None else f"ηλ₀ {asked:g}"


def _model(experiment: Experiment) -> str:
    model = experiment.model
    if is_own(model.name):
        return model.name
    if model.name != "mlp":
        return model.name + (f" {model.width}" if model.width else "")
    depth = "" if "model.depth" in experiment.axes else f"{model.depth or 2}×"
    width = "" if "model.width" in experiment.axes else str(model.width or 256)
    return f"mlp {depth}{width}".rstrip("× ")


def has_lies(experiment: Experiment) -> bool:
    """Whether any member's training data are corrupted."""
    stated = experiment.corruption
    kinds = experiment.axes.get("corruption.kind", [stated.kind])
    shares = [
        share
        for name in ("fraction", "input_fraction")
        for share in experiment.axes.get(f"corruption.{name}", [getattr(stated, name, 0.0)])
    ]
    varied = "corruption" in experiment.axes
    return varied or (any(kind != "none" for kind in kinds) and any(shares))


def axis(experiment: Experiment) -> str:
    """What curves stand against: epochs, or the steps of a log that knows no epochs."""
    return "epoch" if experiment.recorded is None else experiment.recorded.axis


def untold(experiment: Experiment) -> bool:
    """Whether nobody said which labels are clean, so that truth and lies cannot be told apart."""
    return experiment.recorded is not None and experiment.recorded.corrupted is None


def chance(experiment: Experiment, said: Guessing) -> float | None:
    """Accuracy of guessing: as the run says, before it has begun as its dataset is declared.

    None where neither tells, or members have different data.
    """
    if _has_dataset_axis(experiment):
        return None
    if said.counts or experiment.recorded is not None:
        return said.chance
    data = datasets.taken(experiment.dataset)
    return None if data is None else 1 / data.classes


def picture(experiment: Experiment) -> tuple[int, ...] | None:
    """Height and width of an example's picture, () for what is none; None where only data tell."""
    if experiment.recorded is not None:
        return ()  # a recorder keeps no stream of what is being memorized now
    data = None if _has_dataset_axis(experiment) else datasets.taken(experiment.dataset)
    return None if data is None else (data.image or (0,))[1:]


def looks_at(experiment: Experiment) -> bool:
    """Whether a run of it records anything of single examples."""
    if experiment.recorded is not None:
        return experiment.recorded.ledger
    ledger = "ledger" in experiment.instruments.names
    return ledger or experiment.evaluation.outcomes or has_lies(experiment)


def _has_dataset_axis(experiment: Experiment) -> bool:
    variants = experiment.axes.get("dataset", ())
    return "dataset.name" in experiment.axes or any("name" in variant for variant in variants)


def sentence(
    state: RunState,
    epoch: float | None,
    waited: str = "",
    seconds: float = 0.0,
    recorded: bool = False,
) -> str:
    """What the state means and which key helps; empty while it simply runs."""
    if recorded and (said := recorded_sentence(state)):
        return said
    at = "" if epoch is None else f" at epoch {number(epoch, 0)}"
    reason = plain(state.message).rstrip(".")
    match state.state:
        case "queued":
            return waited or reason or "Queued: another run has the device; this one comes next."
        case "starting":
            return STARTING
        case "running":
            return "" if epoch is not None else "The worker reads the data and builds the networks."
        case "paused":
            return f"Paused{at}.  space  goes on."
        case "stopping":
            return "Stopping: it saves a checkpoint first."
        case "finished":
            took = f" in {clock(seconds)}" if seconds > 0 else ""
            return f"Finished{took}.  3  shows the report."
        case "failed":
            return f"Failed: {reason or 'no reason was given'}.  l  worker.log   u  resume"
        case _:
            return f"Interrupted{at}: {reason}.  u  resumes from the last checkpoint."


def recorded_sentence(state: RunState) -> str:
    """The same of a recorded run, which no key resumes; empty where nothing differs."""
    reason = plain(state.message).rstrip(".")
    match state.state:
        case "running" | "starting" | "queued":
            return "Recorded from a loop of its own: it ends where that ends."
        case "failed":
            return f"{reason or 'Failed: no reason was given'}.  3  shows what was recorded."
        case "interrupted":
            return f"{reason or 'Interrupted'}.  3  shows what was recorded."
        case _:
            return ""


def caption(true: int, given: int, names: Sequence[str] = ()) -> str:
    """What a memorized picture shows: `3 as 8`; one label where only the input is corrupted."""
    words: Mapping[int, str] = dict(enumerate(names))
    said = words.get(given, str(given))
    return said if true == given else f"{words.get(true, str(true))} as {said}"
