"""Smith and Le 2017, arXiv 1710.06451: the best batch size (science.md, 4; S3)."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from memlab.claims import criteria as that
from memlab.claims import drawing
from memlab.claims.claim import Change, Claim, Contrast, Control, Found, Measured, Values
from memlab.claims.finished_run import Evidence, FinishedRun
from memlab.experiment.metrics import TEST_ACCURACY, TRAIN_LOSS

PAPER: Final = "smith"
#: How far a slope may lie from 1.
NEAR: Final = 0.5
#: Batch sizes on each side of the best that the parabola is laid through.
BESIDE: Final = 2


def best_batch(evidence: Evidence, metric: str = TEST_ACCURACY) -> Measured:
    """The best batch size, by `metric`, is proportional to η and to N."""
    run = evidence.run("batch")
    found = _grid(run, metric)
    rates, sizes, batches = (found[name][0] for name in ("η", "N", "S"))
    pooled = found["score"].mean(axis=0)
    best = _best(pooled, batches)
    lines = [
        (
            f"N {size:g}",
            list(rates),
            [np.exp(best[place : place + 1, k]) for place in range(len(rates))],
        )
        for k, size in enumerate(sizes)
    ]
    curves = [
        (f"η {rate:g}", list(batches), list(found["score"][:, place, -1].T))
        for place, rate in enumerate(rates)
    ]
    panels = (
        drawing.against("best batch size, all replicates", "learning rate", "S", lines,
                        log_x=True, log_y=True),
        drawing.against(f"N {sizes[-1]:g}", "S", "test accuracy", curves, log_x=True),
    )  # fmt: skip
    return replace(proportional_to_both(found), panels=panels)


def _grid(run: FinishedRun, metric: str) -> dict[str, Values]:
    """`score` [replicates, η, N, S], the higher the better, and the places, [replicates, …]."""
    rates = sorted({cell.experiment.optimizer.learning_rate for cell in run.cells})
    sizes = sorted({cell.experiment.dataset.train or 0 for cell in run.cells})
    batches = sorted({cell.experiment.optimizer.batch_size for cell in run.cells})
    table: dict[tuple[float, int, int], Values] = {}
    for cell in run.cells:
        e = cell.experiment
        reached = cell.final(metric)
        reached = -np.nan_to_num(reached, nan=1e9) if metric == TRAIN_LOSS else reached
        table[e.optimizer.learning_rate, e.dataset.train or 0, e.optimizer.batch_size] = reached
    score = np.array([[[table[r, n, s] for s in batches] for n in sizes] for r in rates])
    score = np.nan_to_num(score.transpose(3, 0, 1, 2), nan=0.0)  # who diverged knows nothing
    rows = len(score)
    places = {"η": np.array(rates), "N": np.array(sizes), "S": np.array(batches)}
    return {"score": score} | {name: np.tile(x, (rows, 1)) for name, x in places.items()}


def _best(score: Values, batches: Values) -> Values:
    """Log of the best batch size of a score [η, N, S], by a parabola through the points around the
    highest, [η, N]; NaN where that lies at an end of the grid."""
    x = np.log(batches)
    made = np.full(score.shape[:2], np.nan)
    for place in np.ndindex(*made.shape):
        row = score[place]
        top = int(row.argmax())
        if not 0 < top < len(x) - 1:
            continue
        near = slice(max(0, top - BESIDE), top + BESIDE + 1)
        bend, slope, _ = np.polyfit(x[near], row[near], 2)
        at = -slope / (2 * bend) if bend < 0 else np.nan
        made[place] = at if x[0] < at < x[-1] else np.nan
    return made


def _slopes(score: Values, found: Found) -> Values:
    """Slopes of the best log S on log η and on log N, each the mean over the other, [2]."""
    best = _best(score, found["S"][0])
    by_rate = np.polyfit(np.log(found["η"][0]), best, 1)[0].mean()
    by_size = np.polyfit(np.log(found["N"][0]), best.T, 1)[0].mean()
    return np.array([by_rate, by_size])


def _jackknifed(found: Found) -> Values:
    """Pseudo-values of the pooled slopes, [replicates, 2]: a single replicate's curve is too flat
    to have a best batch size."""
    score = found["score"]
    n = len(score)
    whole = _slopes(score.mean(axis=0), found)
    without = [_slopes(np.delete(score, k, axis=0).mean(axis=0), found) for k in range(n)]
    return np.array([n * whole - (n - 1) * one for one in without])


def proportional_to_both(found: Found) -> Measured:
    """`score` [replicates, η, N, S], and `η`, `N`, `S`, of each replicate the same.

    The contrast is the mean log S of best score of each replicate; at an end of the grid, the end.
    """
    with np.errstate(invalid="ignore"):
        slopes = _jackknifed(found)
    top = np.log(found["S"][0])[found["score"].argmax(axis=3)].mean(axis=(1, 2))
    return Measured(
        (
            that.within("log-log slope of the best S on η", slopes[:, 0], 1.0, NEAR),
            that.within("log-log slope of the best S on N", slopes[:, 1], 1.0, NEAR),
        ),
        contrast=top,
    )


BEST_BATCH = Claim(
    id="S3",
    paper=PAPER,
    title="The best batch size grows with η and N",
    sentence="The batch size of best test accuracy is proportional to the learning rate and to "
    "the number of examples.",
    source="Smith and Le 2017, arXiv 1710.06451, section 4, figures 5 and 6",
    criterion="log-log slopes of the best batch size against η (primary) and against N within "
    f"1 ± {NEAR:g}; the best is the top of a parabola through the mean over replicates, intervals "
    "by the jackknife; a best at an end of the grid is missing, and makes it inconclusive",
    rival="too few updates: at a fixed number of them larger batches and rates only train further",
    contrast=Contrast("mean log of the best batch size", "below"),
    paper_had="straight lines through the origin on MNIST with 1,000 examples",
    refuted_by="a slope further than a half from 1, or a train loss that has its best batch size "
    "at the same place",
    reading="with N both the share that each lie has and the number of epochs in 1,000 updates "
    "change, and the peak over S is flat",
    presets=("batch",),
    measure=best_batch,
    rule=proportional_to_both,
    control=Control(
        "the best batch size by train loss", lambda e: best_batch(e, TRAIN_LOSS), ("batch",)
    ),
    budget=60.0,
    history=(
        Change(
            "2026-11-27",
            "log-log slopes of each replicate's best batch size within 1 ± 0.5, three η and N",
            "slopes of the pooled curve's, four η and N, a best at an end of the grid missing",
            "a replicate's own curve is too flat to have a best, and ends of the grid were taken "
            "for one",
        ),
    ),
)
