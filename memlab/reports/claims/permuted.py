"""Permutations for negative controls: what is compared, without its order."""

from __future__ import annotations

import numpy as np

from memlab.reports.claims.claim import Values


def rolled_rows(values: Values) -> Values:
    """`values` [seeds, conditions], the conditions of each seed rolled by one place more.

    A Latin square and no lottery: over as many seeds as conditions each value is in each place
    once, and a trend is gone whatever it was. A drawn permutation of five seeds would be a trend
    by chance every now and then.
    """
    return np.array([np.roll(row, place) for place, row in enumerate(values)])
