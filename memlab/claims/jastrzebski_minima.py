"""Jastrzębski et al. 2017, arXiv 1711.04623: how wide the minima are (science.md, 3; T1, T2).

Every network is read where its train loss first falls to `LOSS`: the curvature of cross-entropy
falls with the loss, so that at equal times whatever trains faster looks flatter.
"""

from __future__ import annotations

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
    Measured,
    Panel,
    Sensitivity,
    Values,
)
from memlab.claims.finished_run import Cell, Evidence, FinishedRun, Series
from memlab.experiment.metrics import TRAIN_LOSS

PAPER: Final = "jastrzebski"
SHARPNESS: Final = "curvature.sharpness"
#: The train loss at which networks are read, the presets' `stop.train_loss`: cross-entropy.
LOSS: Final = 0.02
#: The losses, and where networks are read with each.
LOSSES: Final = {"cross-entropy": LOSS, "squared": 0.05}
#: A slope that counts: descent without noise had one of −0.013 on replicates 100 to 107, since
#: noisier arms are read at losses a little lower.
SLOPE: Final = -0.05
#: What η and S change at one ratio, as a share of what the ratio changes, that counts as nothing.
SMALL: Final = 0.25


def batch_of(cell: Cell) -> int:
    """The batch size S."""
    return cell.experiment.optimizer.batch_size


def rate_of(cell: Cell) -> float:
    """The learning rate η."""
    return cell.experiment.optimizer.learning_rate


def ratio_of(cell: Cell) -> float:
    """η/S."""
    return round(rate_of(cell) / batch_of(cell), 9)


def at_the_end(cell: Cell, loss: float) -> tuple[Values, Values]:
    """λ₁ and train loss where each network ended, [replicates]; NaN where it is above `loss`."""
    sharp, losses = cell.final(SHARPNESS), cell.final(TRAIN_LOSS)
    with np.errstate(invalid="ignore"):
        there = (losses <= loss) & (sharp > 0)
    return np.where(there, sharp, np.nan), np.where(there, losses, np.nan)


def read_at(losses: Series, wanted: Series, loss: float) -> float:
    """`wanted` where the train loss falls to `loss`, interpolated on logarithms; NaN for never."""
    epoch = losses.crossing(loss)
    known = wanted.values > 0
    if not np.isfinite(epoch) or not known.any():
        return float("nan")
    logs = np.interp(epoch, wanted.epoch[known], np.log(wanted.values[known]), np.nan, np.nan)
    return float(np.exp(logs))


def _arms(run: FinishedRun, loss: str) -> list[Cell]:
    """The cells of this loss at the rate that has most of them: S varies, η does not."""
    cells = [cell for cell in run.cells if cell.experiment.loss.name == loss]
    rates = [rate_of(cell) for cell in cells]
    common = max(rates, key=rates.count)
    return sorted((c for c in cells if rate_of(c) == common), key=ratio_of)


def _read(evidence: Evidence, loss: str) -> tuple[list[Cell], Values, Values]:
    """The arms, and their λ₁ and losses where they ended, [replicates, arms]."""
    preset = "minima" if loss == "cross-entropy" else "minima-squared"
    cells = _arms(evidence.run(preset), loss)
    read = [at_the_end(cell, LOSSES[loss]) for cell in cells]
    return cells, np.array([sharp for sharp, _ in read]).T, np.array([low for _, low in read]).T


def wider_minima(evidence: Evidence) -> Measured:
    """The larger η/S, the wider the minimum at equal train loss."""
    found: dict[str, Values] = {}
    shown, most = [], []
    for loss in LOSSES:
        cells, sharp, _ = _read(evidence, loss)
        ratios = [ratio_of(cell) for cell in cells]
        found |= {loss: sharp, f"η/S, {loss}": np.tile(ratios, (len(sharp), 1))}
        shown.append((f"SGD, {loss}", ratios, list(sharp.T)))
        shown.append((f"descent, {loss}", ratios, list(_descent(evidence, loss).T)))
        most += [rate_of(cell) * np.nanmax(_all(cell)) for cell in cells]
    panel = drawing.against(
        "at equal train loss", "η/S", "largest eigenvalue λ₁", shown, log_x=True, log_y=True
    )
    told = f"The largest η λ₁ that was measured in any arm is {np.nanmax(most):.2f}."
    return replace(flatter(found), panels=(panel, _times(evidence)), remarks=(told,))


def _all(cell: Cell) -> Values:
    return np.concatenate([one.values for one in cell.series(SHARPNESS)])


def _times(evidence: Evidence) -> Panel:
    cells, _, _ = _read(evidence, "cross-entropy")
    shown = [(f"S {batch_of(cell)}", cell) for cell in cells]
    return drawing.curves("over time, not judged", TRAIN_LOSS, shown)


def _descent(evidence: Evidence, loss: str) -> Values:
    """λ₁ of noise-free descent where its loss is that of each arm's reading, [replicates, arms]."""
    cell = evidence.run("descent").cell(lambda e: e.loss.name == loss)
    _, _, lows = _read(evidence, loss)
    pairs = zip(cell.series(TRAIN_LOSS), cell.series(SHARPNESS), lows, strict=True)
    return np.array([[read_at(one, two, low) for low in row] for one, two, row in pairs])


def by_progress(evidence: Evidence) -> Measured:
    """The same of full-batch descent, which has no noise: only the losses differ a little."""
    found: dict[str, Values] = {}
    for loss in LOSSES:
        cells, _, _ = _read(evidence, loss)
        made = _descent(evidence, loss)
        ratios = [ratio_of(cell) for cell in cells]
        found |= {loss: made, f"η/S, {loss}": np.tile(ratios, (len(made), 1))}
    return flatter(found)


def flatter(found: Found) -> Measured:
    """λ₁ and η/S by loss, each [replicates, arms]."""
    conditions = tuple(
        that.falls(f"slope of log λ₁ on log η/S, {loss}", found[f"η/S, {loss}"], found[loss],
                   SLOPE, log="xy")
        for loss in LOSSES
    )  # fmt: skip
    return Measured(conditions, contrast=conditions[0].values)


WIDER_MINIMA = Claim(
    id="T1",
    paper=PAPER,
    title="Larger η/S finds wider minima",
    sentence="The larger the learning rate over the batch size, the flatter the minimum that "
    "SGD ends in.",
    source="Jastrzębski 2017, section 4.1, figures 1 and 2",
    criterion=f"the slope of log λ₁ on log η/S, S varied at one η, is below −0.05 at train "
    f"loss {LOSS:g} of cross-entropy, and at {LOSSES['squared']:g} of squared error, whose "
    "curvature does not vanish with the loss",
    rival="progress: the curvature of cross-entropy falls with the loss, whatever the noise, and "
    "readings of noisier arms may lie a little lower",
    contrast=Contrast("slope of log λ₁ on log η/S, cross-entropy", "below"),
    paper_had="the largest eigenvalue and the Frobenius norm of the Hessian falling with η/S "
    "over more than a decade",
    refuted_by="a largest eigenvalue that does not fall with η/S at equal train loss, or falls as "
    "much where descent without noise is read at the same losses",
    presets=("minima", "minima-squared"),
    measure=wider_minima,
    rule=flatter,
    control=Control(
        "full-batch descent at the same η, read where its loss is that of each arm's reading",
        by_progress,
        ("minima", "minima-squared", "descent"),
    ),
    least_effect=-0.13,
    budget=40.0,
    history=(
        Change(
            "2026-11-27",
            "slope of log λ₁ at the end against log η/S < −0.5, all networks with train accuracy "
            "≥ 0.99",
            "slope < −0.05 at equal train loss, with cross-entropy and with squared error",
            "all arms trained for as many epochs: η/S set the total time, and one run without "
            "noise, read at those times, had the same λ₁",
        ),
    ),
)


def only_the_ratio(evidence: Evidence) -> Measured:
    """Where η/S is the same, λ₁ at equal train loss is too."""
    ratios, table = _by_ratio(evidence)
    lines = [
        (f"η {rate:g}", list(ratios), list(np.exp(table[:, :, place]).T))
        for place, rate in enumerate(_rates(evidence))
    ]
    panel = drawing.against(
        f"at train loss {LOSS:g}", "η/S", "largest eigenvalue λ₁", lines, log_x=True, log_y=True
    )
    found = {"step": table[:, :, -1] - table[:, :, 0], "ratio": _change(table)}
    return replace(unmoved(found), panels=(panel,))


def one_batch_size(evidence: Evidence) -> Measured:
    """What is known to differ: η alone is raised by the same factor, S and so the ratio is not."""
    _, table = _by_ratio(evidence)
    run, rates = evidence.run("minima"), _rates(evidence)
    sizes = [batch_of(cell) for cell in run.cells if rate_of(cell) == rates[-1]]
    low = [s for s in sizes if any(_is(c, rates[0], s) for c in run.cells)]
    ends = [[_log_at(run, rate, size) for size in low] for rate in (rates[0], rates[-1])]
    step = np.array(ends[1]).T - np.array(ends[0]).T
    return unmoved({"step": step, "ratio": _change(table), "known": np.ones(len(table))})


def _rates(evidence: Evidence) -> list[float]:
    return sorted({rate_of(cell) for cell in evidence.run("minima").cells})


def _is(cell: Cell, rate: float, size: int) -> bool:
    return rate_of(cell) == rate and batch_of(cell) == size


def _log_at(run: FinishedRun, rate: float, size: int) -> Values:
    (cell,) = [cell for cell in run.cells if _is(cell, rate, size)]
    return np.asarray(np.log(at_the_end(cell, LOSS)[0]))


def _by_ratio(evidence: Evidence) -> tuple[list[float], Values]:
    """The ratios that every η has, rising, and log λ₁ [replicates, ratios, η]."""
    run, rates = evidence.run("minima"), _rates(evidence)
    have = [{ratio_of(c): c for c in run.cells if rate_of(c) == rate} for rate in rates]
    ratios = sorted(set.intersection(*(set(own) for own in have)))
    table = [[np.log(at_the_end(own[ratio], LOSS)[0]) for own in have] for ratio in ratios]
    return ratios, np.array(table).transpose(2, 0, 1)


def _change(table: Values) -> Values:
    """Fall of log λ₁ from the lowest to the highest ratio, mean over η, [replicates]."""
    return np.asarray((table[:, 0] - table[:, -1]).mean(axis=1))


def unmoved(found: Found) -> Measured:
    """`step` [replicates, …]: log λ₁ at the largest η − at the least; `ratio` [replicates]: how
    far the ratio, changed by the same factor, moves it. Of arms that are `known` to differ only
    the first is asked.

    Steps are divided by the mean over replicates of `ratio`: a replicate's own may be near 0.
    """
    known = found["ratio"][np.isfinite(found["ratio"])]
    scale = max(float(known.mean()), 1e-9) if len(known) else float("nan")
    step = found["step"].mean(axis=1) / scale
    moved = that.within("change of log λ₁ with η and S ÷ with their ratio", step, 0.0, SMALL)
    if "known" in found:
        return Measured((moved,))
    changes = that.above("fall of log λ₁ over the ratios", found["ratio"], 0.0)
    return Measured((moved, changes))


ONLY_THE_RATIO = Claim(
    id="T2",
    paper=PAPER,
    title="Only the ratio matters",
    sentence="Scaling learning rate and batch size together changes nothing.",
    source="Jastrzębski 2017, section 4.2, figures 3 and 4",
    criterion=f"at train loss {LOSS:g}: the change of log λ₁ when η and S are both raised by 4, "
    "mean over three ratios ÷ its change when the ratio is raised by 4, lies within "
    f"0 ± {SMALL:g}; and log λ₁ falls over the ratios",
    rival="too few or too noisy readings to tell arms apart",
    paper_had="learning curves that lie on each other where η/S is the same",
    refuted_by=f"a change at one ratio of more than {SMALL:.0%} of the change over ratios",
    presets=("minima",),
    measure=only_the_ratio,
    rule=unmoved,
    sensitivity=Sensitivity("η raised by 4 at one S", one_batch_size, ("minima",)),
    budget=20.0,
    history=(
        Change(
            "2026-11-27",
            "mean spread of log λ₁ over batch sizes at one η/S ÷ its spread over all ratios < 0.25",
            "at equal train loss, the signed change with η and S at one ratio ÷ the change with "
            "the ratio within 0 ± 0.25",
            "at equal times λ₁ follows the progress of training; a spread, which is never "
            "negative, grows with the noise of the readings, and a quotient of each replicate's "
            "own is small too where its denominator is below 0",
        ),
    ),
)
