"""The ledger: when each example was learned, forgotten, and how surely it is known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from memlab.experiment.instruments import Instrument, Quantity, Settings, Workload

if TYPE_CHECKING:
    from memlab.instruments.subject import Subject


def cost(settings: Settings, work: Workload) -> float:
    """A few passes over an array with one number per example; the evaluation did the rest.

    Answers at presentations are by-products of the updates.
    """
    return 0.1 * work.train_examples


def measure(subject: Subject, settings: Settings) -> Mapping[str, Any]:
    """Enters the evaluation into the ledger; beside it, shares of the training examples."""
    from memlab.instruments.ledger import Observed

    found, ledger = subject.outcome, subject.ledger
    assert ledger is not None
    assert found is not None
    assert found.margins is not None
    assert found.rivals is not None
    assert subject.validation_accuracy is not None
    observed = Observed(found.losses, found.margins, found.predicted, found.rivals)
    ledger.record(subject.epoch, observed, subject.active, subject.validation_accuracy)
    return ledger.shares(subject.active)


def _share(name: str, about: str) -> Quantity:
    return Quantity(name, about, low=0.0, high=1.0)


INSTRUMENT = Instrument(
    name="ledger",
    title="ledger of examples",
    about="When each training example was learned and forgotten, and by which margin",
    source="Toneva 2019, arXiv 1812.05159; Pleiss 2020, arXiv 2001.10528",
    quantities=(
        _share("learned", "share ever predicted as labelled"),
        _share("known", "share predicted as labelled now"),
        _share("forgotten", "share that was known once and is not now"),
        Quantity(
            "forgetting",
            "mean forgetting events of those ever learned, at every presentation in a mini-batch",
            "events",
            low=0.0,
        ),
        Quantity(
            "forgetting_sampled",
            "the same at evaluations only: a sampled version, it misses what happens between them",
            "events",
            low=0.0,
        ),
    ),
    headline="forgotten",
    measure=measure,
    cost=cost,
    every_evaluation=True,
    needs=("margins",),
)
