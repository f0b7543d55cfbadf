"""Shifts, crops and mirrors against pictures moved one pixel at a time."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch

from memlab.experiment.keys import key
from memlab.training.augmentation import augment

SEEDS, BATCH, SIDE = [3, 8], 2000, 16
MOST = 2  # pixels, an eighth of the side


def placed(picture: np.ndarray, down: int, right: int, mirrored: bool) -> np.ndarray:
    """A picture of one channel moved, what comes in being 0."""
    made = np.zeros_like(picture)
    for row in range(SIDE):
        for column in range(SIDE):
            y, x = row + down, column + right
            if 0 <= y < SIDE and 0 <= x < SIDE:
                made[y, x] = picture[row, column]
    return made[:, ::-1] if mirrored else made


@pytest.mark.parametrize("kind", ["shift", "crop-flip"])
def test_each_example_is_moved_as_its_key_says(kind: str) -> None:
    x = torch.from_numpy(np.random.default_rng(0).random((2, 6, 1, SIDE, SIDE), np.float32))
    found = augment(kind, x, SEEDS, 5).numpy()
    for member, seed in enumerate(SEEDS):
        corners = key(seed, "augment", 5).integers(0, 2 * MOST + 1, (6, 2))
        coins = key(seed, "mirror", 5).random(6) < 0.5
        for at in range(6):
            down, right = (MOST - int(corner) for corner in corners[at])
            mirrored = kind == "crop-flip" and bool(coins[at])
            expected = placed(x[member, at, 0].numpy(), down, right, mirrored)
            np.testing.assert_array_equal(found[member, at, 0], expected)


def test_all_shifts_are_as_likely_and_half_are_mirrored() -> None:
    x = torch.zeros(2, BATCH, 1, SIDE, SIDE)
    x[..., 7, 4] = 1.0  # mirrored it is at 11
    where = augment("crop-flip", x, SEEDS, 0).nonzero()
    assert len(where) == 2 * BATCH
    rows = Counter((where[:, 3] - 7).tolist())
    assert set(rows) == {*range(-MOST, MOST + 1)}
    assert max(rows.values()) / min(rows.values()) < 1.25
    assert float((where[:, 4] > 7).double().mean()) == pytest.approx(0.5, abs=0.03)
