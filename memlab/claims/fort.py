"""Fort, Nowak, Jastrzębski, Narayanan 2019, arXiv 1901.09491: stiffness (science.md, 5).

The cosine of two gradients of a classifier holds that of their output residuals, which agree
within a class before any training and for random labels too. So each claim is about what training
on real data adds.
"""

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
from memlab.claims.select import noise
from memlab.claims.selection import cross_selected
from memlab.experiment.metrics import TRAIN_LOSS, VALIDATION_LOSS

PAPER: Final = "fort"
CHANGED: Final = "2026-11-27"
#: The train loss at which networks are compared.
LOSS: Final = 0.1
#: What F1 asks training to add at least: in the first epoch random labels added 0.0002 on
#: replicates 100 to 107, which is no agreement, but is above 0.
ADDED: Final = 0.01
#: What F3 asks for at least: inputs alone gave 0.13 before training on replicates 100 to 103.
SHARED: Final = 0.2
RESIDUALS: Final = (
    "cosines of gradients hold the agreement of output residuals, which is there before training "
    "and for random labels: within − between was 0.75 untrained"
)


def agreement_of(evidence: Evidence, kind: str) -> Cell:
    """Real data for `none`, or random labels, under stiffness and tangent kernel."""
    return evidence.run("agreement").cell(noise(kind))


def at_epoch(cell: Cell, metric: str, epoch: float) -> Values:
    """The metric of each replicate at an epoch, interpolated, [replicates]."""
    return np.array([one.between(epoch) for one in cell.series(metric)])


def _gap(cell: Cell, epoch: float | None) -> Values:
    """Tangent kernel within − between classes at an epoch; at the train loss `LOSS` for None."""
    within, between = (
        cell.at_loss(name, LOSS) if epoch is None else at_epoch(cell, name, epoch)
        for name in ("tangent-kernel.within", "tangent-kernel.between")
    )
    return np.asarray(within - between)


def within_exceeds_between(evidence: Evidence, kind: str = "none") -> Measured:
    """Training makes gradients of single outputs agree within classes."""
    cell = agreement_of(evidence, kind)
    start = _gap(cell, 0.0)
    found = {"first": _gap(cell, 1.0) - start, "fitted": _gap(cell, None) - start}
    raw = cell.at_loss("stiffness.within", LOSS) - cell.at_loss("stiffness.between", LOSS)
    before = at_epoch(cell, "stiffness.within", 0.0) - at_epoch(cell, "stiffness.between", 0.0)
    return replace(
        agreement_added(found),
        panels=(
            _pair(cell, "tangent-kernel", "tangent kernel, no residuals"),
            _pair(cell, "stiffness", "gradients"),
        ),
        remarks=(
            f"Raw cosine, within − between: {drawing.mean_told(before)} before training and "
            f"{drawing.mean_told(raw)} at train loss {LOSS:g}.",
        ),
    )


def _pair(cell: Cell, instrument: str, title: str) -> Panel:
    (epoch, within), (_, between) = (
        cell.table(f"{instrument}.{name}") for name in ("within", "between")
    )
    lines = (Line("within classes", epoch, within), Line("between", epoch, between))
    return Panel(title, "epoch", "cosine", lines, level=0.0)


def agreement_added(found: Found) -> Measured:
    """What training added to within − between by the `first` epoch and until `fitted`."""
    words = "within − between, trained − untrained"
    return Measured(
        (
            that.above(f"{words}, after the first epoch", found["first"], ADDED),
            that.above(f"{words}, at train loss {LOSS:g}", found["fitted"], ADDED),
        ),
        contrast=found["fitted"],
    )


WITHIN_EXCEEDS_BETWEEN = Claim(
    id="F1",
    paper=PAPER,
    title="Training makes gradients agree within classes",
    sentence="Training on real data makes a step on one example help its own class more than "
    "other classes.",
    source="Fort 2019, section 4.1, figure 2",
    criterion="tangent kernel, tr K_ij ÷ √(tr K_ii tr K_jj), within − between classes: trained − "
    f"untrained > {ADDED:g} after the first epoch and at train loss {LOSS:g}",
    rival="the network learns to tell any groups apart, whatever the labels have to do with the "
    "inputs",
    contrast=Contrast(f"within − between added until train loss {LOSS:g}", "above"),
    paper_had="a class-by-class matrix with a clear diagonal early in training on MNIST, "
    "Fashion-MNIST and CIFAR-10",
    refuted_by="a network whose gradients agree within classes no more than untrained, or random "
    "labels with as much",
    presets=("agreement",),
    measure=within_exceeds_between,
    rule=agreement_added,
    control=Control(
        "random labels, at the same train loss",
        lambda e: within_exceeds_between(e, "labels"),
        ("agreement",),
    ),
    history=(
        Change(
            CHANGED,
            "mean cosine of gradients within − between classes > 0 from the first epoch on",
            "what training adds to it in the tangent kernel, without residuals",
            RESIDUALS,
        ),
    ),
    least_effect=0.025,
    budget=40.0,
)


def falls_with_overfitting(evidence: Evidence, preset: str = "overfit") -> Measured:
    """Stiffness of training with validation examples, lowest validation loss − end."""
    levels = overfitting(evidence.run("overfit"))
    run = evidence.run(preset)
    cell = run.cells[0]
    found = {}
    for name in ("within", "between"):
        metric = f"stiffness.{name}_unseen"
        first, last = (
            np.array([cell.at_loss(metric, level)[k] for k, level in enumerate(row)])
            for row in levels
        )
        found[name] = first - last
        if name == "within":
            found["first"], found["last"] = first, last
    lines = [Line(n, *cell.table(f"stiffness.{n}_unseen")) for n in ("within", "between")]
    told = (
        f"Train loss {drawing.mean_told(levels[0])} at the lowest validation loss, read against "
        f"{drawing.mean_told(levels[1])}; between classes the size of the cosine fell by "
        f"{drawing.mean_told(np.abs(found['between']))} (reported only)."
    )
    return replace(
        stiffness_lost(found),
        panels=(
            Panel("training with validation", "epoch", "cosine", tuple(lines), level=0.0),
            drawing.curves("validation loss", VALIDATION_LOSS, [(cell.label, cell)]),
        ),
        remarks=(told,),
    )


def overfitting(run: FinishedRun) -> tuple[Values, Values]:
    """The train losses, each [replicates], at the lowest validation loss and near the end.

    The first is where the mean validation loss of the *other* half of the replicates is lowest, so
    that the choice of the moment and the measure do not share their noise; the second is twice the
    largest last train loss, so that every network comes to it.
    """
    cell = run.cells[0]
    _, unseen = cell.table(VALIDATION_LOSS)
    _, seen = cell.table(TRAIN_LOSS)

    def lowest(half: np.ndarray) -> float:
        return float(seen[half].mean(0)[int(unseen[half].mean(0).argmin())])

    count = len(seen)
    first, _ = cross_selected(count, lowest, lambda loss: np.full(count, loss))
    return first, np.full(count, 2.0 * float(seen[:, -1].max()))


def stiffness_lost(found: Found) -> Measured:
    """`within`: train–validation cosine within classes, early − late, [replicates]."""
    label = "train–validation cosine within classes, lowest validation loss − end"
    return Measured((that.above(label, found["within"], 0.0),), contrast=found["within"])


FALLS_WITH_OVERFITTING = Claim(
    id="F2",
    paper=PAPER,
    title="Stiffness falls with overfitting",
    sentence="As the network overfits, stiffness between what it knows and what it does not "
    "goes back to 0.",
    source="Fort 2019, section 4.2, figure 3",
    criterion="mean cosine between training and validation examples of a class, real labels: at "
    "the train loss of the lowest validation loss (chosen on the other half of the replicates) − "
    "near the end > 0; between classes reported",
    rival="progress: gradients of fitted examples come apart whether the network overfits or not",
    contrast=Contrast("cosine lost within classes", "above"),
    paper_had="stiffness that regresses to 0 at the onset of overfitting",
    refuted_by="a cosine as large at the end, or one that falls as far between the same train "
    "losses with five times as many examples",
    presets=("overfit",),
    measure=falls_with_overfitting,
    rule=stiffness_lost,
    control=Control(
        "five times as many examples, between the same two train losses",
        lambda e: falls_with_overfitting(e, "overfit-more"),
        ("overfit", "overfit-more"),
    ),
    history=(
        Change(
            CHANGED,
            "size of the mean cosine, first quarter of training − last quarter > 0, where all "
            "labels are random",
            "real labels, from the lowest validation loss to the end",
            "random labels leave nothing to overfit: the test had been moved to where the claim "
            "has no meaning, and its control was the claim with time turned round",
        ),
    ),
    least_effect=0.03,
    budget=30.0,
)


def lies_share_nothing(evidence: Evidence, trained: bool = True) -> Measured:
    """Stiffness within classes is higher for real than for random labels."""
    cells = {"real": agreement_of(evidence, "none"), "labels": agreement_of(evidence, "labels")}
    metric = "stiffness.within"
    found = {
        name: cell.at_loss(metric, LOSS) if trained else at_epoch(cell, metric, 0.0)
        for name, cell in cells.items()
    }
    shown = [("real", cells["real"]), ("random labels", cells["labels"])]
    return replace(more_shared(found), panels=(drawing.curves("within classes", metric, shown),))


def more_shared(found: Found) -> Measured:
    """Within-class cosine of `real` and of random `labels`, [replicates]."""
    label = "within-class cosine, real − random labels"
    return Measured(
        (that.exceeds(label, found["real"], found["labels"], SHARED),),
        contrast=found["real"] - found["labels"],
    )


LIES_SHARE_NOTHING = Claim(
    id="F3",
    paper=PAPER,
    title="Random labels share nothing",
    sentence="With random labels, learning one example of a class helps the others hardly.",
    source="ours, after Fort 2019, section 4",
    criterion=f"within-class cosine at train loss {LOSS:g}, real − random labels > {SHARED:g}",
    rival="inputs of one true class are alike, and those that share a random label are not: their "
    "gradients differ before anything is learned",
    contrast=Contrast("within-class cosine, real − random labels", "above"),
    paper_had="nothing: this claim is ours",
    refuted_by=f"a difference of {SHARED:g} or less, or one as large before training",
    presets=("agreement",),
    measure=lies_share_nothing,
    rule=more_shared,
    control=Control(
        "the untrained networks, with the same labels",
        lambda e: lies_share_nothing(e, trained=False),
        ("agreement",),
    ),
    history=(
        Change(
            CHANGED,
            "within-class cosine at the end, real − random labels > 0.1",
            f"> {SHARED:g} at train loss {LOSS:g}, against the untrained network",
            "at the end the two are fitted to different losses, the control compared random "
            "labels with themselves, and inputs alone give 0.13 before any training",
        ),
    ),
    least_effect=0.3,
    budget=40.0,
)
