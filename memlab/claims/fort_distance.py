"""Fort, Nowak, Jastrzębski, Narayanan 2019, arXiv 1901.09491: stiffness against the distance of
inputs (science.md, 5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from memlab.claims import criteria as that
from memlab.claims import drawing
from memlab.claims.claim import Change, Claim, Contrast, Control, Found, Measured, Values
from memlab.claims.finished_run import Cell, Evidence
from memlab.claims.fort import CHANGED, LOSS, PAPER, agreement_of, at_epoch
from memlab.claims.select import by_rate
from memlab.experiment.metrics import TRAIN_LOSS


def decays_with_distance(evidence: Evidence, kind: str = "none") -> Measured:
    """Training makes stiffness within classes fall with the distance of inputs."""
    cell, other = (
        agreement_of(evidence, kind),
        agreement_of(evidence, "labels" if kind == "none" else "none"),
    )
    metric = "stiffness.slope"
    found = {
        "trained": cell.at_loss(metric, LOSS),
        "untrained": at_epoch(cell, metric, 0.0),
        "other": other.at_loss(metric, LOSS),
    }
    length = "stiffness.critical_length"
    change = cell.at_loss(length, LOSS) - at_epoch(cell, length, 0.0)
    own, name = ("real", "random labels") if kind == "none" else ("random labels", "real")
    return replace(
        steeper(found),
        panels=(
            drawing.curves("slope against distance", metric, [(own, cell), (name, other)]),
            drawing.curves("critical length ξ", length, [(own, cell)]),
        ),
        remarks=(
            f"Slope {drawing.mean_told(found['untrained'])} untrained, "
            f"{drawing.mean_told(found['trained'])} at train loss {LOSS:g}; ξ changed by "
            f"{drawing.mean_told(change, '+.3f')} in between.",
        ),
    )


def steeper(found: Found) -> Measured:
    """Slopes of the `trained` network, the same `untrained`, and the `other` labels' trained."""
    label = "slope of within-class cosine on distance"
    return Measured(
        (
            that.falls_short(f"{label}, trained − untrained", found["trained"], found["untrained"]),
            that.falls_short(f"{label}, − other labels", found["trained"], found["other"]),
        ),
        contrast=found["trained"] - found["untrained"],
    )


DECAYS_WITH_DISTANCE = Claim(
    id="F4",
    paper=PAPER,
    title="Training makes stiffness decay with distance",
    sentence="The further apart two inputs of a class are, the less their gradients agree, in a "
    "network that has learned more than in one that has not.",
    source="Fort 2019, section 4.3, figure 5",
    criterion=f"slope of within-class cosine on 1 − cos of the inputs at train loss {LOSS:g}: "
    "trained on real data − untrained < 0, and − trained on random labels < 0; the change of ξ "
    "reported",
    rival="inputs that are alike have gradients that are alike in any network, and fitting "
    "anything makes that steeper",
    contrast=Contrast("slope, trained − untrained", "below"),
    paper_had="stiffness that falls linearly with distance and a ξ that shrinks in training",
    refuted_by="a slope no steeper than before training, or than on random labels",
    reading="the paper gives no slope of an untrained network; its decay is there before training",
    presets=("agreement",),
    measure=decays_with_distance,
    rule=steeper,
    control=Control(
        "random labels at the same train loss, against the same network untrained",
        lambda e: decays_with_distance(e, "labels"),
        ("agreement",),
    ),
    history=(
        Change(
            CHANGED,
            "slope of within-class cosine on distance < 0 at the end",
            "that slope against the untrained network's and against random labels'",
            "untrained networks (−0.66) and random labels (−0.35) had it too",
        ),
    ),
    least_effect=0.12,
    budget=40.0,
)


def rate_sets_length(evidence: Evidence) -> Measured:
    """At equal train loss the critical length depends on the learning rate."""
    rates, cells = by_rate(evidence.run("length"))
    lengths = np.array([cell.at_loss("stiffness.critical_length", LOSS) for cell in cells]).T
    return _lengths(rates, lengths, cells, f"each η at train loss {LOSS:g}")


def one_rate_at_those_times(evidence: Evidence) -> Measured:
    """As `rate_sets_length`, the smallest η read at the times at which each η had that loss."""
    rates, cells = by_rate(evidence.run("length"))
    slow = cells[0].series("stiffness.critical_length")
    when = [[losses.crossing(LOSS) for losses in cell.series(TRAIN_LOSS)] for cell in cells]
    lengths = np.array([[one.between(t) for one, t in zip(slow, at, strict=True)] for at in when])
    return _lengths(rates, lengths.T, cells, "the smallest η at those times")


def _lengths(
    rates: Sequence[float], lengths: Values, cells: Sequence[Cell], title: str
) -> Measured:
    found = {"rates": np.asarray(rates, np.float64), "lengths": lengths}
    known = lengths[np.isfinite(lengths).all(axis=1)]
    named = [(f"η {rate:g}", cell) for rate, cell in zip(rates, cells, strict=True)]
    told = (
        f"ξ was {known[:, 0].mean():.3f} at the lowest rate and {known[:, -1].mean():.3f} at the "
        "highest."
        if known.size
        else f"No replicate came to a train loss of {LOSS:g} at every rate."
    )
    return replace(
        length_depends(found),
        panels=(
            drawing.against(title, "η", "ξ, 1 − cos", [("", rates, list(lengths.T))], log_x=True),
            drawing.curves("critical length", "stiffness.critical_length", named),
        ),
        remarks=(told,),
    )


def length_depends(found: Found) -> Measured:
    """`lengths` ξ [replicates, rates] at the `rates`, [rates] or [replicates, rates]."""
    rates, lengths = found["rates"], found["lengths"]
    return Measured(
        (that.falls("slope of ξ on log η", rates, lengths, log="x"),),
        contrast=that.slope_of(rates, lengths, log="x"),
    )


RATE_SETS_LENGTH = Claim(
    id="F5",
    paper=PAPER,
    title="A larger learning rate makes the critical length shorter",
    sentence="Of networks trained to the same loss, those with a larger rate have a shorter ξ.",
    source="Fort 2019, section 4.4, figure 6",
    criterion=f"slope of ξ on log η at train loss {LOSS:g} < 0, as the later versions say; the "
    "first version's abstract says the reverse: an interval above 0 refutes the one and bears "
    "out the other",
    rival="progress: at equal loss, networks of a larger rate have made fewer updates",
    contrast=Contrast("slope of ξ on log η", "below"),
    paper_had="a dependence that the paper's versions describe in opposite words",
    refuted_by="a slope above 0, or the same slope when one rate is read at those times",
    presets=("length",),
    measure=rate_sets_length,
    rule=length_depends,
    control=Control(
        "the smallest rate alone, read at the times at which each rate had come to that loss",
        one_rate_at_those_times,
        ("length",),
    ),
    history=(
        Change(
            CHANGED,
            "slope of ξ on log η at train loss 0.05 differs from 0, against learning rates in "
            "another order in each replicate",
            f"< 0 at train loss {LOSS:g}, against one rate read at the times of the others",
            "rows permuted until no trend is left are no control; and by a criterion of two sides "
            "a control that goes the other way, as this one does, would meet it too",
        ),
    ),
    least_effect=0.06,
    budget=30.0,
)
