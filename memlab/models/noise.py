"""What a model asks of training: noise at its sites.

A model is handed a `Noise` when it trains and none when it is evaluated. The trainer supplies one
whose strengths differ by member and whose draws are keyed (`memlab.training.randomness`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from torch import Tensor


class Noise(Protocol):
    """Noise of one update; `x` is `[members, batch, …]`, as is what comes back.

    A site is named `hidden0`, `hidden1`, … in the order of the forward pass; each file of an
    architecture says where its sites are.
    """

    def seeds_now(self) -> Sequence[int]:
        """A seed for each member, of this update, for a network that draws by itself."""
        ...

    def dropout(self, site: str, x: Tensor) -> Tensor:
        """`x` with hidden units dropped and the others scaled up."""
        ...

    def input_dropout(self, x: Tensor) -> Tensor:
        """`x` with inputs dropped and the others scaled up."""
        ...

    def input_gaussian(self, x: Tensor) -> Tensor:
        """`x` with Gaussian noise on the inputs."""
        ...

    def hidden_gaussian(self, site: str, x: Tensor) -> Tensor:
        """`x` with Gaussian noise on hidden units."""
        ...


def disturb_input(noise: Noise | None, x: Tensor) -> Tensor:
    """The inputs as the network receives them: dropout, then Gaussian noise."""
    return x if noise is None else noise.input_gaussian(noise.input_dropout(x))


def disturb_hidden(noise: Noise | None, site: int, x: Tensor) -> Tensor:
    """Hidden units `[members, batch, …]` as the next layer gets them: Gaussian, then dropout."""
    if noise is None:
        return x
    name = f"hidden{site}"
    return noise.dropout(name, noise.hidden_gaussian(name, x))


def disturb_maps(noise: Noise | None, site: int, x: Tensor, members: int) -> Tensor:
    """`disturb_hidden` for maps `[batch, members · channels, height, width]`."""
    if noise is None:
        return x
    batch, channels, height, width = x.shape
    apart = x.reshape(batch, members, channels // members, height, width).transpose(0, 1)
    return disturb_hidden(noise, site, apart).transpose(0, 1).reshape(x.shape)
