"""What a piece of work takes of memory beside what was held before it."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import torch

STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def peak_bytes(work: Callable[[], object], device: torch.device) -> int | None:
    """The most bytes that `work` held at once, of the device's memory or of the process's.

    None where the system does not tell: elsewhere than on Linux and CUDA.
    """
    gc.collect()
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        work()
        return torch.cuda.max_memory_allocated(device) - before
    with suppress(OSError, AttributeError):  # what is free already is to be taken anew
        ctypes.CDLL(None).malloc_trim(0)
    try:
        RESET.write_text("5")  # the high-water mark falls to what is held now (proc(5))
        before = _kilobytes("VmRSS")
        work()
        return max(0, _kilobytes("VmHWM") - before) << 10
    except (OSError, ValueError):
        return None


def _kilobytes(name: str) -> int:
    for line in STATUS.read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1])
    raise ValueError(f"{STATUS} has no {name}")
