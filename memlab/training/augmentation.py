"""Random shifts, crops and mirroring of images, keyed per member and update."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from memlab.experiment.keys import key


def augment(kind: str, x: Tensor, seeds: Sequence[int], update: int) -> Tensor:
    """`x` `[members, batch, channels, height, width]` augmented, each example its own way.

    `shift` moves by up to an eighth of the side in both directions; `crop-flip` pads by an eighth
    (4 pixels of 32), crops at random and mirrors left-right with probability ½. Borders are 0,
    the mean of standardized data.
    """
    members, batch, _, height, width = x.shape
    reach = max(1, height // 8)
    draws = np.stack(
        [key(seed, "augment", update).integers(0, 2 * reach + 1, (batch, 2)) for seed in seeds]
    )
    padded = functional.pad(x, (reach, reach, reach, reach))
    corner = torch.from_numpy(draws).to(x.device)
    rows = corner[..., 0, None] + torch.arange(height, device=x.device)
    columns = corner[..., 1, None] + torch.arange(width, device=x.device)
    if kind == "crop-flip":
        coins = np.stack([key(seed, "mirror", update).random(batch) < 0.5 for seed in seeds])
        mirrored = torch.from_numpy(coins).to(x.device)[..., None]
        columns = torch.where(mirrored, columns.flip(-1), columns)
    m = torch.arange(members, device=x.device)[:, None, None, None]
    b = torch.arange(batch, device=x.device)[None, :, None, None]
    taken = padded[m, b, :, rows[..., :, None], columns[..., None, :]]
    return taken.movedim(-1, 2)
