"""Linear models: ridge, logistic regression, minimum norm, and ridge on random features.

Ridge, on one-hot labels, is solved for a whole path of penalties by one eigendecomposition.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

from memlab.baselines.baseline import BaselineData, Features, Labels, Predicted, accuracy, baseline
from memlab.experiment.keys import key

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


@baseline(
    "ridge", "linear (ridge)", "least squares on one-hot labels, penalty by validation", 60_000
)
def ridge(data: BaselineData) -> Predicted:
    """The penalty is the largest of the best validation accuracy."""
    path = RidgePath.of(data.train_x, data.targets())
    penalty, _ = path.choose(data.validation_x, data.validation_y)
    return Predicted(
        path.predict(data.train_x, penalty),
        path.predict(data.test_x, penalty),
        {"penalty": penalty},
    )


STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1)
ITERATIONS = 100


@baseline("logistic", "linear (logistic)", "softmax regression, penalty by validation", 30_000)
def logistic(data: BaselineData) -> Predicted:
    """scikit-learn's, each strength started from the last one's answer, at most 100 iterations."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(max_iter=ITERATIONS, tol=1e-3, warm_start=True)
    scale = len(data.train_x) / 1000.0  # C is per example; the strengths are for a thousand
    best: tuple[float, float, Predicted] | None = None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for strength in STRENGTHS:
            model.set_params(C=strength / scale).fit(data.train_x, data.train_y)
            score = accuracy(model.predict(data.validation_x), data.validation_y)
            if best is None or score > best[0]:
                train, test = model.predict(data.train_x), model.predict(data.test_x)
                made = Predicted(
                    np.asarray(train, np.int64),
                    np.asarray(test, np.int64),
                    {"C": strength / scale},
                )
                best = (score, strength, made)
    assert best is not None
    return best[2]


@baseline(
    "minimum-norm",
    "linear, minimum norm",
    "least squares of smallest norm; fits all labels where features outnumber examples",
    60_000,
)
def minimum_norm(data: BaselineData) -> Predicted:
    """W = X⁺ Y on centred data, with an intercept; least squares where it cannot interpolate.

    Ridge in the limit of no penalty (Zhang 2017, section 5).
    """
    path = RidgePath.of(data.train_x, data.targets())
    return Predicted(path.predict(data.train_x, 0.0), path.predict(data.test_x, 0.0))


WIDTH = 2048


@baseline(
    "random-features",
    "random features",
    f"ridge on {WIDTH} random ReLU features (Rahimi and Recht 2007), penalty by validation",
    30_000,
)
def random_features(data: BaselineData) -> Predicted:
    """A two-layer network whose first layer never learns, its penalty chosen as ridge's."""
    weights, bias = draw(data.train_x.shape[1], WIDTH, data.seed)
    features = [relu(x, weights, bias) for x in (data.train_x, data.validation_x, data.test_x)]
    path = RidgePath.of(features[0], data.targets())
    penalty, _ = path.choose(features[1], data.validation_y)
    train, test = path.predict(features[0], penalty), path.predict(features[2], penalty)
    return Predicted(train, test, {"penalty": penalty, "width": float(WIDTH)})


def draw(features: int, width: int, seed: int) -> tuple[Features, Features]:
    """Weights `[features, width]` of variance 2 / features (He 2015) and standard normal biases."""
    generator = key(seed, "random features")
    weights = generator.standard_normal((features, width), dtype=np.float32)
    weights *= np.float32(np.sqrt(2.0 / features))
    return weights, generator.standard_normal(width, dtype=np.float32)


def relu(x: Features, weights: Features, bias: Features) -> Features:
    """max(0, x W + b), `[n, width]`."""
    made = x @ weights
    made += bias
    np.maximum(made, 0.0, out=made)
    return np.asarray(made)
