"""Ridge regression on random ReLU features: a two-layer network whose first layer never learns."""

from __future__ import annotations

import numpy as np

from memlab.baselines.baseline import BaselineData, Features, Predicted, baseline
from memlab.baselines.penalties import RidgePath
from memlab.experiment.keys import key

WIDTH = 2048


@baseline(
    "random-features",
    "random features",
    f"ridge on {WIDTH} random ReLU features (Rahimi and Recht 2007), penalty by validation",
    30_000,
)
def random_features(data: BaselineData) -> Predicted:
    """The penalty is the largest of the best validation accuracy."""
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
