"""Keyed randomness: a generator is made from (seed, purpose, counters), never carried along."""

from __future__ import annotations

from hashlib import blake2b
from threading import local

import numpy as np


def key(seed: int, purpose: str, *counters: int) -> np.random.Generator:
    """A generator of its own for each combination of arguments (Philox, Salmon 2011).

    `purpose` names what is drawn (`init`, `order`, `corruption`, …); `counters` such as an epoch
    or an update number the draws of one purpose.
    """
    whole = int.from_bytes(digest(seed, purpose, *counters), "little")
    return np.random.Generator(np.random.Philox(key=whole))


class _Reused(local):
    """A generator of this thread, and the state that all begin with but for their keys."""

    def __init__(self) -> None:
        self.bits = np.random.Philox(key=0)
        self.generator = np.random.Generator(self.bits)
        self.state = self.bits.state


_REUSED = _Reused()


def key_at_once(seed: int, purpose: str, *counters: int) -> np.random.Generator:
    """As `key`, for draws that are made before the thread's next call, which takes it over.

    A quarter of the time: what a stack draws in an update takes thousands of keys a second.
    """
    state = _REUSED.state
    state["state"]["key"] = np.frombuffer(digest(seed, purpose, *counters), "<u8")
    _REUSED.bits.state = state
    return _REUSED.generator


def digest(seed: int, purpose: str, *counters: int) -> bytes:
    """The 16 bytes that key the draws of one combination of arguments."""
    text = "\x1f".join((str(seed), purpose, *map(str, counters)))
    return blake2b(text.encode(), digest_size=16).digest()
