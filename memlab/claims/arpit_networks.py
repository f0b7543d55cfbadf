"""Arpit et al. 2017, arXiv 1706.05394: memorization, seen in whole networks
(science.md, 2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from memlab.claims import criteria as that
from memlab.claims import drawing
from memlab.claims.claim import Claim, Condition, Control, Line, Measured, Panel, Values
from memlab.claims.finished_run import Cell, Evidence, FinishedRun
from memlab.claims.intervals import t_interval
from memlab.claims.select import NOISES, both, ladder, noise, regularized, width, widths
from memlab.claims.verdict import Rule
from memlab.experiment.metrics import (
    TEST_ACCURACY,
    TRAIN_ACCURACY,
    TRAIN_ACCURACY_CORRUPTED,
    VALIDATION_ACCURACY,
)

PAPER: Final = "arpit"
#: What a claim of "learned first" costs in the end, at least.
COST: Final = 0.03
#: The dropout rate of A8, fixed so that none is picked for its result.
DROPOUT: Final = 0.5


def capacity(evidence: Evidence, noisy: str = "inputs") -> Measured:
    """Width helps more where inputs are noise."""
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


CAPACITY = Claim(
    id="A4",
    paper=PAPER,
    title="Noise needs capacity",
    sentence="Width helps more on data with noise in the inputs than on real data.",
    source="Arpit 2017, section 4.2, figure 5",
    criterion="validation accuracy gained a doubling of width, noise in inputs − real > 0, at "
    "40 and 80 %; label noise reported beside it",
    paper_had="validation accuracy that needs more units the more inputs are noise, on MNIST; "
    "no relation for label noise on CIFAR-10",
    refuted_by="a gain on noise no larger than on real data",
    presets=("capacity",),
    measure=capacity,
    control=Control(
        "shuffled pixels, which for such a network are real data",
        lambda e: capacity(e, "pixel-shuffle"),
        ("capacity",),
    ),
)


def slower(
    evidence: Evidence, base: str = "none", others: Sequence[tuple[str, str]] = NOISES
) -> Measured:
    """Noise takes longer at each width, and the more so the more examples there are."""
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


def _times(run: FinishedRun, cells: Sequence[Cell]) -> list[Values]:
    """Epochs until all training examples are right; those never so far count as the end."""
    return [cell.reaches(TRAIN_ACCURACY, 1.0, cell.last_epoch()) for cell in cells]


def _sizes(run: FinishedRun) -> list[int]:
    return sorted({cell.experiment.dataset.train or 0 for cell in run.cells})


def _by_size(run: FinishedRun, kind: str, sizes: Sequence[int]) -> list[Values]:
    return _times(
        run,
        [run.cell(both(noise(kind), lambda e, n=n: e.dataset.train == n)) for n in sizes],  # type: ignore[misc]
    )


def _slope(run: FinishedRun, kind: str, sizes: Sequence[int]) -> Values:
    """Epochs per thousand examples, a line for each replicate, [replicates]."""
    times = np.array(_by_size(run, kind, sizes))
    return np.asarray(np.polyfit(np.asarray(sizes) / 1000.0, times, 1)[0])


SLOWER = Claim(
    id="A5",
    paper=PAPER,
    title="Noise converges slower",
    sentence="Noise takes longer to fit than real data at every width, and the more examples "
    "there are the larger the difference.",
    source="Arpit 2017, section 4.2, figure 6",
    criterion="epochs to fit, noise ÷ real ≥ 2 at each width; epochs against N rise faster for "
    "noise; for random labels and for random inputs",
    paper_had="time to convergence on MNIST that grows with the noise in inputs, with N, and "
    "falls with width",
    refuted_by="a width at which noise is fitted less than twice as slowly",
    reading="random labels are slower at every width; random inputs come near a factor of 2 as "
    "networks widen, and up to 1,000 examples their time hardly grows with N",
    presets=("width", "examples"),
    measure=slower,
    control=Control(
        "random labels in the place of real data",
        lambda e: slower(e, "labels", (("real", "none"),)),
        ("width", "examples"),
    ),
)


def complex_hypotheses(evidence: Evidence, rising: bool = True, real: str = "none") -> Measured:
    """Noise has more critical samples than real data, the more of it the more."""
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
    conditions.append(that.rises("slope on the share of random labels", order, values))
    return Measured(
        tuple(conditions),
        (drawing.curves("critical samples", ratio, [("real", base), *cells]),),
    )


COMPLEX_HYPOTHESES = Claim(
    id="A6",
    paper=PAPER,
    title="Noise makes hypotheses complex",
    sentence="Networks trained on noise change their answer near more examples.",
    source="Arpit 2017, section 4.1, figures 7 to 9",
    criterion="critical sample ratio on validation examples at the end: random labels and "
    "random inputs above real; slope on the share of random labels > 0",
    paper_had="a ratio that rises and levels off, lowest for real data, on CIFAR-10 and MNIST",
    refuted_by="a ratio on noise at or below that of real data",
    presets=("kinds",),
    measure=complex_hypotheses,
    control=Control(
        "random labels in the place of real data, shares in reverse",
        lambda e: complex_hypotheses(e, False, "labels"),
        ("kinds",),
        cannot_fail="it compares random labels with themselves",
    ),
)


def patterns_first(evidence: Evidence, shares: Sequence[float] = (0.2, 0.4, 0.6, 0.8)) -> Measured:
    """Accuracy on unseen data peaks before the lies are learned."""
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


PATTERNS_FIRST = Claim(
    id="A7",
    paper=PAPER,
    title="Patterns are learned first",
    sentence="Among lies, a network first learns what is true, and only then the lies.",
    source="Arpit 2017, section 4.1, figures 7 and 8",
    criterion=f"best − final test accuracy > {COST:g} at p = 0.2, 0.4, 0.6, 0.8, and the best "
    "epoch before half of the corrupted labels are fitted; best by validation",
    paper_had="validation accuracy on MNIST and CIFAR-10 that peaks before it falls, at 20 to "
    "80 % noise",
    refuted_by="a share of lies at which the final network is the best one",
    presets=("labels",),
    measure=patterns_first,
    control=Control("nothing but lies", lambda e: patterns_first(e, (1.0,)), ("labels",)),
)


def regularizers(
    evidence: Evidence, hinder: str = "dropout", other: str = "weight_decay"
) -> Measured:
    """Dropout keeps lies from being learned, at little cost on real data."""
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


def _curve(run: FinishedRun, name: str) -> tuple[list[float], Values, Values]:
    """Strengths, train accuracy on random labels and best validation accuracy on real data.

    Both arrays are [strengths, replicates]; strength 0 is the network without any regularization.
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
    """How far the first curve of learned against memorized lies above the second, [replicates].

    Each is (memorized, learned), [strengths, replicates]; the mean over the common range of
    memorization, by linear interpolation; NaN for a replicate whose ranges do not meet.
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


REGULARIZERS = Claim(
    id="A8",
    paper=PAPER,
    title="Dropout hits memorization harder",
    sentence="Dropout hinders the fitting of random labels far more than it costs on real "
    "data, and does so better than weight decay.",
    source="Arpit 2017, section 5, figures 10 and 11",
    criterion=f"dropout {DROPOUT:g}: train accuracy on random labels falls by ≥ 0.2, best "
    "validation accuracy on real data by < 0.02; its curve lies above weight decay's",
    paper_had="dropout, best with adversarial training, above all others on CIFAR-10",
    refuted_by="random labels fitted as well with dropout, or real data lost with it, or a "
    "curve below weight decay's",
    reading="on digits weight decay hinders memorization as well as dropout and costs as "
    "little; the dominance of dropout needs harder data",
    presets=("regularizers",),
    measure=regularizers,
    control=Control(
        "weight decay and dropout exchanged",
        lambda e: regularizers(e, "weight_decay", "dropout"),
        ("regularizers",),
        cannot_fail="it is the claim with its sign turned",
    ),
)
