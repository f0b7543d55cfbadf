"""Sparse parity: inputs of ±1 whose label is the parity of a few of their bits.

No local average can learn it, and a kernel needs about bits^degree examples (Daniely and Malach
2020, arXiv 2002.07400).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from memlab.data.dataset import IntArray, Raw, Request, dataset
from memlab.errors import InvalidExperiment
from memlab.experiment.datasets import own, taken
from memlab.experiment.keys import key
from memlab.experiment.material_spec import PARITY_DEGREE

FACTS = own("parity")
MOST_VALUES = 1 << 28
LEAST = 64


@dataset(FACTS)
def parity(request: Request) -> Raw:
    """Independent uniform bits, float32 `[n, bits]` of ±1; the label is 1 where their product over
    the chosen ones is −1.

    As many as are asked for; which bits count, and all examples, test ones too, are drawn by the
    split's seed, and the parts are dealt one after another, so that another seed is a fresh sample
    of another problem.
    """
    spec = request.spec
    asked = taken(spec)
    assert asked is not None
    count = max(asked.train + asked.validation + asked.test, LEAST)
    if count * asked.features > MOST_VALUES:
        raise InvalidExperiment(
            f"dataset.train, validation and test ask for {count:,} examples of {asked.features:,} "
            f"bits of parity; it makes at most {MOST_VALUES // asked.features:,} of them."
        )
    chosen = support(spec.split_seed, asked.features, spec.degree or PARITY_DEGREE)
    ones = key(spec.split_seed, "parity inputs").integers(0, 2, (count, asked.features), np.int8)
    x = (1 - 2 * ones).astype(np.float32)
    y = ones[:, chosen].sum(1, dtype=np.int64) % 2
    return Raw(FACTS.name, x, y, None, None, FACTS.class_names, _one_after_another)


def support(split_seed: int, bits: int, degree: int) -> IntArray:
    """The bits that the label depends on, ascending, `[degree]`."""
    return np.sort(key(split_seed, "parity bits").permutation(bits)[:degree])


def _one_after_another(sizes: Sequence[int], generator: np.random.Generator) -> list[IntArray]:
    ends = np.cumsum(sizes)
    return [np.arange(end - size, end) for size, end in zip(sizes, ends, strict=True)]
