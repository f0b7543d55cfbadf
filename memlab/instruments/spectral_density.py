"""The density of all eigenvalues of a stack's curvature, by stochastic Lanczos quadrature.

Ghorbani, Krishnan and Xiao 2019 (arXiv 1901.10159, algorithm 1 and appendix A), Yao 2020 (arXiv
1912.07145, section 3): from a random unit vector v, m steps of Lanczos give Gauss' quadrature of
vᵀ f(H) v, nodes the eigenvalues of T, weights the squared first components of its eigenvectors;
its mean over v is tr f(H) ÷ parameters. Here with full reorthogonalization, without which false
copies of eigenvalues appear.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import pi, sqrt

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from memlab.instruments.krylov import KrylovSpaces
from memlab.instruments.parameter_vectors import Product, VectorSpace, random_vectors

#: Half the grid's overhang over the outermost nodes, in standard deviations of the broadening.
OVERHANG = 5.0


@dataclass(frozen=True)
class Density:
    """Densities over eigenvalue, float64 on the CPU; a member with non-finite products has NaN.

    `grid` and `values` are `[members, points]`, each row integrating to 1 over its own grid;
    `sigma` `[members]` is the Gaussians' standard deviation; `nodes` and `weights`
    `[members, probes, steps]` are the quadrature before broadening, weights of a probe adding up
    to 1.
    """

    grid: Tensor
    values: Tensor
    sigma: Tensor
    nodes: Tensor
    weights: Tensor
    products: int

    def moment(self, power: int) -> Tensor:
        """The mean over all eigenvalues of λ^power, `[members]`, from the quadrature."""
        return (self.weights * self.nodes**power).sum(2).mean(1)


@torch.no_grad()
def spectral_density(
    product: Product,
    space: VectorSpace,
    generators: Sequence[np.random.Generator],
    *,
    probes: int = 4,
    steps: int = 64,
    points: int = 512,
    broadening: float = 0.01,
) -> Density:
    """`probes` random vectors with `steps` products each, on a grid of `points`.

    Each node becomes a Gaussian of standard deviation `broadening` times the range of the
    member's nodes. At most `steps` + 1 vectors per member are held.

    Raises:
        ValueError: if the grid is too coarse for Gaussians so narrow.
    """
    if points < (1 / broadening + 2 * OVERHANG) * 1.25:
        raise ValueError(f"{points} points do not resolve a broadening of {broadening}")
    steps = min(steps, space.size)
    nodes = np.empty((space.members, probes, steps))
    weights = np.empty_like(nodes)
    for probe in range(probes):
        start = random_vectors(space, generators, "normal")
        spaces = KrylovSpaces(product, start, steps, generators)
        for _ in range(steps):
            spaces.extend()
        values, columns = spaces.ritz()
        values[spaces.lost] = np.nan
        nodes[:, probe] = values
        weights[:, probe] = columns[:, 0, :] ** 2
    grid, density, sigma = _broaden(nodes, weights, points, broadening)
    return Density(
        grid=torch.from_numpy(grid),
        values=torch.from_numpy(density),
        sigma=torch.from_numpy(sigma),
        nodes=torch.from_numpy(nodes),
        weights=torch.from_numpy(weights),
        products=probes * steps,
    )


def _broaden(
    nodes: NDArray[np.float64], weights: NDArray[np.float64], points: int, broadening: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """(grid and density `[members, points]`, sigma `[members]`)."""
    low, high = nodes.min((1, 2)), nodes.max((1, 2))
    width = np.maximum(high - low, 1e-3 * np.maximum(np.abs(low), np.abs(high)))
    sigma = broadening * np.where(width == 0, 1.0, width)
    grid = np.linspace(low - OVERHANG * sigma, high + OVERHANG * sigma, points, axis=1)
    density = np.zeros_like(grid)
    for node, weight in zip(
        np.moveaxis(nodes, 0, -1).reshape(-1, len(nodes)),
        np.moveaxis(weights, 0, -1).reshape(-1, len(nodes)),
        strict=True,
    ):
        distance = (grid - node[:, None]) / sigma[:, None]
        density += weight[:, None] * np.exp(-0.5 * distance**2)
    return grid, density / (nodes.shape[1] * sqrt(2 * pi) * sigma[:, None]), sigma
