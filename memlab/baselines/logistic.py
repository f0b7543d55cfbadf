"""Logistic regression: the linear model with the network's own loss."""

from __future__ import annotations

import warnings

import numpy as np

from memlab.baselines.baseline import BaselineData, Predicted, accuracy, baseline

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
