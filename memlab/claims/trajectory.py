"""The early trajectory: Jastrzębski 2018 and 2020, Cohen 2021 (science.md, 6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from memlab.claims import criteria as that
from memlab.claims import drawing
from memlab.claims.claim import (
    Change,
    Claim,
    Contrast,
    Control,
    Found,
    Line,
    Measured,
    Panel,
    Values,
)
from memlab.claims.finished_run import Cell, Evidence, Series
from memlab.claims.jastrzebski_minima import SHARPNESS, read_at
from memlab.claims.select import by_rate
from memlab.experiment.metrics import TRAIN_LOSS

PAPER: Final = "trajectory"
LARGEST: Final = "gradient-covariance.largest"
#: How much larger than both ends a maximum has to be, as a factor: the largest of many noisy
#: measurements exceeds the first and the last by chance alone.
HIGHER: Final = 1.1


def _trajectories(rates: Sequence[float], cells: Sequence[Cell], metric: str, name: str) -> Panel:
    """The metric against epochs, both on logarithmic axes, a line for each learning rate."""
    lines = []
    for rate, cell in zip(rates, cells, strict=True):
        epoch, values = cell.table(metric)
        lines.append(Line(f"η {rate:g}", epoch[1:], values[:, 1:]))
    return Panel(name, "epoch", name, tuple(lines), log_x=True, log_y=True)


def rises_then_falls(evidence: Evidence, metric: str = SHARPNESS) -> Measured:
    """λ_H rises until the loss is a tenth of what it was, and has its maximum inside training.

    `metric` stands in λ_H's place: that of the initial weights, rescaled.
    """
    cell = evidence.run("sharpening").cells[0]
    rise, fall = [], []
    for losses, one in zip(cell.series(TRAIN_LOSS), cell.series(metric), strict=True):
        there = read_at(losses, one, TENTH * float(losses.values[0]))
        rise.append(np.log(there / one.values[0]))
        fall.append(np.log(np.nanmax(one.values) / one.values[-1]))
    lines = tuple(Line(name, *cell.table(quantity)) for name, quantity in CURVES)
    panel = Panel("largest eigenvalue", "epoch", "λ_H", lines, log_y=True)
    beside = drawing.curves("train loss", TRAIN_LOSS, [("train loss", cell)])
    found = {"rise": np.array(rise), "fall": np.array(fall)}
    return replace(up_and_down(found), panels=(panel, beside))


#: The share of the starting loss at which the rise is read.
TENTH: Final = 0.1
#: How far λ_H has to rise: the rescaled initial weights reach 1.73 on replicates 100 to 107.
RISES: Final = 2.0
RESCALED: Final = "curvature.rescaled"
CURVES: Final = (("trained", SHARPNESS), ("initial weights, rescaled", RESCALED))


def up_and_down(found: Found) -> Measured:
    """Logarithms of λ_H at a tenth of the loss ÷ at the start, `rise`, and of its maximum ÷ its
    end, `fall`, [replicates]."""
    rise, fall = "λ_H at a tenth of the starting loss ÷ at the start", "its maximum ÷ its end"
    return Measured(
        (
            that.ratio_above(rise, np.exp(found["rise"]), RISES),
            that.ratio_above(fall, np.exp(found["fall"]), HIGHER),
        ),
        contrast=found["rise"],
    )


RISES_THEN_FALLS = Claim(
    id="B1",
    paper=PAPER,
    title="Sharpness rises, then falls",
    sentence="The largest eigenvalue of the Hessian first rises, then falls or levels off.",
    source="Jastrzębski 2020, arXiv 2002.09572, section 4.1, figure 1",
    criterion="with squared error, λ_H where the train loss is a tenth of what it was at first ÷ "
    f"at the start > {RISES:g}, and its maximum exceeds its end by a factor of {HIGHER:g}",
    rival="weights grow: of a network whose layers have larger norms the curvature is larger, "
    "whatever it has learned",
    contrast=Contrast("log of λ_H at a tenth of the starting loss ÷ at the start", "above"),
    paper_had="a maximum within the first epochs on CIFAR-10",
    refuted_by="a λ_H that does not rise, or rises as much in the initial weights, rescaled to the "
    "norms of the trained ones; a maximum at the end",
    reading="with two layers on replicates 100 to 107 λ_H rose by 1.59 [1.34, 1.88], the rescaled "
    "initial weights' by 1.65 [1.61, 1.69]: there it is the weights that grow; the paper's "
    "networks are deep",
    presets=("sharpening",),
    measure=rises_then_falls,
    rule=up_and_down,
    control=Control(
        "the initial weights, rescaled layer by layer to their norms at that point",
        lambda e: rises_then_falls(e, RESCALED),
        ("sharpening",),
    ),
    budget=20.0,
    history=(
        Change(
            "2026-11-27",
            "with cross-entropy, the maximum of λ_H is larger than the first and the last "
            "measurement by a factor of 1.1, at every learning rate",
            "with squared error, at a tenth of the starting loss ÷ at the start > 2, and the "
            "maximum ÷ the end > 1.1",
            "the curvature of cross-entropy falls as its loss nears 0, so that every run has such "
            "a maximum",
        ),
    ),
)


def lower_at_larger_steps(evidence: Evidence, progress: bool = False) -> Measured:
    """The larger η, the lower the maximum of λ_K on the way to one train loss.

    With `progress` one small η, on the way to the losses to which each η was read.
    """
    rates, cells = by_rate(evidence.run("early"))
    own, small = _maxima(cells, LARGEST)
    when = np.array([[update for _, update, _ in _peaks(c, LARGEST)] for c in cells]).mean(axis=1)
    told = ", ".join(f"{at:.0f} at η {rate:g}" for rate, at in zip(rates, when, strict=True))
    shown = [("its own", rates, list(own.T)), ("the least η", rates, list(small.T))]
    found = {"η": np.tile(rates, (len(own), 1)), "peak": small if progress else own}
    return replace(
        falls_with_the_rate(found),
        panels=(
            drawing.against(
                f"maximum until the train loss is {_until_loss(cells[0]):g}", "η", "λ_K", shown,
                log_x=True, log_y=True,
            ),
            _trajectories(rates, cells, LARGEST, "λ_K"),
        ),
        remarks=(f"Update of the maximum of λ_K: {told}.",),
    )  # fmt: skip


#: The train loss of mnist1d up to which maxima are taken (2.3 at the start): afterwards λ_K has
#: spikes at large η, whatever came before.
UNTIL: Final = 1.3
#: A slope that counts, 15 % over the grid of η; one small η, read to nearly one loss, has slopes of
#: 0 to the last digits, on either side.
COUNTS: Final = 0.05
#: Networks train on beyond it, to `stop.train_loss`, so that the control finds where others ended.
BEYOND: Final = UNTIL / 1.2


def _until_loss(cell: Cell) -> float:
    return BEYOND * (cell.experiment.stop.train_loss or UNTIL / BEYOND)


def _peaks(cell: Cell, metric: str) -> list[tuple[float, float, float]]:
    """Of each replicate the maximum until its train loss first is `UNTIL` or less, the update of
    that maximum, and the loss there at the end; NaN where it is never reached."""
    made = []
    for losses, one in zip(cell.series(TRAIN_LOSS), cell.series(metric), strict=True):
        there = np.flatnonzero(losses.values <= _until_loss(cell) + 1e-9)
        if not len(there):
            made.append((float("nan"),) * 3)
            continue
        before = one.epoch <= losses.epoch[there[0]] + 1e-9
        top = int(np.nanargmax(one.values[before]))
        made.append((float(one.values[top]), float(one.update[top]), losses.values[there[0]]))
    return made


def _maxima(cells: Sequence[Cell], metric: str) -> tuple[Values, Values]:
    """`_peaks` of each cell, and the maximum of the first on the way to the losses at which those
    ended, each [replicates, cells]."""
    peaks = [_peaks(cell, metric) for cell in cells]
    own = np.array([[value for value, _, _ in row] for row in peaks]).T
    lows = np.array([[low for _, _, low in row] for row in peaks]).T
    first = zip(cells[0].series(TRAIN_LOSS), cells[0].series(metric), lows, strict=True)
    return own, np.array([[_until(losses, one, low) for low in row] for losses, one, row in first])


def _until(losses: Series, one: Series, low: float) -> float:
    """The maximum until the train loss falls to `low`, its interpolated value there with it.

    Where it ended a little above `low`, until its end.
    """
    if not np.isfinite(low):
        return float("nan")
    epoch = losses.crossing(low)
    if not np.isfinite(epoch):
        return float(np.nanmax(one.values))
    return float(np.nanmax([*one.values[one.epoch <= epoch], one.between(epoch)]))


def falls_with_the_rate(found: Found) -> Measured:
    """The largest λ_K, `peak`, at each `η`, both [replicates, rates]."""
    slope = that.falls(
        "slope of log max λ_K on log η", found["η"], found["peak"], -COUNTS, log="xy"
    )
    return Measured((slope,), contrast=slope.values)


PROGRESS: Final = "one small η, on the way to the losses to which each η was read"
_WHY: Final = (
    "maxima over all of the training are spikes late at large η; and read at the losses of the "
    "maxima, as first planned, one small η agrees with all others even where the claim is true: "
    "trajectories part only after the break-even point"
)
LOWER_AT_LARGER_STEPS = Claim(
    id="B2",
    paper=PAPER,
    title="Larger steps break even earlier",
    sentence="With larger η or smaller S the break-even point comes earlier, at a lower λ_K.",
    source="Jastrzębski 2020, section 4.2, figure 4",
    criterion="slope on log η of the logarithm of the maximum of λ_K on the way to train loss "
    f"{UNTIL:g} < −{COUNTS:g}; its update is reported",
    rival="progress: large steps are read at another loss, and there λ_K is lower for small steps "
    "too",
    contrast=Contrast("slope of log max λ_K on log η", "below"),
    paper_had="0.87 at η 0.1 against 3.01 at η 0.01",
    refuted_by="a maximum that does not fall with η, or falls as much where one small η is read to "
    "those losses",
    presets=("early",),
    measure=lower_at_larger_steps,
    rule=falls_with_the_rate,
    control=Control(PROGRESS, lambda e: lower_at_larger_steps(e, progress=True), ("early",)),
    least_effect=-0.4,
    budget=30.0,
    history=(
        Change(
            "2026-11-27",
            "slope of the logarithm of the maximum of λ_K on log η < 0, digits",
            f"slope below −{COUNTS:g} on mnist1d, on the way to train loss {UNTIL:g}",
            _WHY,
        ),
    ),
)


def better_conditioned(evidence: Evidence, progress: bool = False) -> Measured:
    """The larger η, the larger the maxima of Tr K ÷ λ_K and of λ* ÷ λ_K; `progress` as for B2."""
    rates, cells = by_rate(evidence.run("early"))
    found: dict[str, Values] = {}
    panels: list[Panel] = []
    for metric, name in CONDITIONING:
        full = f"gradient-covariance.{metric}"
        own, small = _maxima(cells, full)
        found |= {name: small if progress else own, "η": np.tile(rates, (len(own), 1))}
        shown = [("its own", rates, list(own.T)), ("the least η", rates, list(small.T))]
        panels.append(
            drawing.against(name, "η", f"maximum of {name}", shown, log_x=True, log_y=True)
        )
    return replace(rises_with_the_rate(found), panels=tuple(panels))


#: Quantities of gradient-covariance, and what they are.
CONDITIONING: Final = (("relative_trace", "Tr K ÷ λ_K"), ("condition", "λ* ÷ λ_K"))


def rises_with_the_rate(found: Found) -> Measured:
    """The maxima by name (`CONDITIONING`) at each `η`, all [replicates, rates]."""
    slopes = tuple(
        that.rises(f"slope of log max {name} on log η", found["η"], found[name], COUNTS, log="xy")
        for _, name in CONDITIONING
    )
    return Measured(slopes, contrast=slopes[0].values)


BETTER_CONDITIONED = Claim(
    id="B3",
    paper=PAPER,
    title="and leave better-conditioned gradients",
    sentence="With larger η the gradient covariance is better conditioned.",
    source="Jastrzębski 2020, section 4.2, figure 5",
    criterion="slopes on log η of the logarithms of the maxima of Tr K ÷ λ_K (primary), and of "
    f"λ* ÷ λ_K, on the way to train loss {UNTIL:g}, > {COUNTS:g}",
    rival="progress: large steps are read at another loss, and there the gradients of small steps "
    "are as well conditioned",
    contrast=Contrast("slope of log max Tr K ÷ λ_K on log η", "above"),
    paper_had="Tr K ÷ λ_K 14.29 at η 0.1 against 10.69 at η 0.01",
    refuted_by="a conditioning that does not rise with η, or rises as much where one small η is "
    "read to those losses",
    reading="the smallest of 24 eigenvalues from 512 examples is mostly noise",
    presets=("early",),
    measure=better_conditioned,
    rule=rises_with_the_rate,
    control=Control(PROGRESS, lambda e: better_conditioned(e, progress=True), ("early",)),
    least_effect=0.15,
    budget=30.0,
    history=(
        Change(
            "2026-11-27",
            "the maxima of Tr K ÷ λ_K and of λ* ÷ λ_K rise with η, digits",
            f"slopes above {COUNTS:g} on mnist1d, on the way to train loss {UNTIL:g}",
            _WHY,
        ),
    ),
)
