"""The Krylov spaces of a stack's members: orthonormal bases, and their matrices projected on them.

Lanczos' recurrence with full reorthogonalization (Golub and Van Loan 2013, section 10.3), one
matrix per member, all advanced by one product for the stack. What is read off the spaces is in
`lanczos.py` and `spectral_density.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from memlab.instruments.parameter_vectors import Product

#: A remainder below this many roundings of the product is no direction but noise.
NOISE = 50.0


class KrylovSpaces:
    """A growing basis for each member: H Q = Q T + β q eᵀ, q the next basis vector.

    `projected` is T, float64 `[members, capacity, capacity]`, filled up to `size`; `beta`
    `[members]` the last remainder's norm, `scale` the greatest ‖H q‖ seen. A member whose space is
    exhausted (β = 0) goes on with a random direction, uncoupled, so that repeated eigenvalues are
    found too; one whose product is not finite is `lost` and stays out. Members never affect each
    other.
    """

    def __init__(
        self,
        product: Product,
        start: Tensor,
        capacity: int,
        generators: Sequence[np.random.Generator],
    ) -> None:
        members, parameters = start.shape
        if len(generators) != members:
            raise ValueError(f"{len(generators)} generators for {members} members")
        self.product, self.generators = product, generators
        self.capacity = min(capacity, parameters)
        self.parameters = parameters
        self.size = self.products = 0
        self.projected = np.zeros((members, self.capacity, self.capacity))
        self.beta = np.zeros(members)
        self.scale = np.zeros(members)
        self.lost = np.zeros(members, bool)
        self._noise = NOISE * torch.finfo(start.dtype).eps
        self._basis = start.new_empty(self.capacity + 1, members, parameters)
        norm = start.norm(dim=1)
        self._basis[0] = start / norm[:, None]
        for member in np.flatnonzero(~((norm > 0) & norm.isfinite()).cpu().numpy()):
            self._basis[0, member] = self._direction(0, int(member))

    @property
    def rounding(self) -> NDArray[np.float64]:
        """The rounding of the products, `[members]`: no residual is known to be smaller."""
        return self.scale * self._noise / NOISE

    def extend(self) -> None:
        """One product: the basis vector number `size` is multiplied, and the next one made."""
        column = self.size
        multiplied = self.product(self._basis[column])
        remainder, found = _orthogonalize(self._spanned(column + 1), multiplied)
        found = torch.cat([found, remainder.norm(dim=1, keepdim=True)], 1)
        values = found.double().cpu().numpy()
        self.lost |= ~np.isfinite(values).all(1)
        values[self.lost] = 0.0
        self.scale = np.maximum(self.scale, np.linalg.norm(values, axis=1))
        self.projected[:, : column + 1, column] = values[:, :-1]
        self.projected[:, column, : column + 1] = values[:, :-1]
        self.beta = values[:, -1]
        self.size, self.products = column + 1, self.products + 1
        self._continue(remainder)

    def _continue(self, remainder: Tensor) -> None:
        spent = self.beta <= self._noise * self.scale
        self.beta = np.where(spent, 0.0, self.beta)
        if self.size == self.parameters:
            return
        divisor = torch.from_numpy(np.where(spent, 1.0, self.beta))
        following = self._basis[self.size]
        torch.div(remainder, divisor.to(remainder)[:, None], out=following)
        for member in map(int, np.flatnonzero(spent)):
            following[member] = 0.0 if self.lost[member] else self._direction(self.size, member)

    def _direction(self, count: int, member: int) -> Tensor:
        """A random unit vector of `member`, orthogonal to its first `count` basis vectors."""
        drawn = self.generators[member].standard_normal(self.parameters, dtype=np.float32)
        vector = torch.from_numpy(drawn).to(self._basis)[None]
        if count:
            spanned = self._spanned(count)[member : member + 1]
            vector, _ = _orthogonalize(spanned, vector / vector.norm())
        unit: Tensor = vector / vector.norm()
        return unit[0]

    def narrow(self, members: NDArray[np.intp], product: Product) -> None:
        """Goes on with these members alone, and with the `product` of their matrices."""
        basis = self._basis
        self._basis = basis.new_empty(len(basis), len(members), self.parameters)
        self._basis[: self.size + 1] = basis[: self.size + 1][:, members.tolist()]
        self.generators = [self.generators[member] for member in members]
        self.projected = self.projected[members]
        self.beta, self.scale = self.beta[members], self.scale[members]
        self.lost = self.lost[members]
        self.product = product

    def _spanned(self, count: int) -> Tensor:
        """The first `count` basis vectors, `[members, count, parameters]`."""
        return self._basis[:count].transpose(0, 1)

    def ritz(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Eigenvalues of T, ascending `[members, size]`, and its eigenvectors in columns."""
        values, vectors = np.linalg.eigh(self.projected[:, : self.size, : self.size])
        return values, vectors

    def combine(self, columns: NDArray[np.float64]) -> Tensor:
        """Q times `columns` `[members, size, k]`, as `[members, k, parameters]`."""
        weights = torch.from_numpy(np.ascontiguousarray(columns)).to(self._basis)
        return torch.bmm(weights.transpose(1, 2), self._spanned(self.size))

    def restart(self, values: NDArray[np.float64], columns: NDArray[np.float64]) -> None:
        """Keeps only the Ritz pairs given, and the next vector (Wu and Simon 2000, thick restart).

        The coupling of the kept ones to the next vector comes out of the next `extend`.
        """
        kept = values.shape[1]
        vectors = self.combine(columns)
        self._basis[kept] = self._basis[self.size]
        self._basis[:kept] = vectors.transpose(0, 1)
        self.projected[:] = 0.0
        self.projected[:, range(kept), range(kept)] = values
        self.size = kept


def _orthogonalize(spanned: Tensor, vectors: Tensor) -> tuple[Tensor, Tensor]:
    """(`vectors` `[members, parameters]` without their part in the span, that part's coefficients).

    Classical Gram-Schmidt, twice, which is enough (Giraud 2005, Numerische Mathematik 101).
    The span is kept as rows, which batched products read in the order in which they lie.
    """
    remainder = vectors[:, None]
    first = torch.bmm(remainder, spanned.transpose(1, 2))
    remainder = torch.baddbmm(remainder, first, spanned, alpha=-1)
    second = torch.bmm(remainder, spanned.transpose(1, 2))
    remainder = remainder.baddbmm_(second, spanned, alpha=-1)
    return remainder[:, 0], (first + second)[:, 0]
