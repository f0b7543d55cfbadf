"""When noise stops to decide where a network ends: Frankle 2020 (science.md, 6; B6)."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from memlab.claims import criteria as that
from memlab.claims import drawing
from memlab.claims.claim import Claim, Contrast, Control, Found, Line, Measured, Panel, Values
from memlab.claims.finished_run import Evidence, FinishedRun
from memlab.errors import RunFolderError
from memlab.runs import lines

PAPER: Final = "trajectory"
#: How much lower the barrier has to be after a late fork than after one at the start.
LOWER: Final = 0.1
#: A barrier that counts as none (Frankle 2020, section 2).
NONE: Final = 0.02


def one_basin(evidence: Evidence, short: bool = False) -> Measured:
    """Two orders of the examples end in one basin if they part late, not if they part at the start.

    With `short`, networks that part at the start and train as long as the late ones are apart stand
    in the place of the late ones.
    """
    run, other = evidence.run("basin"), evidence.run("basin-short")
    start, late = (_between(run, at) for at in _forks(run))
    brief = _between(other, 0.0)
    found = {"start": _barriers(start), "late": _barriers(brief if short else late)}
    at = _forks(run)[1]
    named = [("from the start", start), (f"from epoch {at:g}", late), ("as long apart", brief)]
    shown = [
        Line(name, np.linspace(0, 1, len(own[0].test_accuracy)), _errors(own), name != named[1][0])
        for name, own in named
    ]
    panels = (
        Panel("on the line between two orders", "from one to the other", "test error",
              tuple(shown)),
        drawing.named("barrier", "test error", [(name, _barriers(own)) for name, own in named],
                      NONE),
    )  # fmt: skip
    return replace(late_forks_meet(found), panels=panels)


def _forks(run: FinishedRun) -> tuple[float, float]:
    """The epochs at which networks part, the first and the last."""
    found = sorted({cell.experiment.fork.at or 0.0 for cell in run.cells})
    return found[0], found[-1]


def _between(run: FinishedRun, at: float) -> list[lines.Line]:
    """The line between the two networks of each replicate that part at that epoch."""
    one, other = run.where(lambda e: (e.fork.at or 0.0) == at)
    known = {(line.member, line.other): line for line in lines.read_lines(run.folder)}
    pairs = list(zip(one.members, other.members, strict=True))
    if not set(pairs) <= known.keys():
        raise RunFolderError(f"The run {run.id} has not measured the lines between its networks.")
    return [known[pair] for pair in pairs]


def _barriers(found: list[lines.Line]) -> Values:
    return np.array([line.barrier for line in found])


def _errors(found: list[lines.Line]) -> Values:
    return 1 - np.array([line.test_accuracy for line in found])


def late_forks_meet(found: Found) -> Measured:
    """Barriers of test error after a fork at the `start` and after a `late` one, [replicates]."""
    apart = that.exceeds(
        "barrier, forked at the start − late", found["start"], found["late"], LOWER
    )
    return Measured(
        (apart, that.below("barrier, forked late", found["late"], NONE)), contrast=apart.values
    )


ONE_BASIN = Claim(
    id="B6",
    paper=PAPER,
    title="Late in training, noise no longer decides the basin",
    sentence="Two orders of the examples lead to separate minima from the start, and to one basin "
    "from a fifth of training on.",
    source="Frankle 2020, arXiv 1912.05671, section 3, figures 2 and 3",
    criterion="barrier of test error on the straight line between two networks that differ in the "
    f"order of examples alone: forked at the start − at a fifth of training > {LOWER:g}, and the "
    f"latter < {NONE:g}",
    rival="networks that part late have less time to part",
    contrast=Contrast("barrier, forked at the start − in the late fork's place", "above"),
    paper_had="for ResNet-20 on CIFAR-10 a barrier at the start and none from epoch 3 of 160 on",
    refuted_by="a barrier after a late fork too, or none as well after one at the start with as "
    "little time",
    presets=("basin", "basin-short"),
    measure=one_basin,
    rule=late_forks_meet,
    control=Control(
        "forked at the start and trained for four fifths as long, in the late fork's place",
        lambda e: one_basin(e, short=True),
        ("basin", "basin-short"),
    ),
    least_effect=0.05,
    budget=30.0,
)
