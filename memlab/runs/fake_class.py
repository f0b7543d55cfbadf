"""Areas of surely mislabelled examples: threshold samples of a fake class (Pleiss 2020).

Some training examples are given a class that no example truly has. The area under their margin is
that of a wrong label, and what lies below nearly all of them may be one (section 3.2). May: so do
right labels of examples that are hard. Hence the number of wrong ones has wide ends (decision 018).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from memlab.experiment.keys import key
from memlab.runs.label_noise import Count, Mask, Values, Z

PERCENTILE = 99.0
#: Hardly a right label is as bad as this percentile of the threshold samples.
SURELY = 50.0
DRAWS = 100


def threshold_of(samples: Values, percentile: float = PERCENTILE) -> float:
    """The 99th percentile of the threshold samples' areas, or another."""
    return float(np.percentile(samples, percentile))


def below_threshold(areas: Sequence[Values], samples: Sequence[Values]) -> tuple[Mask, Count]:
    """Which examples lie at or below the threshold of every set that judges them, and how many.

    `areas` are `[examples]`, one array for each set of threshold samples, NaN where the set does
    not judge; `samples` are the areas of the threshold samples themselves.

    The number's ends are of how many labels are wrong, whole ones. From below: those that are worse
    than half of the threshold samples in every set, less two standard deviations of a Poisson
    count. From above: those below the threshold of any set, and what drawing threshold samples
    again adds to them.

    >>> area, samples = np.array([-1.0, 2.0, np.nan]), np.array([-2.0, 0.0])
    >>> below_threshold([area], [samples])[0]
    array([ True, False, False])
    """
    found, either = _below(areas, [threshold_of(each) for each in samples])
    surely, _ = _below(areas, [threshold_of(each, SURELY) for each in samples])
    generator = key(0, "bootstrap threshold samples")
    drawn = [
        _below(areas, [threshold_of(generator.choice(each, len(each))) for each in samples])[1]
        for _ in range(DRAWS)
    ]
    fewest, most = float(surely.sum()), float(either.sum())
    low = np.floor(max(0.0, fewest - Z * fewest**0.5))
    high = np.ceil(most + Z * np.std([each.sum() for each in drawn], ddof=1))
    return found, Count(float(found.sum()), float(low), float(min(high, len(found))))


def _below(areas: Sequence[Values], thresholds: Sequence[float]) -> tuple[Mask, Mask]:
    """What lies at or below the thresholds of all sets that judge it, and of any of them."""
    judged = np.zeros(len(areas[0]), np.bool_)
    below = np.ones(len(areas[0]), np.bool_)
    either = np.zeros(len(areas[0]), np.bool_)
    for area, threshold in zip(areas, thresholds, strict=True):
        there = np.isfinite(area)
        low = np.where(there, area, np.inf) <= threshold
        judged |= there
        below &= ~there | low
        either |= low
    return below & judged, either
