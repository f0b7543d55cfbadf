"""The quantities of the claims of Zhang 2017: from finished runs to conditions and figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from memlab.experiment.keys import key
from memlab.experiment.metrics import TEST_ACCURACY, TRAIN_ACCURACY, TRAIN_LOSS, VALIDATION_ACCURACY
from memlab.reports.claims import criteria as that
from memlab.reports.claims import drawing
from memlab.reports.claims.claim import Condition, Measured, Values
from memlab.reports.claims.evidence import Evidence
from memlab.reports.claims.finished_run import Cell
from memlab.reports.claims.permuted import rolled_rows
from memlab.reports.claims.select import both, ladder, noise, regularized
from memlab.reports.claims.theorem_one import construct
from memlab.reports.verdict import Rule, t_interval

#: An accuracy within this of chance is "at chance".
NEAR_CHANCE: Final = 0.05
#: "Does not generalize": less than this share of what real data give above chance.
KEPT: Final = 0.25
SAME: Final = 0.05
POINTS, DIMENSIONS = 1_000, 64


def _chance(classes: int, label: str, values: Values) -> Condition:
    return Condition(label, t_interval(values), Rule("within", 1 / classes, NEAR_CHANCE))


def random_labels(evidence: Evidence, fraction: float = 1.0, preset: str = "labels") -> Measured:
    """Z1: random labels are fitted, test accuracy is at chance."""
    run = evidence.run(preset)
    _, classes = run.facts()
    cell = run.cell(noise("labels", fraction))
    shown = [("random labels", cell), ("true labels", run.cell(noise("none")))]
    return Measured(
        (
            _chance(classes, "test accuracy", cell.final(TEST_ACCURACY)),
            that.fitted("random labels", cell.final(TRAIN_ACCURACY)),
        ),
        (
            drawing.curves("train loss", TRAIN_LOSS, shown),
            drawing.curves("train accuracy", TRAIN_ACCURACY, shown),
        ),
    )


def noise_inputs(
    evidence: Evidence, shuffled: str = "pixel-shuffle", noisy: str = "pixel-random"
) -> Measured:
    """Z2: noise in place of pictures is fitted; shuffled pixels generalize, noise does not."""
    run = evidence.run("inputs")
    _, classes = run.facts()
    real, mixed, random, gaussian = (
        run.cell(noise(kind)) for kind in ("none", shuffled, noisy, "inputs")
    )
    whole = real.final(TEST_ACCURACY) - 1 / classes

    def kept(cell: Cell) -> Values:
        return np.asarray((cell.final(TEST_ACCURACY) - 1 / classes) / whole)

    names = [("true inputs", real), (shuffled, mixed), (noisy, random), ("gaussian", gaussian)]
    tests = (real.final(TEST_ACCURACY), mixed.final(TEST_ACCURACY))
    return Measured(
        (
            that.equal("test accuracy, shuffled − real pixels", tests[1], tests[0], SAME),
            that.below("share of generalization kept, random pixels", kept(random), KEPT),
            that.below("share of generalization kept, Gaussian", kept(gaussian), KEPT),
            *(that.fitted(name, cell.final(TRAIN_ACCURACY)) for name, cell in names[1:]),
        ),
        (
            drawing.curves("train loss", TRAIN_LOSS, names),
            drawing.curves("test accuracy", TEST_ACCURACY, names),
        ),
    )


def slowdown(evidence: Evidence, preset: str = "labels") -> Measured:
    """Z3: random labels are fitted only a constant factor slower."""
    run = evidence.run(preset)
    cells = {name: run.cell(noise("labels", p)) for name, p in (("true", 0.0), ("random", 1.0))}
    times = {
        name: cell.reaches(TRAIN_ACCURACY, 1.0, cell.last_epoch()) for name, cell in cells.items()
    }
    start = np.array([one.values[0] for one in cells["random"].series(TRAIN_LOSS)])
    plateau = [
        series.falls_to(0.95 * float(first))
        for series, first in zip(cells["random"].series(TRAIN_LOSS), start, strict=True)
    ]
    rungs = ladder(run)
    ends = [cell.reaches(TRAIN_ACCURACY, 1.0, cell.last_epoch()) for _, cell in rungs]
    figure = drawing.against(
        "time to fit",
        "label corruption",
        "time to 100 % ÷ true labels",
        [("mlp", [p for p, _ in rungs], [end / times["true"] for end in ends])],
    )
    return Measured(
        (
            that.ratio_below("epochs ÷ epochs", times["random"] / times["true"], 50.0),
            that.fitted("random labels", cells["random"].final(TRAIN_ACCURACY)),
        ),
        (figure, drawing.curves("train loss", TRAIN_LOSS, list(cells.items()))),
        (
            f"Random labels took {np.mean(times['random']):.0f} epochs and true ones "
            f"{np.mean(times['true']):.0f}; at first the loss on random labels stayed within 5 % "
            f"of its start for {np.nanmean(plateau):.0f} epochs.",
        ),
    )


def error_of_lies(evidence: Evidence, preset: str = "labels", permuted: bool = False) -> Measured:
    """Z4: test error grows steadily with the share of random labels at zero train error."""
    run = evidence.run(preset)
    rungs = ladder(run)
    shares = [share for share, _ in rungs]
    errors = np.array([1 - cell.final(TEST_ACCURACY) for _, cell in rungs])
    train = np.array([cell.final(TRAIN_ACCURACY) for _, cell in rungs])
    if permuted:
        errors = rolled_rows(errors.T).T
    return Measured(
        (
            that.rises("rank correlation of share and test error", shares, errors.T, 0.95),
            that.fitted("the least over all shares", train.min(axis=0)),
        ),
        (
            drawing.against(
                "generalization error",
                "label corruption",
                "test error",
                [("mlp", shares, list(errors))],
            ),
        ),
    )


def regularization(evidence: Evidence, too_strong: bool = False) -> Measured:
    """Z5: explicit regularization is neither necessary nor sufficient."""
    run = evidence.run("regularizers")
    cells = run.where(noise("none"))
    true = {cell: cell.final(TEST_ACCURACY) for cell in cells}
    plain = run.cell(both(noise("none"), regularized()))
    best = np.max([values for cell, values in true.items() if cell is not plain], axis=0)
    conditions = [
        that.ratio_above("test accuracy without ÷ best with", true[plain] / best, 0.9),
    ]
    remarks = []
    for name in ("weight_decay", "dropout"):
        strength = _strongest(cells, name) if too_strong else _best_strength(cells, name)
        cell = run.cell(both(noise("labels"), regularized(**{name: strength})))
        words = f"{name.replace('_', ' ')} {strength:g}"
        conditions.append(that.fitted(f"random labels with {words}", cell.final(TRAIN_ACCURACY)))
        remarks.append(f"Best for true labels by validation: {words}.")
    bars = [(_strength(cell), values) for cell, values in true.items()]
    lies = [(_strength(c), c.final(TRAIN_ACCURACY)) for c in run.where(noise("labels"))]
    return Measured(
        tuple(conditions),
        (
            drawing.named("true labels", "test accuracy", bars),
            drawing.named("random labels", "train accuracy", lies),
        ),
        () if too_strong else tuple(remarks),
    )


def _strengths(cells: Sequence[Cell], name: str) -> list[tuple[float, Cell]]:
    found = [(float(getattr(cell.experiment.regularization, name)), cell) for cell in cells]
    return sorted((pair for pair in found if pair[0] > 0), key=lambda pair: pair[0])


def _best_strength(cells: Sequence[Cell], name: str) -> float:
    """The strength of best validation accuracy on true labels; of equals the weakest.

    The verdict is about the networks on random labels, so that choosing here favours nothing.
    """
    scored = [
        (-float(np.nanmean(cell.early_stopped(VALIDATION_ACCURACY)[0])), strength)
        for strength, cell in _strengths(cells, name)
    ]
    return min(scored)[1]


def _strongest(cells: Sequence[Cell], name: str) -> float:
    return _strengths(cells, name)[-1][0]


def _strength(cell: Cell) -> str:
    own = cell.experiment.regularization
    if own.dropout:
        return f"dropout {own.dropout:g}"
    return f"decay {own.weight_decay:g}" if own.weight_decay else "none"


def expressivity(evidence: Evidence, units: int = POINTS) -> Measured:
    """Z6: the two-layer construction of theorem 1 repeats any labelling."""
    right, miss, weights = [], [], 0
    for seed in evidence.seeds:
        draw = key(seed, "theorem 1")
        x = draw.normal(size=(POINTS, DIMENSIONS))
        labels = draw.integers(0, 10, POINTS).astype(np.float64)
        network = construct(x, labels, draw, units)
        out = network(x)
        right.append(float((np.rint(out) == labels).mean()))
        miss.append(float(np.abs(out - labels).max()))
        weights = network.weights
    return Measured(
        (that.at_least("share of labels repeated", np.array(right), 1.0),),
        (
            drawing.named(
                "random labels repeated", "share", [(f"{weights} weights", np.array(right))]
            ),
        ),
        (
            f"{POINTS} points in {DIMENSIONS} dimensions, {weights} weights; the largest miss of a "
            f"label was {max(miss):.1e}.",
        ),
    )


def minimum_norm(evidence: Evidence, fraction: float = 0.0) -> Measured:
    """Z7: kernel and linear minimum-norm interpolants fit real labels and generalize.

    The unit is the split: real labels are the same for every seed.
    """
    run = evidence.run("interpolants")
    sizes = [cell.experiment.dataset.train or 0 for cell in run.cells]
    methods = {
        "rbf-interpolating": max(sizes),
        "laplace-interpolating": max(sizes),
        "minimum-norm": min(sizes),
    }
    found: dict[str, dict[str, Values]] = {TEST_ACCURACY: {}, TRAIN_ACCURACY: {}}
    for name, size in methods.items():
        cells = run.where(
            both(noise("labels", fraction), lambda e, size=size: e.dataset.train == size)  # type: ignore[misc]
        )
        for metric, of in found.items():
            of[name] = np.array([cell.baseline(name, metric).mean() for cell in cells])
    bars = list(found[TEST_ACCURACY].items())
    return Measured(
        (
            *(that.above(f"test accuracy, {name}", values, 0.5) for name, values in bars),
            *(
                that.at_least(f"train accuracy, {name}", values, 1.0)
                for name, values in found[TRAIN_ACCURACY].items()
            ),
        ),
        (drawing.named("minimum-norm interpolants", "test accuracy", bars, 0.1),),
    )
