"""A random forest (Breiman 2001)."""

from __future__ import annotations

import numpy as np

from memlab.baselines.baseline import BaselineData, Predicted, baseline

TREES = 80


@baseline("random-forest", "random forest", f"{TREES} trees of full depth", 60_000)
def random_forest(data: BaselineData) -> Predicted:
    """scikit-learn's with its defaults, one core."""
    from sklearn.ensemble import RandomForestClassifier

    model = RandomForestClassifier(n_estimators=TREES, random_state=data.seed, n_jobs=1)
    model.fit(data.train_x, data.train_y)
    train, test = model.predict(data.train_x), model.predict(data.test_x)
    return Predicted(np.asarray(train, np.int64), np.asarray(test, np.int64))
