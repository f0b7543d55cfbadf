"""Fort, Nowak, Jastrzębski, Narayanan 2019, arXiv 1901.09491: stiffness (science.md, 5)."""

from __future__ import annotations

from typing import Final

import numpy as np

from memlab.claims import criteria as that
from memlab.claims import drawing
from memlab.claims.claim import Claim, Control, Line, Measured, Panel
from memlab.claims.criteria import rolled_rows
from memlab.claims.finished_run import Evidence
from memlab.claims.select import by_rate, noise

PAPER: Final = "fort"
#: The train loss at which critical lengths are compared.
LOSS: Final = 0.05
#: A slope of ξ on log η within ± this is none.
NO_TREND: Final = 0.02


def within_exceeds_between(evidence: Evidence, swapped: bool = False) -> Measured:
    """Gradients agree more within a class, from the first epoch on."""
    cell = evidence.run("kinds").cell(noise("none"))
    (epoch, within), (_, between) = (
        cell.table(f"stiffness.{name}") for name in ("within", "between")
    )
    gap = (within - between)[:, epoch > 0]
    least = (-gap if swapped else gap).min(axis=1)
    panel = Panel(
        "stiffness",
        "epoch",
        "cosine",
        (Line("within classes", epoch, within), Line("between", epoch, between)),
        level=0.0,
    )
    return Measured((that.above("least of within − between", least, 0.0),), (panel,))


WITHIN_EXCEEDS_BETWEEN = Claim(
    id="F1",
    paper=PAPER,
    title="Gradients agree within classes",
    sentence="A step on one example helps its own class more than other classes.",
    source="Fort 2019, section 4.1, figure 2",
    criterion="mean cosine of gradients within − between classes > 0 from the first epoch on",
    paper_had="a class-by-class matrix with a clear diagonal early in training on MNIST, "
    "Fashion-MNIST and CIFAR-10",
    refuted_by="an epoch in which classes agree with others as with themselves",
    presets=("kinds",),
    measure=within_exceeds_between,
    control=Control(
        "within and between exchanged",
        lambda e: within_exceeds_between(e, swapped=True),
        ("kinds",),
        cannot_fail="it is the claim with its sign turned",
    ),
)


def falls_with_overfitting(evidence: Evidence, backwards: bool = False) -> Measured:
    """Stiffness between training and validation examples falls in the end."""
    cell = evidence.run("kinds").cell(noise("labels", 1.0))
    conditions, lines = [], []
    for name, words in (("within_unseen", "within classes"), ("between_unseen", "between")):
        epoch, values = cell.table(f"stiffness.{name}")
        size = np.abs(values[:, ::-1] if backwards else values)
        part = max(1, len(epoch) // 4)
        early, late = size[:, 1 : 1 + part].mean(axis=1), size[:, -part:].mean(axis=1)
        conditions.append(that.exceeds(f"early − late size, {words}", early, late))
        lines.append(Line(words, epoch, values))
    panel = Panel("training with validation", "epoch", "cosine", tuple(lines), level=0.0)
    return Measured(tuple(conditions), (panel,))


FALLS_WITH_OVERFITTING = Claim(
    id="F2",
    paper=PAPER,
    title="Stiffness falls with overfitting",
    sentence="As the network overfits, stiffness between what it knows and what it does not "
    "goes back to 0.",
    source="Fort 2019, section 4.2, figure 3",
    criterion="size of the mean cosine between training and validation examples: first quarter "
    "of training − last quarter > 0, within and between classes, where all labels are random "
    "(the largest of many measurements exceeds the last one by chance alone)",
    paper_had="stiffness that regresses to 0 at the onset of overfitting",
    refuted_by="a stiffness as large late as early",
    presets=("kinds",),
    measure=falls_with_overfitting,
    control=Control(
        "time reversed",
        lambda e: falls_with_overfitting(e, backwards=True),
        ("kinds",),
        cannot_fail="it is the claim with time turned round",
    ),
)


def lies_share_nothing(evidence: Evidence, real: str = "none") -> Measured:
    """Stiffness within classes is higher for real than for random labels."""
    run = evidence.run("kinds")
    one, other = run.cell(noise(real)), run.cell(noise("labels"))
    real_cosine, lies = (cell.final("stiffness.within") for cell in (one, other))
    shown = [("real", run.cell(noise("none"))), ("random labels", other)]
    return Measured(
        (that.exceeds("within-class cosine, real − random labels", real_cosine, lies, 0.1),),
        (drawing.curves("within classes", "stiffness.within", shown),),
    )


LIES_SHARE_NOTHING = Claim(
    id="F3",
    paper=PAPER,
    title="Random labels share nothing",
    sentence="With random labels, learning one example of a class helps the others hardly.",
    source="ours, after Fort 2019, section 4",
    criterion="within-class cosine at the end, real − random labels > 0.1",
    paper_had="nothing: this claim is ours",
    refuted_by="a difference of 0.1 or less",
    presets=("kinds",),
    measure=lies_share_nothing,
    control=Control(
        "random labels in the place of real ones",
        lambda e: lies_share_nothing(e, "labels"),
        ("kinds",),
        cannot_fail="it compares random labels with themselves",
    ),
)


def decays_with_distance(evidence: Evidence, reverse: bool = False) -> Measured:
    """Stiffness within classes falls with the distance of inputs."""
    cell = evidence.run("kinds").cell(noise("none"))
    slope = cell.final("stiffness.slope")
    epoch, length = cell.table("stiffness.critical_length")
    change = length[:, -1] - length[:, 1]
    return Measured(
        (that.below("slope of within-class cosine", -slope if reverse else slope, 0.0),),
        (drawing.curves("critical length ξ", "stiffness.critical_length", [("real", cell)]),),
        (f"ξ changed by {np.nanmean(change):+.3f} from epoch {epoch[1]:g} to the end.",),
    )


DECAYS_WITH_DISTANCE = Claim(
    id="F4",
    paper=PAPER,
    title="Stiffness decays with distance",
    sentence="The further apart two inputs of a class are, the less their gradients agree.",
    source="Fort 2019, section 4.3, figure 5",
    criterion="slope of within-class cosine against 1 − cos of the inputs < 0 at the end; "
    "the change of ξ reported",
    paper_had="stiffness that falls linearly with distance and a ξ that shrinks in training",
    refuted_by="a slope of 0 or above",
    presets=("kinds",),
    measure=decays_with_distance,
    control=Control(
        "the sign of the slope turned",
        lambda e: decays_with_distance(e, reverse=True),
        ("kinds",),
        cannot_fail="it is the claim with its sign turned",
    ),
)


def rate_sets_length(evidence: Evidence, permuted: bool = False) -> Measured:
    """At equal train loss the critical length depends on the learning rate."""
    rates, cells = by_rate(evidence.run("length"))
    lengths = np.array([cell.at_loss("stiffness.critical_length", LOSS) for cell in cells])
    values = rolled_rows(lengths.T) if permuted else lengths.T
    condition = that.depends("slope of ξ on log η", rates, values, NO_TREND, log="x")
    shown = [("", rates, list(values.T))]
    known = lengths[:, np.isfinite(lengths).all(axis=0)]
    return Measured(
        (condition,),
        (
            drawing.against(f"at train loss {LOSS:g}", "η", "ξ, 1 − cos", shown, log_x=True),
            drawing.curves(
                "critical length",
                "stiffness.critical_length",
                [(f"η {rate:g}", cell) for rate, cell in zip(rates, cells, strict=True)],
            ),
        ),
        (
            f"ξ was {known[0].mean():.3f} at the lowest rate and {known[-1].mean():.3f} at the "
            "highest.",
        )
        if known.size
        else (f"No seed came to a train loss of {LOSS:g} at every rate.",),
    )


RATE_SETS_LENGTH = Claim(
    id="F5",
    paper=PAPER,
    title="The learning rate sets the critical length",
    sentence="Networks trained at different rates to the same loss have another ξ.",
    source="Fort 2019, section 4.4, figure 6",
    criterion=f"slope of ξ on log η at train loss {LOSS:g} differs from 0; the "
    "direction is reported",
    paper_had="a dependence that the paper's versions describe in opposite words",
    refuted_by=f"a slope within 0 ± {NO_TREND:g}",
    presets=("length",),
    measure=rate_sets_length,
    control=Control(
        "learning rates in another order in each replicate",
        lambda e: rate_sets_length(e, permuted=True),
        ("length",),
        cannot_fail="it permutes rows until no trend is left",
    ),
)
