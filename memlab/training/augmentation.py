"""Random shifts, crops and mirroring of images, keyed per member and update."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from memlab.experiment.keys import key_at_once


def augment(kind: str, x: Tensor, seeds: Sequence[int], update: int) -> Tensor:
    """`x` `[members, batch, channels, height, width]` augmented, each example its own way.

    `shift` moves by up to an eighth of the side in both directions; `crop-flip` pads by an eighth
    (4 pixels of 32), crops at random and mirrors left-right with probability ½. Borders are 0,
    the mean of standardized data.
    """
    batch, most = x.shape[1], 2 * reach(x)
    draws = np.stack(
        [key_at_once(s, "augment", update).integers(0, most + 1, (batch, 2)) for s in seeds]
    )
    mirrored = None
    if kind == "crop-flip":
        coins = np.stack(
            [key_at_once(seed, "mirror", update).random(batch) < 0.5 for seed in seeds]
        )
        mirrored = torch.from_numpy(coins).to(x.device)
    return moved(x, torch.from_numpy(draws).to(x.device), mirrored)


def reach(x: Tensor) -> int:
    """By how many pixels an image moves at most."""
    return max(1, x.shape[-2] // 8)


def moved(x: Tensor, corner: Tensor, mirrored: Tensor | None) -> Tensor:
    """`x` padded by its `reach`, and cut out again from `corner` on.

    `corner` is `[members, batch, 2]` (row, column) in 0 … 2·reach, `mirrored` bool
    `[members, batch]`.
    """
    members, batch, _, height, width = x.shape
    border = reach(x)
    padded = functional.pad(x, (border, border, border, border))
    rows = corner[..., 0, None] + torch.arange(height, device=x.device)
    columns = corner[..., 1, None] + torch.arange(width, device=x.device)
    if mirrored is not None:
        columns = torch.where(mirrored[..., None], columns.flip(-1), columns)
    m = torch.arange(members, device=x.device)[:, None, None, None]
    b = torch.arange(batch, device=x.device)[None, :, None, None]
    taken = padded[m, b, :, rows[..., :, None], columns[..., None, :]]
    return taken.movedim(-1, 2)
