"""Arpit et al. 2017, arXiv 1706.05394: memorization, seen in single examples
(science.md, 2)."""

from __future__ import annotations

from typing import Final

import numpy as np

from memlab.claims import criteria as that
from memlab.claims import drawing
from memlab.claims.claim import Claim, Control, Line, Measured, Panel
from memlab.claims.finished_run import Evidence, FinishedRun
from memlab.claims.select import NOISES, Holds, noise
from memlab.errors import RunFolderError
from memlab.experiment.keys import key
from memlab.runs.example_scores import EasyExamples, labellings, right_at
from memlab.runs.example_scores import easy_examples as shares_of
from memlab.runs.ledger import read_ledger

PAPER: Final = "arpit"


def easy_examples(evidence: Evidence, real: str = "none") -> Measured:
    """Some real examples are right in every network after one epoch; the unit is the split."""
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


EASY_EXAMPLES = Claim(
    id="A1",
    paper=PAPER,
    title="Real data have easy examples",
    sentence="After one epoch some real examples are right in every network, as chance alone "
    "would not have it; examples of noise are not.",
    source="Arpit 2017, section 3.1, figure 1",
    criterion="excess of the standard deviation over a binomial's larger for real data than "
    "for random inputs and random labels",
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
        cannot_fail="it compares random inputs with themselves",
    ),
)


def few_carry_the_loss(evidence: Evidence, real: str = "none") -> Measured:
    """The Gini coefficient of loss sensitivity is higher for real data."""
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


FEW_CARRY_THE_LOSS = Claim(
    id="A2",
    paper=PAPER,
    title="Few real examples carry the loss",
    sentence="In real data the loss depends on few examples; in noise on all alike.",
    source="Arpit 2017, section 3.2, figure 3",
    criterion="Gini(real) − Gini(random labels) > 0 and − Gini(random inputs) > 0",
    paper_had="a clearly higher Gini coefficient on MNIST than on both kinds of noise, all "
    "through training",
    refuted_by="a Gini coefficient on noise at or above that of real data",
    presets=("kinds",),
    measure=few_carry_the_loss,
    control=Control(
        "random labels in the place of real data",
        lambda e: few_carry_the_loss(e, "labels"),
        ("kinds",),
        cannot_fail="it compares random labels with themselves",
    ),
)


def across_classes(evidence: Evidence, real: str = "none", other: str = "labels") -> Measured:
    """More of the sensitivity of real data lies between classes."""
    run = evidence.run("kinds")
    cells = [("real", run.cell(noise(real))), ("random labels", run.cell(noise(other)))]
    shares = [(name, cell.final("sensitivity.off_diagonal")) for name, cell in cells]
    return Measured(
        (that.exceeds("off-diagonal share, real − random labels", shares[0][1], shares[1][1]),),
        (drawing.named("class-by-class sensitivity", "off-diagonal share", shares),),
    )


ACROSS_CLASSES = Claim(
    id="A3",
    paper=PAPER,
    title="Real data cross classes",
    sentence="In real data the loss of one class depends on inputs of other classes too; with "
    "random labels hardly.",
    source="Arpit 2017, section 3.2, figure 4",
    criterion="off-diagonal share of the class matrix, real − random labels > 0",
    paper_had="a class matrix more spread out for real data, the diagonal highest",
    refuted_by="a share for random labels at or above that of real data",
    presets=("kinds",),
    measure=across_classes,
    control=Control(
        "real data and random labels exchanged",
        lambda e: across_classes(e, "labels", "none"),
        ("kinds",),
        cannot_fail="it is the claim with its sign turned",
    ),
)
