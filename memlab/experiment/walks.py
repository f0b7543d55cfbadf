"""The way through an architecture's layers, on which parameters and multiply-adds are counted.

Each is walked layer by layer on a `Tally`, which follows the shape of one example. The modules in
`memlab.models` take their sizes from here, and a test holds both equal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import prod

from memlab.experiment.material_spec import ModelSpec

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


#: By name: all layers but the last linear one.
WALKS: dict[str, Callable[[Tally, ModelSpec], None]] = {
    "linear": _linear,
    "mlp": _mlp,
    "cnn": _two_stage,
    "alexnet-small": _two_stage,
    "inception-small": _inception,
    "resnet20": _resnet,
    "wrn16-4": _wide_resnet,
}
