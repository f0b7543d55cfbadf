"""Subsets: the share of the training examples that a member is trained on, keyed by its seed.

Feldman and Zhang 2020 (arXiv 2008.03703), section 2.2: each network is trained on a random subset
of exactly m = ⌊share · N⌋ of the N training examples. Nothing of it is kept in a sequence, so that
a member draws the same alone, stacked, resumed, forked or in another shard.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from memlab.experiment.keys import key
from memlab.experiment.schedule import subset_size


def subset_mask(
    share: float, examples: int, seed: int, of: int = 0, left_out: NDArray[np.bool_] | None = None
) -> NDArray[np.bool_]:
    """Which examples the member with this seed is trained on, `[examples]`.

    The examples of a smaller share are among those of a larger one; members of one seed draw
    apart where `of` differs. Those `left_out` `[examples]` are passed over, and the share is of the
    others.
    """
    mask = np.zeros(examples, dtype=bool)
    order = key(seed, "subset", *((of,) if of else ())).permutation(examples)
    if left_out is not None:
        order = order[~left_out[order]]
    mask[order[: subset_size(share, len(order))]] = True
    return mask
