"""Addition modulo p: a finite table, whose rule a network may find long after it fits the table.

Power 2022 (arXiv 2201.02177); inputs as two one-hot blocks, as Gromov 2023 (arXiv 2301.02679).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np

from memlab.data.dataset import IntArray, Raw, Request, dataset
from memlab.errors import InvalidExperiment
from memlab.experiment.datasets import described, own

FACTS = own("modular-addition")
#: How far a part may be from its share of the pairs (a, a), in pairs.
SLACK = 3


@dataset(FACTS)
def modular_addition(request: Request) -> Raw:
    """All p² pairs in the order of (a, b): float32 `[p², 2p]` one-hot, the label (a + b) mod p.

    In which part a pair is follows from the split's seed, and (a, b) is where (b, a) is: a
    symmetric network would else be told the answer.
    """
    known = described(request.spec)
    assert known is not None
    assert known.classes is not None
    p = known.classes
    a, b = np.divmod(np.arange(p * p, dtype=np.int64), p)
    one = np.eye(p, dtype=np.float32)
    x = np.concatenate([one[a], one[b]], axis=1)
    return Raw(FACTS.name, x, (a + b) % p, None, None, known.class_names, Mirrored(p))


class Mirrored:
    """Deals the pairs of residues modulo `p`, a pair and its mirror image to one part."""

    def __init__(self, p: int) -> None:
        self.p = p

    def __call__(self, sizes: Sequence[int], generator: np.random.Generator) -> list[IntArray]:
        """Disjoint rows a · p + b, shuffled; each part has its share of the pairs (a, a).

        Raises:
            InvalidExperiment: if no such parts have these sizes.
        """
        p = self.p
        doubles = generator.permutation(np.arange(p) * (p + 1))
        above = generator.permutation(np.stack(np.triu_indices(p, 1), 1))
        counts = self._doubles(sizes)
        parts, double, pair = [], 0, 0
        for size, same in zip(sizes, counts, strict=True):
            a, b = above[pair : pair + (size - same) // 2].T
            rows = [doubles[double : double + same], a * p + b, b * p + a]
            parts.append(generator.permutation(np.concatenate(rows)))
            double, pair = double + same, pair + len(a)
        return parts

    def _doubles(self, sizes: Sequence[int]) -> tuple[int, ...]:
        """How many pairs (a, a) each part has: as nearly its share as leaves pairs of images."""
        p = self.p
        near = [
            [n for n in range(size % 2, size + 1, 2) if abs(n - size / p) <= SLACK]
            for size in sizes
        ]
        fitting = [
            each
            for each in product(*near)
            if sum(each) <= p and (sum(sizes) - sum(each)) // 2 <= p * (p - 1) // 2
        ]
        if not fitting:
            wanted = ", ".join(f"{size:,}" for size in sizes)
            raise InvalidExperiment(
                f"dataset: the pairs modulo {p} cannot be split into {wanted} with (a, b) and "
                "(b, a) in one part; change dataset.train by one."
            )
        return min(
            fitting,
            key=lambda each: sum((n - s / p) ** 2 for n, s in zip(each, sizes, strict=True)),
        )
