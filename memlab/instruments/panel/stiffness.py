"""Stiffness: whether a step for one example helps another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from memlab.experiment.instruments import Abscissa, Instrument, Quantity, Settings, Workload

if TYPE_CHECKING:
    from torch import Tensor

    from memlab.instruments.subject import Sample, Subject


class StiffnessSettings(Settings):
    """Settings of `stiffness`."""

    validation: Annotated[int, Field(ge=2, le=65_536)] = Field(
        default=64, description="Validation examples"
    )
    bins: Annotated[int, Field(ge=2, le=100)] = Field(
        default=8, description="Bins of distance between inputs"
    )
    replicates: Annotated[int, Field(ge=20, le=10_000)] = Field(
        default=100, description="Bootstrap samples for the intervals of slope and length"
    )


def cost(settings: StiffnessSettings, work: Workload) -> float:
    """A pass, and inner products between all pairs in every layer."""
    count = settings.examples + settings.validation
    return count + 3e-3 * count**2


def measure(subject: Subject, settings: StiffnessSettings) -> Mapping[str, Any]:
    """Sign and cosine stiffness from one Gram matrix of training and validation examples."""
    from memlab.instruments.sampled import joint_gram
    from memlab.instruments.stiffness import cosines, signs

    train = subject.train_sample(settings.examples)
    unseen = subject.validation_sample(settings.validation, needed=False)
    whole = joint_gram(subject, settings.examples, settings.validation)
    count, cosine = train.given.shape[1], cosines(whole)
    found = _by_class(train, unseen, cosine, signs(whole), subject.classes)
    found |= _by_distance(subject, settings, train, cosine[:, :count, :count])
    return {quantity.name: found[quantity.name] for quantity in INSTRUMENT.quantities}


def _by_class(
    train: Sample, unseen: Sample, cosine: Tensor, sign: Tensor, classes: int
) -> dict[str, Tensor]:
    """Means over pairs of given classes (Fort 2019, section 2).

    `cosine` and `sign` are `[members, n, n]`, of the training examples and then the unseen ones.
    """
    from memlab.instruments.stiffness import (
        between_class,
        by_corruption,
        by_group,
        within_class,
    )

    count = train.given.shape[1]
    inner, cross = cosine[:, :count, :count], cosine[:, :count, count:]
    matrix = by_group(inner, train.given, groups=classes)
    unseen_matrix = by_group(cross, train.given, unseen.given, groups=classes)
    sign_matrix = by_group(sign[:, :count, :count], train.given, groups=classes)
    kinds = by_corruption(inner, train.given, train.corrupted, classes)
    return {
        "within": within_class(matrix),
        "between": between_class(matrix),
        "within_sign": within_class(sign_matrix),
        "between_sign": between_class(sign_matrix),
        "within_unseen": within_class(unseen_matrix),
        "between_unseen": between_class(unseen_matrix),
        "clean_clean": within_class(kinds["clean-clean"]),
        "clean_corrupted": within_class(kinds["clean-corrupted"]),
        "corrupted_corrupted": within_class(kinds["corrupted-corrupted"]),
        "classes": matrix,
    }


def _by_distance(
    subject: Subject, settings: StiffnessSettings, train: Sample, cosine: Tensor
) -> dict[str, Tensor]:
    """Cosines within a class by the distance of the inputs (Fort 2019, section 3).

    `cosine` is `[members, examples, examples]`, of the training examples alone.
    """
    import torch

    from memlab.experiment.keys import key
    from memlab.instruments.stiffness_distance import (
        binned,
        decay,
        input_distances,
        resampled,
        within_class_pairs,
    )

    count = train.given.shape[1]
    distances, pairs = input_distances(train.x), within_class_pairs(train.given)
    drawn = resampled(key(subject.sample_seed, "stiffness bootstrap"), settings.replicates, count)
    line = decay(cosine, distances, pairs, torch.from_numpy(drawn).to(cosine))
    ends = [torch.linspace(0.0, float(d.max()) + 1e-6, settings.bins + 1) for d in distances]
    edges = torch.stack(ends).to(distances)
    means, _ = binned(cosine, distances, pairs, edges)
    return {
        "slope": line.slope,
        "critical_length": line.critical_length,
        "critical_interval": line.critical_interval,
        "slope_interval": line.slope_interval,
        "by_distance": means,
        "distances": (0.5 * (edges[:, 1:] + edges[:, :-1])).expand(subject.members, -1),
    }


def _cosine(name: str, about: str, *shape: str, against: Abscissa | None = None) -> Quantity:
    return Quantity(name, about, shape=shape, low=-1.0, high=1.0, against=against)


INSTRUMENT = Instrument(
    name="stiffness",
    title="stiffness",
    about="Cosine (or sign) of the gradients of two examples: does learning one help the other",
    source="Fort 2019, arXiv 1901.09491, sections 2 and 3",
    quantities=(
        _cosine("within", "cosine of training examples of one class (given labels)"),
        _cosine("between", "cosine of training examples of two classes"),
        _cosine("within_sign", "sign stiffness within a class"),
        _cosine("between_sign", "sign stiffness between classes"),
        _cosine("within_unseen", "cosine of a training and a validation example of one class"),
        _cosine("between_unseen", "cosine of a training and a validation example of two classes"),
        _cosine("clean_clean", "within a class, both labels right"),
        _cosine("clean_corrupted", "within a class, one label right, one corrupted"),
        _cosine("corrupted_corrupted", "within a class, both corrupted"),
        Quantity("slope", "change of within-class cosine per unit of input distance"),
        Quantity("critical_length", "ξ: distance where within-class cosine is 0", "1 − cos"),
        Quantity("critical_interval", "its 95 % bootstrap interval", "1 − cos", ("end",)),
        Quantity("slope_interval", "95 % bootstrap interval of the slope", "", ("end",)),
        _cosine("classes", "class by class", "class", "class"),
        _cosine(
            "by_distance",
            "within-class cosine by input distance",
            "bin",
            against=Abscissa("distances"),
        ),
        Quantity("distances", "middles of the bins", "1 − cos", ("bin",), low=0.0),
    ),
    headline="within",
    measure=measure,
    cost=cost,
    settings=StiffnessSettings,
)
