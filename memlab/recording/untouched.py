"""What the recorder must leave as it found it: the random states of three libraries."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch


@contextmanager
def random_states() -> Iterator[None]:
    """Puts the random states of Python, NumPy and torch (every device in use) back at the end."""
    python, host = random.getstate(), torch.random.get_rng_state()
    legacy = np.random.get_state()
    on_gpu = torch.cuda.is_available() and torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    devices = torch.cuda.get_rng_state_all() if on_gpu else []
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(legacy)
        torch.random.set_rng_state(host)
        if devices:
            torch.cuda.set_rng_state_all(devices)


def device_of(model: Any) -> torch.device:
    """Where its parameters are."""
    first = next(iter(model.parameters()), None)
    return torch.device("cpu") if first is None else first.device
