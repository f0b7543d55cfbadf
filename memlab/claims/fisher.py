"""The trace of the Fisher matrix early in training: Jastrzębski 2021 (science.md, 6; B7)."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from memlab.claims import criteria as that
from memlab.claims import drawing
from memlab.claims.claim import Claim, Contrast, Control, Found, Line, Measured, Panel, Values
from memlab.claims.finished_run import Cell, Evidence
from memlab.claims.select import by_rate
from memlab.experiment.metrics import TEST_ACCURACY, TRAIN_LOSS

PAPER: Final = "trajectory"
TRACE: Final = "fisher.trace"
#: A slope that counts, 10 % over the grid of η.
COUNTS: Final = 0.05


def small_trace_early(evidence: Evidence, late: bool = False) -> Measured:
    """An early penalty on Tr F gains test accuracy, and large steps keep its peak low.

    With `late` the same penalty later in training stands in the early one's place.
    """
    rates, cells = by_rate(evidence.run("fisher"))
    arms = {_begin(cell): cell for cell in evidence.run("fisher-penalty").cells}
    reached = {begin: _at_its_loss(cell) for begin, cell in arms.items()}
    begins = sorted(begin for begin in arms if begin >= 0)
    peaks = np.array([_peaks(cell) for cell in cells]).T
    found = {
        "gain": reached[begins[-1] if late else begins[0]] - reached[-1.0],
        "η": np.tile(rates, (len(peaks), 1)),
        "peak": peaks,
    }
    lines = []
    for rate, cell in zip(rates, cells, strict=True):
        epoch, values = cell.table(TRACE)
        lines.append(Line(f"η {rate:g}", epoch, values))
    bars = [("none" if begin < 0 else f"from epoch {begin:g}", reached[begin])
            for begin in sorted(reached)]  # fmt: skip
    loss = arms[-1.0].experiment.stop.train_loss
    return replace(
        penalty_gains(found),
        panels=(
            drawing.named(f"penalty on Tr F, at train loss {loss:g}", "test accuracy", bars),
            drawing.against("on the way to one train loss", "η", "largest Tr F",
                            [("Tr F", rates, list(peaks.T))], log_x=True, log_y=True),
            Panel("Tr F while training", "epoch", "Tr F", tuple(lines), log_y=True),
        ),
    )  # fmt: skip


def _begin(cell: Cell) -> float:
    """The epoch at which the penalty begins; −1 for none."""
    own = cell.experiment.regularization
    return own.fisher_from if own.fisher_penalty > 0 else -1.0


def _at_its_loss(cell: Cell) -> Values:
    """Test accuracy where the train loss is what training ends at, [replicates]; NaN for never."""
    stop = cell.experiment.stop.train_loss or 0.0
    with np.errstate(invalid="ignore"):
        there = cell.final(TRAIN_LOSS) <= stop
    return np.where(there, cell.final(TEST_ACCURACY), np.nan)


def _peaks(cell: Cell) -> Values:
    """The largest Tr F until the train loss is what training ends at, [replicates]; NaN for
    never."""
    stop = cell.experiment.stop.train_loss or 0.0
    made = []
    for losses, one in zip(cell.series(TRAIN_LOSS), cell.series(TRACE), strict=True):
        epoch = losses.crossing(stop)
        before = one.values[one.epoch <= epoch]
        known = np.isfinite(epoch) and len(before)
        made.append(float(np.nanmax([*before, one.between(epoch)])) if known else float("nan"))
    return np.array(made)


def penalty_gains(found: Found) -> Measured:
    """`gain` in test accuracy by the penalty, [replicates], and the largest Tr F, `peak`, at each
    `η`, both [replicates, rates]."""
    return Measured(
        (
            that.above("test accuracy gained by the penalty", found["gain"], 0.0),
            that.falls("slope of log max Tr F on log η", found["η"], found["peak"], -COUNTS,
                       log="xy"),
        ),
        contrast=found["gain"],
    )  # fmt: skip


SMALL_TRACE_EARLY = Claim(
    id="B7",
    paper=PAPER,
    title="Large steps keep the Fisher trace small early, and that helps",
    sentence="Large steps keep the trace of the Fisher matrix small early in training; with small "
    "steps a penalty on it there does the same good.",
    source="Jastrzębski 2021, arXiv 2012.14193, sections 3 and 4, figure 2, table 1",
    criterion="at small η and equal train loss, test accuracy with a penalty on Tr F in the first "
    "20 epochs − without > 0 (primary); slope of the logarithm of the largest Tr F on log η, up to "
    f"one train loss, < −{COUNTS:g}",
    rival="a penalty on Tr F regularizes whenever it is there, not early alone",
    contrast=Contrast("test accuracy gained by the penalty", "above"),
    paper_had="test accuracy on CIFAR-10 and -100 gained at small η by the penalty, about what a "
    "large η gains; no late penalty",
    refuted_by="a penalty that costs accuracy, or one that gains as much late; a Tr F that does "
    "not fall with η",
    reading="on replicates 100 to 107 this penalty gained 0.011 early and 0.008 late; ten times as "
    "strong, it gained no more early",
    presets=("fisher", "fisher-penalty"),
    measure=small_trace_early,
    rule=penalty_gains,
    control=Control(
        "the same penalty late, from epoch 40 to 60",
        lambda e: small_trace_early(e, late=True),
        ("fisher", "fisher-penalty"),
    ),
    least_effect=0.011,
    budget=30.0,
)
