"""What an architecture is made of, in numbers: shapes, parameters, multiply-adds. No torch.

Each architecture is walked layer by layer on a `Tally`, which follows the shape of one example
and counts. The modules in `memlab.models` take their sizes from here, and a test holds both equal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import prod

from memlab.errors import InvalidExperiment
from memlab.experiment import own_network, plugins
from memlab.experiment.material_spec import ModelSpec

ImageShape = tuple[int, int, int]

#: Published parameter counts by network; 10 classes, and 28×28×3 inputs for the first four
#: (Zhang 2017, table 1). The residual networks' are published to two digits only (He 2016,
#: table 6; Zagoruyko 2016), for 32×32×3 inputs.
PAPER_PARAMETERS: dict[str, int] = {
    "inception-small": 1_649_402,
    "alexnet-small": 1_387_786,
    "mlp 3×512": 1_735_178,
    "mlp 1×512": 1_209_866,
    "resnet20": 270_000,
    "wrn16-4": 2_700_000,
}
_ZHANG_SHAPE = (3, 28, 28)

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
#: Two convolutions, then two fully connected layers: their names, and the units of those layers
#: (Arpit 2017, Zhang 2017).
TWO_STAGE = ("cnn", "alexnet-small")
DENSE_UNITS = (384, 192)
#: Filters of inception-small after its first module (Zhang 2017, figure 3): a pair is an inception
#: module (filters of its 1×1 and of its 3×3 convolution), a number a downsample module.
INCEPTION_MODULES: tuple[tuple[int, int] | int, ...] = (
    *((32, 32), (32, 48), 80),
    *((112, 48), (96, 64), (80, 80), (48, 96), 96),
    *((176, 160), (176, 160)),
)
#: Filters of wrn16-4's first convolution, whatever its width (Zagoruyko 2016, table 1).
WIDE_STEM = 16
#: Blocks per stage of the residual networks.
RESNET_BLOCKS, WIDE_BLOCKS = 3, 2
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


def inception_filters(width: int) -> tuple[tuple[int, int] | int, ...]:
    """`INCEPTION_MODULES` for a first module of `width` filters: all in proportion to 96."""

    def scaled(filters: int) -> int:
        return max(1, round(filters * width / 96))

    return tuple(
        scaled(module) if isinstance(module, int) else (scaled(module[0]), scaled(module[1]))
        for module in INCEPTION_MODULES
    )


def halved(side: int) -> int:
    """Side of a map after a 3×3 window of stride 2 with padding 1: ⌈side / 2⌉."""
    return (side + 1) // 2


@dataclass
class Tally:
    """Follows one example through the layers; `shape` is (units,) or (channels, height, width).

    `activations` are the numbers that all layers put out, `widest` those of the largest one.
    """

    shape: tuple[int, ...]
    normalization: str
    parameters: int = 0
    multiply_adds: int = 0
    widest: int = field(init=False)
    activations: int = 0

    def __post_init__(self) -> None:
        self.widest = prod(self.shape)

    def becomes(self, shape: tuple[int, ...]) -> None:
        """The next activation of the example has this shape."""
        self.shape = shape
        self.widest = max(self.widest, prod(shape))
        self.activations += prod(shape)

    def linear(self, units: int, bias: bool = True) -> None:
        """A fully connected layer on the flattened example."""
        inputs = prod(self.shape)
        self.parameters += inputs * units + bias * units
        self.multiply_adds += inputs * units
        self.becomes((units,))

    def convolution(self, filters: int, kernel: int, stride: int = 1, bias: bool = False) -> None:
        """A convolution with padding ⌊kernel / 2⌋."""
        channels, height, width = self.shape
        weights = channels * filters * kernel * kernel
        if stride == 2:
            height, width = halved(height), halved(width)
        self.parameters += weights + bias * filters
        self.multiply_adds += weights * height * width
        self.becomes((filters, height, width))

    def normalize(self, scale: bool = True) -> None:
        """Scale and shift of a normalization, if there is one."""
        if self.normalization != "none":
            self.parameters += (1 + scale) * self.shape[0]
            self.activations += prod(self.shape)

    def pool(self) -> None:
        """A 3×3 window of stride 2, padding 1."""
        channels, height, width = self.shape
        self.becomes((channels, halved(height), halved(width)))

    def mean(self) -> None:
        """The mean of each map."""
        self.becomes((self.shape[0],))

    @property
    def plain(self) -> bool:
        """True where there is no normalization, so that layers have a bias of their own."""
        return self.normalization == "none"


def _dense(tally: Tally, units: int) -> None:
    tally.linear(units, bias=tally.plain)
    tally.normalize()


def _linear(tally: Tally, spec: ModelSpec) -> None:
    del tally, spec


def _mlp(tally: Tally, spec: ModelSpec) -> None:
    assert spec.width is not None
    assert spec.depth is not None
    for _ in range(spec.depth):
        _dense(tally, spec.width)


def _two_stage(tally: Tally, spec: ModelSpec) -> None:
    assert spec.width is not None
    for _ in range(2):
        tally.convolution(spec.width, 5, bias=tally.plain)
        tally.normalize()
        tally.pool()
    for units in DENSE_UNITS:
        _dense(tally, units)


def _inception(tally: Tally, spec: ModelSpec) -> None:
    assert spec.width is not None
    # Batch normalization shifts but does not scale here; see memlab.models.inception.
    scale = tally.normalization != "batch"

    def module(filters: int, kernel: int, stride: int = 1) -> None:
        tally.convolution(filters, kernel, stride, bias=tally.plain)
        tally.normalize(scale)

    module(spec.width, 3)
    for filters in inception_filters(spec.width):
        before = tally.shape
        if isinstance(filters, int):
            module(filters, 3, stride=2)
            joined = filters + before[0]
        else:
            module(filters[0], 1)
            tally.shape = before
            module(filters[1], 3)
            joined = sum(filters)
        tally.becomes((joined, *tally.shape[1:]))
    tally.mean()


def _resnet(tally: Tally, spec: ModelSpec) -> None:
    assert spec.width is not None
    tally.convolution(spec.width, 3, bias=tally.plain)
    tally.normalize()
    for stage in range(3):
        for block in range(RESNET_BLOCKS):
            stride = 2 if stage > 0 and block == 0 else 1
            for step in (stride, 1):
                tally.convolution(spec.width << stage, 3, step, bias=tally.plain)
                tally.normalize()
    tally.mean()


def _wide_resnet(tally: Tally, spec: ModelSpec) -> None:
    assert spec.width is not None
    tally.convolution(WIDE_STEM, 3, bias=tally.plain)
    for stage in range(3):
        filters = spec.width << stage
        for block in range(WIDE_BLOCKS):
            stride = 2 if stage > 0 and block == 0 else 1
            before = tally.shape
            tally.normalize()
            if stride == 2 or before[0] != filters:
                tally.convolution(filters, 1, stride)
                tally.shape = before
            tally.convolution(filters, 3, stride, bias=tally.plain)
            tally.normalize()
            tally.convolution(filters, 3, bias=tally.plain)
    tally.normalize()
    tally.mean()


_WALKS: dict[str, Callable[[Tally, ModelSpec], None]] = {
    "linear": _linear,
    "mlp": _mlp,
    "cnn": _two_stage,
    "alexnet-small": _two_stage,
    "inception-small": _inception,
    "resnet20": _resnet,
    "wrn16-4": _wide_resnet,
}


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
    walk = _WALKS[spec.name] if spec.name in _WALKS else foreign(spec.name).walk
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


def paper_parameters(
    spec: ModelSpec, image_shape: ImageShape | None, features: int, classes: int
) -> int | None:
    """The published count where `spec` is a published network on its inputs, else None."""
    full = resolve(spec)
    if classes != 10 or image_shape is None:
        return None
    if spec.name == "mlp":
        if image_shape != _ZHANG_SHAPE or full.normalization != "none":
            return None
        return PAPER_PARAMETERS.get(f"mlp {full.depth}×{full.width}")
    inputs = _ZHANG_SHAPE if spec.name in ("inception-small", "alexnet-small") else (3, 32, 32)
    own = resolve(ModelSpec(name=spec.name))
    norms = {own.normalization} | ({"none"} if spec.name == "inception-small" else set())
    same = image_shape == inputs and full.width == own.width and full.normalization in norms
    return PAPER_PARAMETERS.get(spec.name) if same else None
