"""The threshold of the area under the margin, from a fake class (Pleiss 2020, section 3.2).

Threshold samples are training examples that were given a class that does not exist; being surely
mislabelled, they show which areas mislabelled examples have. Where they come from is
`memlab.data.split`; the areas are `memlab.runs.example_scores`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from memlab.runs.example_scores import Labelling, Mask, Share, own_label, part_scores
from memlab.runs.fake_class import threshold_of

#: The scores that are areas under the margin.
AREAS = ("aum-until-best", "aum")


@dataclass(frozen=True, eq=False)
class AreaThreshold:
    """What lies below the threshold of every set of threshold samples.

    `values` has one threshold per set; `below` `[examples]` is true where the area is at or below
    it for every set whose networks saw the example's own label (as the paper's code removes them:
    two sets judge most examples twice), never where no network did.
    """

    values: tuple[float, ...]
    samples: tuple[int, ...]
    below: Mask


def area_threshold(labelling: Labelling, name: str) -> AreaThreshold | None:
    """From the areas `name` (of `AREAS`), averaged over the networks of each set.

    None where no network was trained with a fake class.
    """
    sets: dict[bytes, list[Share]] = {}
    for part in labelling.parts:
        own = own_label(part)
        if not own.all():
            sets.setdefault(own.tobytes(), []).append(part)
    if not sets:
        return None
    below, values, samples = labelling.judged.copy(), [], []
    for parts in sets.values():
        own = own_label(parts[0])
        area = np.concatenate([part_scores(part, name) for part in parts]).mean(axis=0)
        values.append(threshold_of(area[~own]))
        samples.append(int((~own).sum()))
        below &= ~own | (area <= values[-1])
    return AreaThreshold(tuple(values), tuple(samples), below)
