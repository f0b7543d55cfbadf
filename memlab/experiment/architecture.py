"""What an architecture is made of, in numbers: shapes, parameters, multiply-adds. No torch.

Which architectures there are, what is chosen where a person chooses nothing, which data they take,
and their counts; the way through the layers of each is `memlab.experiment.walks`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from memlab.errors import InvalidExperiment
from memlab.experiment import own_network, plugins
from memlab.experiment.material_spec import ModelSpec
from memlab.experiment.walks import WALKS, Tally

ImageShape = tuple[int, int, int]

#: Own width: hidden units (mlp), filters of a convolution (cnn, alexnet-small), of the first
#: module (inception-small), of the first stage (resnet20, wrn16-4). `linear` has none.
WIDTHS: dict[str, int | None] = {
    "linear": None,
    "mlp": 256,
    "cnn": 200,
    "alexnet-small": 64,
    "inception-small": 96,
    "resnet20": 16,
    "wrn16-4": 64,
}
BATCH_NORMALIZED = ("cnn", "inception-small", "resnet20", "wrn16-4")
#: Every convolutional network here halves its maps twice.
SMALLEST_SIDE = 4


def resolve(spec: ModelSpec) -> ModelSpec:
    """`spec` with width, depth and normalization as they will be built.

    What an architecture does not have (a linear model's width, the depth of all but mlp) is None,
    or the default (its activation); `network_fields` refuses a person who says it all the same.
    A network of the user's own has none of these, and no activation that would be known.
    """
    if own_network.is_own(spec.name):
        names = ("width", "depth", "normalization", "ghost_batch")
        return spec.model_copy(update={**dict.fromkeys(names), "activation": "relu"})
    own = "batch" if spec.name in BATCH_NORMALIZED else "none"
    changes: dict[str, object] = {
        "width": _width(spec.name) if spec.width is None else spec.width,
        "depth": (spec.depth or 2) if spec.name == "mlp" else None,
        "normalization": spec.normalization or own,
    }
    if spec.name == "linear":
        changes |= dict.fromkeys(("width", "ghost_batch"))
        changes |= {"normalization": "none", "activation": "relu"}
    return spec.model_copy(update=changes)


@dataclass(frozen=True)
class Architecture:
    """A third party's architecture, behind the entry point group `memlab.models`.

    `walk(tally, spec)` counts all layers but the last linear one; importing `module` registers the
    `StackedModel` by `memlab.models.registry.register`. `width` is what an empty `model.width`
    means; `images` says that it needs pictures, and then its networks are trained one by one.
    """

    name: str
    about: str
    walk: Callable[[Tally, ModelSpec], None]
    module: str
    width: int | None = None
    images: bool = False


def foreign(name: str) -> Architecture:
    """The third party's architecture of that name.

    Raises:
        InvalidExperiment: if it cannot be imported.
    """
    found: Architecture = plugins.load(plugins.MODELS, name, Architecture)
    return found


def needs_images(name: str) -> bool:
    """Whether an architecture's examples must have height and width."""
    if own_network.is_own(name):
        return False
    return name not in ("linear", "mlp") if name in WIDTHS else foreign(name).images


def alone(spec: ModelSpec) -> bool:
    """Whether networks gain nothing from being stacked, so that each has a stack of its own."""
    if own_network.is_own(spec.name):
        return own_network.alone(spec.own)
    return needs_images(spec.name)


def sees_images(name: str) -> bool:
    """Whether an architecture is given height and width where examples have them."""
    return own_network.is_own(name) or needs_images(name)


def _width(name: str) -> int | None:
    if own_network.is_own(name):
        return None
    return WIDTHS[name] if name in WIDTHS else foreign(name).width


def check(spec: ModelSpec, image_shape: ImageShape | None, features: int, classes: int) -> None:
    """Refuses a network that cannot take these data.

    Raises:
        InvalidExperiment: a convolutional network on what is no image or too small a one; ghost
            batches without batch normalization, scaled outputs with it; fewer than two classes.
    """
    full = resolve(spec)
    if needs_images(spec.name):
        need = (
            f"model.name = {spec.name!r} needs images of at least {SMALLEST_SIDE}×{SMALLEST_SIDE}"
        )
        instead = "use 'mlp' or 'linear', or other data"
        if image_shape is None:
            raise InvalidExperiment(
                f"{need} pixels, but each example is {features} numbers without height and width:"
                f" {instead}.",
                "model.name",
            )
        if min(image_shape[1:]) < SMALLEST_SIDE:
            height, width = image_shape[1:]
            raise InvalidExperiment(
                f"{need} pixels, but these are {height}×{width}: {instead}.", "model.name"
            )
    if spec.output_scale is not None and full.normalization == "batch":
        raise InvalidExperiment(
            "model.output_scale measures outputs from those before the first update, which batch"
            " normalization has none of; choose another model.normalization.",
            "model.output_scale",
        )
    if spec.ghost_batch is not None and spec.name != "linear" and full.normalization != "batch":
        raise InvalidExperiment(
            f"model.ghost_batch = {spec.ghost_batch} needs batch normalization, but this"
            f" {spec.name} has normalization = {full.normalization!r}: set model.normalization ="
            " 'batch', or leave ghost_batch empty.",
            "model.ghost_batch",
        )
    if classes < 2:
        raise InvalidExperiment(
            f"A classifier needs two classes or more, but there is {classes}.", "dataset.name"
        )


def count(spec: ModelSpec, image_shape: ImageShape | None, features: int, classes: int) -> Tally:
    """The counts of the network of `spec` on examples of this shape.

    Raises:
        InvalidExperiment: as `check`.
        NotLookedAt: of a network of the user's own that nobody has looked at.
    """
    check(spec, image_shape, features, classes)
    if own_network.is_own(spec.name):
        return _looked_at(spec, image_shape, features, classes)
    full = resolve(spec)
    assert full.normalization is not None
    flat = image_shape is None or not needs_images(spec.name)
    counted = Tally((features,) if flat else tuple(image_shape or ()), full.normalization)
    walk = WALKS[spec.name] if spec.name in WALKS else foreign(spec.name).walk
    walk(counted, full)
    counted.linear(classes)
    return counted


def _looked_at(
    spec: ModelSpec, image_shape: ImageShape | None, features: int, classes: int
) -> Tally:
    found = own_network.facts(spec.own, image_shape, features, classes)
    tally = Tally((classes,), "none", found.parameters, found.multiply_adds, found.activations)
    tally.widest = max(found.widest, features)
    return tally


def parameter_count(
    spec: ModelSpec, image_shape: ImageShape | None, features: int, classes: int
) -> int:
    """Trained parameters of one member."""
    return count(spec, image_shape, features, classes).parameters


def multiply_adds(
    spec: ModelSpec, image_shape: ImageShape | None, features: int, classes: int
) -> int:
    """Multiply-adds of the linear layers and convolutions in one example's forward pass.

    Normalizations, activations and pooling are left out; a training step costs about three times
    as much per example.
    """
    return count(spec, image_shape, features, classes).multiply_adds


def activation_width(
    spec: ModelSpec, image_shape: ImageShape | None, features: int, classes: int
) -> int:
    """Numbers in the widest activation of one example, its input included."""
    return count(spec, image_shape, features, classes).widest
