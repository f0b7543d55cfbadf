"""Margins: how surely each training example is predicted as it is labelled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from memlab.experiment.instruments import Instrument, Quantity, Settings, Workload, percentiles

if TYPE_CHECKING:
    from memlab.instruments.subject import Subject

#: Of the examples' margins, from the lowest to the highest.
QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


def cost(settings: Settings, work: Workload) -> float:
    """Next to nothing: the evaluation has the margins."""
    return 0.05 * work.train_examples


def measure(subject: Subject, settings: Settings) -> Mapping[str, Any]:
    """Means over clean and corrupted examples, and quantiles over all."""
    import torch

    assert subject.outcome is not None
    margins = subject.outcome.margins
    assert margins is not None
    lies, own = subject.arrays.corrupted, subject.arrays.own_index()
    double = margins.double()
    if own is not None:
        lies, double = lies.gather(1, own), double.gather(1, own)
    points = torch.tensor(QUANTILES, dtype=torch.float64, device=margins.device)
    return {
        "clean": double.masked_fill(lies, 0).sum(1) / (~lies).sum(1),
        "corrupted": double.masked_fill(~lies, 0).sum(1) / lies.sum(1),
        "quantiles": torch.quantile(double, points, dim=1).T,
    }


INSTRUMENT = Instrument(
    name="margins",
    title="margins",
    about="The given label's logit minus the largest other one, over the training examples",
    source="Pleiss 2020, arXiv 2001.10528, section 3.1",
    quantities=(
        Quantity("clean", "mean margin of clean training examples", "logits"),
        Quantity("corrupted", "mean margin of corrupted ones, by their given label", "logits"),
        Quantity(
            "quantiles",
            "margins at 1, 5, 25, 50, 75, 95, 99 %",
            "logits",
            ("quantile",),
            against=percentiles(QUANTILES),
        ),
    ),
    headline="corrupted",
    measure=measure,
    cost=cost,
    needs=("margins",),
)
