"""Zhang, Bengio, Hardt, Recht, Vinyals 2017, arXiv 1611.03530: random data (science.md, 1; Z1 to
Z4). What is said of regularizers and capacity is `zhang_models`, of interpolants
`zhang_interpolants`."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from memlab.claims import criteria as that
from memlab.claims import drawing
from memlab.claims.claim import Change, Claim, Contrast, Control, Found, Measured, Values
from memlab.claims.finished_run import Evidence, FinishedRun
from memlab.claims.select import both, examples, ladder, noise
from memlab.experiment.metrics import TEST_ACCURACY, TRAIN_ACCURACY, TRAIN_LOSS

PAPER: Final = "zhang"
#: An accuracy within this of chance is "at chance".
NEAR_CHANCE: Final = 0.05
#: What a convnet keeps of generalization under one permutation of all pixels, above chance.
KEPT: Final = 0.2
#: A step of the ladder of noise may not lower the test error by more than this.
STEADY: Final = 0.02
#: "A constant factor": the largest, and how much its logarithm may follow that of N.
FACTOR: Final = 10.0
FLAT: Final = 0.2
#: The ladders of shares of random labels, on real and on Gaussian inputs.
LADDER: Final = "ladder"
NO_PICTURES: Final = "ladder-gaussian"


def random_labels(evidence: Evidence, fraction: float = 1.0) -> Measured:
    """Random labels are fitted, test accuracy is at chance."""
    run = evidence.run(LADDER)
    count, classes = run.facts()
    cell = run.cell(noise("labels", fraction))
    train, test = cell.final(TRAIN_ACCURACY), cell.final(TEST_ACCURACY)
    sizes = {
        "chance": np.full(len(test), 1 / classes),
        "examples": np.full(len(test), float(count)),
    }
    shown = [("random labels" if fraction else "true labels", cell)]
    panels = (
        drawing.curves("train accuracy", TRAIN_ACCURACY, shown),
        drawing.curves("test accuracy", TEST_ACCURACY, shown),
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
    refuted_by="a train accuracy below 0.99; a test accuracy away from chance, or one no lower "
    "than that of true labels, would leave it open",
    done="Every network is trained until it has all its labels right, or to the end of the budget, "
    "so that both kinds of labels are compared at the same train accuracy.",
    presets=(LADDER,),
    measure=random_labels,
    rule=fitted_at_chance,
    control=Control("true labels", lambda e: random_labels(e, 0.0), (LADDER,)),
    least_effect=0.01,
    budget=15.0,
)


def noise_inputs(evidence: Evidence, noisy: bool = True) -> Measured:
    """A convnet fits noise for pictures; one permutation for all leaves something to learn.

    Without `noisy` real pictures stand in the place of random pixels and of Gaussian noise.
    """
    run = evidence.run("inputs")
    total, classes = run.facts()
    real, *others = (
        run.cell(noise(kind)) for kind in ("none", "pixel-shuffle", "pixel-random", "inputs")
    )
    if not noisy:
        others[1:] = [real, real]
    names = [("real", real), *zip(("shuffled", "permuted each", "Gaussian"), others, strict=True)]
    test = {name: cell.final(TEST_ACCURACY) for name, cell in names}
    train = {name: cell.final(TRAIN_ACCURACY) for name, cell in names}
    count = len(test["real"])
    found = {
        "least": np.min([train[name] for name, _ in names[1:]], axis=0),
        **test,
        "chance": np.full(count, 1 / classes),
        "examples": np.full(count, float(total)),
    }
    panels = (
        drawing.named("train accuracy at the end", "train accuracy", list(train.items())),
        drawing.named("test accuracy at the end", "test accuracy", list(test.items()), 1 / classes),
    )
    return replace(noise_is_fitted(found), panels=panels)


def noise_is_fitted(found: Found) -> Measured:
    """`least` train accuracy of all kinds of noise; test accuracy `real`, `shuffled`,
    `permuted each` and `Gaussian`; `chance` and training `examples`; all [replicates]."""
    chance = found["chance"]
    return Measured(
        (
            that.fitted("the least of three kinds", found["least"], int(found["examples"][0])),
            that.exceeds("test accuracy, shuffled − chance", found["shuffled"], chance, KEPT),
            that.exceeds("test accuracy, real − shuffled", found["real"], found["shuffled"]),
            that.exceeds(
                "test accuracy, shuffled − permuted each", found["shuffled"],
                found["permuted each"], KEPT,
            ),
            that.within(
                "test accuracy − chance, Gaussian", found["Gaussian"] - chance, 0.0, NEAR_CHANCE
            ),
        ),
        contrast=(found["permuted each"] + found["Gaussian"]) / 2,
    )  # fmt: skip


NOISE_INPUTS = Claim(
    id="Z2",
    paper=PAPER,
    title="Noise for pictures is fitted",
    sentence="A convnet fits shuffled pixels, random pixels and Gaussian noise like pictures; one "
    "permutation for all leaves something to learn, noise does not.",
    source="Zhang 2017, section 2.1, figure 1a",
    criterion="train accuracy ≥ 0.99 of a convnet on all three; test accuracy with shuffled pixels "
    f"above chance by {KEPT:g} and below that of real ones; with a permutation for each picture "
    f"lower than that by {KEPT:g}; with Gaussian noise within 1/C ± {NEAR_CHANCE:g}",
    rival="the convnet does not look at where pixels are, so that noise costs it nothing",
    contrast=Contrast("test accuracy, mean of random pixels and Gaussian", "below"),
    paper_had="training error 0 on all of them for Inception on CIFAR-10, slower for random "
    "labels than for random pixels",
    refuted_by="a kind of noise that is not fitted",
    reading="a permutation of its own leaves each picture its ink, which tells some digits apart",
    presets=("inputs",),
    measure=noise_inputs,
    rule=noise_is_fitted,
    control=Control(
        "real pictures in the place of random pixels and of Gaussian noise",
        lambda e: noise_inputs(e, noisy=False),
        ("inputs",),
    ),
    history=(
        Change(
            "2026-11-27",
            "train accuracy ≥ 0.99 on all three; shuffled − real test accuracy within ± 0.05; "
            "random pixels and Gaussian keep less than 25 % of the accuracy above chance",
            "a convnet; shuffled pixels 0.2 above chance, below real ones and 0.2 above random "
            "pixels; Gaussian within 1/C ± 0.05",
            "a perceptron does not see a fixed permutation, so that the equality was a theorem; "
            "random pixels keep a picture's ink and need not be at chance",
        ),
    ),
    least_effect=0.01,
    budget=30.0,
)


def slowdown(evidence: Evidence, preset: str = "slowdown") -> Measured:
    """Random labels are fitted a constant factor slower at every number of examples."""
    run = evidence.run(preset)
    sizes = sorted({cell.experiment.dataset.train or 0 for cell in run.cells})
    times = {
        name: np.array([_until_fitted(run, kind, size) for size in sizes]).transpose(1, 2, 0)
        for name, kind in (("true", "none"), ("random", "labels"))
    }
    ratio = times["random"][0] / times["true"][0]
    unknown = times["true"][1] > 0  # where true labels are not fitted, nothing is known
    found = {
        "examples": np.array(sizes, np.float64),
        "ratio": np.where(unknown, np.nan, ratio),
        "censored": times["random"][1],
    }
    figure = drawing.against(
        "time to fit all labels",
        "training examples N",
        "epochs",
        [(f"{name} labels", sizes, list(own[0].T)) for name, own in times.items()],
        log_x=True,
        log_y=True,
    )
    largest = run.cell(both(noise("labels"), examples(sizes[-1])))
    waits = [one.falls_to(0.95 * float(one.values[0])) for one in largest.series(TRAIN_LOSS)]
    told = (
        f"With {sizes[-1]:,} examples the loss on random labels stayed within 5 % of its start for "
        f"{np.nanmean(waits):.0f} epochs."
    )
    return replace(constant_factor(found), panels=(figure,), remarks=(told,))


def _until_fitted(run: FinishedRun, kind: str, size: int) -> tuple[Values, Values]:
    """Epochs until every label is right, and whether the budget ended first, [replicates]."""
    cell = run.cell(both(noise(kind), examples(size)))
    reached = cell.reaches(TRAIN_ACCURACY, 1.0)
    missing = np.isnan(reached)
    return np.where(missing, cell.last_epoch(), reached), missing.astype(np.float64)


def constant_factor(found: Found) -> Measured:
    """`ratio` of epochs, random ÷ true, and whether it is `censored`, [replicates, N]; the numbers
    of `examples` [N]. The largest N is the primary condition."""
    sizes = np.atleast_2d(found["examples"])[0]
    ratio, censored = found["ratio"], found["censored"] > 0
    conditions = [
        that.ratio_below(f"epochs ÷ epochs, N = {n:g}", ratio[:, at], FACTOR, censored[:, at])
        for at, n in reversed(list(enumerate(sizes)))
    ]
    conditions.append(that.proportional("slope of log ratio on log N", sizes, ratio, 0.0, FLAT))
    return Measured(tuple(conditions), contrast=np.log(ratio).mean(axis=1))


SLOWDOWN = Claim(
    id="Z3",
    paper=PAPER,
    title="Noise is only a constant factor slower",
    sentence="Fitting random labels takes a small constant times as long as fitting true ones.",
    source="Zhang 2017, section 2.2, figure 1b",
    criterion="epochs to 100 % train accuracy, random ÷ true labels, geometric mean below "
    f"{FACTOR:g} at each of four N (the largest is primary), and the slope of its logarithm on "
    f"log N within ± {FLAT:g}",
    rival="any network that can fit the true labels fits random ones in some constant time, so "
    "that the factor says nothing of capacity",
    contrast=Contrast("log of the ratio, mean over N", "below"),
    paper_had="a factor of about 1 to 3.5 for Inception, AlexNet and an MLP (read off the "
    "figure, not confirmed)",
    refuted_by=f"a factor of {FACTOR:g} or more at the largest N, as one that the budget ended",
    reading="the factor grows with N at this size: a network of fixed width comes nearer to its "
    "capacity",
    presets=("slowdown",),
    measure=slowdown,
    rule=constant_factor,
    control=Control(
        "a network too narrow for the random labels of the larger N, which fits the true ones",
        lambda e: slowdown(e, "slowdown-narrow"),
        ("slowdown-narrow",),
    ),
    history=(
        Change(
            "2026-11-27",
            "epochs to 100 % train accuracy, random ÷ true labels, below 50 at one N",
            f"below {FACTOR:g} at four N, and its log-log slope within ± {FLAT:g}",
            "a factor at one N does not show that it is constant, and 50 excludes little",
        ),
    ),
    least=16,
    least_effect=1.3,
    budget=75.0,
)


def error_of_lies(evidence: Evidence, preset: str = LADDER) -> Measured:
    """Test error grows steadily with the share of random labels at zero train error."""
    run = evidence.run(preset)
    rungs = ladder(run)
    found = {
        "share": np.array([share for share, _ in rungs]),
        "error": np.array([1 - cell.final(TEST_ACCURACY) for _, cell in rungs]).T,
        "train": np.array([cell.final(TRAIN_ACCURACY) for _, cell in rungs]).T,
        "examples": np.full(1, float(run.facts()[0])),
    }
    shown = [("", list(found["share"]), list(found["error"].T))]
    figure = drawing.against("generalization error", "label corruption p", "test error", shown)
    return replace(grows_steadily(found), panels=(figure,))


def grows_steadily(found: Found) -> Measured:
    """Test `error` and `train` accuracy [replicates, shares], the `share`s, and the number of
    training `examples`."""
    share, error = np.atleast_2d(found["share"])[0], found["error"]
    steps = [
        that.above(f"step of test error, p {low:.1f} to {high:.1f}", step, -STEADY)
        for low, high, step in zip(share, share[1:], np.diff(error, axis=1).T, strict=False)
    ]
    least = found["train"].min(axis=1)
    return Measured(
        (
            that.rises("slope of test error on p", share, error),
            that.fitted("the least over all p", least, int(found["examples"].flat[0])),
            *steps,
        ),
        contrast=that.slope_of(share, error),
    )


ERROR_OF_LIES = Claim(
    id="Z4",
    paper=PAPER,
    title="Test error grows with the noise",
    sentence="With a growing share of random labels test error rises steadily, while train "
    "error stays zero.",
    source="Zhang 2017, section 2.2, figure 1c",
    criterion="slope of test error on p > 0 over 11 levels; train accuracy ≥ 0.99 at every level; "
    f"each of the ten steps with its whole interval above −{STEADY:g}",
    rival="networks that have to fit more random labels fit the unseen worse, whatever there is "
    "to be learned about them",
    contrast=Contrast("slope of test error on p", "above"),
    paper_had="test error on CIFAR-10 rising from that of true labels to 90 %, train error 0",
    refuted_by="a slope at or below 0",
    done="Every network is trained until it has all its labels right: all levels are compared at "
    "zero train error.",
    presets=(LADDER,),
    measure=error_of_lies,
    rule=grows_steadily,
    control=Control(
        "Gaussian inputs, about which no label says anything",
        lambda e: error_of_lies(e, NO_PICTURES),
        (NO_PICTURES,),
    ),
    history=(
        Change(
            "2026-11-27",
            "slope of test error on the share > 0 over 6 levels, train accuracy ≥ 0.99 at each",
            f"11 levels, and each step's interval above −{STEADY:g}",
            "a slope does not show that the rise is steady",
        ),
    ),
    least_effect=0.05,
    budget=25.0,
)
