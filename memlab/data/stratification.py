"""How many examples of each class each part gets: whole numbers within 1 of proportional.

Rounding each part for itself may leave nothing for the last one; this rounds all of them together
(controlled rounding, Cox 1987). Drawing the examples is `split.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def parts_with_all_classes(sizes: Sequence[int], classes: int) -> int:
    """How many of the parts are large enough to have every class, and therefore must."""
    return sum(size >= classes for size in sizes)


def apportioned(sizes: Sequence[int], counts: np.ndarray) -> np.ndarray:
    """Examples per class and part, int64 `[classes, parts]`, of classes with `counts` examples.

    Columns sum to `sizes`; each entry is its proportional share rounded down or up. Where no such
    table gives every class an example in every part with at least as many examples as classes, one
    of each class is set aside for each such part, and the rest is in proportion. The caller has
    made sure that there are enough.
    """
    columns = np.array(sizes, dtype=np.int64)
    full = (columns >= len(counts)).astype(np.int64)
    found = _rounded(columns, counts, full)
    if found is None:
        found = _rounded(columns - full * len(counts), counts - full.sum(), full * 0)
        assert found is not None, "a table of shares rounded down or up always exists"
        found = found + full
    return found


def _rounded(sizes: np.ndarray, counts: np.ndarray, least: np.ndarray) -> np.ndarray | None:
    """Shares rounded down or up, each at least its part's `least`; None where that cannot be.

    One matching of rounded-up entries (class, part): as many per part as it lacks, as many per
    class as it has left.
    """
    table, remainder = np.divmod(counts[:, None] * sizes[None, :], max(int(counts.sum()), 1))
    raised = (table < least) & (remainder > 0)
    table, room = table + raised, (remainder > 0) & ~raised
    left, short = counts - table.sum(1), sizes - table.sum(0)
    if (table < least).any() or (left < 0).any() or (short < 0).any():
        return None
    up = np.zeros_like(room)
    for part in range(len(sizes)):
        order = np.argsort(-remainder[:, part], kind="stable")
        chosen = order[room[order, part] & (left[order] > 0)][: short[part]]
        up[chosen, part] = True
        left[chosen] -= 1
        for _ in range(int(short[part]) - len(chosen)):
            if not _one_more(part, room, up, left, set()):
                return None
    return np.asarray(table + up, dtype=np.int64)


def _one_more(
    part: int, room: np.ndarray, up: np.ndarray, left: np.ndarray, tried: set[int]
) -> bool:
    """Rounds one more entry of `part` up, by an augmenting path through the other parts."""
    tried.add(part)
    free = np.flatnonzero(room[:, part] & ~up[:, part])
    direct = free[left[free] > 0]
    if len(direct):
        up[direct[0], part] = True
        left[direct[0]] -= 1
        return True
    for other in range(room.shape[1]):
        givers = free[up[free, other]]
        if other in tried or not len(givers):
            continue
        up[givers[0], [part, other]] = True, False
        if _one_more(other, room, up, left, tried):
            return True
        up[givers[0], [part, other]] = False, True
    return False
