"""Ridge regression for a whole path of penalties from one eigendecomposition."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

from memlab.baselines.baseline import Features, Labels, accuracy

Matrix = NDArray[np.floating[Any]]
#: Penalties as multiples of the mean eigenvalue of what is penalized.
PATH = tuple(10.0 ** (half / 2) for half in range(-12, 7))


@dataclass(frozen=True, eq=False)
class RidgePath:
    """min ‖X W + 1 bᵀ − Y‖² + λ‖W‖² for every λ; the intercept b is not penalized.

    Through the eigenvectors of the centred XᵀX or, where there are fewer examples than features,
    XXᵀ; float64.
    """

    mean_x: Matrix
    mean_y: Matrix
    basis: Matrix  # [features, rank]: W = basis · (shrunk coefficients)
    values: NDArray[np.float64]
    coefficients: Matrix  # [rank, outputs]: before the division by values + λ

    @classmethod
    def of(cls, x: Features, y: Features) -> RidgePath:
        """Decomposes `x` `[n, features]` for targets `y` `[n, outputs]`."""
        mean_x, mean_y = x.mean(0, dtype=np.float64), y.mean(0, dtype=np.float64)
        x, y = x.astype(np.float64) - mean_x, y.astype(np.float64) - mean_y
        if x.shape[0] >= x.shape[1]:
            values, basis = eigh(x.T @ x, overwrite_a=True, driver="evd", check_finite=False)
            coefficients = basis.T @ (x.T @ y)
        else:
            values, vectors = eigh(x @ x.T, overwrite_a=True, driver="evd", check_finite=False)
            basis, coefficients = x.T @ vectors, vectors.T @ y
        return cls(mean_x, mean_y, basis, np.maximum(values, 0.0), coefficients)

    @property
    def scale(self) -> float:
        """Mean eigenvalue, the unit of `PATH`."""
        return float(self.values.mean()) or 1.0

    def weights(self, penalty: float) -> tuple[Matrix, Matrix]:
        """(W `[features, outputs]`, b `[outputs]`); directions without data get no weight."""
        least = self.values.max(initial=0.0) * len(self.values) * np.finfo(np.float64).eps
        kept = (self.values > least)[:, None]
        shrunk = np.where(kept, self.coefficients, 0.0) / np.where(
            kept, self.values[:, None] + penalty, 1.0
        )
        weights = self.basis @ shrunk
        return weights, self.mean_y - self.mean_x @ weights

    def predict(self, x: Features, penalty: float) -> Labels:
        """Classes of the largest outputs, `[n]`."""
        weights, bias = self.weights(penalty)
        return np.asarray((x.astype(np.float64) @ weights + bias).argmax(1), np.int64)

    def choose(self, x: Features, y: Labels, path: Sequence[float] = PATH) -> tuple[float, float]:
        """(penalty, validation accuracy): the largest penalty of the best accuracy."""
        penalties = [share * self.scale for share in sorted(path, reverse=True)]
        scores = [accuracy(self.predict(x, penalty), y) for penalty in penalties]
        best = int(np.argmax(scores))
        return penalties[best], scores[best]
