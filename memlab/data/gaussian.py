"""Inputs and labels that have nothing to do with each other: there is only noise to memorize."""

from __future__ import annotations

import numpy as np

from memlab.data.dataset import Raw, Request, dataset
from memlab.errors import InvalidExperiment
from memlab.experiment.datasets import own, taken
from memlab.experiment.keys import key

FACTS = own("gaussian")
LIMIT = 1_000_000


@dataset(FACTS)
def gaussian(request: Request) -> Raw:
    """Standard normal float32 `[n, 64]`, with classes of equal size ± 1 in random order.

    As many as are asked for, at least ten of each class; drawn by the dataset's own key, whatever
    the split, or with `dataset.fresh` by the split's.
    """
    asked = taken(request.spec)
    assert asked is not None
    classes = len(FACTS.class_names)
    count = max(asked.train + asked.validation + asked.test, 10 * classes)
    if count > LIMIT:
        raise InvalidExperiment(
            f"dataset.train, validation and test ask for {count:,} examples of gaussian; it makes "
            f"at most {LIMIT:,}."
        )
    seed, fresh = (request.spec.split_seed, " fresh") if request.spec.fresh else (0, "")
    draw = key(seed, f"gaussian-inputs{fresh}")
    x = draw.standard_normal((count, asked.features), dtype=np.float32)
    y = key(seed, f"gaussian-labels{fresh}").permutation(np.arange(count, dtype=np.int64) % classes)
    return Raw(FACTS.name, x, y, None, None, FACTS.class_names)
