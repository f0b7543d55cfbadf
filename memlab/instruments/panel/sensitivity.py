"""Loss sensitivity: how much each example's loss depends on its input, and how unequally."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from memlab.experiment.instruments import Instrument, Quantity, Settings, Workload

if TYPE_CHECKING:
    from memlab.instruments.subject import Subject


def cost(settings: Settings, work: Workload) -> float:
    """A pass through the network and back to the input, and one for each class."""
    return 0.3 * settings.examples * (1 + work.classes)


def measure(subject: Subject, settings: Settings) -> Mapping[str, Any]:
    """The direct form, averaged over the measurements so far; the memory is `[members, n]`."""
    from memlab.instruments.gini import gini_interval
    from memlab.instruments.sensitivity import (
        class_sensitivity,
        loss_sensitivity,
        off_diagonal_share,
    )
    from memlab.instruments.token_inputs import varied

    sample = subject.train_sample(settings.examples)
    forward, x = varied(subject, sample)
    now = loss_sensitivity(forward, x, sample.given, subject.loss).double()
    total = subject.memory.get("total", now * 0) + now
    count = subject.memory.get("count", now[:, 0] * 0) + 1
    subject.memory |= {"total": total, "count": count}
    mean = total / count[:, None]
    found = gini_interval(mean, subject.seeds, subject.update)
    classes = class_sensitivity(forward, x, sample.given, subject.classes, subject.loss)
    return {
        "gini": found.value,
        "gini_low": found.low,
        "gini_high": found.high,
        "mean": now.mean(1),
        "off_diagonal": off_diagonal_share(classes),
        "classes": classes,
    }


INSTRUMENT = Instrument(
    name="sensitivity",
    title="loss sensitivity",
    about="ℓ1 norm of the loss's gradient with respect to the input (direct), and its Gini"
    " coefficient over examples, averaged over training",
    source="Arpit 2017, arXiv 1706.05394, section 3.2, figures 3 and 4",
    quantities=(
        Quantity("gini", "Gini coefficient over training examples", low=0.0, high=1.0),
        Quantity("gini_low", "low end of its 95 % bootstrap interval", low=0.0, high=1.0),
        Quantity("gini_high", "high end of its 95 % bootstrap interval", low=0.0, high=1.0),
        Quantity("mean", "mean sensitivity now", "loss per scaled input", low=0.0),
        Quantity("off_diagonal", "share of the class matrix off its diagonal", low=0.0, high=1.0),
        Quantity(
            "classes",
            "sensitivity of class i's loss to inputs of class j",
            "loss per scaled input",
            ("loss of class", "input of class"),
        ),
    ),
    headline="gini",
    measure=measure,
    cost=cost,
)
