"""Arpit et al. 2017, arXiv 1706.05394: memorization, seen in single examples
(science.md, 2)."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from memlab.claims import criteria as that
from memlab.claims import drawing
from memlab.claims.claim import (
    Change,
    Claim,
    Contrast,
    Control,
    Found,
    Line,
    Measured,
    Panel,
    Values,
)
from memlab.claims.finished_run import Cell, Evidence, FinishedRun
from memlab.claims.select import NOISES, Holds, noise
from memlab.errors import RunFolderError
from memlab.experiment.keys import key
from memlab.runs.example_scores import EasyExamples, Labelling, labellings, right_at
from memlab.runs.example_scores import easy_examples as shares_of
from memlab.runs.ledger import read_ledger

PAPER: Final = "arpit"
CHANGED: Final = "2026-11-27"
NO_CONTROL: Final = "its control compared a thing with itself and could not have failed"
#: What stands in the place of real data in the controls.
FITTED: Final = "random labels, fitted"
#: The updates after which A2 and A3 compare real data and noise.
UPDATES: Final = 100


def easy_examples(evidence: Evidence) -> Measured:
    """Some real examples are right in every network after one epoch; the unit is the split."""
    run = evidence.run("easy")
    shares = {name: _shares(run, noise(kind)) for name, kind in (("real", "none"), *NOISES)}
    return _easy(shares, "after one epoch")


def easy_when_fitted(evidence: Evidence) -> Measured:
    """As `easy_examples`, random labels as well fitted as real ones in the place of real data."""
    run = evidence.run("easy")
    shares = {name: _shares(run, noise(kind)) for name, kind in NOISES}
    levels = [one.mean for one in _shares(run, noise("none"))]
    late = evidence.run("easy-late")
    kept = _kept(late, noise("labels"))
    fitted = [_once_fitted(one, level) for one, level in zip(kept, levels, strict=True)]
    return _easy({"real": fitted, **shares}, "once random labels are fitted as well", FITTED)


def _easy(shares: dict[str, list[EasyExamples]], title: str, first: str = "real") -> Measured:
    excess = {name: np.array([one.excess for one in found]) for name, found in shares.items()}
    places = np.linspace(0.0, 1.0, 101)
    named = {name: first if name == "real" else name for name in shares}
    lines = [
        Line(named[name], places, np.array([np.quantile(one.share, places) for one in found]))
        for name, found in shares.items()
    ]

    def mean(found: list[EasyExamples], name: str, form: str = ".3f") -> str:
        return drawing.mean_told(np.array([getattr(one, name) for one in found]), form)

    told = ", ".join(
        f"{named[name]} {mean(found, 'deviation')} against {mean(found, 'binomial')} at a mean of "
        f"{mean(found, 'mean', '.2f')}"
        for name, found in shares.items()
    )
    panels = (
        Panel(title, "examples, sorted", "share of networks right", tuple(lines)),
        drawing.named(
            "excess over a binomial",
            "standard deviation",
            [(named[name], of) for name, of in excess.items()],
        ),
    )
    told = f"Standard deviation over examples against a binomial's: {told}."
    return replace(
        more_spread({name.replace("random ", ""): of for name, of in excess.items()}),
        panels=panels,
        remarks=(told,),
    )


def more_spread(found: Found) -> Measured:
    """Excess over a binomial's deviation of `real` data, random `inputs`, random `labels`."""
    real = found["real"]
    return Measured(
        (
            that.exceeds("excess over a binomial, real − random inputs", real, found["inputs"]),
            that.exceeds("excess over a binomial, real − random labels", real, found["labels"]),
        ),
        contrast=real - found["labels"],
    )


def _kept(run: FinishedRun, holds: Holds) -> list[Labelling]:
    """For each split of the data what the ledger of its networks kept."""
    by_members = {one.members: one for one in labellings(read_ledger(run.folder))}
    found = []
    for cell in run.where(holds):
        kept = by_members.get(tuple(sorted(cell.members)))
        if kept is None:
            raise RunFolderError(f"The run {run.id} kept no ledger of {cell.label}.")
        found.append(kept)
    return found


def _shares(run: FinishedRun, holds: Holds) -> list[EasyExamples]:
    """For each split, how many of its networks get each example right at the end."""
    epoch = run.where(holds)[0].experiment.stop.epochs
    return [_shares_at(kept, epoch) for kept in _kept(run, holds)]


def _shares_at(kept: Labelling, epoch: float) -> EasyExamples:
    _, right = right_at(kept, epoch)
    return shares_of(right, key(0, "easy examples"), draws=0)


def _once_fitted(kept: Labelling, level: float) -> EasyExamples:
    """At the first kept evaluation at which the networks' mean accuracy is at least `level`.

    NaN throughout where they never come so far.
    """
    histories = [part[0].history for part in kept.parts]
    for epoch in sorted({float(e) for one in histories if one is not None for e in one.epoch}):
        found = _shares_at(kept, epoch)
        if found.mean >= level:
            return found
    gap = float("nan")
    return EasyExamples(np.full(len(kept.true), gap), gap, gap, gap, gap, gap, gap)


EASY_EXAMPLES = Claim(
    id="A1",
    paper=PAPER,
    title="Real data have easy examples",
    sentence="After one epoch some real examples are right in every network, as chance alone "
    "would not have it; examples of noise are not.",
    source="Arpit 2017, section 3.1, figure 1",
    criterion="excess of the standard deviation over a binomial's larger for real data than "
    "for random inputs and for random labels, after one epoch",
    rival="real data are fitted better after one epoch, and what is half fitted is spread out "
    "whatever it is",
    contrast=Contrast("excess over a binomial, − random labels", "above"),
    paper_had="many MNIST examples always right, random inputs close to a binomial",
    refuted_by="an excess on noise as large as on real data, or random labels with as much once "
    "they are fitted as well as real data after one epoch",
    reading="with labels drawn by lot networks agree on which examples to get right first, "
    "too, and how much differs from split to split",
    done="Sixteen networks of one split see it for one epoch, each from its own "
    "initialization and in its own order; the unit is the split.",
    presets=("easy",),
    measure=easy_examples,
    rule=more_spread,
    control=Control(
        "random labels, read when their mean accuracy has come to that of real data after one "
        "epoch",
        easy_when_fitted,
        ("easy", "easy-late"),
    ),
    history=(
        Change(
            CHANGED,
            "the same, with a hundred networks, against random inputs compared with themselves",
            "the same, with sixteen networks, against random labels at equal accuracy",
            NO_CONTROL,
        ),
    ),
    least_effect=0.03,
    budget=40.0,
)


def few_carry_the_loss(evidence: Evidence) -> Measured:
    """The Gini coefficient of the unrolled sensitivity is higher for real data."""
    found = _after(evidence, "gini")
    return replace(more_unequal(found), panels=(_drawn(found, "Gini coefficient"),))


def unequal_when_fitted(evidence: Evidence) -> Measured:
    """As `few_carry_the_loss`, random labels fitted like real ones in the place of real data."""
    found = _fitted(evidence, "gini")
    found["inputs"] = _after(evidence, "gini")["inputs"]
    panels = (
        _drawn(found, "Gini coefficient", FITTED),
        _along(evidence, "gini_until", "Gini coefficient"),
    )
    return replace(more_unequal(found), panels=panels, remarks=_told(evidence))


def more_unequal(found: Found) -> Measured:
    """Gini coefficients of `real` data, random `labels` and random `inputs`, [replicates]."""
    return Measured(
        (
            that.exceeds("Gini, real − random labels", found["real"], found["labels"]),
            that.exceeds("Gini, real − random inputs", found["real"], found["inputs"]),
        ),
        contrast=found["real"] - found["labels"],
    )


def across_classes(evidence: Evidence) -> Measured:
    """More of the unrolled sensitivity of real data lies between classes."""
    found = _after(evidence, "off_diagonal")
    return replace(more_across(found), panels=(_drawn(found, "off-diagonal share"),))


def across_when_fitted(evidence: Evidence) -> Measured:
    """As `across_classes`, random labels fitted like real ones in the place of real data."""
    found = _fitted(evidence, "off_diagonal")
    name = "off-diagonal share"
    panels = _drawn(found, name, FITTED), _along(evidence, "off_diagonal_until", name)
    return replace(more_across(found), panels=panels, remarks=_told(evidence))


def more_across(found: Found) -> Measured:
    """Off-diagonal shares of the class matrix of `real` data and random `labels`, [replicates]."""
    gap = found["real"] - found["labels"]
    label = "off-diagonal share, real − random labels"
    return Measured(
        (that.exceeds(label, found["real"], found["labels"]),),
        contrast=gap,
    )


def _after(evidence: Evidence, name: str) -> dict[str, Values]:
    """A sensitivity after as many updates, of real data, random `labels` and random `inputs`."""
    run = evidence.run("unrolled")
    kinds = {"real": "none", "labels": "labels", "inputs": "inputs"}
    return {arm: run.cell(noise(of)).final(f"unrolled-sensitivity.{name}") for arm, of in
            kinds.items()}  # fmt: skip


def _course(cell: Cell, name: str) -> Values:
    """A quantity of the unrolled training at each of its moments, [replicates, moments]."""
    return np.array([one.values[-1] for one in cell.series(f"unrolled-sensitivity.{name}")])


def _fitted(evidence: Evidence, name: str) -> dict[str, Values]:
    """Of random labels alone: `labels` after as many updates, `real` where their loss is real's."""
    cell = evidence.run("unrolled-fit").cell(noise("labels"))
    values, updates = _course(cell, f"{name}_until"), _course(cell, "updates")
    levels = _course(evidence.run("unrolled").cell(noise("none")), "sample_loss")[:, -1]
    early = [
        float(row[np.flatnonzero(at == UPDATES)[0]])
        for row, at in zip(values, updates, strict=True)
    ]
    late = [
        at_level(loss, row, level)
        for loss, row, level in zip(_course(cell, "sample_loss"), values, levels, strict=True)
    ]
    return {"real": np.array(late), "labels": np.array(early)}


def at_level(losses: Values, values: Values, level: float) -> float:
    """`values` where `losses`, both [moments], first fall to `level`; NaN for never.

    In between on a scale of logarithms, as losses fall.
    """
    below = np.flatnonzero(losses <= level)
    if not len(below) or below[0] == 0:
        return float("nan")
    i = int(below[0])
    high, low = np.log(losses[i - 1]), np.log(max(float(losses[i]), 1e-300))
    part = (high - np.log(level)) / (high - low)
    return float(values[i - 1] + part * (values[i] - values[i - 1]))


def _drawn(found: Found, name: str, first: str = "real") -> Panel:
    words = {"real": first, "labels": "random labels", "inputs": "random inputs"}
    return drawing.named(
        "unrolled loss sensitivity", name, [(words[arm], of) for arm, of in found.items()]
    )


def _along(evidence: Evidence, quantity: str, name: str) -> Panel:
    cell = evidence.run("unrolled-fit").cell(noise("labels"))
    line = Line("random labels", _course(cell, "updates")[0], _course(cell, quantity))
    return Panel("while random labels are fitted", "updates", name, (line,))


def _told(evidence: Evidence) -> tuple[str, ...]:
    real = _course(evidence.run("unrolled").cell(noise("none")), "sample_loss")[:, -1]
    return (
        f"In the place of real data: random labels at the update where their train loss comes to "
        f"that of real data after {UPDATES} updates, {real.mean():.3f}.",
    )


DEGREE: Final = (
    "the degree of fit: after as many updates real data are fitted and random labels are not"
)
LATE: Final = (
    "random labels where their train loss has come to that of real data, against random labels "
    "after as many updates as real data had"
)
DIRECT: Final = (
    "the direct sensitivity, the gradient of an example's own loss at the current parameters, "
    "measures how well examples are fitted: 0.9999 for real data, 0.992 for random labels, 0.90 "
    "for a uniform matrix; "
)

FEW_CARRY_THE_LOSS = Claim(
    id="A2",
    paper=PAPER,
    title="Few real examples carry the loss",
    sentence="In real data the loss depends on few examples; in noise on all alike.",
    source="Arpit 2017, section 3.2, figure 3",
    criterion=f"Gini coefficient of the unrolled sensitivity after {UPDATES} updates: real − "
    "random labels > 0, and real − random inputs > 0",
    rival=DEGREE,
    contrast=Contrast("Gini, − random labels", "above"),
    paper_had="a clearly higher Gini coefficient on MNIST than on both kinds of noise, all "
    "through training",
    refuted_by="a Gini coefficient of noise at or above that of real data, or random labels that "
    "come to it once they are fitted as well",
    done="The effect of having trained on an example's input on the mean loss of all, through "
    "the updates, averaged over the training so far, as the paper has it.",
    presets=("unrolled",),
    measure=few_carry_the_loss,
    rule=more_unequal,
    control=Control(LATE, unequal_when_fitted, ("unrolled", "unrolled-fit")),
    history=(
        Change(
            CHANGED,
            "Gini coefficient of the direct sensitivity at the end of training, real − random "
            "labels > 0 and real − random inputs > 0",
            f"that of the unrolled sensitivity after {UPDATES} updates, with a control at equal "
            "loss",
            DIRECT + NO_CONTROL,
        ),
    ),
    least_effect=0.08,
    budget=30.0,
)

ACROSS_CLASSES = Claim(
    id="A3",
    paper=PAPER,
    title="Real data cross classes",
    sentence="In real data the loss of one class depends on inputs of other classes too; with "
    "random labels less.",
    source="Arpit 2017, section 3.2, figure 4",
    criterion=f"off-diagonal share of the class matrix of unrolled sensitivity after {UPDATES} "
    "updates: real − random labels > 0",
    rival=DEGREE,
    contrast=Contrast("off-diagonal share, − random labels", "above"),
    paper_had="a class matrix more spread out for real data, the diagonal highest",
    refuted_by="a share for random labels at or above that of real data, also once they are "
    "fitted as well",
    presets=("unrolled",),
    measure=across_classes,
    rule=more_across,
    control=Control(LATE, across_when_fitted, ("unrolled", "unrolled-fit")),
    history=(
        Change(
            CHANGED,
            "off-diagonal share of the direct sensitivity's class matrix, real − random labels > 0",
            f"that of the unrolled sensitivity after {UPDATES} updates, with a control at equal "
            "loss",
            DIRECT + NO_CONTROL,
        ),
    ),
    least_effect=0.03,
    budget=30.0,
)
