"""Loss sensitivity through a training: what an example's input did to the losses afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from memlab.experiment.instruments import Abscissa, Instrument, Quantity, Settings, Workload

if TYPE_CHECKING:
    from memlab.instruments.subject import Subject

#: One step back of one adjoint, in passes over an example: this much for the parameters, and so
#: much for each example of the batch (measured on mlps 16 to 256 wide).
STEP, STEP_PER_EXAMPLE = 32.0, 2.0


class UnrolledSensitivitySettings(Settings):
    """Settings of `unrolled-sensitivity`."""

    updates: Annotated[int, Field(ge=1, le=10_000)] = Field(
        default=200, description="Updates of the training that it repeats and goes back through"
    )
    batch_size: Annotated[int, Field(ge=1, le=65_536)] = Field(
        default=16, description="Batch size of that training; at most the examples"
    )
    moments: Annotated[int, Field(ge=1, le=10_000)] = Field(
        default=4, description="Moments of it that are averaged over, evenly spread; at most all"
    )
    learning_rate: Annotated[float, Field(gt=0.0, le=1e4)] | None = Field(
        default=None, description="Its learning rate; empty: the member's own first one"
    )


def moments(settings: UnrolledSensitivitySettings) -> list[int]:
    """The numbers of updates after which losses are looked at, ascending."""
    count = min(settings.moments, settings.updates)
    return [settings.updates * (i + 1) // count for i in range(count)]


def cost(settings: UnrolledSensitivitySettings, work: Workload) -> float:
    """From each moment back to the start, for the mean loss and for each class's."""
    size = min(settings.batch_size, settings.examples)
    steps = (1 + work.classes) * sum(moments(settings))
    return settings.updates * size + steps * (STEP + STEP_PER_EXAMPLE * size)


def measure(subject: Subject, settings: UnrolledSensitivitySettings) -> Mapping[str, Any]:
    """Trains anew from the members' initialization, on the sample alone, by plain SGD."""
    from memlab.experiment.keys import key
    from memlab.instruments.gini import gini, gini_interval
    from memlab.instruments.sensitivity import off_diagonal_share
    from memlab.instruments.unrolled_sensitivity import draw_batches, unrolled_sensitivity

    sample = subject.train_sample(settings.examples)
    count = sample.given.shape[1]
    batches = draw_batches(
        [key(seed, "instrument unrolled batches") for seed in subject.seeds],
        count,
        settings.updates,
        min(settings.batch_size, count),
    )
    rates = subject.first_rates
    if settings.learning_rate is not None:
        rates = rates * 0 + settings.learning_rate
    found = unrolled_sensitivity(
        subject.initial(),
        sample.x,
        sample.given,
        batches.to(subject.device),
        rates,
        subject.classes,
        at=moments(settings),
        loss=subject.loss,
    )
    interval = gini_interval(found.examples, subject.seeds)
    return {
        "gini": interval.value,
        "gini_low": interval.low,
        "gini_high": interval.high,
        "mean": found.examples.mean(1),
        "off_diagonal": off_diagonal_share(found.classes),
        "classes": found.classes,
        "gini_until": gini(found.examples_until).T,
        "off_diagonal_until": off_diagonal_share(found.classes_until).T,
        "sample_loss": found.losses.T,
        "updates": found.losses.new_tensor(moments(settings)).expand(subject.members, -1),
    }


def _until(name: str, about: str, unit: str = "", high: float | None = 1.0) -> Quantity:
    return Quantity(name, about, unit, ("moment",), 0.0, high, against=Abscissa("updates"))


INSTRUMENT = Instrument(
    name="unrolled-sensitivity",
    title="unrolled loss sensitivity",
    about="ℓ1 norm of the gradient of later losses with respect to an example's input, through a"
    " short training on the sample (plain SGD from the members' initialization; plain perceptrons"
    " only), and its Gini coefficient over examples; measured once",
    source="Arpit 2017, arXiv 1706.05394, section 3.2, figures 3 and 4",
    quantities=(
        Quantity("gini", "Gini coefficient over training examples", low=0.0, high=1.0),
        Quantity("gini_low", "low end of its 95 % bootstrap interval", low=0.0, high=1.0),
        Quantity("gini_high", "high end of its 95 % bootstrap interval", low=0.0, high=1.0),
        Quantity("mean", "mean effect on the mean loss", "loss per scaled input", low=0.0),
        Quantity("off_diagonal", "share of the class matrix off its diagonal", low=0.0, high=1.0),
        Quantity(
            "classes",
            "effect of inputs of class j on the mean loss of class i",
            "loss per scaled input",
            ("loss of class", "input of class"),
            low=0.0,
        ),
        _until("gini_until", "Gini coefficient, averaged up to a moment"),
        _until("off_diagonal_until", "share off the diagonal, averaged up to a moment"),
        _until("sample_loss", "mean loss of the sample at a moment", high=None),
        Quantity("updates", "updates made at each moment", shape=("moment",), low=0.0),
    ),
    headline="gini",
    measure=measure,
    cost=cost,
    settings=UnrolledSensitivitySettings,
    once=True,
)
