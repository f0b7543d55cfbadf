"""Is it a lookup table? The rule after the table: Power 2022 (science.md, 7; L6)."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from memlab.claims import criteria as that
from memlab.claims import drawing
from memlab.claims.claim import Claim, Contrast, Control, Found, Measured
from memlab.claims.finished_run import Cell, Evidence
from memlab.experiment.metrics import TEST_ACCURACY, TRAIN_ACCURACY

PAPER: Final = "lookup"
#: The table is known by heart from this train accuracy on.
BY_HEART: Final = 0.99
#: How far test accuracy has to rise after that, and where it has to end.
RISES: Final = 0.5
KNOWN: Final = 0.95
#: What answers from the table; the training set has the mirror image (b, a) of each pair (a, b), so
#: that their neighbours are symmetrized.
TABLES: Final = ("1-nn", "k-nn", "rbf-interpolating", "laplace-interpolating", "random-forest")


def rule_after_table(evidence: Evidence, decay: bool = True) -> Measured:
    """Test accuracy rises long after the table is known by heart; without `decay` it need not."""
    run = evidence.run("grokking")
    cells = {_decays(cell): cell for cell in run.cells}
    cell = cells[decay]
    then, when, found_at = np.array([_by_heart(cell, seat) for seat in range(len(cell.members))]).T
    others = [(name, cell.baseline(name, TEST_ACCURACY)) for name in TABLES]
    own = cell.experiment.dataset
    found = {
        "then": then,
        "end": cell.final(TEST_ACCURACY),
        "tables": np.max([values for _, values in others], axis=0),
        "chance": np.full(len(then), 1 / (own.modulus or 31)),
        "of": np.full(len(then), (own.test or 288) // 2),
    }
    told = f"Train accuracy {BY_HEART:g} at epoch {drawing.mean_told(when, '.0f')}"
    if np.isfinite(found_at).any():
        told += (
            f", test accuracy {KNOWN:g} at epoch {drawing.mean_told(found_at, '.0f')}, "
            f"{drawing.mean_told(found_at / when, '.1f')} times as late."
        )
    else:
        told += f"; test accuracy {KNOWN:g} was never reached."
    curves = [
        (f"{part}, {'with' if key else 'without'} decay", metric, cells[key])
        for key in (True, False)
        for part, metric in (("test", TEST_ACCURACY), ("train", TRAIN_ACCURACY))
    ]
    lines = tuple(
        line
        for name, metric, one in curves
        for line in drawing.curves("", metric, [(name, one)], [name] * (not _decays(one))).lines
    )
    title = "accuracy of the network"
    panel = replace(drawing.curves(title, TEST_ACCURACY, []), y_label="accuracy", lines=lines)
    bars = [("network", found["end"]), *others]
    beside = drawing.named("at the end", "test accuracy", bars, float(found["chance"][0]))
    return replace(after_the_table(found), panels=(panel, beside), remarks=(told,))


def _decays(cell: Cell) -> bool:
    return cell.experiment.regularization.weight_decay > 0


def _by_heart(cell: Cell, seat: int) -> tuple[float, float, float]:
    """Test accuracy at the epoch where the table is known by heart, that epoch, and the one where
    the rule is known; NaN for never."""
    fits, unseen = cell.series(TRAIN_ACCURACY)[seat], cell.series(TEST_ACCURACY)[seat]
    epoch = fits.reaches(BY_HEART)
    then = unseen.at(epoch) if np.isfinite(epoch) else float("nan")
    return then, epoch, unseen.reaches(KNOWN)


def after_the_table(found: Found) -> Measured:
    """Test accuracy where the table is known by heart, `then`, at the `end`, of the best of the
    `tables`, by `chance`, and `of` how many pairs of mirror images, [replicates]."""
    chance, of = float(found["chance"][0]), int(found["of"][0])
    rise = that.exceeds(
        "test accuracy, end − where train accuracy is 0.99", found["end"], found["then"], RISES
    )
    return Measured(
        (
            rise,
            that.share_above("test accuracy at the end", found["end"], KNOWN, of),
            that.share_below("test accuracy, best of table and kernels", found["tables"], chance,
                             of),
        ),
        contrast=rise.values,
    )  # fmt: skip


RULE_AFTER_TABLE = Claim(
    id="L6",
    paper=PAPER,
    title="The rule after the table",
    sentence="A network that has a table by heart can find its rule long afterwards, which nothing "
    "that looks things up can.",
    source="Power 2022, arXiv 2201.02177, section 3, figure 1",
    criterion="(a + b) mod p with weight decay 1: test accuracy at the end − at the epoch where "
    f"train accuracy first is {BY_HEART:g} > {RISES:g} (primary), at the end ≥ {KNOWN:g}, and the "
    "best of neighbours, kernels and forest, symmetrized, at or below chance; the ratio of epochs "
    "is reported",
    rival="time: any network that goes on training long after it fits its table finds the rule",
    contrast=Contrast("test accuracy, end − where train accuracy is 0.99", "above"),
    paper_had="test accuracy near 1 after a thousand times as many updates as train accuracy",
    refuted_by="a test accuracy that stays where it was, or rises as much without weight decay",
    presets=("grokking",),
    measure=rule_after_table,
    rule=after_the_table,
    control=Control(
        "no weight decay, trained as long", lambda e: rule_after_table(e, decay=False),
        ("grokking",),
    ),
    least_effect=0.1,
    budget=45.0,
)  # fmt: skip
