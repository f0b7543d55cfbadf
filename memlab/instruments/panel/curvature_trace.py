"""Trace and Frobenius norm of the Hessian: all of its curvature, not only the sharpest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from memlab.experiment.instruments import Instrument, Matrix, Quantity, Settings, Workload

if TYPE_CHECKING:
    from memlab.instruments.subject import Subject


class TraceSettings(Settings):
    """Settings of `curvature-trace`."""

    matrix: Matrix = Field(
        default="hessian", description="The Hessian, or the generalized Gauss-Newton matrix (ggn)"
    )
    samples: Annotated[int, Field(ge=2, le=1_000)] = Field(
        default=8, description="Random vectors, a matrix-vector product each"
    )
    estimator: Literal["hutchinson", "hutch++"] = Field(
        default="hutchinson",
        description="For the trace; hutch++ takes as many products again, at least 6, and is"
        " surer where a few eigenvalues dominate",
    )


def cost(settings: TraceSettings, work: Workload) -> float:
    """A product is about one forward-backward pass."""
    more = max(6, settings.samples) if settings.estimator == "hutch++" else 0
    return float((settings.samples + more) * settings.examples)


def measure(subject: Subject, settings: TraceSettings) -> Mapping[str, Any]:
    """Estimates with their standard errors."""
    from memlab.instruments.curvature_trace import hutch_plus_plus, hutchinson
    from memlab.instruments.parameter_vectors import space_of
    from memlab.instruments.sampled import sampled_product

    sample = subject.train_sample(settings.examples)
    product = sampled_product(subject, sample, settings.matrix)
    space = space_of(subject.model)
    found = hutchinson(product, space, subject.generators("trace"), settings.samples)
    trace = found.trace
    if settings.estimator == "hutch++":
        products = max(6, settings.samples)
        trace = hutch_plus_plus(product, space, subject.generators("trace range"), products)
    return {
        "trace": trace.value,
        "trace_error": trace.error,
        "frobenius": found.frobenius.value,
        "frobenius_error": found.frobenius.error,
    }


INSTRUMENT = Instrument(
    name="curvature-trace",
    title="trace of the curvature",
    about="Trace and Frobenius norm of the Hessian of the training loss, estimated on a sample",
    source="Hutchinson 1990; Meyer 2021, arXiv 2010.09649; Jastrzębski 2017, arXiv 1711.04623,"
    " section 4",
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
