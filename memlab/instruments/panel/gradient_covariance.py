"""Covariance of mini-batch gradients: the noise that SGD really has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from memlab.experiment.instruments import Instrument, Quantity, Settings, Workload

if TYPE_CHECKING:
    from memlab.instruments.subject import Subject


class CovarianceSettings(Settings):
    """Settings of `gradient-covariance`."""

    examples: Annotated[int, Field(ge=8, le=65_536)] = Field(
        default=512, description="Training examples that mini-batches are drawn from"
    )
    batch_size: Annotated[int, Field(ge=1, le=65_536)] = Field(
        default=128, description="Examples per mini-batch, whatever the training uses"
    )
    batches: Annotated[int, Field(ge=3, le=10_000)] = Field(default=25, description="Mini-batches")


def cost(settings: CovarianceSettings, work: Workload) -> float:
    """A pass, and inner products between all pairs in every layer."""
    return settings.examples + 3e-3 * settings.examples**2


def measure(subject: Subject, settings: CovarianceSettings) -> Mapping[str, Any]:
    """Spectrum of K over mini-batches of a fixed size, drawn from the sample for each seed.

    A batch has no example twice; batches may share examples. Where the sample is less than four
    times the batch size, batches of a quarter of it are taken.
    """
    import numpy as np
    import torch

    from memlab.experiment.keys import key
    from memlab.instruments.gradient_covariance import gradient_covariance, mini_batch_gram
    from memlab.instruments.sampled import train_gram

    whole = train_gram(subject, settings.examples)
    count = whole.shape[1]
    size = min(settings.batch_size, max(1, count // 4))
    rows = {}
    for seed in {*subject.seeds}:
        draws = key(seed, "mini-batches")
        rows[seed] = [draws.permutation(count)[:size] for _ in range(settings.batches)]
    drawn = np.stack([rows[seed] for seed in subject.seeds])
    batches = torch.from_numpy(drawn).to(whole.device)
    found = gradient_covariance(mini_batch_gram(whole, batches), precision=whole.dtype)
    return {
        "largest": found.eigenvalues[:, 0],
        "trace": found.trace,
        "relative_trace": found.relative_trace,
        "condition": found.condition,
        "eigenvalues": found.eigenvalues,
    }


INSTRUMENT = Instrument(
    name="gradient-covariance",
    title="covariance of mini-batch gradients",
    about="Spectrum of the covariance K of the gradients of mini-batches of a fixed size",
    source="Jastrzębski 2020, arXiv 2002.09572, section 3",
    quantities=(
        Quantity("largest", "λ_K¹, the largest eigenvalue", low=0.0),
        Quantity("trace", "Tr K", low=0.0),
        Quantity("relative_trace", "Tr K ÷ λ_K¹", low=1.0),
        Quantity("condition", "λ* ÷ λ_K¹, λ* the smallest eigenvalue that is not zero", low=0.0),
        Quantity("eigenvalues", "leading eigenvalues", shape=("eigenvalue",), low=0.0),
    ),
    headline="largest",
    measure=measure,
    cost=cost,
    settings=CovarianceSettings,
)
