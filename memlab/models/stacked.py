"""A stack of networks of equal shape: what the trainer holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from memlab.experiment.material_spec import ModelSpec
from memlab.models.layers import draw_all, merge_images
from memlab.models.noise import Noise


@dataclass(frozen=True)
class Shape:
    """Shapes of one example and of its logits; `image` is (channels, height, width)."""

    image: tuple[int, int, int] | None
    features: int
    classes: int


class StackedModel(nn.Module):
    """`members` networks; every parameter and buffer has a leading member dimension.

    `spec` is resolved: width, depth and normalization are not None where the architecture has them.
    """

    #: Whether maps keep the channels of a pixel side by side; faster for most convnets on a CPU.
    channels_last = False

    def __init__(self, spec: ModelSpec, members: int, shape: Shape) -> None:
        super().__init__()
        self.spec, self.members, self.shape = spec, members, shape
        # In a tuple, so that f₀ is none of the parameters, layers and states of this module.
        self._origin: tuple[StackedModel] | None = None

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """`forward`, and α(f − f₀) of it where outputs are measured from an origin."""
        outputs = super().__call__(*arguments, **named)
        if self._origin is None:
            return outputs
        return self.spec.output_scale * (outputs - self._origin[0](arguments[0]))

    def start_here(self) -> None:
        """From now on gives α(f − f₀), f₀ being what it gives now without noise, if `spec` has α.

        Lazy training (Chizat 2019, arXiv 1812.07956, section 1).
        """
        if self.spec.output_scale is not None:
            self._origin = (self.select(range(self.members)).requires_grad_(False),)

    def start_at(self, other: StackedModel) -> None:
        """Measures outputs from where `other`, a stack of one, does."""
        if other._origin is not None:
            self._origin = (other._origin[0].select([0] * self.members).requires_grad_(False),)

    def _apply(self, fn: Any, recurse: bool = True) -> Self:
        if self._origin is not None:
            self._origin[0]._apply(fn, recurse)
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]  # torch has no types for it
        return self

    def forward(self, x: Tensor, noise: Noise | None = None) -> Tensor:
        """Logits `[members, batch, classes]`.

        `x` is `[members, batch, features]` or `[members, batch, channels, height, width]`; where
        all members see the same, `[1, batch, …]`. Without `noise` this is evaluation: running
        statistics, nothing dropped, no buffer changed.
        """
        raise NotImplementedError

    def maps(self, x: Tensor) -> Tensor:
        """Images `[members, batch, channels, …]` as the maps of the first layer."""
        merged = merge_images(x)
        if self.channels_last:
            return merged.contiguous(memory_format=torch.channels_last)
        return merged

    def initialize(self, generators: Sequence[np.random.Generator]) -> None:
        """Draws member m from generators[m] alone, layer by layer, weight before bias.

        PyTorch's defaults, U(±1/√fan-in), unless the architecture's file says otherwise;
        normalizations start at scale 1 and shift 0.
        """
        if len(generators) != self.members:
            raise ValueError(f"{len(generators)} generators for {self.members} members")
        draw_all(self, generators)

    def fresh(self, members: int) -> Self:
        """As many networks of the same architecture, not yet drawn."""
        return type(self)(self.spec, members, self.shape)

    def select(self, indices: Sequence[int] | Tensor) -> Self:
        """A new model of the members at `indices`, with copies of their parameters and buffers."""
        state = self.state_dict()
        device = next(iter(state.values())).device
        index = torch.as_tensor(indices, dtype=torch.int64, device=device)
        with torch.device("meta"):
            chosen = type(self)(self.spec, index.numel(), self.shape)
        chosen.channels_last = self.channels_last
        chosen.load_state_dict({name: t[index] for name, t in state.items()}, assign=True)
        if self._origin is not None:
            chosen._origin = (self._origin[0].select(index).requires_grad_(False),)
        return chosen

    def perceptron(self) -> tuple[list[Tensor], list[Tensor]]:
        """Weights `[members, in, out]` and biases `[members, 1, out]`, first layer first.

        The parameters themselves, in the order of `parameters()`: weight, bias, weight, …

        Raises:
            TypeError: if this is not a plain perceptron (linear, or mlp without normalization, its
                outputs as they are).
        """
        raise TypeError(f"{self.spec.name} is not a plain perceptron")
