"""The Fisher matrix's trace: how far a step moves what the networks predict."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from memlab.experiment.instruments import Instrument, Quantity, Settings, Workload

if TYPE_CHECKING:
    from memlab.instruments.subject import Subject


def cost(settings: Settings, work: Workload) -> float:
    """A pass for each class, and inner products between all pairs in every layer."""
    count = min(settings.examples, work.train_examples)
    return work.classes * (count + 3e-3 * count**2)


def measure(subject: Subject, settings: Settings) -> Mapping[str, Any]:
    """The mean over a sample of the training examples, exact in the labels."""
    from memlab.instruments.tangent_kernel import fisher_traces

    sample = subject.train_sample(settings.examples)
    return {"trace": fisher_traces(subject.model, sample.x, subject.loss).double().mean(1)}


INSTRUMENT = Instrument(
    name="fisher",
    title="Fisher trace",
    about="Trace of the Fisher matrix, labels by the network's own predictions",
    source="Jastrzębski 2021, arXiv 2012.14193, section 2",
    quantities=(Quantity("trace", "Tr F, of one training example on average", low=0.0),),
    headline="trace",
    measure=measure,
    cost=cost,
)
