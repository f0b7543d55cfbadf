"""Smith, Kindermans, Ying, Le 2017, arXiv 1711.00489: grow the batch (science.md, 4)."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final

import numpy as np

from memlab.claims import criteria as that
from memlab.claims import drawing
from memlab.claims.claim import (
    Change,
    Check,
    Checked,
    Claim,
    Found,
    Measured,
    Sensitivity,
    Values,
)
from memlab.claims.finished_run import Cell, Evidence, FinishedRun
from memlab.errors import RunFolderError
from memlab.experiment.metrics import TEST_ACCURACY
from memlab.experiment.schedule import Timeline
from memlab.experiment.spec import Experiment

PAPER: Final = "smith"
#: Test accuracies that differ by less than this are the same curve; and the same end.
MARGIN: Final = 0.02
SAME_END: Final = 0.01
#: Far fewer updates: at most this share.
FEWER: Final = 0.5
#: Replicates of the equalities.
REPLICATES: Final = 20
#: Schedules of the same noise scale as a decaying rate.
EQUAL: Final = ("grow-batch", "hybrid")
SGD: Final = ("sgd", "momentum", "nesterov")
ADAM: Final = ("adam",)


def _name(e: Experiment) -> str:
    own = e.optimizer
    if own.name != "sgd":
        return own.name
    return "nesterov" if own.nesterov else "momentum" if own.momentum else "sgd"


def _cell(run: FinishedRun, optimizer: str, schedule: str, larger: bool = False) -> Cell:
    """The cell of the smallest batch size at the start, or of the `larger` one."""
    cells = run.where(lambda e: _name(e) == optimizer and e.schedule.kind == schedule)
    cells = tuple(sorted(cells, key=lambda cell: cell.experiment.optimizer.batch_size))
    if len(cells) < 1 + larger:
        which = " from a larger batch" if larger else ""
        raise RunFolderError(
            f"The run {run.id} has no {optimizer} with the schedule {schedule}{which}."
        )
    return cells[-1] if larger else cells[0]


def _present(run: FinishedRun, optimizers: Sequence[str]) -> list[str]:
    """Those that the run has: an experiment of one's own may have fewer."""
    have = {_name(cell.experiment) for cell in run.cells}
    return [name for name in optimizers if name in have]


def _gaps(one: Cell, other: Cell, epoch: float) -> Values:
    """Test accuracy, `one` − `other`, at that epoch, [replicates]."""
    pairs = zip(one.series(TEST_ACCURACY), other.series(TEST_ACCURACY), strict=True)
    return np.array([mine.at(epoch) - its.at(epoch) for mine, its in pairs])


def same_curve(evidence: Evidence, optimizers: Sequence[str] = SGD) -> Measured:
    """Schedules of equal noise scale give the same test accuracy at every stage."""
    run = evidence.run(_preset(optimizers))
    found: dict[str, Values] = {}
    panels = []
    for optimizer in _present(run, optimizers):
        base = _cell(run, optimizer, "decay-rate")
        own = base.experiment
        ends = (own.stop.epochs, *own.schedule.milestones[1:])  # the first stage has no change yet
        for other in EQUAL:
            cell = _cell(run, optimizer, other)
            for end in ends:
                label = f"{other} − decay-rate, {optimizer}, epoch {end:g}"
                found[label] = _gaps(cell, base, end)
        kinds = {cell.experiment.schedule.kind for cell in run.cells}
        kinds &= {"decay-rate", *EQUAL, "constant"}
        shown = [(kind, _cell(run, optimizer, kind)) for kind in sorted(kinds)]
        panels.append(drawing.curves(optimizer, TEST_ACCURACY, shown, ("constant",)))
    return replace(same_everywhere(found), panels=tuple(panels))


def without_decay(evidence: Evidence, optimizers: Sequence[str] = SGD) -> Measured:
    """What is known to differ: no decay at all, at the end."""
    run = evidence.run(_preset(optimizers))
    found = {}
    for optimizer in _present(run, optimizers):
        base, cell = _cell(run, optimizer, "decay-rate"), _cell(run, optimizer, "constant")
        found[f"constant − decay-rate, {optimizer}, at the end"] = _gaps(
            cell, base, base.experiment.stop.epochs
        )
    return same_everywhere(found)


def _preset(optimizers: Sequence[str]) -> str:
    return "schedules-adam" if tuple(optimizers) == ADAM else "schedules"


def same_everywhere(found: Found) -> Measured:
    """Differences of test accuracy by name, [replicates]; the first name is the primary one."""
    return Measured(tuple(that.within(name, gap, 0.0, MARGIN) for name, gap in found.items()))


_HISTORY: Final = Change(
    "2026-11-27",
    "test accuracy at the end of every stage differs from that of the decaying rate by less than "
    "0.02, for SGD, momentum, Nesterov and Adam together, on digits with 397 test examples",
    "the same after the first change of the schedule, for SGD, momentum and Nesterov, 20 "
    "replicates and 2,000 test examples; Adam is a claim of its own",
    "with 5 replicates of 397 test examples it would have held in 0.3 % of cases even if true",
)
SAME_CURVE = Claim(
    id="S1",
    paper=PAPER,
    title="Three schedules, one curve",
    sentence="Decaying the learning rate, growing the batch, and doing one after the other "
    "give the same test accuracy in every epoch.",
    source="Smith 2017, sections 3 and 5.1, figures 1, 2 and 4",
    criterion="test accuracy at the end of every stage after the first change, growing batch and "
    f"hybrid − decaying rate, within 0 ± {MARGIN:g}, for SGD, momentum and Nesterov; primary: "
    f"growing batch, SGD, at the end; {REPLICATES} replicates",
    rival="the schedule does not matter here, or too few test examples to see that it does",
    paper_had="94.3, 94.4 and 94.5 % on CIFAR-10 with Wide-ResNet 16-4, curves on each other",
    refuted_by="a stage and optimizer where the curves are further apart",
    presets=("schedules",),
    measure=same_curve,
    rule=same_everywhere,
    sensitivity=Sensitivity("a rate that never decays", without_decay, ("schedules",)),
    least=REPLICATES,
    budget=60.0,
    history=(_HISTORY,),
)


SAME_CURVE_ADAM = Claim(
    id="S1a",
    paper=PAPER,
    title="Three schedules, one curve, with Adam",
    sentence="With Adam too, decaying the learning rate, growing the batch, and doing one after "
    "the other give the same test accuracy in every epoch.",
    source="Smith 2017, section 5.1, figure 4",
    criterion="as S1, for Adam; primary: growing batch at the end",
    rival=SAME_CURVE.rival,
    paper_had="94.3 % with a decaying rate, 94.4 % with a growing batch ?",
    refuted_by="a stage where the curves are further apart",
    reading="Adam's steps do not grow with the gradient: a batch that grows makes them less noisy, "
    "not shorter",
    presets=("schedules-adam",),
    measure=lambda e: same_curve(e, ADAM),
    rule=same_everywhere,
    sensitivity=Sensitivity(
        "a rate that never decays", lambda e: without_decay(e, ADAM), ("schedules-adam",)
    ),
    least=REPLICATES,
    budget=40.0,
    history=(_HISTORY,),
)


def fewer_updates(evidence: Evidence) -> Measured:
    """Growing the batch ends at the same test accuracy as decaying the rate."""
    run = evidence.run("schedules")
    found: dict[str, Values] = {}
    bars = []
    for optimizer in _present(run, SGD):
        base, cell = _cell(run, optimizer, "decay-rate"), _cell(run, optimizer, "grow-batch")
        end = base.experiment.stop.epochs
        found[f"growing batch − decaying rate, {optimizer}"] = _gaps(cell, base, end)
        bars += [(f"{optimizer}, decay", base.final(TEST_ACCURACY))]
        bars += [(f"{optimizer}, grow", cell.final(TEST_ACCURACY))]
    with suppress(RunFolderError):
        few = _cell(run, "sgd", "decay-rate", larger=True)
        bars.append(("sgd, decay, as few updates", few.final(TEST_ACCURACY)))
    panel = drawing.named("test accuracy at the end", "test accuracy", bars)
    return replace(same_end(found), panels=(panel,))


def as_few_updates(evidence: Evidence) -> Measured:
    """What is known to differ: as few updates with a decaying rate, from larger batches."""
    run = evidence.run("schedules")
    base, few = (_cell(run, "sgd", "decay-rate", larger) for larger in (False, True))
    gap = _gaps(few, base, base.experiment.stop.epochs)
    return same_end({"as few updates with a decaying rate − decaying rate, sgd": gap})


def same_end(found: Found) -> Measured:
    """As `same_everywhere`, at the end and with a narrower margin."""
    return Measured(tuple(that.within(name, gap, 0.0, SAME_END) for name, gap in found.items()))


def counted(evidence: Evidence) -> Checked:
    """Updates that were made: as many as the schedule says, at most half of those with decay."""
    run = evidence.run("schedules")
    examples, _ = run.facts()
    told, holds = [], True
    for optimizer in _present(run, SGD):
        base, cell = _cell(run, optimizer, "decay-rate"), _cell(run, optimizer, "grow-batch")
        made, most = run.updates(cell), run.updates(base)
        predicted = Timeline(cell.experiment, examples).updates
        holds &= bool((made == predicted).all() and (made <= FEWER * most).all())
        told.append(f"{optimizer} {made[0]:.0f} of {most[0]:.0f} (schedule: {predicted})")
    return Checked(holds, "Updates with a growing batch: " + ", ".join(told) + ".")


FEWER_UPDATES = Claim(
    id="S2",
    paper=PAPER,
    title="Growing the batch needs fewer updates",
    sentence="Growing the batch reaches the same in far fewer updates.",
    source="Smith 2017, section 5.1, figure 1",
    criterion="final test accuracy, growing batch − decaying rate, within "
    f"0 ± {SAME_END:g}, for SGD (primary), momentum and Nesterov, with at most half of the updates "
    "(the count is a check)",
    rival="fewer updates would have done with the decaying rate too",
    paper_had="about 29,000 in place of 80,000 updates, fewer than 2,500 with higher η and "
    "momentum",
    refuted_by="another test accuracy than with the decaying rate",
    presets=("schedules",),
    measure=fewer_updates,
    rule=same_end,
    sensitivity=Sensitivity(
        "as few updates with a decaying rate, from larger batches", as_few_updates, ("schedules",)
    ),
    least=REPLICATES,
    budget=10.0,
    history=(
        Change(
            "2026-11-27",
            "updates, growing batch ÷ decaying rate ≤ ½, and as many as the schedule says",
            "final test accuracy within 0 ± 0.01 of the decaying rate's, with ≤ ½ of the updates",
            "the number of updates is arithmetic; the claim is that they suffice",
        ),
    ),
)

COUNTED = Check(
    id="S2-count",
    beside="S2",
    title="Updates of a growing batch",
    sentence="A batch that grows where the rate would decay makes as many updates as the schedule "
    "says, at most half of those with the decaying rate.",
    source="Smith 2017, section 5.1",
    measure=counted,
    presets=("schedules",),
)
