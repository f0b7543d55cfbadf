"""Trace and Frobenius norm of the Hessian: all of its curvature, not only the sharpest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from memlab.experiment.instruments import Instrument, Quantity, Settings, Workload

if TYPE_CHECKING:
    from memlab.instruments.subject import Subject


class TraceSettings(Settings):
    """Settings of `curvature-trace`."""

    samples: Annotated[int, Field(ge=2, le=1_000)] = Field(
        default=8, description="Random vectors, a Hessian-vector product each"
    )


def cost(settings: TraceSettings, work: Workload) -> float:
    """A product is about one forward-backward pass."""
    return 1.0 * settings.samples * settings.examples


def measure(subject: Subject, settings: TraceSettings) -> Mapping[str, Any]:
    """Hutchinson's estimates with their standard errors."""
    from memlab.instruments.curvature_trace import hutchinson
    from memlab.instruments.hessian_product import hessian_product
    from memlab.instruments.parameter_vectors import space_of

    sample = subject.train_sample(settings.examples)
    product = hessian_product(subject.model, sample.x, sample.given, subject.loss)
    space = space_of(subject.model)
    found = hutchinson(product, space, subject.generators("trace"), settings.samples)
    return {
        "trace": found.trace.value,
        "trace_error": found.trace.error,
        "frobenius": found.frobenius.value,
        "frobenius_error": found.frobenius.error,
    }


INSTRUMENT = Instrument(
    name="curvature-trace",
    title="trace of the curvature",
    about="Trace and Frobenius norm of the Hessian of the training loss, estimated on a sample",
    source="Hutchinson 1990; Jastrzębski 2017, arXiv 1711.04623, section 4",
    quantities=(
        Quantity("trace", "sum of all eigenvalues"),
        Quantity("trace_error", "its standard error"),
        Quantity("frobenius", "root of the sum of their squares", low=0.0),
        Quantity("frobenius_error", "its standard error"),
    ),
    headline="trace",
    measure=measure,
    cost=cost,
    settings=TraceSettings,
)
