"""The spectral density of the Hessian."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from memlab.experiment.instruments import Abscissa, Instrument, Matrix, Quantity, Settings, Workload

if TYPE_CHECKING:
    from memlab.instruments.subject import Subject


class SpectrumSettings(Settings):
    """Settings of `spectrum`."""

    matrix: Matrix = Field(
        default="hessian", description="The Hessian, or the generalized Gauss-Newton matrix (ggn)"
    )
    probes: Annotated[int, Field(ge=1, le=100)] = Field(
        default=1, description="Random vectors to start from"
    )
    steps: Annotated[int, Field(ge=8, le=1_000)] = Field(
        default=32, description="Lanczos steps from each"
    )


POINTS = 512


def cost(settings: SpectrumSettings, work: Workload) -> float:
    """A product is about one forward-backward pass."""
    return 1.0 * settings.probes * settings.steps * settings.examples


def measure(subject: Subject, settings: SpectrumSettings) -> Mapping[str, Any]:
    """Stochastic Lanczos quadrature."""
    from memlab.instruments.parameter_vectors import space_of
    from memlab.instruments.sampled import sampled_product
    from memlab.instruments.spectral_density import spectral_density

    sample = subject.train_sample(settings.examples)
    product = sampled_product(subject, sample, settings.matrix)
    found = spectral_density(
        product,
        space_of(subject.model),
        subject.generators("spectrum"),
        probes=settings.probes,
        steps=settings.steps,
        points=POINTS,
    )
    nodes = found.nodes.flatten(1)
    return {
        "largest": nodes.amax(1),
        "smallest": nodes.amin(1),
        "grid": found.grid,
        "density": found.values,
    }


INSTRUMENT = Instrument(
    name="spectrum",
    title="spectrum of the curvature",
    about="Density of the Hessian's eigenvalues, by stochastic Lanczos quadrature on a sample",
    source="Ghorbani 2019, arXiv 1901.10159, section 2",
    quantities=(
        Quantity("largest", "largest quadrature node"),
        Quantity("smallest", "smallest quadrature node"),
        Quantity("grid", "eigenvalues at which the density is given", shape=("point",)),
        Quantity(
            "density",
            "share of eigenvalues per unit",
            shape=("point",),
            low=0.0,
            against=Abscissa("grid", log=True, outside=0.0),
        ),
    ),
    headline="largest",
    measure=measure,
    cost=cost,
    settings=SpectrumSettings,
)
