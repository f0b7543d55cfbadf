"""Architectures by name, and the way from a description to a stack."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from memlab.experiment.architecture import check, foreign, resolve
from memlab.experiment.material_spec import ModelSpec
from memlab.experiment.own_network import is_own
from memlab.models.stacked import Shape, StackedModel

ARCHITECTURES: dict[str, type[StackedModel]] = {}


def register(name: str) -> Callable[[type[StackedModel]], type[StackedModel]]:
    """Class decorator: the architecture that `model.name` calls `name`."""

    def add(architecture: type[StackedModel]) -> type[StackedModel]:
        ARCHITECTURES[name] = architecture
        return architecture

    return add


def build(
    spec: ModelSpec,
    *,
    members: int,
    image_shape: tuple[int, int, int] | None,
    features: int,
    classes: int,
) -> StackedModel:
    """A stack of `members` networks, not yet drawn: call `initialize` on it.

    Raises:
        InvalidExperiment: if such a network cannot take these data.
    """
    check(spec, image_shape, features, classes)
    shape = Shape(image_shape, features, classes)
    if is_own(spec.name):
        from memlab.models.own import build_own

        return build_own(resolve(spec), members, shape)
    if spec.name not in ARCHITECTURES:
        import_module(foreign(spec.name).module)
    return ARCHITECTURES[spec.name](resolve(spec), members, shape)
