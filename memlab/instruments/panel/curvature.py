"""Leading eigenvalues of the Hessian, and how close they are to the edge of stability."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from memlab.experiment.instruments import Instrument, Matrix, Quantity, Settings, Workload

if TYPE_CHECKING:
    from memlab.instruments.subject import Subject


class CurvatureSettings(Settings):
    """Settings of `curvature`."""

    batches: Annotated[int, Field(ge=0, le=1_000)] = Field(
        default=2, description="Mini-batches of the training's size whose sharpness is measured"
    )
    matrix: Matrix = Field(
        default="hessian", description="The Hessian, or the generalized Gauss-Newton matrix (ggn)"
    )
    eigenvalues: Annotated[int, Field(ge=1, le=64)] = Field(
        default=1, description="How many leading eigenvalues"
    )
    tolerance: Annotated[float, Field(gt=0.0, lt=1.0)] = Field(
        default=0.05, description="Residual ‖Hv − λv‖ allowed, relative to the eigenvalue"
    )
    products: Annotated[int, Field(ge=2, le=10_000)] = Field(
        default=60, description="Hessian-vector products at most"
    )


def cost(settings: CurvatureSettings, work: Workload) -> float:
    """A product is about one forward-backward pass; from the last vectors some ten are needed.

    A mini-batch takes a gradient and a product, which on small batches cost what the parameters do.
    """
    products = min(6 + 4 * settings.eigenvalues, settings.products)
    return float((products + 2 * settings.batches) * settings.examples)


def measure(subject: Subject, settings: CurvatureSettings) -> Mapping[str, Any]:
    """Lanczos on the mean loss on a sample of the training set, and mini-batches of that sample.

    Starts from the last measurement's leading eigenvectors; their memory is
    `[members, eigenvalues, parameters]`.
    """
    import torch

    from memlab.experiment.keys import key
    from memlab.instruments.lanczos import leading_eigenvalues, starting_vectors
    from memlab.instruments.parameter_vectors import space_of
    from memlab.instruments.sampled import sampled_product
    from memlab.instruments.sharpness import batch_sharpness, edge_ratio

    sample = subject.train_sample(settings.examples)
    product = sampled_product(subject, sample, settings.matrix)
    space = space_of(subject.model)
    start = starting_vectors(space, subject.generators("curvature"), subject.memory.get("vectors"))
    found = leading_eigenvalues(
        product,
        start,
        subject.generators("curvature restart"),
        settings.eigenvalues,
        tolerance=settings.tolerance,
        max_products=settings.products,
    )
    subject.memory["vectors"] = found.vectors
    sharpness = found.values[:, 0]
    rates, momenta = subject.learning_rates.cpu(), subject.momenta.cpu()
    batches = sharpness * torch.nan
    if settings.batches:
        wide = subject.train_sample(max(settings.examples, subject.batch_size))
        batches = batch_sharpness(
            subject.model,
            wide.x,
            wide.given,
            key(subject.sample_seed, "instrument batch sharpness", subject.update),
            subject.loss,
            batch_size=subject.batch_size,
            batches=settings.batches,
        ).value
    return {
        "sharpness": sharpness,
        "edge": edge_ratio(sharpness, rates, momenta),
        "batch_sharpness": batches,
        "batch_edge": edge_ratio(batches, rates, momenta),
        "eigenvalues": found.values,
        "residuals": found.residuals,
        "products": sharpness * 0 + found.products,
    }


INSTRUMENT = Instrument(
    name="curvature",
    title="curvature",
    about="Leading eigenvalues of the Hessian of the training loss, by Lanczos on a sample, and the"
    " curvature of mini-batches along their own gradients",
    source="Jastrzębski 2017, arXiv 1711.04623; Cohen 2021, arXiv 2103.00065, section 2; Andreyev"
    " and Beneventano 2024, arXiv 2412.20553",
    quantities=(
        Quantity("sharpness", "largest eigenvalue λ₁"),
        Quantity("edge", "λ₁ over 2(1 + m)/η, where a full-batch step overshoots", low=0.0),
        Quantity("batch_sharpness", "gᵀHg ÷ ‖g‖², mean over mini-batches of the training's size"),
        Quantity("batch_edge", "the same over 2(1 + m)/η, where mini-batch steps settle"),
        Quantity("eigenvalues", "leading eigenvalues", shape=("eigenvalue",)),
        Quantity("residuals", "‖Hv − λv‖ reached for each", shape=("eigenvalue",)),
        Quantity("products", "Hessian-vector products made, of the whole stack", of_stack=True),
    ),
    headline="sharpness",
    measure=measure,
    cost=cost,
    settings=CurvatureSettings,
)
