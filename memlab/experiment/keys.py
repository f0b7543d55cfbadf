"""Keyed randomness: a generator is made from (seed, purpose, counters), never carried along."""

from __future__ import annotations

from hashlib import blake2b

import numpy as np


def key(seed: int, purpose: str, *counters: int) -> np.random.Generator:
    """A generator of its own for each combination of arguments (Philox, Salmon 2011).

    `purpose` names what is drawn (`init`, `order`, `corruption`, …); `counters` such as an epoch
    or an update number the draws of one purpose.
    """
    whole = int.from_bytes(digest(seed, purpose, *counters), "little")
    return np.random.Generator(np.random.Philox(key=whole))


def digest(seed: int, purpose: str, *counters: int) -> bytes:
    """The 16 bytes that key the draws of one combination of arguments."""
    text = "\x1f".join((str(seed), purpose, *map(str, counters)))
    return blake2b(text.encode(), digest_size=16).digest()
