"""Gradient noise: how much the gradients of single examples disagree."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from memlab.experiment.instruments import Instrument, Quantity, Settings, Workload, percentiles

if TYPE_CHECKING:
    from memlab.instruments.subject import Subject

#: Of the norms, from the lowest to the highest.
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def cost(settings: Settings, work: Workload) -> float:
    """A pass, and inner products between all pairs in every layer."""
    return settings.examples + 3e-3 * settings.examples**2


def measure(subject: Subject, settings: Settings) -> Mapping[str, Any]:
    """Noise scale (exact on the sample, and the unbiased two-batch form), norms, diversity."""
    import torch

    from memlab.experiment.keys import key
    from memlab.instruments.gradient_covariance import gradient_norms
    from memlab.instruments.noise_scale import (
        batch_squares,
        exact_noise_scale,
        gradient_diversity,
        noise_scale_estimate,
    )
    from memlab.instruments.sampled import train_gram

    whole = train_gram(subject, settings.examples)
    count = whole.shape[1]
    exact = exact_noise_scale(whole)
    small, big = max(1, count // 32), max(2, count // 4)
    squares = []
    for size in (small, big):
        order = key(subject.sample_seed, f"noise scale {size}").permutation(count)
        batches = torch.from_numpy(order[: count // size * size].reshape(1, -1, size))
        squares.append(batch_squares(whole, batches.to(whole.device)).mean(1))
    estimate = noise_scale_estimate(squares[0], squares[1], small, big)
    norms = gradient_norms(whole).double()
    return {
        "noise_scale": exact.scale,
        "noise_scale_estimate": estimate.scale,
        "trace": exact.trace,
        "gradient_square": exact.square,
        "norm": norms.mean(1),
        "diversity": gradient_diversity(whole),
        "norms": torch.quantile(norms, torch.tensor(QUANTILES).to(norms), dim=1).T,
    }


INSTRUMENT = Instrument(
    name="gradient-noise",
    title="gradient noise",
    about="Noise scale tr Σ ÷ ‖g‖², norms and diversity of the gradients of single examples",
    source="McCandlish 2018, arXiv 1812.06162, appendix A.1; Yin 2018, arXiv 1706.05699",
    quantities=(
        Quantity("noise_scale", "tr Σ ÷ ‖g‖² of the sample, B_simple", "examples", low=0.0),
        Quantity("noise_scale_estimate", "unbiased, from batches of two sizes", "examples"),
        Quantity("trace", "tr Σ, total variance of the gradient of an example", low=0.0),
        Quantity("gradient_square", "‖g‖² of the mean gradient", low=0.0),
        Quantity("norm", "mean norm of an example's gradient", low=0.0),
        Quantity("diversity", "Σ‖gᵢ‖² ÷ ‖Σgᵢ‖²", low=0.0),
        Quantity(
            "norms",
            "norms at 5, 25, 50, 75, 95 %",
            shape=("quantile",),
            low=0.0,
            against=percentiles(QUANTILES),
        ),
    ),
    headline="noise_scale",
    measure=measure,
    cost=cost,
)
