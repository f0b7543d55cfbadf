"""Inputs and labels that have nothing to do with each other: there is only noise to memorize."""

from __future__ import annotations

import numpy as np

from memlab.data.dataset import Raw, Request, Sizes, dataset
from memlab.errors import InvalidExperiment
from memlab.experiment.keys import key

FEATURES, CLASSES = 64, 10
SIZES = Sizes(1000, 400, 400)
LIMIT = 1_000_000


@dataset(
    "gaussian",
    "independent Gaussian inputs with random labels: no signal at all",
    SIZES,
    classes=CLASSES,
    shape=(FEATURES,),
)
def gaussian(request: Request) -> Raw:
    """Standard normal float32 `[n, 64]`, with classes of equal size ± 1 in random order.

    As many as are asked for, at least ten of each class; drawn by the dataset's own key, whatever
    the split.
    """
    spec = request.spec
    asked = (
        spec.train or SIZES.train,
        spec.validation or SIZES.validation,
        spec.test or SIZES.test,
    )
    count = max(sum(size or 0 for size in asked), 10 * CLASSES)
    if count > LIMIT:
        raise InvalidExperiment(
            f"dataset.train, validation and test ask for {count:,} examples of gaussian; it makes "
            f"at most {LIMIT:,}."
        )
    x = key(0, "gaussian-inputs").standard_normal((count, FEATURES), dtype=np.float32)
    y = key(0, "gaussian-labels").permutation(np.arange(count, dtype=np.int64) % CLASSES)
    return Raw("gaussian", x, y, None, None, tuple(str(label) for label in range(CLASSES)))
