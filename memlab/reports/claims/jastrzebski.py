"""Jastrzębski et al. 2017, arXiv 1711.04623: three factors (science.md, 3)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from memlab.experiment.spec import Experiment
from memlab.reports.claims import criteria as that
from memlab.reports.claims import drawing
from memlab.reports.claims.claim import Claim, Condition, Control, Line, Measured, Panel, Values
from memlab.reports.claims.evidence import Evidence
from memlab.reports.claims.finished_run import Cell, FinishedRun

PAPER: Final = "jastrzebski"
#: Accuracy on corrupted labels at which generalization is compared.
MEMORIZED: Final = 0.5
MONOTONE: Final = -0.9
#: Slope of log λ₁ against log η/S: ranks alone are in order even where λ₁ hardly moves, as it does
#: at a constant ratio (the control), so that the trend has to be of some size too.
STEEP: Final = -0.5
#: The spread of log λ₁ at one ratio, as a share of its change over ratios, that counts as small.
SMALL: Final = 0.25


def _ratio(e: Experiment) -> float:
    return round(e.optimizer.learning_rate / e.optimizer.batch_size, 9)


def _sharpness(cells: Sequence[Cell]) -> Values:
    """log λ₁ at the end, [seeds, cells]."""
    found = np.array([cell.final("curvature.sharpness") for cell in cells]).T
    return np.log(np.where(found > 0, found, np.nan))


def _groups(run: FinishedRun) -> dict[float, list[Cell]]:
    made: dict[float, list[Cell]] = {}
    for cell in sorted(run.cells, key=lambda c: (_ratio(c.experiment), _batch(c))):
        made.setdefault(_ratio(cell.experiment), []).append(cell)
    return made


def _batch(cell: Cell) -> int:
    return cell.experiment.optimizer.batch_size


def wider_minima(evidence: Evidence, held: bool = False) -> Measured:
    """T1: the larger η/S, the wider the minimum; with `held` ratios, where it must not show."""
    run = evidence.run("minima")
    groups = _groups(run)
    largest = max(groups.values(), key=len)
    common = _batch(max(run.cells, key=lambda c: [_batch(o) for o in run.cells].count(_batch(c))))
    along = [c for cells in groups.values() for c in cells if _batch(c) == common]
    cells = largest if held else along
    rate: Callable[[Cell], float] = lambda c: c.experiment.optimizer.learning_rate  # noqa: E731
    places = [rate(cell) if held else _ratio(cell.experiment) for cell in cells]
    values = _sharpness(cells)
    shown = [("S fixed", [_ratio(c.experiment) for c in along], list(np.exp(_sharpness(along)).T))]
    train = np.array([cell.final("train_accuracy") for cell in cells])
    return Measured(
        (
            that.falls("rank correlation of log η/S and log λ₁", places, values, MONOTONE),
            that.below("slope of log λ₁ against log η/S", _slope(places, values), STEEP),
            that.fitted("the least over all", train.min(axis=0)),
        ),
        (drawing.against("sharpness", "η/S", "largest eigenvalue", shown, log_x=True, log_y=True),),
    )


def _slope(places: Sequence[float], values: Values) -> Values:
    """Of each seed's `values` [seeds, places] against the logarithm of the places, [seeds]."""
    return np.asarray(np.polyfit(np.log(places), values.T, 1)[0])


def only_the_ratio(evidence: Evidence, by_batch: bool = False) -> Measured:
    """T2: where η/S is the same, λ₁ is too."""
    run = evidence.run("minima")
    groups = _groups(run)
    if by_batch:
        sizes = sorted({_batch(cell) for cell in run.cells})
        groups = {float(s): [c for c in run.cells if _batch(c) == s] for s in sizes}
    several = [cells for cells in groups.values() if len(cells) > 1]
    within = np.mean([np.ptp(_sharpness(cells), axis=1) for cells in several], axis=0)
    across = np.ptp(_sharpness(run.cells), axis=1)
    lines = [
        (f"S {size}", [_ratio(c.experiment) for c in cells], list(np.exp(_sharpness(cells)).T))
        for size in sorted({_batch(cell) for cell in run.cells})
        for cells in [[c for c in run.cells if _batch(c) == size]]
    ]
    return Measured(
        (that.below("spread of log λ₁ at one ratio ÷ over all", within / across, SMALL),),
        (drawing.against("sharpness", "η/S", "largest eigenvalue", lines, log_x=True, log_y=True),),
    )


def memorization(evidence: Evidence, permuted: bool = False) -> Measured:
    """T3: at equal memorization a larger η/S generalizes better."""
    run = evidence.run("ratio")
    conditions: list[Condition] = []
    panels = []
    for share in sorted({cell.experiment.corruption.fraction for cell in run.cells}):
        cells = [c for c in run.cells if c.experiment.corruption.fraction == share]
        cells.sort(key=lambda c: _ratio(c.experiment))
        reached = np.array([_at_memorized(cell) for cell in cells]).T
        places = [_ratio(cell.experiment) for cell in cells]
        if permuted:
            reached = np.array([np.roll(row, 2 * s + 1) for s, row in enumerate(reached)])
        conditions.append(
            that.rises(
                f"rank correlation of η/S and validation accuracy, {share:.0%}", places, reached
            )
        )
        panels.append(_path(f"{share:.0%} random labels", cells))
    return Measured(tuple(conditions), tuple(panels))


def _at_memorized(cell: Cell) -> Values:
    """Validation accuracy when half of the corrupted labels are repeated, interpolated, [seeds]."""
    made = []
    for lies, unseen in zip(
        cell.series("train_accuracy_corrupted"), cell.series("validation_accuracy"), strict=True
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
        _, lies = cell.table("train_accuracy_corrupted")
        _, unseen = cell.table("validation_accuracy")
        place = lies.mean(axis=0)
        lines.append(Line(f"η/S {_ratio(cell.experiment):.2g}", place, unseen))
    return Panel(
        title, "accuracy on corrupted labels", "validation accuracy", tuple(lines), level=None
    )


CLAIMS: Final = (
    Claim(
        id="T1",
        paper=PAPER,
        title="Larger η/S finds wider minima",
        sentence="The larger the learning rate over the batch size, the flatter the minimum that "
        "SGD ends in.",
        source="Jastrzębski 2017, section 4.1, figures 1 and 2",
        criterion=f"rank correlation of log η/S and log λ₁ at the end ≤ {MONOTONE:g}, slope "
        f"of log λ₁ < {STEEP:g}, all networks with train accuracy ≥ 0.99",
        effect="rank correlation over η/S, within each seed",
        unit="correlation",
        paper_had="the largest eigenvalue and the Frobenius norm of the Hessian falling with η/S "
        "over more than a decade",
        refuted_by="a largest eigenvalue that does not fall with η/S",
        presets=("minima",),
        measure=wider_minima,
        control=Control(
            "η varied with η/S held constant", lambda e: wider_minima(e, held=True), ("minima",)
        ),
    ),
    Claim(
        id="T2",
        paper=PAPER,
        title="Only the ratio matters",
        sentence="Scaling learning rate and batch size together changes nothing.",
        source="Jastrzębski 2017, section 4.2, figures 3 and 4",
        criterion="mean spread of log λ₁ over batch sizes at one η/S ÷ its spread over all ratios "
        f"< {SMALL:g}",
        effect="spread at one ratio ÷ spread over ratios",
        unit="share",
        paper_had="learning curves that lie on each other where η/S is the same",
        refuted_by="a spread at one ratio comparable to the whole",
        presets=("minima",),
        measure=only_the_ratio,
        control=Control(
            "one batch size in the place of one ratio",
            lambda e: only_the_ratio(e, by_batch=True),
            ("minima",),
        ),
    ),
    Claim(
        id="T3",
        paper=PAPER,
        title="Larger η/S generalizes better at equal memorization",
        sentence="When as many lies are known by heart, the network trained with larger η/S is the "
        "better one.",
        source="Jastrzębski 2017, section 4.3, figure 5",
        criterion=f"rank correlation > 0 of η/S and validation accuracy at the epoch where "
        f"{MEMORIZED:.0%} of the corrupted labels are repeated, at 25 % and at 50 % noise",
        effect="rank correlation over η/S at 25 %, within each seed",
        unit="correlation",
        paper_had="validation accuracy higher for larger η/S at the same accuracy on random "
        "labels, an MLP on MNIST",
        refuted_by="a validation accuracy that falls with η/S at equal memorization",
        presets=("ratio",),
        measure=memorization,
        control=Control(
            "η/S permuted within each seed", lambda e: memorization(e, permuted=True), ("ratio",)
        ),
    ),
    Claim(
        id="T4",
        paper=PAPER,
        title="The equivalence breaks at large steps",
        sentence="Beyond some common factor β, learning rate and batch size are no longer "
        "exchangeable.",
        source="Jastrzębski 2017, section 4.4, figure 6",
        criterion="a β at which test accuracy differs by more than 0.02 from that at β = 1; "
        "reported",
        effect="β of the breakdown",
        unit="factor",
        paper_had="a breakdown at a β that depends on the data set size",
        refuted_by="equal curves up to the largest β",
        needs="a preset whose β reaches the breakdown (η near the largest stable one)",
    ),
    Claim(
        id="T5",
        paper=PAPER,
        title="Batch-size schedules replace learning-rate schedules",
        sentence="Cycling the batch size does what cycling the learning rate does.",
        source="Jastrzębski 2017, section 4.5, figure 7",
        criterion="final λ₁ and test accuracy of the two schedules within an interval of equality",
        effect="log λ₁, cyclic S − cyclic η",
        unit="log eigenvalue",
        paper_had="equal curves for cyclic S 128 to 640 and cyclic η 0.001 to 0.005",
        refuted_by="a difference in λ₁ or test accuracy",
        needs="a preset of cyclic schedules with curvature",
    ),
)
