"""At the edge of stability, and when large steps matter: Cohen 2021, Jastrzębski 2020; B4, B5."""

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
from memlab.claims.finished_run import Cell, Evidence
from memlab.claims.jastrzebski_minima import LOSS, SHARPNESS, at_the_end
from memlab.claims.select import by_rate
from memlab.experiment.metrics import TRAIN_LOSS

PAPER: Final = "trajectory"
#: "Stays within 20 % of 2/η", and the share of measurements that has to.
EDGE: Final = 0.2
STAYS: Final = 0.9
#: What `at_the_edge` is given of each network.
READINGS: Final = ("mean", "largest", "first", "inside", "of")


def edge_of_stability(evidence: Evidence, slow: bool = False) -> Measured:
    """Under full-batch gradient descent λ_H rises to 2/η and stays there.

    With `slow` the lowest rate of the preset, whose edge lies beyond what is reached; both rates
    train to the same loss.
    """
    rates, cells = by_rate(evidence.run("edge"))
    rate, cell = (rates[0], cells[0]) if slow else (rates[-1], cells[-1])
    shown = []
    for each, own in zip(rates, cells, strict=True):
        epoch, values = own.table(SHARPNESS)
        shown.append(Line(f"η {each:g}", epoch * each, each * values / 2, each == rates[0]))
    losses = [(f"η {each:g}", own) for each, own in zip(rates, cells, strict=True)]
    ends = cell.final(TRAIN_LOSS)
    told = f"2/η = {2 / rate:g}; the train loss ended at {ends.mean():.3g}."
    return replace(
        at_the_edge(_readings(cell, rate)),
        panels=(
            Panel("sharpness over the edge", "time, η × updates", "λ_H η ÷ 2", tuple(shown),
                  level=1.0),
            drawing.curves("train loss", TRAIN_LOSS, losses),
        ),
        remarks=(told,),
    )  # fmt: skip


def _readings(cell: Cell, rate: float) -> dict[str, Values]:
    """What `at_the_edge` is given; a network that never reaches 1 is read over its last half."""
    made: dict[str, list[float]] = {name: [] for name in READINGS}
    for one in cell.series(SHARPNESS):
        known = one.values[np.isfinite(one.values)]
        ratios = rate * known[: _last(known)] / 2
        first = int(np.argmax(ratios >= 1)) if (ratios >= 1).any() else len(ratios) // 2
        after = ratios[first:]
        made["mean"].append(float(after.mean()))
        made["largest"].append(float(ratios.max()))
        made["first"].append(float(ratios[0]))
        made["inside"].append(float((np.abs(after - 1) <= EDGE).mean()))
        made["of"].append(float(len(after)))
    return {name: np.array(values) for name, values in made.items()}


def _last(values: Values) -> int:
    """How many were measured before the network ended: its last value is repeated after that."""
    again = np.flatnonzero(values != values[-1])
    return int(again[-1]) + 2 if len(again) else 1


def at_the_edge(found: Found) -> Measured:
    """λ_H η ÷ 2, [replicates]: its `mean`, the share `inside` the band and what it is a share `of`,
    after reaching 1; the `largest` and the `first`."""
    of = int(found["of"].min())
    return Measured(
        (
            that.within("mean of λ_H η ÷ 2 after reaching 1", found["mean"], 1.0, EDGE),
            that.above("largest λ_H η ÷ 2", found["largest"], 1.0),
            that.below("λ_H η ÷ 2 at the start", found["first"], 1.0),
            that.share_above(
                f"share within {EDGE:.0%} after reaching 1", found["inside"], STAYS, of
            ),
        ),
        contrast=found["largest"],
    )


EDGE_OF_STABILITY = Claim(
    id="B4",
    paper=PAPER,
    title="Gradient descent at the edge of stability",
    sentence="Under full-batch gradient descent λ_H rises to 2/η and stays there.",
    source="Cohen 2021, arXiv 2103.00065, section 3, figure 1",
    criterion="with squared error, λ_H starts below 2/η, reaches it, and is then within "
    f"{EDGE:.0%} of it on the mean (primary) and on the mean in {STAYS:.0%} of all measurements",
    rival="λ_H rises to where it would level off at any rate, and 2/η happens to be there",
    contrast=Contrast("largest λ_H η ÷ 2", "above"),
    paper_had="λ_H hovering just above 2/η for tanh networks on 5,000 CIFAR-10 images",
    refuted_by="a λ_H that stays below or leaves that band, or levels off at a smaller rate's edge "
    "as well",
    presets=("edge",),
    measure=edge_of_stability,
    rule=at_the_edge,
    control=Control(
        "a rate whose edge lies beyond the sharpness that is reached, trained to the same loss",
        lambda e: edge_of_stability(e, slow=True),
        ("edge",),
    ),
    budget=30.0,
)


def early_steps_decide(evidence: Evidence, arm: str = "early") -> Measured:
    """A dose of large steps early leaves a lower λ_H than the same dose late.

    `arm` stands in the early one's place: "middle" asks for when, not for early.
    """
    run = evidence.run("dose")
    cells = dict(zip(DOSES, sorted(run.cells, key=_begin), strict=True))
    one, late = cells[arm], cells["late"]
    ended = [np.log(at_the_end(cell, LOSS)[0]) for cell in (one, late)]
    after = [_after(cell) for cell in (one, late)]
    found = {"loss": ended[0] - ended[1], "updates": after[0] - after[1]}
    at_end = [(name, at_the_end(cell, LOSS)[0]) for name, cell in cells.items()]
    return replace(
        early_is_lower(found),
        panels=(
            drawing.named(f"at train loss {LOSS:g}", "λ_H", at_end),
            drawing.curves("sharpness", SHARPNESS, list(cells.items())),
            drawing.curves("train loss", TRAIN_LOSS, list(cells.items())),
        ),
    )


#: When the dose of large steps is given, in the order of the preset's milestones.
DOSES: Final = ("early", "middle", "late")
#: Epochs after the dose at which arms are compared besides.
AFTER: Final = 10.0


def _begin(cell: Cell) -> float:
    own = cell.experiment.schedule
    return own.milestones[0] if own.kind == "pulse" else 0.0


def _after(cell: Cell) -> Values:
    """log λ_H `AFTER` epochs after the end of the dose, [replicates]."""
    epoch = cell.experiment.schedule.milestones[-1] + AFTER
    return np.log([one.between(epoch) for one in cell.series(SHARPNESS)])


def early_is_lower(found: Found) -> Measured:
    """log λ_H, dose early − late, [replicates]: at equal `loss`, and as many `updates` after it."""
    return Measured(
        (
            that.below("log λ_H, early − late dose, at equal train loss", found["loss"], 0.0),
            that.below("log λ_H, early − late, as long after the dose", found["updates"], 0.0),
        ),
        contrast=found["loss"],
    )


EARLY_STEPS_DECIDE = Claim(
    id="B5",
    paper=PAPER,
    title="Early steps decide",
    sentence="A high rate in the first epochs marks the minimum, whatever follows.",
    source="Jastrzębski 2020, section 4.3",
    criterion="the same dose of large steps given early or late: log λ_H, early − late < 0 at "
    f"train loss {LOSS:g}, and {AFTER:g} epochs after the end of each dose",
    rival="any dose of large steps lowers λ_H, whenever it is given",
    contrast=Contrast("log λ_H at equal train loss, dose − late dose", "below"),
    paper_had="lower curvature along the whole later trajectory; no late dose",
    refuted_by="a late dose that lowers λ_H as much",
    presets=("dose",),
    measure=early_steps_decide,
    rule=early_is_lower,
    control=Control(
        "the dose in the middle in the place of early",
        lambda e: early_steps_decide(e, "middle"),
        ("dose",),
    ),
    budget=25.0,
    history=(
        Change(
            "2026-11-27",
            "log λ_H at train loss 0.02, forked to the low η after some epochs at a high one − low "
            "from the start < 0",
            "the same dose early − late < 0, at equal loss and as many updates after it",
            "that any dose lowers λ_H does not say that it has to be early: given late, it moved "
            "λ_H more",
        ),
    ),
)
