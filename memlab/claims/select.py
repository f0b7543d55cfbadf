"""Which cells of a run: predicates on an experiment, as claims name them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from memlab.claims.finished_run import Cell, FinishedRun
from memlab.experiment.spec import Experiment

Holds = Callable[[Experiment], bool]
#: What noise is called, and the corruption that it is.
NOISES: Final = (("random labels", "labels"), ("random inputs", "inputs"))


def noise(kind: str, fraction: float = 1.0) -> Holds:
    """This corruption at this share; real data for "none" or a share of 0."""
    if kind == "none" or fraction == 0.0:
        return lambda e: e.corruption.kind == "none" or e.corruption.fraction == 0.0
    return lambda e: e.corruption.kind == kind and abs(e.corruption.fraction - fraction) < 1e-9


def both(one: Holds, other: Holds) -> Holds:
    """Where both hold."""
    return lambda e: one(e) and other(e)


def regularized(**strengths: float) -> Holds:
    """These strengths of dropout and weight decay, and no others."""

    def holds(e: Experiment) -> bool:
        own = e.regularization
        wanted = {"dropout": 0.0, "weight_decay": 0.0, **strengths}
        return all(abs(getattr(own, name) - value) < 1e-12 for name, value in wanted.items())

    return holds


def schedule(kind: str, learning_rate: float) -> Holds:
    """This kind of schedule from this learning rate."""
    return lambda e: e.schedule.kind == kind and e.optimizer.learning_rate == learning_rate


def ladder(run: FinishedRun) -> list[tuple[float, Cell]]:
    """The cells by share of corrupted examples, rising."""
    cells = [(cell.experiment.corruption.fraction, cell) for cell in run.cells]
    return sorted(cells, key=lambda pair: pair[0])


def by_rate(run: FinishedRun) -> tuple[list[float], list[Cell]]:
    """Learning rates, rising, and the cell of each."""
    cells = sorted(run.cells, key=lambda cell: cell.experiment.optimizer.learning_rate)
    return [cell.experiment.optimizer.learning_rate for cell in cells], cells


def examples(count: int) -> Holds:
    """So many training examples."""
    return lambda e: e.dataset.train == count


def width(units: int) -> Holds:
    """Networks of this width."""
    return lambda e: e.model.width == units


def widths(run: FinishedRun) -> list[int]:
    """All widths of the run, rising."""
    return sorted({cell.experiment.model.width or 0 for cell in run.cells})
