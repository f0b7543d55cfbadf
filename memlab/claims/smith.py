"""Smith, Kindermans, Ying, Le 2017, arXiv 1711.00489: grow the batch (science.md, 4)."""

from __future__ import annotations

from typing import Final

import numpy as np

from memlab.claims import drawing
from memlab.claims.claim import Claim, Condition, Control, Measured, Values
from memlab.claims.finished_run import Cell, Evidence, FinishedRun
from memlab.claims.intervals import t_interval
from memlab.claims.verdict import Rule
from memlab.experiment.metrics import TEST_ACCURACY
from memlab.experiment.schedule import Timeline
from memlab.experiment.spec import Experiment

PAPER: Final = "smith"
#: Test accuracies that differ by less than this are the same curve.
MARGIN: Final = 0.02
NEAR: Final = 0.5


def _optimizers(run: FinishedRun) -> dict[str, Experiment]:
    found: dict[str, Experiment] = {}
    for cell in run.cells:
        found.setdefault(_name(cell.experiment), cell.experiment)
    return found


def _name(e: Experiment) -> str:
    own = e.optimizer
    if own.name != "sgd":
        return own.name
    return "nesterov" if own.nesterov else "momentum" if own.momentum else "sgd"


def _cell(run: FinishedRun, optimizer: str, schedule: str) -> Cell:
    return run.cell(lambda e: _name(e) == optimizer and e.schedule.kind == schedule)


def same_curve(evidence: Evidence, others: tuple[str, ...] = ("grow-batch", "hybrid")) -> Measured:
    """Schedules of equal noise scale give the same test accuracy at every stage."""
    run = evidence.run("schedules")
    conditions: list[Condition] = []
    panels = []
    for optimizer, experiment in _optimizers(run).items():
        base = _cell(run, optimizer, "decay-rate")
        ends = (*experiment.schedule.milestones, experiment.stop.epochs)
        for other in others:
            cell = _cell(run, optimizer, other)
            pairs = list(zip(cell.series(TEST_ACCURACY), base.series(TEST_ACCURACY), strict=True))
            for end in ends:
                gaps = np.array([one.at(end) - two.at(end) for one, two in pairs])
                label = f"{other} − decay-rate, {optimizer}, epoch {end:g}"
                conditions.append(Condition(label, t_interval(gaps), Rule("within", 0.0, MARGIN)))
        shown = [(kind, _cell(run, optimizer, kind)) for kind in ("decay-rate", *others)]
        panels.append(drawing.curves(optimizer, TEST_ACCURACY, shown))
    conditions.sort(key=lambda one: -abs(one.effect.mean))
    return Measured(
        tuple(conditions), tuple(panels), ("The headline is the widest gap of all stages.",)
    )


SAME_CURVE = Claim(
    id="S1",
    paper=PAPER,
    title="Three schedules, one curve",
    sentence="Decaying the learning rate, growing the batch, and doing one after the other "
    "give the same test accuracy in every epoch.",
    source="Smith 2017, sections 3 and 5.1, figures 1, 2 and 4",
    criterion="test accuracy at the end of every stage differs from that of the decaying rate "
    f"by less than {MARGIN:g}, for SGD, momentum, Nesterov and Adam",
    paper_had="94.3, 94.4 and 94.5 % on CIFAR-10 with Wide-ResNet 16-4, curves on each other",
    refuted_by="a stage and optimizer where the curves are further apart",
    reading="what is left is Adam, whose steps do not scale with the gradient, and the spread "
    "between replicates of 397 test examples",
    presets=("schedules",),
    measure=same_curve,
    control=Control(
        "a rate that never decays, of another noise scale",
        lambda e: same_curve(e, ("constant",)),
        ("schedules",),
    ),
)


def fewer_updates(evidence: Evidence, other: str = "grow-batch") -> Measured:
    """Growing the batch needs at most half of the updates, as the schedule says exactly."""
    run = evidence.run("schedules")
    examples, _ = run.facts()
    ratios, misses, bars = [], [], []
    for optimizer in _optimizers(run):
        base, cell = _cell(run, optimizer, "decay-rate"), _cell(run, optimizer, other)
        made, most = run.updates(cell), run.updates(base)
        ratios.append(made / most)
        predicted = Timeline(cell.experiment, examples).updates
        misses.append(np.abs(made - predicted))
        bars += [(f"{optimizer}, decay", most), (f"{optimizer}, {other}", made)]
    return Measured(
        (
            Condition(
                f"updates, {other} ÷ decay-rate",
                t_interval(np.max(ratios, axis=0)),
                Rule("below", 0.5, inclusive=True),
            ),
            Condition(
                "updates made − predicted from the schedule",
                t_interval(np.max(misses, axis=0)),
                Rule("within", 0.0, 0.5),
            ),
        ),
        (drawing.named("updates", "updates", bars),),
    )


FEWER_UPDATES = Claim(
    id="S2",
    paper=PAPER,
    title="Growing the batch needs fewer updates",
    sentence="Growing the batch reaches the same in far fewer updates.",
    source="Smith 2017, section 5.1, figure 1",
    criterion="updates, growing batch ÷ decaying rate ≤ ½, and as many as the schedule says",
    paper_had="about 29,000 in place of 80,000 updates, fewer than 2,500 with higher η and "
    "momentum",
    refuted_by="more than half of the updates, or another number than the schedule's",
    presets=("schedules",),
    measure=fewer_updates,
    control=Control("a constant batch", lambda e: fewer_updates(e, "constant"), ("schedules",)),
)


def best_batch(evidence: Evidence, permuted: bool = False) -> Measured:
    """The best batch size is proportional to η and to N."""
    run = evidence.run("batch")
    rates = sorted({cell.experiment.optimizer.learning_rate for cell in run.cells})
    sizes = sorted({cell.experiment.dataset.train or 0 for cell in run.cells})
    best = np.array([[_peak(run, rate, size) for rate in rates] for size in sizes])
    if permuted:
        best = np.array([[row[::-1][i] for i in range(len(rates))] for row in best[::-1]])
    by_rate = np.polyfit(np.log(rates), best.mean(axis=0), 1)[0]
    by_size = np.polyfit(np.log(sizes), best.mean(axis=1), 1)[0]
    rule = Rule("within", 1.0, NEAR)
    lines = [
        (f"N {size}", rates, [np.exp(values) for values in row])
        for size, row in zip(sizes, best, strict=True)
    ]
    return Measured(
        (
            Condition("log-log slope of the best S against η", t_interval(by_rate), rule),
            Condition("log-log slope of the best S against N", t_interval(by_size), rule),
        ),
        (
            drawing.against(
                "best batch size", "learning rate", "batch size", lines, log_x=True, log_y=True
            ),
        ),
    )


def _peak(run: FinishedRun, rate: float, size: int) -> Values:
    """Log of the batch size of best test accuracy, by a parabola through the top, [replicates]."""
    cells = sorted(
        run.where(lambda e: e.optimizer.learning_rate == rate and e.dataset.train == size),
        key=lambda cell: cell.experiment.optimizer.batch_size,
    )
    place = np.log([cell.experiment.optimizer.batch_size for cell in cells])
    values = np.array([np.nan_to_num(cell.final(TEST_ACCURACY)) for cell in cells])
    found = []
    for column in values.T:
        top = int(np.argmax(column))
        at = float(place[top])
        if 0 < top < len(place) - 1:
            left, mid, right = column[top - 1 : top + 2]
            bend = left - 2 * mid + right
            at += 0.5 * (left - right) / bend * (place[1] - place[0]) if bend < 0 else 0.0
        found.append(at)
    return np.array(found)


BEST_BATCH = Claim(
    id="S3",
    paper=PAPER,
    title="The best batch size grows with η and N",
    sentence="The batch size of best test accuracy is proportional to the learning rate and to "
    "the number of examples.",
    source="Smith and Le 2017, arXiv 1710.06451, section 4, figures 5 and 6",
    criterion=f"log-log slopes against η and against N within 1 ± {NEAR:g}",
    paper_had="straight lines through the origin on MNIST with 1,000 examples",
    refuted_by="a slope further than a half from 1",
    reading="against η the slope is 1; with N both the share that each lie has and the number "
    "of epochs in 1,000 updates change, and the peak over S is flat",
    presets=("batch",),
    measure=best_batch,
    control=Control(
        "learning rates and sizes in reverse",
        lambda e: best_batch(e, True),
        ("batch",),
        cannot_fail="it is the claim with its order turned round",
    ),
)
