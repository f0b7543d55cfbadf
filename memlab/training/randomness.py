"""Keyed randomness during training: every mask and noise follows from (seed, purpose, counter).

A member draws the same alone, stacked, resumed or forked, because nothing is drawn from a
sequence. numpy's Philox makes the numbers, on the CPU; on a GPU they are made there, others from
the same keys (`memlab.training.device_noise`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from memlab.experiment.keys import digest, key_at_once
from memlab.experiment.spec import Experiment


def uniform16(seed: int, purpose: str, counter: int, count: int) -> np.ndarray:
    """`count` independent uniform integers in [0, 65536) for one key."""
    words = key_at_once(seed, purpose, counter).bit_generator.random_raw((count + 3) // 4)
    return np.asarray(words).view(np.uint16)[:count]


def centred(words: Tensor) -> Tensor:
    """Integers in [0, 65536) as the middles of as many parts of (0, 1), float32."""
    return (words.float() + 0.5) / 65536


def normal(seed: int, purpose: str, counter: int, count: int) -> np.ndarray:
    """`count` standard normal numbers, float32, for one key."""
    return key_at_once(seed, purpose, counter).standard_normal(count, dtype=np.float32)


def branched(seed: int, noise_seed: int) -> int:
    """What keys the draws of training from a fork on that has a seed of its own."""
    return int.from_bytes(digest(seed, "fork", noise_seed)[:8], "little") >> 1


def orders(seeds: Sequence[int], epoch: int, examples: int) -> np.ndarray:
    """The order of the training examples in `epoch` for each member, `[members, examples]`."""
    return np.stack([key_at_once(seed, "order", epoch).permutation(examples) for seed in seeds])


@dataclass(frozen=True)
class Rates:
    """Strengths of the noises per member, each `[members]` on the host."""

    dropout: np.ndarray
    input_dropout: np.ndarray
    input_noise: np.ndarray
    hidden_noise: np.ndarray

    @classmethod
    def of(cls, experiments: Sequence[Experiment]) -> Rates:
        """The members' own strengths."""
        parts = [e.regularization for e in experiments]
        return cls(
            np.array([p.dropout for p in parts]),
            np.array([p.input_dropout for p in parts]),
            np.array([p.input_noise for p in parts]),
            np.array([p.hidden_noise for p in parts]),
        )

    def select(self, keep: np.ndarray) -> Rates:
        """The strengths of the members `keep` (indices)."""
        return Rates(
            self.dropout[keep],
            self.input_dropout[keep],
            self.input_noise[keep],
            self.hidden_noise[keep],
        )

    @property
    def active(self) -> bool:
        """True where any member has any noise."""
        return bool(
            self.dropout.any()
            or self.input_dropout.any()
            or self.input_noise.any()
            or self.hidden_noise.any()
        )


class KeyedNoise:
    """The noise of one update; models call it at their sites (`memlab.models.noise.Noise`)."""

    def __init__(self, seeds: Sequence[int], rates: Rates, update: int, tag: str = "") -> None:
        self.seeds = seeds
        self.rates = rates
        self.update = update
        self._tag = tag

    def seeds_now(self) -> list[int]:
        """What a member's own network draws by in this update, in [0, 2⁶³)."""
        purpose = f"module{self._tag}"
        keys = (digest(seed, purpose, self.update) for seed in self.seeds)
        return [int.from_bytes(each[:8], "little") >> 1 for each in keys]

    def keep_mask(self, site: str, rates: np.ndarray, like: Tensor) -> Tensor | None:
        """Inverted-dropout mask shaped like `like` `[members, …]`: 0 or 1 / (1 − rate)."""
        if not rates.any():
            return None
        size = like[0].numel()
        purpose = f"dropout:{site}{self._tag}"
        drawn = np.zeros((len(rates), -(-size // 4) * 4), np.uint16)
        for row, seed, rate in zip(drawn, self.seeds, rates, strict=True):
            if rate:
                row[:size] = uniform16(seed, purpose, self.update, size)
        least = np.round(rates * 65536)
        least = least.astype(np.uint16 if least.max() < 65536 else np.uint32)
        kept = torch.from_numpy(drawn[:, :size] >= least[:, None]).to(like.device)
        scale = torch.from_numpy((1.0 / (1.0 - rates)).astype(np.float32)).to(like.device)
        return (kept * scale[:, None]).view(like.shape).to(like.dtype)

    def gaussian(self, site: str, deviations: np.ndarray, like: Tensor) -> Tensor | None:
        """Gaussian noise shaped like `like` `[members, …]`, of each member's deviation."""
        if not deviations.any():
            return None
        size = like[0].numel()
        purpose = f"gaussian:{site}{self._tag}"
        noise = torch.zeros_like(like)
        for member, (seed, deviation) in enumerate(zip(self.seeds, deviations, strict=True)):
            if deviation == 0.0:
                continue
            drawn = torch.from_numpy(normal(seed, purpose, self.update, size)).to(like.device)
            torch.mul(drawn.view(like.shape[1:]), float(deviation), out=noise[member])
        return noise

    def uniforms(self, site: str, like: Tensor) -> Tensor:
        """Uniform numbers in (0, 1) shaped like `like` `[members, …]`, in steps of 1/65536."""
        size, purpose = like[0].numel(), f"uniform:{site}{self._tag}"
        drawn = np.stack([uniform16(seed, purpose, self.update, size) for seed in self.seeds])
        words = torch.from_numpy(drawn.astype(np.int32)).to(like.device)
        return centred(words).view(like.shape)

    def dropout(self, site: str, x: Tensor) -> Tensor:
        """`x` with hidden units dropped."""
        mask = self.keep_mask(site, self.rates.dropout, x)
        return x if mask is None else x * mask

    def input_dropout(self, x: Tensor) -> Tensor:
        """`x` with inputs dropped."""
        mask = self.keep_mask("input", self.rates.input_dropout, x)
        return x if mask is None else x * mask

    def input_gaussian(self, x: Tensor) -> Tensor:
        """`x` with Gaussian noise on the inputs."""
        noise = self.gaussian("input", self.rates.input_noise, x)
        return x if noise is None else x + noise

    def hidden_gaussian(self, site: str, x: Tensor) -> Tensor:
        """`x` with Gaussian noise on hidden units."""
        noise = self.gaussian(site, self.rates.hidden_noise, x)
        return x if noise is None else x + noise
