"""The catapult: steps too large for the curvature, but not by much (science.md, 6; B8)."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from memlab.claims import criteria as that
from memlab.claims import drawing
from memlab.claims.claim import Claim, Contrast, Control, Found, Line, Measured, Panel
from memlab.claims.finished_run import Cell, Evidence
from memlab.claims.jastrzebski_minima import SHARPNESS, at_the_end
from memlab.experiment.metrics import TRAIN_LOSS

PAPER: Final = "trajectory"
#: η λ₀ beyond which descent on a quadratic function diverges.
STABLE: Final = 2.0
#: How far the loss has to rise above its start, as a factor.
RISE: Final = 1.2
#: The share of λ₀ that at most is left.
FLATTER: Final = 0.8


def thrown(evidence: Evidence, large: bool = True) -> Measured:
    """From steps too large the loss rises, then falls as far as from small ones, and λ is lower.

    Without `large` those of the preset with η λ₀ below 2, trained to the same loss.
    """
    cells = sorted(evidence.run("catapult").cells, key=_step)
    chosen = [cell for cell in cells if (_step(cell) > STABLE) == large]
    stop = chosen[0].experiment.stop.train_loss or 0.0
    peaks, edges, left = [], [], []
    for cell in chosen:
        losses = cell.series(TRAIN_LOSS)
        first = np.array([one.values[0] for one in cell.series(SHARPNESS)])
        ends, _ = at_the_end(cell, stop)
        rise = np.array([np.max(one.values) / one.values[0] for one in losses])
        peaks.append(np.where(np.isnan(ends), np.nan, rise))
        left.append(ends / first)
        edges.append(_step(cell) * left[-1] / STABLE)
    found = {"rise": np.array(peaks).T, "edge": np.array(edges).T, "left": np.array(left).T}
    return replace(rises_and_flattens(found), panels=_panels(cells, stop))


def _step(cell: Cell) -> float:
    return cell.experiment.optimizer.learning_rate_of_sharpness or 0.0


#: Epochs of full batches, updates that is, that the figure shows.
SHOWN: Final = 60


def _panels(cells: list[Cell], stop: float) -> tuple[Panel, ...]:
    lines = []
    for cell in cells:
        epoch, values = cell.table(TRAIN_LOSS)
        early = epoch <= SHOWN
        name, small = f"η λ₀ = {_step(cell):g}", _step(cell) < STABLE
        lines.append(Line(name, epoch[early], values[:, early], small))
    sharp = [(f"{_step(cell):g}", at_the_end(cell, stop)[0]) for cell in cells]
    first = [
        (name, values / _first(cell)) for (name, values), cell in zip(sharp, cells, strict=True)
    ]
    return (
        Panel(f"the first {SHOWN} updates", "update", "train loss", tuple(lines), log_y=True),
        drawing.named(f"at train loss {stop:g}, by η λ₀", "λ₁ ÷ λ₀", first, FLATTER),
    )


def _first(cell: Cell) -> np.ndarray:
    return np.array([one.values[0] for one in cell.series(SHARPNESS)])


def rises_and_flattens(found: Found) -> Measured:
    """Of each step size the `rise`, largest ÷ first train loss, `edge`, η λ₁ ÷ 2 at the end, and
    `left`, λ₁ ÷ λ₀ there, [replicates, step sizes]; NaN where training did not come to its end."""
    least, most = found["rise"].min(axis=1), found["edge"].max(axis=1)
    left = np.exp(np.log(found["left"]).mean(axis=1))
    return Measured(
        (
            that.ratio_above("largest ÷ first train loss, the least of all steps", least, RISE),
            that.ratio_below("η λ₁ ÷ 2 at the end, the most of all steps", most, 1.0),
            that.ratio_below("λ₁ ÷ λ₀ at the end", left, FLATTER),
        ),
        contrast=np.log(left),
    )


CATAPULT = Claim(
    id="B8",
    paper=PAPER,
    title="Steps that are too large end where it is flatter",
    sentence="With steps that are too large for the curvature the loss first rises, then falls as "
    "far as with small ones, to a place where they are no longer too large.",
    source="Lewkowycz 2020, arXiv 2003.02218, sections 2 and 3, figures 1 and 2",
    criterion="squared error, full batches, η λ₀ from 2.5 to 3.5, all trained to one loss: "
    f"largest ÷ first train loss > {RISE:g} at each (the least is primary), η λ₁ ÷ 2 at the end "
    f"< 1 at each, and λ₁ ÷ λ₀ there < {FLATTER:g} on the mean",
    rival="λ₁ falls on the way to this loss at any step size, and losses rise at first",
    contrast=Contrast("log of λ₁ ÷ λ₀ at the end", "below"),
    paper_had="for 2 < η λ₀ < 4 a loss that grows at first, and a curvature below 2/η at its end",
    refuted_by="a loss that diverges or never rises; a curvature that stays beyond 2/η, or that "
    "small steps lower as much",
    presets=("catapult",),
    measure=thrown,
    rule=rises_and_flattens,
    control=Control(
        "η λ₀ below 2, trained to the same loss", lambda e: thrown(e, large=False), ("catapult",)
    ),
    least_effect=1.15,
    budget=15.0,
)
