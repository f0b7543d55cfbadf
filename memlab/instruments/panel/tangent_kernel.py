"""The tangent kernel: whether the networks' gradients agree, whatever their errors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from memlab.experiment.instruments import Instrument, Quantity, Settings, Workload

if TYPE_CHECKING:
    from memlab.instruments.subject import Subject


def cost(settings: Settings, work: Workload) -> float:
    """A pass for each class, and inner products between all pairs in every layer."""
    count = min(settings.examples, work.train_examples)
    return work.classes * (count + 3e-3 * count**2)


def measure(subject: Subject, settings: Settings) -> Mapping[str, Any]:
    """Class means over pairs of distinct training examples, by given and by true labels."""
    from memlab.instruments.stiffness import between_class, by_group, cosines, within_class
    from memlab.instruments.tangent_kernel import tangent_kernel

    sample = subject.train_sample(settings.examples)
    kernel = tangent_kernel(subject.model, sample.x)
    cosine = cosines(kernel)
    given = by_group(cosine, sample.given, groups=subject.classes)
    true = by_group(cosine, sample.true, groups=subject.classes)
    return {
        "within": within_class(given),
        "between": between_class(given),
        "within_true": within_class(true),
        "between_true": between_class(true),
        "scale": kernel.diagonal(dim1=1, dim2=2).double().mean(1),
        "classes": given,
    }


def _cosine(name: str, about: str, *shape: str) -> Quantity:
    return Quantity(name, about, shape=shape, low=-1.0, high=1.0)


INSTRUMENT = Instrument(
    name="tangent-kernel",
    title="tangent kernel",
    about="tr K_ij ÷ √(tr K_ii tr K_jj), K_ij = J_i J_jᵀ: stiffness without the loss' residuals",
    source="Jacot 2018, arXiv 1806.07572; Fort 2020, arXiv 2010.15110",
    quantities=(
        _cosine("within", "training examples of one class (given labels)"),
        _cosine("between", "training examples of two classes"),
        _cosine("within_true", "training examples of one true class"),
        _cosine("between_true", "training examples of two true classes"),
        Quantity("scale", "mean of tr K_ii", low=0.0),
        _cosine("classes", "class by class", "class", "class"),
    ),
    headline="within",
    measure=measure,
    cost=cost,
)
