"""The early trajectory: Jastrzębski 2018 and 2020, Cohen 2021 (science.md, 6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from memlab.claims import criteria as that
from memlab.claims import drawing
from memlab.claims.claim import Claim, Condition, Control, Line, Measured, Panel, Values
from memlab.claims.criteria import rolled_rows
from memlab.claims.finished_run import Cell, Evidence, Series
from memlab.claims.intervals import t_interval
from memlab.claims.select import by_rate
from memlab.claims.verdict import Rule
from memlab.experiment.metrics import TRAIN_LOSS

PAPER: Final = "trajectory"
SHARPNESS: Final = "curvature.sharpness"
LARGEST: Final = "gradient-covariance.largest"
#: How much larger than both ends a maximum has to be, as a factor: the largest of many noisy
#: measurements exceeds the first and the last by chance alone.
HIGHER: Final = 1.1
#: "Stays within 20 % of 2/η", and the share of measurements that has to.
EDGE: Final = 0.2
STAYS: Final = 0.9
#: The train loss at which curvatures are compared.
LOSS: Final = 0.02


def _trajectories(rates: Sequence[float], cells: Sequence[Cell], metric: str, name: str) -> Panel:
    """The metric against epochs, both on logarithmic axes, a line for each learning rate."""
    lines = []
    for rate, cell in zip(rates, cells, strict=True):
        epoch, values = cell.table(metric)
        lines.append(Line(f"η {rate:g}", epoch[1:], values[:, 1:]))
    return Panel(name, "epoch", name, tuple(lines), log_x=True, log_y=True)


def _maxima(cells: Sequence[Cell], metric: str) -> Values:
    """The maximum along each trajectory, [replicates, cells]."""
    return np.array([[np.nanmax(one.values) for one in cell.series(metric)] for cell in cells]).T


def rises_then_falls(evidence: Evidence, preset: str = "early") -> Measured:
    """λ_H has its maximum strictly inside training."""
    rates, cells = by_rate(evidence.run(preset))
    rise, fall = [], []
    for cell in cells:
        logs = _logs(cell, SHARPNESS)
        rise.append([one.max() - one[0] for one in logs])
        fall.append([one.max() - one[-1] for one in logs])
    level = float(np.log(HIGHER))
    conditions = (
        that.above("log of the maximum of λ_H ÷ its end, least over η", np.min(fall, 0), level),
        that.above("log of the maximum of λ_H ÷ its start, least over η", np.min(rise, 0), level),
    )
    return Measured(conditions, (_trajectories(rates, cells, SHARPNESS, "λ_H"),))


def _logs(cell: Cell, metric: str) -> list[Values]:
    """Logarithms of each seed's measurements, those that are not positive left out."""
    return [np.log(one.values[one.values > 0]) for one in cell.series(metric)]


RISES_THEN_FALLS = Claim(
    id="B1",
    paper=PAPER,
    title="Sharpness rises, then falls",
    sentence="The largest eigenvalue of the Hessian first rises, then falls or levels off.",
    source="Jastrzębski 2020, arXiv 2002.09572, section 4.1, figure 1",
    criterion="the maximum of λ_H lies strictly inside training: it is larger than the first "
    f"and the last measurement by a factor of {HIGHER:g}, at every learning rate",
    paper_had="a maximum within the first epochs on CIFAR-10",
    refuted_by="a maximum at the first or last measurement",
    presets=("early",),
    measure=rises_then_falls,
    control=Control(
        "full-batch gradient descent at rates that reach the edge of stability late or never",
        lambda e: rises_then_falls(e, "edge"),
        ("edge",),
    ),
)


def lower_at_larger_steps(evidence: Evidence, permuted: bool = False) -> Measured:
    """The larger η, the lower the maximum of λ_K."""
    rates, cells = by_rate(evidence.run("early"))
    maxima = _maxima(cells, LARGEST)
    values = rolled_rows(maxima) if permuted else maxima
    when = _epochs_of_maxima(cells, LARGEST)
    told = ", ".join(f"{epoch:.2f} at η {rate:g}" for rate, epoch in zip(rates, when, strict=True))
    shown = [("", rates, list(maxima.T))]
    return Measured(
        (that.falls("slope of log max λ_K on log η", rates, values, log="xy"),),
        (
            _trajectories(rates, cells, LARGEST, "λ_K"),
            drawing.against("maxima", "η", "largest λ_K", shown, log_x=True, log_y=True),
        ),
        (f"Epoch of the maximum of λ_K: {told}.",),
    )


def _epochs_of_maxima(cells: Sequence[Cell], metric: str) -> Values:
    """Where that is, [cells], means over replicates."""

    def place(one: Series) -> float:
        return float(one.epoch[int(np.nanargmax(one.values))])

    return np.array([np.mean([place(one) for one in cell.series(metric)]) for cell in cells])


LOWER_AT_LARGER_STEPS = Claim(
    id="B2",
    paper=PAPER,
    title="Larger steps break even earlier",
    sentence="With larger η or smaller S the break-even point comes earlier, at a lower λ_K.",
    source="Jastrzębski 2020, section 4.2, figure 4",
    criterion="slope of the logarithm of the maximum of λ_K on log η < 0",
    paper_had="0.87 at η 0.1 against 3.01 at η 0.01",
    refuted_by="a maximum that does not fall with η",
    reading="the sharpness of this network levels off by itself, below 2/η for all but the "
    "largest rates, so that stability hardly limits it, and larger steps make gradients "
    "larger",
    presets=("early",),
    measure=lower_at_larger_steps,
    control=Control(
        "learning rates in another order in each replicate",
        lambda e: lower_at_larger_steps(e, permuted=True),
        ("early",),
        cannot_fail="it permutes rows until no trend is left",
    ),
)


def better_conditioned(evidence: Evidence, permuted: bool = False) -> Measured:
    """The larger η, the larger the maxima of Tr K ÷ λ_K and of λ* ÷ λ_K."""
    rates, cells = by_rate(evidence.run("early"))
    conditions: list[Condition] = []
    panels: list[Panel] = []
    for metric, name in (("relative_trace", "Tr K ÷ λ_K"), ("condition", "λ* ÷ λ_K")):
        maxima = _maxima(cells, f"gradient-covariance.{metric}")
        values = rolled_rows(maxima) if permuted else maxima
        conditions.append(that.rises(f"slope of log max {name} on log η", rates, values, log="xy"))
        shown = [("", rates, list(maxima.T))]
        panels.append(drawing.against(name, "η", f"maximum of {name}", shown, log_x=True))
    return Measured(tuple(conditions), tuple(panels))


BETTER_CONDITIONED = Claim(
    id="B3",
    paper=PAPER,
    title="and leave better-conditioned gradients",
    sentence="With larger η the gradient covariance is better conditioned.",
    source="Jastrzębski 2020, section 4.2, figure 5",
    criterion="the maxima of Tr K ÷ λ_K and of λ* ÷ λ_K rise with η",
    paper_had="Tr K ÷ λ_K 14.29 at η 0.1 against 10.69 at η 0.01",
    refuted_by="a conditioning that does not rise with η",
    reading="the smallest of 24 eigenvalues from 512 examples is mostly noise; Tr K ÷ λ_K does "
    "rise",
    presets=("early",),
    measure=better_conditioned,
    control=Control(
        "learning rates in another order in each replicate",
        lambda e: better_conditioned(e, permuted=True),
        ("early",),
        cannot_fail="it permutes rows until no trend is left",
    ),
)


def edge_of_stability(evidence: Evidence, slow: bool = False) -> Measured:
    """Under full-batch gradient descent λ_H rises to 2/η and stays there.

    With `slow` the lowest rate of the preset, whose edge lies beyond what is reached.
    """
    rates, cells = by_rate(evidence.run("edge"))
    rate, cell = (rates[0], cells[0]) if slow else (rates[-1], cells[-1])
    ratios = [rate * one.values / 2 for one in cell.series(SHARPNESS)]
    after = [one[np.argmax(one >= 1) :] if (one >= 1).any() else one[:0] for one in ratios]
    mean = [float(one.mean()) if len(one) else float("nan") for one in after]
    inside = [float((np.abs(one - 1) <= EDGE).mean()) if len(one) else 0.0 for one in after]
    epoch, values = cell.table(SHARPNESS)
    _, losses = cell.table(TRAIN_LOSS)
    return Measured(
        (
            Condition(
                "mean of λ_H η ÷ 2 after reaching 1", t_interval(mean), Rule("within", 1.0, EDGE)
            ),
            that.above("largest λ_H η ÷ 2", [one.max() for one in ratios], 1.0),
            that.below("λ_H η ÷ 2 at the start", [one[0] for one in ratios], 1.0),
            that.at_least(f"share within {EDGE:.0%} after reaching 1", inside, STAYS),
        ),
        (
            Panel("sharpness", "epoch", "λ_H", (Line("λ_H", epoch, values),), level=2 / rate),
            drawing.curves("train loss", TRAIN_LOSS, [(f"η {rate:g}", cell)]),
        ),
        (
            f"2/η = {2 / rate:g}; the train loss went from {losses[:, 0].mean():.3g} to "
            f"{losses[:, -1].mean():.3g}.",
        ),
    )


EDGE_OF_STABILITY = Claim(
    id="B4",
    paper=PAPER,
    title="Gradient descent at the edge of stability",
    sentence="Under full-batch gradient descent λ_H rises to 2/η and stays there.",
    source="Cohen 2021, arXiv 2103.00065, section 3, figure 1",
    criterion="with squared error, λ_H starts below 2/η, reaches it, and is then within "
    f"{EDGE:.0%} of it on the mean and in {STAYS:.0%} of all measurements",
    paper_had="λ_H hovering just above 2/η for tanh networks on 5,000 CIFAR-10 images",
    refuted_by="a λ_H that stays below or leaves that band",
    presets=("edge",),
    measure=edge_of_stability,
    control=Control(
        "a rate whose edge lies beyond the sharpness that is reached",
        lambda e: edge_of_stability(e, slow=True),
        ("edge",),
    ),
)


def early_steps_decide(evidence: Evidence, same: bool = False) -> Measured:
    """After a high rate in the first epochs λ_H is lower at equal train loss.

    With `same` the low rate from the start is compared with itself, seeds exchanged.
    """
    run = evidence.run("fork")
    cells = sorted(run.cells, key=lambda cell: cell.experiment.fork.at or 0.0)
    at = [cell.experiment.fork.at or 0.0 for cell in cells]
    sharp = [np.log(cell.at_loss(SHARPNESS, LOSS)) for cell in cells]
    forked = np.roll(sharp[0], 1) if same else sharp[-1]
    shown = [("", at, [np.exp(values) for values in sharp])]
    curves = [(f"fork at {k:g}", cell) for k, cell in zip(at, cells, strict=True)]
    return Measured(
        (
            Condition(
                f"log λ_H at train loss {LOSS:g}, forked − low from the start",
                t_interval(forked - sharp[0]),
                Rule("below", 0.0),
            ),
        ),
        (
            drawing.against(
                f"at train loss {LOSS:g}", "epochs at the high rate", "λ_H", shown, log_y=True
            ),
            drawing.curves("sharpness", SHARPNESS, curves),
        ),
    )


EARLY_STEPS_DECIDE = Claim(
    id="B5",
    paper=PAPER,
    title="Early steps decide",
    sentence="A high rate in the first epochs marks the minimum, whatever follows.",
    source="Jastrzębski 2020, section 4.3",
    criterion=f"log λ_H at train loss {LOSS:g}, forked to the low η after some epochs at a "
    "high one − low from the start < 0",
    paper_had="lower curvature along the whole later trajectory",
    refuted_by="a λ_H as high as with the low rate from the start",
    presets=("fork",),
    measure=early_steps_decide,
    control=Control(
        "the low rate from the start in both places, seeds exchanged",
        lambda e: early_steps_decide(e, same=True),
        ("fork",),
        cannot_fail="it compares one arm with itself",
    ),
)
