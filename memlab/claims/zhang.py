"""Zhang, Bengio, Hardt, Recht, Vinyals 2017, arXiv 1611.03530: random data (science.md, 1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from memlab.claims import criteria as that
from memlab.claims import drawing
from memlab.claims.claim import (
    Check,
    Checked,
    Claim,
    Contrast,
    Control,
    Found,
    Measured,
    Values,
)
from memlab.claims.criteria import rolled_rows
from memlab.claims.finished_run import Cell, Evidence
from memlab.claims.select import both, ladder, noise, regularized
from memlab.claims.theorem_one import construct
from memlab.experiment.keys import key
from memlab.experiment.metrics import TEST_ACCURACY, TRAIN_ACCURACY, TRAIN_LOSS, VALIDATION_ACCURACY

PAPER: Final = "zhang"
#: An accuracy within this of chance is "at chance".
NEAR_CHANCE: Final = 0.05
#: "Does not generalize": less than this share of what real data give above chance.
KEPT: Final = 0.25
SAME: Final = 0.05
POINTS, DIMENSIONS = 1_000, 64


def random_labels(evidence: Evidence, fraction: float = 1.0) -> Measured:
    """Random labels are fitted, test accuracy is at chance."""
    run = evidence.run("labels")
    examples, classes = run.facts()
    cell = run.cell(noise("labels", fraction))
    train, test = cell.final(TRAIN_ACCURACY), cell.final(TEST_ACCURACY)
    sizes = {
        "chance": np.full(len(test), 1 / classes),
        "examples": np.full(len(test), float(examples)),
    }
    shown = [("random labels", cell), ("true labels", run.cell(noise("none")))]
    panels = (
        drawing.curves("train loss", TRAIN_LOSS, shown),
        drawing.curves("train accuracy", TRAIN_ACCURACY, shown),
    )
    return replace(fitted_at_chance({"train": train, "test": test, **sizes}), panels=panels)


def fitted_at_chance(found: Found) -> Measured:
    """`train` and `test` accuracy, `chance` and the number of training `examples`, [replicates]."""
    off = found["test"] - found["chance"]
    return Measured(
        (
            that.fitted("random labels", found["train"], int(found["examples"][0])),
            that.within("test accuracy − chance", off, 0.0, NEAR_CHANCE),
        ),
        contrast=found["test"],
    )


RANDOM_LABELS = Claim(
    id="Z1",
    paper=PAPER,
    title="Random labels are fitted",
    sentence="A network that does well on real labels also fits labels drawn by lot, to the "
    "last example, and then knows nothing about unseen ones.",
    source="Zhang 2017, section 2.2, figure 1a, table 1",
    criterion="train accuracy ≥ 0.99 at p = 1; the 95 % interval of test accuracy lies within "
    f"1/C ± {NEAR_CHANCE:g} (that it merely contains 1/C fails by chance in one of twenty "
    "cases where the claim is true)",
    rival="the data or the network are such that nothing is learned about unseen examples, "
    "whatever the labels",
    contrast=Contrast("test accuracy", "below"),
    paper_had="on CIFAR-10 train accuracy 99.3 to 100 % and test accuracy 9.8 to 10.6 % for "
    "five architectures",
    refuted_by="a train accuracy below 0.99, or a test accuracy away from chance",
    presets=("labels",),
    measure=random_labels,
    rule=fitted_at_chance,
    control=Control("true labels", lambda e: random_labels(e, 0.0), ("labels",)),
)


def noise_inputs(
    evidence: Evidence, shuffled: str = "pixel-shuffle", noisy: str = "pixel-random"
) -> Measured:
    """Noise in place of pictures is fitted; shuffled pixels generalize, noise does not."""
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
            *(
                that.fitted(name, cell.final(TRAIN_ACCURACY), run.facts()[0])
                for name, cell in names[1:]
            ),
        ),
        (
            drawing.curves("train loss", TRAIN_LOSS, names),
            drawing.curves("test accuracy", TEST_ACCURACY, names),
        ),
    )


NOISE_INPUTS = Claim(
    id="Z2",
    paper=PAPER,
    title="Noise for pictures is fitted",
    sentence="Shuffled pixels, random pixels and Gaussian noise are fitted like pictures; only "
    "one permutation for all leaves something to learn.",
    source="Zhang 2017, section 2.1, figure 1a",
    criterion="train accuracy ≥ 0.99 on all three; shuffled − real test accuracy within "
    f"± {SAME:g}; random pixels and Gaussian keep less than {KEPT:.0%} of the accuracy above "
    "chance",
    paper_had="training error 0 on all of them for Inception on CIFAR-10, slower for random "
    "labels than for random pixels",
    refuted_by="one kind that is not fitted, or noise that generalizes",
    presets=("inputs",),
    measure=noise_inputs,
    control=Control(
        "a permutation for each picture in the place of one for all, and the other way round",
        lambda e: noise_inputs(e, "pixel-random", "pixel-shuffle"),
        ("inputs",),
    ),
)


def slowdown(evidence: Evidence, preset: str = "labels") -> Measured:
    """Random labels are fitted only a constant factor slower."""
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
            that.fitted("random labels", cells["random"].final(TRAIN_ACCURACY), run.facts()[0]),
        ),
        (figure, drawing.curves("train loss", TRAIN_LOSS, list(cells.items()))),
        (
            f"Random labels took {np.mean(times['random']):.0f} epochs and true ones "
            f"{np.mean(times['true']):.0f}; at first the loss on random labels stayed within 5 % "
            f"of its start for {np.nanmean(plateau):.0f} epochs.",
        ),
    )


SLOWDOWN = Claim(
    id="Z3",
    paper=PAPER,
    title="Noise is only a constant factor slower",
    sentence="Fitting random labels takes a small constant times as long as fitting true ones.",
    source="Zhang 2017, section 2.2, figure 1b",
    criterion="epochs to 100 % train accuracy, random ÷ true labels, below 50; random labels "
    "are fitted at all",
    paper_had="a factor of about 1 to 3.5 for Inception, AlexNet and an MLP (read off the "
    "figure, not confirmed)",
    refuted_by="a factor of 50 or more, or random labels that are never fitted",
    presets=("labels",),
    measure=slowdown,
    control=Control(
        "a linear model, which never fits them", lambda e: slowdown(e, "linear"), ("linear",)
    ),
)


def error_of_lies(evidence: Evidence, preset: str = "labels", permuted: bool = False) -> Measured:
    """Test error grows steadily with the share of random labels at zero train error."""
    run = evidence.run(preset)
    rungs = ladder(run)
    shares = [share for share, _ in rungs]
    errors = np.array([1 - cell.final(TEST_ACCURACY) for _, cell in rungs])
    train = np.array([cell.final(TRAIN_ACCURACY) for _, cell in rungs])
    if permuted:
        errors = rolled_rows(errors.T).T
    return Measured(
        (
            that.rises("slope of test error on the share", shares, errors.T),
            that.fitted("the least over all shares", train.min(axis=0), run.facts()[0]),
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


ERROR_OF_LIES = Claim(
    id="Z4",
    paper=PAPER,
    title="Test error grows with the noise",
    sentence="With a growing share of random labels test error rises steadily, while train "
    "error stays zero.",
    source="Zhang 2017, section 2.2, figure 1c",
    criterion="slope of test error on the share > 0, train accuracy ≥ 0.99 at every share",
    paper_had="test error on CIFAR-10 rising from that of true labels to 90 %, train error 0",
    refuted_by="a share at which test error falls, or one that is not fitted",
    presets=("labels",),
    measure=error_of_lies,
    control=Control(
        "shares in another order in each replicate",
        lambda e: error_of_lies(e, permuted=True),
        ("labels",),
        cannot_fail="it permutes rows until no trend is left",
    ),
)


def regularization(evidence: Evidence, too_strong: bool = False) -> Measured:
    """Explicit regularization is neither necessary nor sufficient."""
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
        found = cell.final(TRAIN_ACCURACY)
        conditions.append(that.fitted(f"random labels with {words}", found, run.facts()[0]))
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


REGULARIZATION = Claim(
    id="Z5",
    paper=PAPER,
    title="Regularization explains little",
    sentence="Explicit regularization is neither needed for generalization nor enough to "
    "prevent memorization.",
    source="Zhang 2017, section 3, table 1, appendix tables",
    criterion="test accuracy on true labels without any ÷ best regularized ≥ 0.9; with weight "
    "decay and with dropout, at the strength that is best for true labels by validation, "
    "train accuracy on random labels ≥ 0.99",
    paper_had="on CIFAR-10 Inception 85.75 % without and 89.05 % with all regularizers; "
    "random labels fitted with weight decay by Inception and the MLPs",
    refuted_by="a regularizer without which a tenth of the accuracy is lost, or one that "
    "keeps random labels from being fitted at its best strength",
    reading="at this size the strengths that are best for true labels are strong against "
    "random ones, which need larger weights and more epochs; the networks of the paper are a "
    "hundred times as large",
    presets=("regularizers",),
    measure=regularization,
    control=Control(
        "the greatest strengths of all",
        lambda e: regularization(e, too_strong=True),
        ("regularizers",),
    ),
)


CAPACITY_GROWS = Claim(
    id="Z6",
    paper=PAPER,
    title="Capacity grows with parameters",
    sentence="The network that training fits to N random labels needs as many parameters as "
    "there are labels, up to a factor.",
    source="ours, after Zhang 2017, section 4",
    criterion="smallest width that training fits to N random labels: log-log slope of parameters "
    "against N within 1 ± 0.3 over four N",
    paper_had="a proof that 2n + d weights suffice for any labelling of n points",
    refuted_by="a slope outside of 1 ± 0.3",
    needs="the smallest widths that are fitted, which no preset has yet",
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


def minimum_norm(evidence: Evidence, fraction: float = 0.0) -> Measured:
    """Kernel and linear minimum-norm interpolants fit real labels and generalize.

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


MINIMUM_NORM = Claim(
    id="Z7",
    paper=PAPER,
    title="Minimum-norm solutions generalize",
    sentence="Linear and kernel solutions of least norm fit every real label and still generalize.",
    source="Zhang 2017, section 5, table 2",
    criterion="train accuracy 1, test accuracy above 0.5, for two kernels and a linear model",
    paper_had="1.2 % test error on MNIST, 46 % on CIFAR-10 without preprocessing, by exact "
    "kernel regression",
    refuted_by="an interpolant whose test accuracy is near chance",
    done="Gaussian and Laplace kernels interpolate the larger training sets, the linear model "
    "the ones of half as many examples as pixels; the unit is the split, of which there are 5.",
    presets=("interpolants",),
    measure=minimum_norm,
    control=Control("random labels", lambda e: minimum_norm(e, 1.0), ("interpolants",)),
)
