"""The quantities of the claims of Arpit 2017: from finished runs to conditions and figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from memlab.errors import RunFolderError
from memlab.experiment.keys import key
from memlab.experiment.metrics import (
    TEST_ACCURACY,
    TRAIN_ACCURACY,
    TRAIN_ACCURACY_CORRUPTED,
    VALIDATION_ACCURACY,
)
from memlab.reports.claims import criteria as that
from memlab.reports.claims import drawing
from memlab.reports.claims.claim import Condition, Line, Measured, Panel, Values
from memlab.reports.claims.evidence import Evidence
from memlab.reports.claims.finished_run import Cell, FinishedRun
from memlab.reports.claims.select import (
    Holds,
    both,
    ladder,
    noise,
    regularized,
    width,
    widths,
)
from memlab.reports.example_scores import EasyExamples, labellings, right_at
from memlab.reports.example_scores import easy_examples as shares_of
from memlab.reports.verdict import Rule, t_interval
from memlab.runs.ledger import read_ledger

NOISES: Final = (("random labels", "labels"), ("random inputs", "inputs"))
COST: Final = 0.03
#: The dropout rate of A8, fixed so that none is picked for its result.
DROPOUT: Final = 0.5


def easy_examples(evidence: Evidence, real: str = "none") -> Measured:
    """A1: some real examples are right in every network after one epoch; the unit is the split."""
    run = evidence.run("easy")
    kinds = [("real", real), *NOISES]
    shares = {name: _shares_right(run, noise(kind)) for name, kind in kinds}
    excess = {name: np.array([one.excess for one in found]) for name, found in shares.items()}
    places = np.linspace(0.0, 1.0, 101)
    lines = [
        Line(name, places, np.array([np.quantile(one.share, places) for one in found]))
        for name, found in shares.items()
    ]
    told = ", ".join(
        f"{name} {np.mean([one.deviation for one in found]):.3f} against "
        f"{np.mean([one.binomial for one in found]):.3f}"
        for name, found in shares.items()
    )
    return Measured(
        tuple(
            that.exceeds(f"excess over a binomial, real − {name}", excess["real"], excess[name])
            for name in ("random inputs", "random labels")
        ),
        (
            Panel("after one epoch", "examples, sorted", "share of networks right", tuple(lines)),
            drawing.named("excess over a binomial", "standard deviation", list(excess.items())),
        ),
        (f"Standard deviation over examples against a binomial's: {told}.",),
    )


def _shares_right(run: FinishedRun, holds: Holds) -> list[EasyExamples]:
    """For each split of the data, how many of its networks get each example right."""
    by_members = {one.members: one for one in labellings(read_ledger(run.folder))}
    found = []
    for cell in run.where(holds):
        kept = by_members.get(tuple(sorted(cell.members)))
        if kept is None:
            raise RunFolderError(f"The run {run.id} kept no ledger of {cell.label}.")
        _, right = right_at(kept, cell.experiment.stop.epochs)
        found.append(shares_of(right, key(0, "easy examples"), draws=0))
    return found


def few_carry_the_loss(evidence: Evidence, real: str = "none") -> Measured:
    """A2: the Gini coefficient of loss sensitivity is higher for real data."""
    run = evidence.run("kinds")
    base = run.cell(noise(real)).final("sensitivity.gini")
    names = [("real", base)]
    names += [(n, run.cell(noise(kind)).final("sensitivity.gini")) for n, kind in NOISES]
    return Measured(
        tuple(
            that.exceeds(f"Gini, real − {name}", base, values)
            for name, values in reversed(names[1:])
        ),
        (drawing.named("loss sensitivity (direct)", "Gini coefficient", names),),
    )


def across_classes(evidence: Evidence, real: str = "none", other: str = "labels") -> Measured:
    """A3: more of the sensitivity of real data lies between classes."""
    run = evidence.run("kinds")
    cells = [("real", run.cell(noise(real))), ("random labels", run.cell(noise(other)))]
    shares = [(name, cell.final("sensitivity.off_diagonal")) for name, cell in cells]
    return Measured(
        (that.exceeds("off-diagonal share, real − random labels", shares[0][1], shares[1][1]),),
        (drawing.named("class-by-class sensitivity", "off-diagonal share", shares),),
    )


def capacity(evidence: Evidence, noisy: str = "inputs") -> Measured:
    """A4: width helps more where inputs are noise."""
    run = evidence.run("capacity")
    kinds = {_kind(cell): cell.experiment.corruption for cell in run.cells}
    slopes, lines = {}, []
    for name, spec in kinds.items():
        cells = run.where(noise(spec.kind, spec.fraction))
        units = [cell.experiment.model.width or 0 for cell in cells]
        values = [cell.final(VALIDATION_ACCURACY) for cell in cells]
        slopes[name] = np.polyfit(np.log2(units), np.array(values), 1)[0]
        lines.append((name, units, values))
    real = slopes["none"]
    with_noise = [name for name, spec in kinds.items() if spec.kind == noisy]
    others = [name for name, spec in kinds.items() if spec.kind.startswith("labels")]
    remarks = [
        f"With {name}: slope {slopes[name].mean():+.4f} a doubling, against {real.mean():+.4f} on "
        "real data (reported only)."
        for name in others
    ]
    return Measured(
        tuple(
            that.exceeds(f"accuracy gained a doubling of width, {name} − real", slopes[name], real)
            for name in with_noise
        ),
        (drawing.against("capacity", "units per layer", "validation accuracy", lines, log_x=True),),
        tuple(remarks),
    )


def _kind(cell: Cell) -> str:
    spec = cell.experiment.corruption
    return "none" if spec.kind == "none" else f"{spec.kind} {spec.fraction:g}"


def _times(run: FinishedRun, cells: Sequence[Cell]) -> list[Values]:
    """Epochs until all training examples are right; those never so far count as the end."""
    return [cell.reaches(TRAIN_ACCURACY, 1.0, cell.last_epoch()) for cell in cells]


def slower(
    evidence: Evidence, base: str = "none", others: Sequence[tuple[str, str]] = NOISES
) -> Measured:
    """A5: noise takes longer at each width, and the more so the more examples there are."""
    by_width, by_size = evidence.run("width"), evidence.run("examples")
    units, sizes = widths(by_width), _sizes(by_size)
    conditions: list[Condition] = []
    wide, long = [], []
    reference = _times(by_width, [by_width.cell(both(noise(base), width(w))) for w in units])
    slope = _slope(by_size, base, sizes)
    wide.append(("real", units, reference))
    long.append(("real", sizes, _by_size(by_size, base, sizes)))
    for name, kind in others:
        took = _times(by_width, [by_width.cell(both(noise(kind), width(w))) for w in units])
        wide.append((name, units, took))
        long.append((name, sizes, _by_size(by_size, kind, sizes)))
        conditions += [
            that.ratio_above(f"epochs, {name} ÷ real, {w} units", t / r, 2.0)
            for w, t, r in zip(units, took, reference, strict=True)
        ]
        conditions.append(
            that.exceeds(
                f"epochs per 1,000 examples, {name} − real", _slope(by_size, kind, sizes), slope
            )
        )
    y = "epochs to 100 % train accuracy"
    return Measured(
        tuple(conditions),
        (
            drawing.against("width", "units per layer", y, wide, log_x=True, log_y=True),
            drawing.against("examples", "training examples", y, long),
        ),
    )


def _sizes(run: FinishedRun) -> list[int]:
    return sorted({cell.experiment.dataset.train or 0 for cell in run.cells})


def _by_size(run: FinishedRun, kind: str, sizes: Sequence[int]) -> list[Values]:
    return _times(
        run,
        [run.cell(both(noise(kind), lambda e, n=n: e.dataset.train == n)) for n in sizes],  # type: ignore[misc]
    )


def _slope(run: FinishedRun, kind: str, sizes: Sequence[int]) -> Values:
    """Epochs per thousand examples, a line for each seed, [seeds]."""
    times = np.array(_by_size(run, kind, sizes))
    return np.asarray(np.polyfit(np.asarray(sizes) / 1000.0, times, 1)[0])


def complex_hypotheses(evidence: Evidence, rising: bool = True, real: str = "none") -> Measured:
    """A6: noise has more critical samples than real data, the more of it the more."""
    run = evidence.run("kinds")
    ratio = "critical-samples.ratio"
    base = run.cell(noise(real))
    cells = [(name, run.cell(noise(kind))) for name, kind in NOISES]
    rungs = [pair for pair in ladder(run) if pair[1].experiment.corruption.kind != "inputs"]
    shares = [share for share, _ in rungs]
    values = np.array([cell.final(ratio) for _, cell in rungs]).T
    conditions = [
        that.exceeds(f"critical sample ratio, {name} − real", cell.final(ratio), base.final(ratio))
        for name, cell in cells
    ]
    order = shares if rising else shares[::-1]
    conditions.append(that.rises("rank correlation with the share of random labels", order, values))
    return Measured(
        tuple(conditions),
        (drawing.curves("critical samples", ratio, [("real", base), *cells]),),
    )


def patterns_first(evidence: Evidence, shares: Sequence[float] = (0.2, 0.4, 0.6, 0.8)) -> Measured:
    """A7: accuracy on unseen data peaks before the lies are learned."""
    run = evidence.run("labels")
    conditions = []
    for share in shares:
        cell = run.cell(noise("labels", share))
        best, epoch = cell.early_stopped(TEST_ACCURACY)
        half = cell.reaches(TRAIN_ACCURACY_CORRUPTED, 0.5, cell.last_epoch())
        conditions += [
            that.exceeds(f"best − final, p = {share:g}", best, cell.final(TEST_ACCURACY), COST),
            that.exceeds(f"half of the lies − best, p = {share:g}, epochs", half, epoch),
        ]
    shown = [(f"p = {p:g}", run.cell(noise("labels", p))) for p in shares]
    return Measured(
        tuple(conditions),
        (
            drawing.curves("unseen", VALIDATION_ACCURACY, shown),
            drawing.curves("lies", TRAIN_ACCURACY_CORRUPTED, shown),
        ),
    )


def _curve(run: FinishedRun, name: str) -> tuple[list[float], Values, Values]:
    """Strengths, train accuracy on random labels and best validation accuracy on real data.

    Both arrays are [strengths, seeds]; strength 0 is the network without any regularization.
    """
    found = []
    for real in run.where(noise("none")):
        strength = float(getattr(real.experiment.regularization, name))
        holds = regularized(**{name: strength})
        if holds(real.experiment):
            random = run.cell(both(noise("labels"), holds))
            best = real.early_stopped(VALIDATION_ACCURACY)[0]
            found.append((strength, random.final(TRAIN_ACCURACY), best))
    found.sort(key=lambda one: one[0])
    strengths, memorized, learned = zip(*found, strict=True)
    return list(strengths), np.array(memorized), np.array(learned)


def dominance(one: tuple[Values, Values], other: tuple[Values, Values]) -> Values:
    """How far the first curve of learned against memorized lies above the second, [seeds].

    Each is (memorized, learned), [strengths, seeds]; the mean over the common range of
    memorization, by linear interpolation; NaN for a seed whose ranges do not meet.
    """
    gaps = []
    for seed in range(one[0].shape[1]):
        (x, y), (u, v) = ((m[:, seed], a[:, seed]) for m, a in (one, other))
        low, high = max(x.min(), u.min()), min(x.max(), u.max())
        if not low < high:
            gaps.append(float("nan"))
            continue
        at = np.linspace(low, high, 101)
        first, second = np.argsort(x), np.argsort(u)
        lifted = np.interp(at, x[first], y[first]) - np.interp(at, u[second], v[second])
        gaps.append(float(lifted.mean()))
    return np.array(gaps)


def regularizers(
    evidence: Evidence, hinder: str = "dropout", other: str = "weight_decay"
) -> Measured:
    """A8: dropout keeps lies from being learned, at little cost on real data."""
    run = evidence.run("regularizers")
    curves = {name: _curve(run, name) for name in (hinder, other)}
    strengths, memorized, learned = curves[hinder]
    at = strengths.index(DROPOUT) if DROPOUT in strengths else len(strengths) - 1
    lines = tuple(
        Line(name.replace("_", " "), m.mean(axis=1), v.T) for name, (_, m, v) in curves.items()
    )
    ahead = dominance(curves[hinder][1:], curves[other][1:])
    names = (hinder.replace("_", " "), other.replace("_", " "))
    return Measured(
        (
            that.above("train accuracy on random labels lost", memorized[0] - memorized[at], 0.2),
            that.below(
                "best validation accuracy on real data lost", learned[0] - learned[at], 0.02
            ),
            Condition(f"{names[0]} above {names[1]}", t_interval(ahead), Rule("above", 0.0)),
        ),
        (
            Panel(
                "memorizing and learning",
                "final train accuracy on random labels",
                "best validation accuracy on real data",
                lines,
                marks=True,
            ),
        ),
    )
