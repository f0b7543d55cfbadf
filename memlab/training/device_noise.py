"""The keyed draws of training, made on the device: what `KeyedNoise` is on the CPU.

Other numbers than the CPU's (Philox-4x32 here, numpy's Philox-4x64 there), from the same keys and
under the same promise: a member draws the same alone, stacked, resumed or forked. Nothing here
waits for the device, and the number of the update is a tensor, so that a captured graph draws anew
each time it is replayed (docs/decisions/017-the-gpu-draws-its-own-numbers.md).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from memlab.experiment.keys import digest
from memlab.training.augmentation import moved, reach
from memlab.training.philox import Words, below, halves, normals, philox
from memlab.training.randomness import KeyedNoise, Rates, centred


class DeviceStream:
    """Keys and strengths of a stack's draws on its device, and `update`, which numbers them.

    `update` is int64 without dimensions. What a purpose needs is sent to the device the first time
    it is drawn, which must be before a graph is captured.
    """

    def __init__(
        self, seeds: Sequence[int], rates: Rates, device: torch.device, update: int
    ) -> None:
        self.seeds, self.rates, self.device = list(seeds), rates, device
        self.update = torch.full((), update, dtype=torch.int64, device=device)
        self._keys: dict[str, Tensor] = {}
        self._vectors: dict[tuple[str, bytes], Tensor] = {}

    def words(self, purpose: str, blocks: int) -> Words:
        """Four words for each member and each of `blocks` counters, each `[members, blocks]`.

        The counter is (block, update, and half of the purpose's 128 bits), the key the other half.
        """
        keys = self._keys.get(purpose)
        if keys is None:
            keys = self._keys[purpose] = self._sent(purpose)
        k0, k1, c2, c3 = (word[:, None] for word in keys.unbind(1))
        block = torch.arange(blocks, device=self.device)[None]
        return philox((block, self.update.view(1, 1), c2, c3), (k0, k1))

    def _sent(self, purpose: str) -> Tensor:
        words = [np.frombuffer(digest(seed, purpose), "<u4") for seed in self.seeds]
        return torch.from_numpy(np.stack(words).astype(np.int64)).to(self.device)

    def vector(self, values: np.ndarray, dtype: torch.dtype) -> Tensor:
        """`[members]` numbers of the host on the device; sent once."""
        name = (str(dtype), np.asarray(values, np.float64).tobytes())
        if name not in self._vectors:
            self._vectors[name] = torch.from_numpy(np.asarray(values)).to(self.device, dtype)
        return self._vectors[name]


class DeviceNoise(KeyedNoise):
    """The noise of the update that `stream` is at."""

    def __init__(self, stream: DeviceStream, tag: str = "") -> None:
        super().__init__(stream.seeds, stream.rates, -1, tag)
        self._stream = stream

    def keep_mask(self, site: str, rates: np.ndarray, like: Tensor) -> Tensor | None:
        """See `KeyedNoise`; the rates are rounded to 1/65536 as there."""
        if not rates.any():
            return None
        size = like[0].numel()
        words = self._stream.words(f"dropout:{site}{self._tag}", -(-size // 8))
        least = self._stream.vector(np.round(rates * 65536), torch.int64)
        scale = self._stream.vector(1.0 / (1.0 - rates), like.dtype)
        kept = halves(words)[:, :size] >= least[:, None]
        return (kept * scale[:, None]).view(like.shape)

    def gaussian(self, site: str, deviations: np.ndarray, like: Tensor) -> Tensor | None:
        """See `KeyedNoise`."""
        if not deviations.any():
            return None
        size = like[0].numel()
        words = self._stream.words(f"gaussian:{site}{self._tag}", -(-size // 4))
        scale = self._stream.vector(deviations, torch.float32)
        return (normals(words)[:, :size] * scale[:, None]).view(like.shape).to(like.dtype)

    def uniforms(self, site: str, like: Tensor) -> Tensor:
        """See `KeyedNoise`."""
        size = like[0].numel()
        words = self._stream.words(f"uniform:{site}{self._tag}", -(-size // 8))
        return centred(halves(words)[:, :size]).view(like.shape)


def augment_on_device(kind: str, x: Tensor, stream: DeviceStream) -> Tensor:
    """As `memlab.training.augmentation.augment`, drawn on the device."""
    rows, columns, coins, _ = stream.words("augment", x.shape[1])
    span = 2 * reach(x) + 1
    corner = torch.stack((below(rows, span), below(columns, span)), -1)
    return moved(x, corner, coins >= 1 << 31 if kind == "crop-flip" else None)


def noise_on(
    device: torch.device, seeds: Sequence[int], rates: Rates, update: int, tag: str = ""
) -> KeyedNoise:
    """The noise of one update, drawn where `device` draws it best."""
    if device.type != "cuda":
        return KeyedNoise(seeds, rates, update, tag)
    return DeviceNoise(DeviceStream(seeds, rates, device, update), tag)
