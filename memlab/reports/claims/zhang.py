"""Zhang, Bengio, Hardt, Recht, Vinyals 2017, arXiv 1611.03530: random data (science.md, 1)."""

from __future__ import annotations

from typing import Final

from memlab.reports.claims.claim import Claim, Control
from memlab.reports.claims.zhang_quantities import (
    DIMENSIONS,
    KEPT,
    NEAR_CHANCE,
    POINTS,
    SAME,
    error_of_lies,
    expressivity,
    minimum_norm,
    noise_inputs,
    random_labels,
    regularization,
    slowdown,
)

PAPER: Final = "zhang"
CLAIMS: Final = (
    Claim(
        id="Z1",
        paper=PAPER,
        title="Random labels are fitted",
        sentence="A network that does well on real labels also fits labels drawn by lot, to the "
        "last example, and then knows nothing about unseen ones.",
        source="Zhang 2017, section 2.2, figure 1a, table 1",
        criterion="train accuracy ≥ 0.99 at p = 1; the 95 % interval of test accuracy lies within "
        f"1/C ± {NEAR_CHANCE:g} (that it merely contains 1/C fails by chance in one of twenty "
        "cases where the claim is true)",
        effect="test accuracy on random labels",
        unit="accuracy",
        paper_had="on CIFAR-10 train accuracy 99.3 to 100 % and test accuracy 9.8 to 10.6 % for "
        "five architectures",
        refuted_by="a train accuracy below 0.99, or a test accuracy away from chance",
        presets=("labels",),
        measure=random_labels,
        control=Control("true labels", lambda e: random_labels(e, 0.0), ("labels",)),
    ),
    Claim(
        id="Z2",
        paper=PAPER,
        title="Noise for pictures is fitted",
        sentence="Shuffled pixels, random pixels and Gaussian noise are fitted like pictures; only "
        "one permutation for all leaves something to learn.",
        source="Zhang 2017, section 2.1, figure 1a",
        criterion="train accuracy ≥ 0.99 on all three; shuffled − real test accuracy within "
        f"± {SAME:g}; random pixels and Gaussian keep less than {KEPT:.0%} of the accuracy above "
        "chance",
        effect="test accuracy, shuffled − real pixels",
        unit="accuracy",
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
    ),
    Claim(
        id="Z3",
        paper=PAPER,
        title="Noise is only a constant factor slower",
        sentence="Fitting random labels takes a small constant times as long as fitting true ones.",
        source="Zhang 2017, section 2.2, figure 1b",
        criterion="epochs to 100 % train accuracy, random ÷ true labels, below 50; random labels "
        "are fitted at all",
        effect="epochs for random ÷ for true labels",
        unit="times",
        paper_had="a factor of about 1 to 3.5 for Inception, AlexNet and an MLP (read off the "
        "figure, not confirmed)",
        refuted_by="a factor of 50 or more, or random labels that are never fitted",
        presets=("labels",),
        measure=slowdown,
        control=Control(
            "a linear model, which never fits them", lambda e: slowdown(e, "linear"), ("linear",)
        ),
    ),
    Claim(
        id="Z4",
        paper=PAPER,
        title="Test error grows with the noise",
        sentence="With a growing share of random labels test error rises steadily, while train "
        "error stays zero.",
        source="Zhang 2017, section 2.2, figure 1c",
        criterion="rank correlation of share and test error ≥ 0.95, train accuracy ≥ 0.99 at "
        "every share",
        effect="rank correlation over shares, within each seed",
        unit="correlation",
        paper_had="test error on CIFAR-10 rising from that of true labels to 90 %, train error 0",
        refuted_by="a share at which test error falls, or one that is not fitted",
        presets=("labels",),
        measure=error_of_lies,
        control=Control(
            "shares in another order in each seed",
            lambda e: error_of_lies(e, permuted=True),
            ("labels",),
        ),
    ),
    Claim(
        id="Z5",
        paper=PAPER,
        title="Regularization explains little",
        sentence="Explicit regularization is neither needed for generalization nor enough to "
        "prevent memorization.",
        source="Zhang 2017, section 3, table 1, appendix tables",
        criterion="test accuracy on true labels without any ÷ best regularized ≥ 0.9; with weight "
        "decay and with dropout, at the strength that is best for true labels by validation, "
        "train accuracy on random labels ≥ 0.99",
        effect="test accuracy without ÷ with the best regularizer",
        unit="ratio",
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
    ),
    Claim(
        id="Z6",
        paper=PAPER,
        title="Small networks can say anything",
        sentence="A two-layer network of 2n + d weights repeats any labelling of n points in d "
        "dimensions.",
        source="Zhang 2017, section 4, theorem 1, appendix C",
        criterion="every label is repeated exactly, for each seed",
        effect="share of labels repeated",
        unit="share",
        paper_had="a proof",
        refuted_by="one label that the construction misses",
        done=f"The network of the proof was built in float64 for {POINTS} Gaussian points in "
        f"{DIMENSIONS} dimensions with labels drawn by lot, and evaluated; nothing is trained.",
        measure=expressivity,
        control=Control("half as many hidden units", lambda e: expressivity(e, POINTS // 2)),
    ),
    Claim(
        id="Z7",
        paper=PAPER,
        title="Minimum-norm solutions generalize",
        sentence="Linear and kernel solutions of least norm fit every real label and still "
        "generalize.",
        source="Zhang 2017, section 5, table 2",
        criterion="train accuracy 1, test accuracy above 0.5, for two kernels and a linear model",
        effect="test accuracy of the Gaussian kernel",
        unit="accuracy",
        paper_had="1.2 % test error on MNIST, 46 % on CIFAR-10 without preprocessing, by exact "
        "kernel regression",
        refuted_by="an interpolant whose test accuracy is near chance",
        done="Gaussian and Laplace kernels interpolate the larger training sets, the linear model "
        "the ones of half as many examples as pixels; the unit is the split, of which there are 5.",
        presets=("interpolants",),
        measure=minimum_norm,
        control=Control("random labels", lambda e: minimum_norm(e, 1.0), ("interpolants",)),
    ),
)
