"""Vectors over the parameters of a stack: `[members, parameters]`, a row for each network.

A row holds a member's parameters one after another in the order of `parameters()`. Random ones are
drawn by numpy from generators that the caller keyed (`memlab.experiment.keys`), so that measuring
leaves torch's own generator alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

#: Vectors `[members, size]` → their products with the members' symmetric matrices. The result
#: may be written over by the caller, the vectors stay as they are.
Product = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class StackProduct:
    """A `Product` that `select` narrows to some of its members, by their indices in it."""

    multiply: Product
    select: Callable[[Sequence[int]], StackProduct]

    def __call__(self, vectors: Tensor) -> Tensor:
        """`multiply`."""
        return self.multiply(vectors)


@dataclass(frozen=True)
class VectorSpace:
    """Where the vectors `[members, size]` of a stack live."""

    members: int
    size: int
    device: torch.device
    dtype: torch.dtype


def space_of(model: nn.Module) -> VectorSpace:
    """The space of a stack's parameters."""
    parameters = list(model.parameters())
    first = parameters[0]
    size = sum(parameter[0].numel() for parameter in parameters)
    return VectorSpace(first.shape[0], size, first.device, first.dtype)


def split_vectors(vectors: Tensor, shapes: Sequence[torch.Size]) -> list[Tensor]:
    """`[members, size]` as tensors shaped like the parameters; views."""
    parts, start = [], 0
    for shape in shapes:
        stop = start + prod(shape[1:])
        parts.append(vectors[:, start:stop].reshape(shape))
        start = stop
    return parts


def join_vectors(tensors: Sequence[Tensor]) -> Tensor:
    """Tensors shaped like the parameters as `[members, size]`, in new memory."""
    return torch.cat([tensor.flatten(1) for tensor in tensors], 1)


def random_vectors(
    space: VectorSpace,
    generators: Sequence[np.random.Generator],
    kind: Literal["normal", "signs"],
) -> Tensor:
    """One vector per member, from that member's generator: standard normal, or ±1 (Rademacher).

    Raises:
        ValueError: if there is not one generator for each member.
    """
    if len(generators) != space.members:
        raise ValueError(f"{len(generators)} generators for {space.members} members")
    drawn = np.empty((space.members, space.size), np.float32)
    for row, generator in zip(drawn, generators, strict=True):
        row[:] = _draw(generator, space.size, kind)
    return torch.from_numpy(drawn).to(space.device, space.dtype)


def _draw(generator: np.random.Generator, size: int, kind: str) -> np.ndarray:
    if kind == "normal":
        return generator.standard_normal(size, dtype=np.float32)
    return 2 * generator.integers(0, 2, size, dtype=np.int8) - 1
