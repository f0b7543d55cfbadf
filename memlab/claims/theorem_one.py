"""The construction of theorem 1 of Zhang 2017: 2n + d weights repeat any n labels in d dimensions.

c(x) = Σ_j w_j max(⟨a, x⟩ − b_j, 0): a projection a tells the points apart, the kinks b_j lie
between neighbours on that line, so that the matrix max(z_i − b_j, 0) is lower triangular with a
positive diagonal, and w solves it (section 4 and appendix C). No training.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
#: Where a kink lies between two neighbours; near the lower one, slopes do not build up.
PLACE = 0.01


@dataclass(frozen=True, eq=False)
class TwoLayers:
    """`a` [d], `b` [units], `w` [units]."""

    a: Values
    b: Values
    w: Values

    def __call__(self, x: Values) -> Values:
        """Outputs for `x` [n, d], [n]."""
        hidden = np.maximum((x @ self.a)[:, None] - self.b, 0.0)
        return np.asarray(hidden @ self.w)

    @property
    def weights(self) -> int:
        """How many weights there are: 2n + d for n units."""
        return len(self.a) + len(self.b) + len(self.w)


def construct(x: Values, y: Values, generator: np.random.Generator, units: int = 0) -> TwoLayers:
    """The network that gives `y` [n] for `x` [n, d]; points have to be distinct.

    With fewer `units` than points it is exact at as many points, evenly spread over the line.
    """
    a = generator.normal(size=x.shape[1]) / np.sqrt(x.shape[1])
    z = x @ a
    order = np.argsort(z)
    if 0 < units < len(order):
        order = order[np.linspace(0, len(order) - 1, units).round().astype(int)]
    z, targets = z[order], y[order].astype(np.float64)
    before = np.concatenate([[z[0] - 1.0], z[:-1]])
    b = before + PLACE * (z - before)
    w = np.zeros(len(z))
    slope = value = 0.0
    at = b[0]
    for i in range(len(z)):  # forward substitution, with the running value instead of the matrix
        value += slope * (b[i] - at)
        wanted = (targets[i] - value) / (z[i] - b[i])
        w[i] = wanted - slope
        slope, value, at = wanted, targets[i], z[i]
    return TwoLayers(a, b, w)
