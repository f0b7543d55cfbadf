"""Arpit et al. 2017, arXiv 1706.05394: a closer look at memorization (science.md, 2)."""

from __future__ import annotations

from typing import Final

from memlab.reports.claims.arpit_quantities import (
    COST,
    DROPOUT,
    across_classes,
    capacity,
    complex_hypotheses,
    easy_examples,
    few_carry_the_loss,
    patterns_first,
    regularizers,
    slower,
)
from memlab.reports.claims.claim import Claim, Control

PAPER: Final = "arpit"
CLAIMS: Final = (
    Claim(
        id="A1",
        paper=PAPER,
        title="Real data have easy examples",
        sentence="After one epoch some real examples are right in every network, as chance alone "
        "would not have it; examples of noise are not.",
        source="Arpit 2017, section 3.1, figure 1",
        criterion="excess of the standard deviation over a binomial's larger for real data than "
        "for random inputs and random labels",
        effect="excess of the standard deviation, real − noise",
        unit="share of networks",
        paper_had="many MNIST examples always right, random inputs close to a binomial",
        refuted_by="an excess on noise as large as on real data",
        reading="with labels drawn by lot networks agree on which examples to get right first, "
        "too, and how much differs from split to split",
        done="A hundred networks of one split see it for one epoch, each from its own "
        "initialization and in its own order; the unit is the split, of which there are as many as "
        "seeds.",
        presets=("easy",),
        measure=easy_examples,
        control=Control(
            "random inputs in the place of real data",
            lambda e: easy_examples(e, "inputs"),
            ("easy",),
        ),
    ),
    Claim(
        id="A2",
        paper=PAPER,
        title="Few real examples carry the loss",
        sentence="In real data the loss depends on few examples; in noise on all alike.",
        source="Arpit 2017, section 3.2, figure 3",
        criterion="Gini(real) − Gini(random labels) > 0 and − Gini(random inputs) > 0",
        effect="Gini coefficient, real − random inputs",
        unit="Gini",
        paper_had="a clearly higher Gini coefficient on MNIST than on both kinds of noise, all "
        "through training",
        refuted_by="a Gini coefficient on noise at or above that of real data",
        presets=("kinds",),
        measure=few_carry_the_loss,
        control=Control(
            "random labels in the place of real data",
            lambda e: few_carry_the_loss(e, "labels"),
            ("kinds",),
        ),
    ),
    Claim(
        id="A3",
        paper=PAPER,
        title="Real data cross classes",
        sentence="In real data the loss of one class depends on inputs of other classes too; with "
        "random labels hardly.",
        source="Arpit 2017, section 3.2, figure 4",
        criterion="off-diagonal share of the class matrix, real − random labels > 0",
        effect="off-diagonal share, real − random labels",
        unit="share",
        paper_had="a class matrix more spread out for real data, the diagonal highest",
        refuted_by="a share for random labels at or above that of real data",
        presets=("kinds",),
        measure=across_classes,
        control=Control(
            "real data and random labels exchanged",
            lambda e: across_classes(e, "labels", "none"),
            ("kinds",),
        ),
    ),
    Claim(
        id="A4",
        paper=PAPER,
        title="Noise needs capacity",
        sentence="Width helps more on data with noise in the inputs than on real data.",
        source="Arpit 2017, section 4.2, figure 5",
        criterion="validation accuracy gained a doubling of width, noise in inputs − real > 0, at "
        "40 and 80 %; label noise reported beside it",
        effect="gain a doubling of width, noise − real",
        unit="accuracy",
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
    ),
    Claim(
        id="A5",
        paper=PAPER,
        title="Noise converges slower",
        sentence="Noise takes longer to fit than real data at every width, and the more examples "
        "there are the larger the difference.",
        source="Arpit 2017, section 4.2, figure 6",
        criterion="epochs to fit, noise ÷ real ≥ 2 at each width; epochs against N rise faster for "
        "noise; for random labels and for random inputs",
        effect="epochs for random labels ÷ for real, narrowest network",
        unit="times",
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
    ),
    Claim(
        id="A6",
        paper=PAPER,
        title="Noise makes hypotheses complex",
        sentence="Networks trained on noise change their answer near more examples.",
        source="Arpit 2017, section 4.1, figures 7 to 9",
        criterion="critical sample ratio on validation examples at the end: random labels and "
        "random inputs above real; rank correlation with the share of random labels > 0",
        effect="critical sample ratio, random labels − real",
        unit="ratio",
        paper_had="a ratio that rises and levels off, lowest for real data, on CIFAR-10 and MNIST",
        refuted_by="a ratio on noise at or below that of real data",
        presets=("kinds",),
        measure=complex_hypotheses,
        control=Control(
            "random labels in the place of real data, shares in reverse",
            lambda e: complex_hypotheses(e, False, "labels"),
            ("kinds",),
        ),
    ),
    Claim(
        id="A7",
        paper=PAPER,
        title="Patterns are learned first",
        sentence="Among lies, a network first learns what is true, and only then the lies.",
        source="Arpit 2017, section 4.1, figures 7 and 8",
        criterion=f"best − final test accuracy > {COST:g} at p = 0.2, 0.4, 0.6, 0.8, and the best "
        "epoch before half of the corrupted labels are fitted; best by validation",
        effect="best − final test accuracy at p = 0.2",
        unit="accuracy",
        paper_had="validation accuracy on MNIST and CIFAR-10 that peaks before it falls, at 20 to "
        "80 % noise",
        refuted_by="a share of lies at which the final network is the best one",
        presets=("labels",),
        measure=patterns_first,
        control=Control("nothing but lies", lambda e: patterns_first(e, (1.0,)), ("labels",)),
    ),
    Claim(
        id="A8",
        paper=PAPER,
        title="Dropout hits memorization harder",
        sentence="Dropout hinders the fitting of random labels far more than it costs on real "
        "data, and does so better than weight decay.",
        source="Arpit 2017, section 5, figures 10 and 11",
        criterion=f"dropout {DROPOUT:g}: train accuracy on random labels falls by ≥ 0.2, best "
        "validation accuracy on real data by < 0.02; its curve lies above weight decay's",
        effect="train accuracy on random labels lost",
        unit="accuracy",
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
        ),
    ),
)
