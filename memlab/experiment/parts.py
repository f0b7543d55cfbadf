"""What of an experiment cannot do without a part of the data that it does not measure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from memlab.experiment import instruments
from memlab.experiment.measuring_spec import PARTS

if TYPE_CHECKING:
    from memlab.experiment.spec import Experiment


def lacking(experiment: Experiment) -> str | None:
    """The first that needs a part which `evaluation.parts` leaves out, in words; None for none."""
    parts = experiment.evaluation.parts
    if parts == PARTS:
        return None
    for what, needed in _needs(experiment):
        for part in needed:
            if part not in parts:
                return f"{what} needs {part} among evaluation.parts"
    return None


def _needs(experiment: Experiment) -> Iterator[tuple[str, tuple[str, ...]]]:
    if experiment.stop.train_accuracy is not None:
        yield "stop.train_accuracy", ("train",)
    if experiment.stop.train_loss is not None:
        yield "stop.train_loss", ("train",)
    if experiment.stop.patience is not None:
        yield "stop.patience", ("validation",)
    if experiment.evaluation.outcomes:
        yield "evaluation.outcomes", ("train", "test")
    for name in experiment.instruments.names:
        if "margins" in instruments.instrument(name).needs:
            yield f"the instrument {name}", ("train",)
    for name in experiment.baselines.names:
        yield f"the baseline {name}, which is compared with the networks,", ("test",)
    for name in experiment.claims:
        yield f"the claim {name}", PARTS
