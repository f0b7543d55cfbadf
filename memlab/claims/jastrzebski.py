"""Jastrzębski et al. 2017, arXiv 1711.04623: three factors (science.md, 3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from memlab.claims import criteria as that
from memlab.claims import drawing
from memlab.claims.claim import Claim, Condition, Control, Line, Measured, Panel, Values
from memlab.claims.criteria import rolled_rows
from memlab.claims.finished_run import Cell, Evidence
from memlab.claims.select import schedule
from memlab.experiment.metrics import (
    TEST_ACCURACY,
    TRAIN_ACCURACY_CORRUPTED,
    TRAIN_LOSS,
    VALIDATION_ACCURACY,
)
from memlab.experiment.spec import Experiment

PAPER: Final = "jastrzebski"
#: Accuracy on corrupted labels at which generalization is compared.
MEMORIZED: Final = 0.5
#: A loss of test accuracy that breaks the equivalence, and the one within which two are equal.
LOST: Final = 0.02
#: Sharpness counts as equal within a factor of 1.5.
SAME_LOG: Final = float(np.log(1.5))


def _ratio(e: Experiment) -> float:
    return round(e.optimizer.learning_rate / e.optimizer.batch_size, 9)


def _sharpness(cells: Sequence[Cell]) -> Values:
    """log λ₁ at the end, [replicates, cells]."""
    found = np.array([cell.final("curvature.sharpness") for cell in cells]).T
    return np.log(np.where(found > 0, found, np.nan))


def _batch(cell: Cell) -> int:
    return cell.experiment.optimizer.batch_size


def _reached(cell: Cell, classes: int) -> Values:
    """Test accuracy at the end, [replicates]; chance where the network diverged."""
    return np.nan_to_num(cell.final(TEST_ACCURACY), nan=1 / classes)


def memorization(evidence: Evidence, permuted: bool = False) -> Measured:
    """At equal memorization a larger η/S generalizes better."""
    run = evidence.run("ratio")
    conditions: list[Condition] = []
    panels = []
    for share in sorted({cell.experiment.corruption.fraction for cell in run.cells}):
        cells = [c for c in run.cells if c.experiment.corruption.fraction == share]
        cells.sort(key=lambda c: _ratio(c.experiment))
        reached = np.array([_at_memorized(cell) for cell in cells]).T
        places = [_ratio(cell.experiment) for cell in cells]
        if permuted:
            reached = rolled_rows(reached)
        conditions.append(
            that.rises(
                f"slope of validation accuracy on log η/S, {share:.0%}", places, reached, log="x"
            )
        )
        panels.append(_path(f"{share:.0%} random labels", cells))
    return Measured(tuple(conditions), tuple(panels))


def _at_memorized(cell: Cell) -> Values:
    """Validation accuracy when half of the corrupted labels are repeated, [replicates]."""
    made = []
    for lies, unseen in zip(
        cell.series(TRAIN_ACCURACY_CORRUPTED), cell.series(VALIDATION_ACCURACY), strict=True
    ):
        after = np.flatnonzero(lies.values >= MEMORIZED)
        if not len(after) or after[0] == 0:
            made.append(float("nan"))
            continue
        i = after[0]
        low, high = lies.values[i - 1], lies.values[i]
        part = (MEMORIZED - low) / (high - low)
        made.append(float(unseen.values[i - 1] * (1 - part) + unseen.values[i] * part))
    return np.array(made)


def _path(title: str, cells: Sequence[Cell]) -> Panel:
    """Validation accuracy against the accuracy on corrupted labels, as the paper's figure 5."""
    lines = []
    for cell in cells:
        _, lies = cell.table(TRAIN_ACCURACY_CORRUPTED)
        _, unseen = cell.table(VALIDATION_ACCURACY)
        place = lies.mean(axis=0)
        lines.append(Line(f"η/S {_ratio(cell.experiment):.2g}", place, unseen))
    return Panel(
        title, "accuracy on corrupted labels", "validation accuracy", tuple(lines), level=None
    )


MEMORIZATION = Claim(
    id="T3",
    paper=PAPER,
    title="Larger η/S generalizes better at equal memorization",
    sentence="When as many lies are known by heart, the network trained with larger η/S is the "
    "better one.",
    source="Jastrzębski 2017, section 4.3, figure 5",
    criterion=f"slope > 0 of validation accuracy on log η/S at the epoch where "
    f"{MEMORIZED:.0%} of the corrupted labels are repeated, at 25 % and at 50 % noise",
    paper_had="validation accuracy higher for larger η/S at the same accuracy on random "
    "labels, an MLP on MNIST",
    refuted_by="a validation accuracy that falls with η/S at equal memorization",
    reading="on 1,000 digits validation accuracy at equal memorization falls with η/S, if "
    "anything; the paper has MNIST with fifty times the examples",
    presets=("ratio",),
    measure=memorization,
    control=Control(
        "η/S in another order in each replicate",
        lambda e: memorization(e, permuted=True),
        ("ratio",),
        cannot_fail="it permutes rows until no trend is left",
    ),
)


def breakdown(evidence: Evidence, last: int = -1) -> Measured:
    """Beyond some β, networks at β η and β S are no longer those at η and S.

    `last` is the place of the largest β that is looked at. A network that diverged knows no more
    than chance.
    """
    run = evidence.run("breakdown")
    _, classes = run.facts()
    cells = sorted(run.cells, key=_batch)
    factors = [_batch(cell) / _batch(cells[0]) for cell in cells]
    reached = [_reached(cell, classes) for cell in cells]
    lost = [
        that.exceeds(f"test accuracy lost, β = {factor:g}", reached[0], values, LOST)
        for factor, values in zip(factors, reached, strict=True)
    ]
    broken = [
        factor for factor, one in zip(factors, lost, strict=True) if one.verdict == "supported"
    ]
    told = f"broken from β = {broken[0]:g} on" if broken else f"held up to β = {factors[-1]:g}"
    shown = [("η and S times β", factors, reached)]
    return Measured(
        (lost[last],),
        (drawing.against("equal η/S", "β", "test accuracy", shown, log_x=True),),
        (f"The equivalence {told}.",),
    )


BREAKDOWN = Claim(
    id="T4",
    paper=PAPER,
    title="The equivalence breaks at large steps",
    sentence="Beyond some common factor β, learning rate and batch size are no longer "
    "exchangeable.",
    source="Jastrzębski 2017, section 4.4, figure 6",
    criterion=f"test accuracy at the largest β lower by more than {LOST:g} than at β = 1; the "
    "smallest such β is reported",
    paper_had="a breakdown at a β that depends on the data set size",
    refuted_by="equal test accuracy up to the largest β",
    presets=("breakdown",),
    measure=breakdown,
    control=Control("β = 2 in the place of the largest", lambda e: breakdown(e, 1), ("breakdown",)),
)


def cycles(evidence: Evidence, slower: bool = False) -> Measured:
    """Cycles of the batch size and of the learning rate end alike.

    With `slower` the cyclic rate is the lowest of the preset: where they must not.
    """
    run = evidence.run("cycles")
    rates = sorted({cell.experiment.optimizer.learning_rate for cell in run.cells})
    by_batch = run.cell(schedule("cyclic-batch", rates[-1]))
    by_rate = run.cell(schedule("cyclic", rates[0] if slower else rates[-1]))
    sharp = _sharpness([by_batch, by_rate]).T
    _, classes = run.facts()
    tests = [_reached(cell, classes) for cell in (by_batch, by_rate)]
    shown = [("cyclic S", by_batch), ("cyclic η", by_rate)]
    return Measured(
        (
            that.equal("log λ₁, cyclic S − cyclic η", sharp[0], sharp[1], SAME_LOG),
            that.equal("test accuracy, cyclic S − cyclic η", tests[0], tests[1], LOST),
        ),
        (
            drawing.curves("test accuracy", TEST_ACCURACY, shown),
            drawing.curves("train loss", TRAIN_LOSS, shown),
            drawing.named(
                "sharpness at the end",
                "largest eigenvalue",
                [(name, np.exp(v)) for (name, _), v in zip(shown, sharp, strict=True)],
            ),
        ),
    )


CYCLES = Claim(
    id="T5",
    paper=PAPER,
    title="Batch-size schedules replace learning-rate schedules",
    sentence="Cycling the batch size does what cycling the learning rate does.",
    source="Jastrzębski 2017, section 4.5, figure 7",
    criterion=f"final λ₁ of the two schedules equal to a factor of 1.5, test accuracy to {LOST:g}",
    paper_had="equal curves for cyclic S 128 to 640 and cyclic η 0.001 to 0.005",
    refuted_by="a difference in λ₁ or test accuracy",
    presets=("cycles",),
    measure=cycles,
    control=Control(
        "cycles of a fifth of the learning rate", lambda e: cycles(e, slower=True), ("cycles",)
    ),
)
