"""Leading eigenvalues of the Hessian, and how close they are to the edge of stability."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from memlab.experiment.instruments import Instrument, Matrix, Quantity, Settings, Workload

if TYPE_CHECKING:
    from torch import Tensor

    from memlab.instruments.lanczos import Leading
    from memlab.instruments.parameter_vectors import StackProduct
    from memlab.instruments.subject import Sample, Subject


class CurvatureSettings(Settings):
    """Settings of `curvature`."""

    batches: Annotated[int, Field(ge=0, le=1_000)] = Field(
        default=2, description="Mini-batches of the training's size whose sharpness is measured"
    )
    matrix: Matrix = Field(
        default="hessian", description="The Hessian, or the generalized Gauss-Newton matrix (ggn)"
    )
    rescaled: bool = Field(
        default=False,
        description="Also the initial weights, rescaled tensor by tensor to their present norms",
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
    Adam's preconditioned Hessian takes as many products again, which is not known here.
    """
    products = min(6 + 4 * settings.eigenvalues, settings.products)
    products *= 2 if settings.rescaled else 1
    return float((products + 2 * settings.batches) * settings.examples)


def measure(subject: Subject, settings: CurvatureSettings) -> Mapping[str, Any]:
    """Lanczos on the mean loss on a sample of the training set, and mini-batches of that sample.

    Starts from the last measurement's leading eigenvectors; their memory is
    `[members, eigenvalues, parameters]`.
    """
    from memlab.instruments.sampled import sampled_product
    from memlab.instruments.sharpness import adam_edge_ratio, edge_ratio

    sample = subject.train_sample(settings.examples)
    product = sampled_product(subject, sample, settings.matrix)
    found = _leading(subject, settings, product, "vectors", settings.eigenvalues)
    sharpness = found.values[:, 0]
    nothing = sharpness.new_full((subject.members,), float("nan"))
    descent, rates = subject.descent, subject.learning_rates.cpu()
    batches = _batch_sharpness(subject, settings) if settings.batches else nothing
    if descent.name == "sgd":
        scaled = nothing
        momenta = descent.momenta.cpu()
        edge = edge_ratio(sharpness, rates, momenta, descent.nesterov)
        batch_edge = edge_ratio(batches, rates, momenta, descent.nesterov)
    else:
        scaled, batch_edge = _preconditioned(subject, settings, product), nothing
        edge = adam_edge_ratio(scaled, rates, descent.beta1.cpu())
    return {
        "sharpness": sharpness,
        "edge": edge,
        "batch_sharpness": batches,
        "batch_edge": batch_edge,
        "preconditioned": scaled,
        "eigenvalues": found.values,
        "residuals": found.residuals,
        "products": sharpness * 0 + found.products,
        "rescaled": _rescaled(subject, settings, sample) if settings.rescaled else nothing,
    }


def _leading(
    subject: Subject, settings: CurvatureSettings, product: StackProduct, kept: str, count: int
) -> Leading:
    """The `count` greatest eigenvalues; the memory `kept` has what to start from."""
    from memlab.instruments.lanczos import leading_eigenvalues, starting_vectors
    from memlab.instruments.parameter_vectors import space_of

    space = space_of(subject.model)
    start = starting_vectors(space, subject.generators("curvature"), subject.memory.get(kept))
    found = leading_eigenvalues(
        product,
        start,
        subject.generators("curvature restart"),
        count,
        tolerance=settings.tolerance,
        max_products=settings.products,
    )
    subject.memory[kept] = found.vectors
    return found


def _rescaled(subject: Subject, settings: CurvatureSettings, sample: Sample) -> Tensor:
    """λ₁ of the initial networks, each tensor scaled to the norm that it has now, `[members]`.

    A tensor that was 0 at first (a bias) stays so.
    """
    import torch

    from memlab.instruments.sampled import sampled_product

    model = subject.initial()
    with torch.no_grad():
        for old, new in zip(model.parameters(), subject.model.parameters(), strict=True):
            before, now = (tensor.flatten(1).norm(dim=1) for tensor in (old, new))
            grown = torch.where(before > 0, now / before, torch.ones_like(now))
            old.mul_(grown.reshape(-1, *(1,) * (old.dim() - 1)))
    product = sampled_product(subject, sample, settings.matrix, model)
    return _leading(subject, settings, product, "rescaled", 1).values[:, 0]


def _preconditioned(subject: Subject, settings: CurvatureSettings, product: StackProduct) -> Tensor:
    """λ₁ of Adam's preconditioned Hessian, `[members]`; NaN before its first step."""
    import torch

    from memlab.instruments.parameter_vectors import join_vectors
    from memlab.instruments.sharpness import preconditioned

    divisors = subject.descent.preconditioner()
    if divisors is None:
        return torch.full((subject.members,), torch.nan, dtype=torch.float64)
    scaled = preconditioned(product, join_vectors(divisors))
    return _leading(subject, settings, scaled, "preconditioned", 1).values[:, 0]


def _batch_sharpness(subject: Subject, settings: CurvatureSettings) -> Tensor:
    from memlab.experiment.keys import key
    from memlab.instruments.sharpness import batch_sharpness

    wide = subject.train_sample(max(settings.examples, subject.batch_size))
    return batch_sharpness(
        subject.model,
        wide.x,
        wide.given,
        key(subject.sample_seed, "instrument batch sharpness", subject.update),
        subject.loss,
        batch_size=subject.batch_size,
        batches=settings.batches,
    ).value


INSTRUMENT = Instrument(
    name="curvature",
    title="curvature",
    about="Leading eigenvalues of the Hessian of the training loss, by Lanczos on a sample, and the"
    " curvature of mini-batches along their own gradients",
    source="Jastrzębski 2017, arXiv 1711.04623; Cohen 2021, arXiv 2103.00065, section 2; Cohen"
    " 2022, arXiv 2207.14484; Andreyev and Beneventano 2024, arXiv 2412.20553",
    quantities=(
        Quantity("sharpness", "largest eigenvalue λ₁"),
        Quantity(
            "edge",
            "λ₁ over where full-batch steps overshoot: SGD 2/η, momentum 2(1 + m)/η, Nesterov"
            " 2(1 + m)/(η(1 + 2m)); Adam: preconditioned λ₁ over 2(1 + β₁)/((1 − β₁)η); derived for"
            " full batches only",
            low=0.0,
        ),
        Quantity("batch_sharpness", "gᵀHg ÷ ‖g‖², mean over mini-batches of the training's size"),
        Quantity("batch_edge", "the same over SGD's edge, where mini-batch steps settle"),
        Quantity("preconditioned", "λ₁ of the Hessian preconditioned as by Adam's newest step"),
        Quantity("eigenvalues", "leading eigenvalues", shape=("eigenvalue",)),
        Quantity("residuals", "‖Hv − λv‖ reached for each", shape=("eigenvalue",)),
        Quantity("products", "Hessian-vector products made, of the whole stack", of_stack=True),
        Quantity("rescaled", "λ₁ of the initial weights, rescaled to their present norms"),
    ),
    headline="sharpness",
    measure=measure,
    cost=cost,
    settings=CurvatureSettings,
)
