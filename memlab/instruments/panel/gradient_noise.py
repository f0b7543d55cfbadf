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
    """A pass over all training examples, one over the sample, and products of all its pairs."""
    return work.train_examples + settings.examples + 3e-3 * settings.examples**2


def measure(subject: Subject, settings: Settings) -> Mapping[str, Any]:
    """‖g‖² on the whole training set, tr Σ, norms and diversity on the sample."""
    import torch

    from memlab.instruments.gradient_covariance import gradient_norms
    from memlab.instruments.noise_scale import gradient_diversity, noise_scale
    from memlab.instruments.sampled import train_gradient, train_gram

    sampled = train_gram(subject, settings.examples)
    square = train_gradient(subject).square().sum(1)
    own = subject.arrays.own_index()
    examples = subject.arrays.train.inputs.examples if own is None else own.shape[1]
    found = noise_scale(sampled, square, examples)
    norms = gradient_norms(sampled).double()
    return {
        "noise_scale": found.scale,
        "noise_scale_low": found.low,
        "noise_scale_high": found.high,
        "trace": found.trace,
        "gradient_square": square,
        "norm": norms.mean(1),
        "diversity": gradient_diversity(sampled),
        "norms": torch.quantile(norms, torch.tensor(QUANTILES).to(norms), dim=1).T,
    }


INSTRUMENT = Instrument(
    name="gradient-noise",
    title="gradient noise",
    about="Noise scale tr Σ ÷ ‖g‖², ‖g‖² of the whole training set and tr Σ from a sample of it;"
    " norms and diversity of the gradients of single examples",
    source="McCandlish 2018, arXiv 1812.06162, section 2.2; Yin 2018, arXiv 1706.05699",
    quantities=(
        Quantity(
            "noise_scale",
            "tr Σ ÷ ‖g‖², B_simple; none where its 95 % interval holds 0",
            "examples",
            low=0.0,
        ),
        Quantity("noise_scale_low", "lower end of its interval, of the sample's", "examples"),
        Quantity("noise_scale_high", "upper end", "examples"),
        Quantity("trace", "tr Σ, total variance of an example's gradient, from the sample"),
        Quantity("gradient_square", "‖g‖² of the whole training set's mean gradient", low=0.0),
        Quantity("norm", "mean norm of an example's gradient", low=0.0),
        Quantity("diversity", "Σ‖gᵢ‖² ÷ ‖Σgᵢ‖² of the sample", low=0.0),
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
