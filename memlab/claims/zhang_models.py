"""Zhang, Bengio, Hardt, Recht, Vinyals 2017, arXiv 1611.03530: regularizers and capacity
(science.md, 1; Z5, Z6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from memlab.claims import criteria as that
from memlab.claims import drawing
from memlab.claims.claim import (
    Change,
    Check,
    Checked,
    Claim,
    Contrast,
    Control,
    Found,
    Measured,
    Values,
)
from memlab.claims.finished_run import Cell, Evidence, FinishedRun
from memlab.claims.select import both, examples, noise, regularized, width, widths
from memlab.claims.selection import best_by_validation, cross_selected
from memlab.claims.theorem_one import construct
from memlab.experiment.keys import key
from memlab.experiment.metrics import TEST_ACCURACY, TRAIN_ACCURACY, VALIDATION_ACCURACY

PAPER: Final = "zhang"
#: Share of the best regularized network's test accuracy that one without has to reach.
ENOUGH: Final = 0.9
#: The smallest strengths that kept random labels from being fitted on replicates 100 to 109.
STOPPING: Final = {"weight_decay": 0.02, "dropout": 0.7}
#: The slope of parameters on examples, and how far from it counts as another.
PROPORTIONAL: Final = 1.0
OFF: Final = 0.3
POINTS, DIMENSIONS = 1_000, 64


def regularization(evidence: Evidence, strong: bool = False) -> Measured:
    """Explicit regularization is neither necessary nor sufficient.

    Strengths are chosen for true labels, or with `strong` are those that stop the fitting.
    """
    true, random = evidence.run("explicit-true"), evidence.run("explicit-random")
    count, _ = random.facts()
    cells = {_strength(cell): cell for cell in true.cells}
    plain = true.cell(regularized())
    others = {name: cell for name, cell in cells.items() if cell is not plain}
    best, names = best_by_validation(
        {name: cell.final(VALIDATION_ACCURACY) for name, cell in others.items()},
        {name: cell.final(TEST_ACCURACY) for name, cell in others.items()},
    )
    fits, remarks = {}, []
    for name in STOPPING:
        if strong:
            fits[name] = random.cell(regularized(**{name: STOPPING[name]})).final(TRAIN_ACCURACY)
            continue
        fits[name], chosen = _at_its_best(true, random, name)
        told = " and ".join(f"{strength:g}" for strength in dict.fromkeys(chosen))
        remarks.append(f"Best for true labels: {name.replace('_', ' ')} {told}.")
    found = {
        **fits,
        "plain": plain.final(TEST_ACCURACY),
        "best": best,
        "examples": np.full(len(best), float(count)),
    }
    remarks.append(f"Best regularized network by validation: {', '.join(dict.fromkeys(names))}.")
    lies = [(_strength(cell), cell.final(TRAIN_ACCURACY)) for cell in random.cells]
    tests = [(name, cell.final(TEST_ACCURACY)) for name, cell in cells.items()]
    panels = (
        drawing.named("random labels", "train accuracy", lies, that.FITTED),
        drawing.named("true labels", "test accuracy", tests),
    )
    return replace(explains_little(found), panels=panels, remarks=tuple(remarks))


def _at_its_best(
    true: FinishedRun, random: FinishedRun, name: str
) -> tuple[Values, tuple[float, float]]:
    """Train accuracy on random labels at the strength that is best for true ones, chosen on the
    other half of the replicates; of equal ones the weakest."""
    cells = _strengths(true.cells, name)
    judged = np.array([cell.final(VALIDATION_ACCURACY) for _, cell in cells])

    def select(half: np.ndarray) -> float:
        return cells[int(judged[:, half].mean(axis=1).argmax())][0]

    def measure(strength: float) -> Values:
        return random.cell(regularized(**{name: strength})).final(TRAIN_ACCURACY)

    return cross_selected(judged.shape[1], select, measure)


def _strengths(cells: Sequence[Cell], name: str) -> list[tuple[float, Cell]]:
    found = [(float(getattr(cell.experiment.regularization, name)), cell) for cell in cells]
    return sorted((pair for pair in found if pair[0] > 0), key=lambda pair: pair[0])


def _strength(cell: Cell) -> str:
    own = cell.experiment.regularization
    if own.dropout:
        return f"dropout {own.dropout:g}"
    return f"decay {own.weight_decay:g}" if own.weight_decay else "none"


def explains_little(found: Found) -> Measured:
    """Train accuracy on random labels by regularizer; test accuracy on true ones `plain` and of
    the `best` regularized network; training `examples`; all [replicates]."""
    count = int(found["examples"][0])
    fits = [found[name] for name in STOPPING]
    return Measured(
        (
            that.fitted("random labels, the lower of both", np.minimum(*fits), count),
            that.ratio_above(
                "test accuracy, without ÷ best with", found["plain"] / found["best"], ENOUGH
            ),
        ),
        contrast=np.mean(fits, axis=0),
    )


REGULARIZATION = Claim(
    id="Z5",
    paper=PAPER,
    title="Regularization explains little",
    sentence="Explicit regularization is neither needed for generalization nor enough to "
    "prevent memorization.",
    source="Zhang 2017, section 3, table 1, appendix tables",
    criterion="trained to convergence with a decaying rate: with weight decay and with dropout, "
    "each at the strength that is best for true labels (by validation, on the other half of the "
    "replicates), train accuracy on random labels ≥ 0.99; test accuracy on true labels without "
    f"any ÷ that of the best regularized network ≥ {ENOUGH:g}",
    rival="the strengths are too weak to do anything",
    contrast=Contrast("train accuracy on random labels, mean of both regularizers", "above"),
    paper_had="on CIFAR-10 Inception 85.75 % without and 89.05 % with all regularizers; "
    "random labels fitted with weight decay by Inception and the MLPs",
    refuted_by="a regularizer that keeps random labels from being fitted at its best strength",
    reading="at this size the strengths that are best for true labels are strong against "
    "random ones; the networks of the paper are a hundred times as large",
    presets=("explicit-true", "explicit-random"),
    measure=regularization,
    rule=explains_little,
    control=Control(
        "the smallest strengths that stopped the fitting while the claim was developed: "
        + ", ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in STOPPING.items()),
        lambda e: regularization(e, strong=True),
        ("explicit-true", "explicit-random"),
    ),
    history=(
        Change(
            "2026-11-27",
            "after 100 epochs at a constant rate; test accuracy without ÷ best with primary",
            "trained to convergence with a decaying rate; the fit of random labels primary; "
            "strength and measure on different replicates",
            "at 100 epochs what dropout slows looks like what it prevents",
        ),
    ),
    least_effect=0.005,
    budget=80.0,
)


def capacity_grows(evidence: Evidence, kind: str = "labels") -> Measured:
    """The parameters that training needs to fit N random labels grow like N."""
    run = evidence.run("smallest")
    sizes = sorted({cell.experiment.dataset.train or 0 for cell in run.cells})
    table = [_smallest(run, kind, size) for size in sizes]
    found = {"examples": np.array(sizes, np.float64), "parameters": np.array(table).T}
    wanted = [_smallest(run, other, size) for other in ("none",) for size in sizes]
    figure = drawing.against(
        "what training needs",
        "training examples N",
        "parameters of the smallest network that fits",
        [("random labels" if kind == "labels" else "true labels", sizes, table)]
        + ([("true labels", sizes, wanted)] if kind == "labels" else []),
        log_x=True,
        log_y=True,
    )
    return replace(like_the_examples(found), panels=(figure,))


def _smallest(run: FinishedRun, kind: str, size: int) -> Values:
    """Parameters of the smallest width whose best train accuracy is 0.99, [replicates].

    Interpolated on log width between the last rung that does not fit and the next; NaN where the
    widest does not, the narrowest rung's where that fits already.
    """
    rungs = widths(run)
    cells = [run.cell(both(both(noise(kind), width(rung)), examples(size))) for rung in rungs]
    best = np.array([[one.values.max() for one in cell.series(TRAIN_ACCURACY)] for cell in cells])
    features, classes = DIMENSIONS, run.facts()[1]
    return np.array(
        [_parameters(_crossing(rungs, row), features, classes) for row in best.T], np.float64
    )


def _crossing(rungs: Sequence[int], fits: Values) -> float:
    """The width at which train accuracy first reaches 0.99, between rungs on a log scale."""
    above = np.flatnonzero(fits >= that.FITTED)
    if not len(above):
        return float("nan")
    at = int(above[0])
    if at == 0:
        return float(rungs[0])
    low, high = fits[at - 1], fits[at]
    part = (that.FITTED - low) / (high - low)
    return float(np.exp(np.log(rungs[at - 1]) + part * np.log(rungs[at] / rungs[at - 1])))


def _parameters(units: float, features: int, classes: int) -> float:
    """Weights and biases of one hidden layer of `units` between inputs and outputs."""
    return units * (features + 1 + classes) + classes


def like_the_examples(found: Found) -> Measured:
    """`parameters` of the smallest network [replicates, N] and the numbers of `examples` [N]."""
    sizes = np.atleast_2d(found["examples"])[0]
    slope = that.proportional(
        "slope of log parameters on log N", sizes, found["parameters"], PROPORTIONAL, OFF
    )
    return Measured((slope,), contrast=that.slope_of(sizes, found["parameters"], "xy"))


CAPACITY_GROWS = Claim(
    id="Z6",
    paper=PAPER,
    title="Capacity grows with parameters",
    sentence="The network that training fits to N random labels needs as many parameters as "
    "there are labels, up to a factor.",
    source="ours, after Zhang 2017, section 4",
    criterion="smallest one-layer network that training fits to N random labels (train accuracy "
    "0.99, between widths on a log scale): log-log slope of its parameters on N within "
    f"{PROPORTIONAL:g} ± {OFF:g} over four N",
    rival="more examples need a wider network whatever their labels, as training has to end",
    contrast=Contrast("log-log slope of parameters on N", "above"),
    paper_had="a proof that 2n + d weights suffice for any labelling of n points",
    refuted_by=f"a slope outside of {PROPORTIONAL:g} ± {OFF:g}",
    presets=("smallest",),
    measure=capacity_grows,
    rule=like_the_examples,
    control=Control("true labels", lambda e: capacity_grows(e, "none"), ("smallest",)),
    history=(
        Change(
            "2026-11-27",
            "the construction of theorem 1 repeats any labelling with 2n + d weights",
            f"log-log slope of the smallest network that training fits within {PROPORTIONAL:g} ± "
            f"{OFF:g}",
            "a theorem is a check, and says nothing about what training finds",
        ),
    ),
    least_effect=0.15,
    budget=80.0,
)


def theorem_one(evidence: Evidence) -> Checked:
    """The two-layer construction of theorem 1 repeats any labelling; half of its units do not."""
    told = {}
    for units in (POINTS, POINTS // 2):
        draw = key(0, "theorem 1")
        x = draw.normal(size=(POINTS, DIMENSIONS))
        labels = draw.integers(0, 10, POINTS).astype(np.float64)
        network = construct(x, labels, draw, units)
        told[units] = float((np.rint(network(x)) == labels).mean()), network.weights
    (right, weights), (half, _) = told[POINTS], told[POINTS // 2]
    return Checked(
        right == 1.0 and half < 1.0,
        f"{POINTS:,} points in {DIMENSIONS} dimensions, {weights:,} weights: {right:.0%} of labels "
        f"drawn by lot are repeated, with half of the hidden units {half:.0%}.",
    )


THEOREM_ONE = Check(
    id="theorem-1",
    beside="Z6",
    title="Small networks can say anything",
    sentence="A two-layer network of 2n + d weights repeats any labelling of n points in d "
    "dimensions.",
    source="Zhang 2017, section 4, theorem 1, appendix C",
    measure=theorem_one,
)
