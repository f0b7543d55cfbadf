"""Areas of surely mislabelled examples: threshold samples of a fake class (Pleiss 2020).

Some training examples are given a class that no example truly has. The area under their margin is
that of a wrong label, and what lies below nearly all of them may be one (section 3.2).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from memlab.experiment.keys import key
from memlab.runs.label_noise import Count, Mask, Values, Z

PERCENTILE = 99.0
DRAWS = 100


def threshold_of(samples: Values) -> float:
    """The 99th percentile of the threshold samples' areas."""
    return float(np.percentile(samples, PERCENTILE))


def below_threshold(areas: Sequence[Values], samples: Sequence[Values]) -> tuple[Mask, Count]:
    """Which examples lie at or below the threshold of every set that judges them, and how many.

    `areas` are `[examples]`, one array for each set of threshold samples, NaN where the set does
    not judge; `samples` are the areas of the threshold samples themselves. The 95 % interval of the
    number is over drawn threshold samples.

    >>> area, samples = np.array([-1.0, 2.0, np.nan]), np.array([-2.0, 0.0])
    >>> below_threshold([area], [samples])[0]
    array([ True, False, False])
    """
    found = _below(areas, [threshold_of(each) for each in samples])
    generator = key(0, "bootstrap threshold samples")
    drawn = [
        _below(areas, [threshold_of(generator.choice(each, len(each))) for each in samples]).sum()
        for _ in range(DRAWS)
    ]
    value, spread = float(found.sum()), Z * float(np.std(drawn, ddof=1))
    return found, Count(value, max(0.0, value - spread), min(float(len(found)), value + spread))


def _below(areas: Sequence[Values], thresholds: Sequence[float]) -> Mask:
    judged = np.zeros(len(areas[0]), np.bool_)
    below = np.ones(len(areas[0]), np.bool_)
    for area, threshold in zip(areas, thresholds, strict=True):
        there = np.isfinite(area)
        judged |= there
        below &= ~there | (np.where(there, area, 0.0) <= threshold)
    return np.asarray(below & judged, np.bool_)
