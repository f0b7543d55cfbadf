"""Leading eigenvalues of a stack's curvature by Lanczos with full reorthogonalization.

Every member has its own Krylov space; one product advances them all. A member's result is taken
when that member has converged, so that it does not depend on how long the others need; when a
quarter of a stack has converged, the others go on without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from memlab.instruments.krylov import KrylovSpaces
from memlab.instruments.parameter_vectors import (
    Product,
    StackProduct,
    VectorSpace,
    random_vectors,
)

Which = Literal["algebraic", "magnitude"]


@dataclass(frozen=True)
class Leading:
    """Leading eigenpairs, greatest first.

    `values`, `residuals` ‖H v − λ v‖ and `converged` are `[members, k]`, float64 on the CPU;
    `vectors` are unit vectors `[members, k, parameters]`. `products` is how many products the
    members that took longest needed. A residual bounds the distance to the nearest eigenvalue; it
    is never given as smaller than the products' rounding. A member with non-finite products has
    NaN.
    """

    values: Tensor
    vectors: Tensor
    residuals: Tensor
    converged: Tensor
    products: int


def starting_vectors(
    space: VectorSpace,
    generators: Sequence[np.random.Generator],
    previous: Tensor | None = None,
    fresh: float = 0.1,
) -> Tensor:
    """Where Lanczos starts, `[members, parameters]`.

    Normal random vectors, or the sum of the last evaluation's leading eigenvectors `previous`
    `[members, k, parameters]` with a share `fresh` of random direction, which lets a direction
    come in that was not among them; a member with none (not finite, or zero) starts at random.
    """
    drawn = torch.nn.functional.normalize(random_vectors(space, generators, "normal"))
    if previous is None:
        return drawn
    total = previous.to(drawn).sum(1)
    norm = total.norm(dim=1, keepdim=True)
    usable = norm.isfinite() & (norm > 0)
    return torch.where(usable, total / norm + fresh * drawn, drawn)


@torch.no_grad()
def leading_eigenvalues(
    product: Product,
    start: Tensor,
    generators: Sequence[np.random.Generator],
    count: int = 1,
    *,
    which: Which = "algebraic",
    tolerance: float = 1e-2,
    max_products: int = 100,
    stored: int | None = None,
) -> Leading:
    """The `count` greatest eigenvalues (`algebraic`), or those greatest in `magnitude`.

    Stops when every member has, for each of them, a residual of at most `tolerance` times it, so
    that an eigenvalue lies within that distance; or after `max_products`. (Stopping earlier, by the
    sharper estimate residual² ÷ gap, was off by more than it said in up to half of the runs on real
    networks: Ritz values that have not settled hide the gap.) At most `stored` + 1 vectors per
    member are held (default the greater of 24 and 4 `count`), then the spaces are restarted
    thickly. `generators` serve a member whose space is exhausted.

    Raises:
        ValueError: if there are fewer parameters, products or stored vectors than eigenvalues.
    """
    parameters = start.shape[1]
    stored = max(24, 4 * count) if stored is None else stored
    if count > min(parameters, max_products) or stored < min(parameters, count + 2):
        raise ValueError(
            f"{count} eigenvalues of {parameters} parameters from {max_products} products and "
            f"{stored} stored vectors"
        )
    spaces = KrylovSpaces(product, start, stored, generators)
    taken = _Taken(start, count)
    next_check = min(parameters, count + 3)
    while spaces.products < max_products:
        spaces.extend()
        full = spaces.size == spaces.capacity
        ended = spaces.products == max_products
        if not (full or ended or spaces.products >= next_check):
            continue
        next_check = spaces.products + 1 + spaces.products // 20
        ritz = _Ritz.of(spaces, which)
        taken.take(spaces, ritz, tolerance, ended or spaces.size == parameters)
        left = np.flatnonzero(taken.open[taken.rows])
        if not len(left):
            break
        if full:
            kept = count + (spaces.capacity - count) // 2
            spaces.restart(ritz.values[:, :kept], ritz.columns[:, :, :kept])
        if isinstance(product, StackProduct) and 4 * len(left) <= 3 * len(taken.rows):
            taken.rows = taken.rows[left]
            product = product.select(left.tolist())
            spaces.narrow(left, product)
    return taken.result(spaces)


@dataclass(frozen=True)
class _Ritz:
    """All Ritz pairs, leading first: values and remainders β |last entry| `[members, size]`."""

    values: NDArray[np.float64]
    columns: NDArray[np.float64]
    remainders: NDArray[np.float64]

    @classmethod
    def of(cls, spaces: KrylovSpaces, which: Which) -> _Ritz:
        """Those of the spaces as they are."""
        values, columns = spaces.ritz()
        order = np.argsort(-(values if which == "algebraic" else np.abs(values)), axis=1)
        remainders = spaces.beta[:, None] * np.abs(columns[:, -1, :])
        remainders = np.take_along_axis(remainders, order, 1)
        values = np.take_along_axis(values, order, 1)
        columns = np.take_along_axis(columns, order[:, None, :], 2)
        return cls(values, columns, remainders)


class _Taken:
    """Results member by member, each taken once: when converged, or at the end.

    `open` `[members]` says who is still awaited, `rows` which members the spaces are of.
    """

    def __init__(self, start: Tensor, count: int) -> None:
        members, parameters = start.shape
        self.count = count
        self.values = np.full((members, count), np.nan)
        self.residuals = np.full((members, count), np.nan)
        self.converged = np.zeros((members, count), bool)
        self.vectors = start.new_full((members, count, parameters), torch.nan)
        self.open = np.ones(members, bool)
        self.rows = np.arange(members)

    def take(self, spaces: KrylovSpaces, ritz: _Ritz, tolerance: float, ended: bool) -> None:
        """Takes members that have converged, all of them if `ended`; lost ones are given up."""
        self.open[self.rows[spaces.lost]] = False
        if spaces.size < self.count:
            return
        values, remainders = ritz.values[:, : self.count], ritz.remainders[:, : self.count]
        rounding = spaces.rounding[:, None]
        reached = remainders <= np.maximum(tolerance * np.abs(values), 2 * rounding)
        now = np.flatnonzero(self.open[self.rows] & (reached.all(1) | ended))
        if not len(now):
            return
        rows = self.rows[now]
        self.values[rows] = values[now]
        self.residuals[rows] = np.hypot(remainders, rounding)[now]
        self.converged[rows] = reached[now]
        vectors = spaces.combine(ritz.columns[:, :, : self.count])
        self.vectors[rows.tolist()] = vectors[now.tolist()]
        self.open[rows] = False

    def result(self, spaces: KrylovSpaces) -> Leading:
        """What was taken."""
        return Leading(
            torch.from_numpy(self.values),
            self.vectors,
            torch.from_numpy(self.residuals),
            torch.from_numpy(self.converged),
            spaces.products,
        )
