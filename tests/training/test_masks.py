"""Dropout masks of the CPU against each member's own keyed words, one number at a time."""

from __future__ import annotations

import numpy as np
import torch

from memlab.experiment.keys import key
from memlab.training.randomness import KeyedNoise, Rates

SEEDS = [3, 1, 4, 1, 5]
RATES = np.array([0.0, 0.1, 0.5, 1 / 3, 0.999999])


def masks(shape: tuple[int, ...], update: int = 7) -> torch.Tensor:
    zeros = np.zeros(len(SEEDS))
    noise = KeyedNoise(SEEDS, Rates(RATES, zeros, zeros, zeros), update)
    made = noise.keep_mask("hidden0", RATES, torch.empty(len(SEEDS), *shape))
    assert made is not None
    return made


def test_a_unit_is_kept_where_its_word_is_not_below_the_rate() -> None:
    for shape in ((9, 7), (3, 4), (1, 1)):
        found, size = masks(shape), int(np.prod(shape))
        assert found.shape == (len(SEEDS), *shape)
        for member, (seed, rate) in enumerate(zip(SEEDS, RATES, strict=True)):
            words = key(seed, "dropout:hidden0", 7).bit_generator.random_raw(-(-size // 4))
            numbers = [int(word) >> 16 * part & 0xFFFF for word in words for part in range(4)]
            expected = [
                np.float32(1 / (1 - rate)) if number >= round(rate * 65536) else 0.0
                for number in numbers[:size]
            ]
            assert found[member].flatten().tolist() == expected


def test_a_word_that_equals_the_rate_is_kept(monkeypatch) -> None:
    """A rate of a half drops the words from 0 to 32767, half of them."""

    def words(seed: int, purpose: str, counter: int, count: int) -> np.ndarray:
        return np.resize(np.array([0, 32767, 32768, 65535], np.uint16), count)

    monkeypatch.setattr("memlab.training.randomness.uniform16", words)
    assert masks((2, 2))[2].flatten().tolist() == [0.0, 0.0, 2.0, 2.0]


def test_masks_keep_the_mean() -> None:
    means = masks((400, 100)).mean((1, 2))
    np.testing.assert_allclose(means[:4].numpy(), 1.0, atol=0.02)


def test_nobody_drops_without_a_rate() -> None:
    zeros = np.zeros(2)
    noise = KeyedNoise([1, 2], Rates(zeros, zeros, zeros, zeros), 0)
    assert noise.keep_mask("hidden0", zeros, torch.empty(2, 3, 4)) is None
