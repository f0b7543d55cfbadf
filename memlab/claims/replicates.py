"""Which replicates there are: those of boards, those of development, and those that a claim adds.

A replicate is a fresh split of the data and a fresh seed, both keyed by its number, so that boards
of disjoint numbers share nothing (rules 3 and 10 of docs/science.md, section 0).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from memlab.claims.verdict import LEAST_REPLICATES

#: Claims are developed on these; no board is made of them.
DEVELOPMENT: Final = tuple(range(100, 110))
FIRST_OF_BOARD: Final = 200
BOARD: Final = tuple(range(FIRST_OF_BOARD, FIRST_OF_BOARD + LEAST_REPLICATES))


def replicates_of(least: int, replicates: Sequence[int]) -> tuple[int, ...]:
    """The replicates of a claim that needs `least` on a board of `replicates`.

    A board has enough for most claims; one that needs more takes the numbers that follow. Fewer
    than any verdict needs are a look, to which nothing is added.

    >>> replicates_of(10, range(200, 208))
    (200, 201, 202, 203, 204, 205, 206, 207, 208, 209)
    >>> replicates_of(10, (7, 9))
    (7, 9)
    """
    own = tuple(replicates)
    if not LEAST_REPLICATES <= len(own) < least:
        return own
    after = max(own) + 1
    return own + tuple(range(after, after + least - len(own)))
