"""The device that a run trains on, and how its process is tuned for it."""

from __future__ import annotations

import ctypes
import os

import torch

from memlab.errors import DeviceUnavailable

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3


def choose(requested: str) -> torch.device:
    """The device for `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.

    Raises:
        DeviceUnavailable: if this machine does not have it.
    """
    if requested == "auto":
        return torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(requested)
    except RuntimeError as error:
        raise DeviceUnavailable(
            f"{requested!r} is no device; use auto, cpu, cuda or cuda:N."
        ) from error
    if device.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (device.index or 0) >= count:
            has = f"{count} CUDA device(s)" if count else "no CUDA device"
            raise DeviceUnavailable(f"There is no {requested} here: this machine has {has}.")
        return torch.device("cuda", device.index or 0)
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise DeviceUnavailable("There is no mps device here; use cpu.")
    if device.type not in ("cpu", "mps"):
        raise DeviceUnavailable(f"memlab does not train on {requested!r}; use cpu or cuda.")
    return device


def describe(device: torch.device, processes: int = 1, threads: int | None = None) -> str:
    """The device in words: `cpu (2 threads)`, `cpu (2 × 1 threads)`, `NVIDIA H100 80GB HBM3`."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    each = torch.get_num_threads() if threads is None else threads
    return f"{device.type} ({f'{processes} × ' if processes > 1 else ''}{each} threads)"


def keep_memory() -> None:
    """Lets glibc keep freed memory instead of returning it to the kernel after every update.

    Without this each update of a stack faults its gradients' pages in again: a third of the time
    on small networks. Elsewhere than on glibc nothing happens.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return
    mallopt(M_MMAP_THRESHOLD, 1 << 30)
    mallopt(M_TRIM_THRESHOLD, min(1 << 31, 2_000_000_000))


def be_deterministic() -> None:
    """Equal results for equal runs: deterministic algorithms, TF32 off until asked for."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    # `use_deterministic_algorithms` would import the compiler too, which nobody uses: 1.6 s.
    torch.set_deterministic_debug_mode("warn")
    compute_in("float32")


def compute_in(precision: str) -> None:
    """Sets how this process computes in float32 from here on: `training.precision`.

    With `tf32` products round their factors to TF32 wherever the hardware can, evaluations and
    instruments included. `bf16` is the trainer's; what it leaves in float32 is full float32.
    """
    rounded = precision == "tf32"
    torch.backends.cuda.matmul.allow_tf32 = rounded
    torch.backends.cudnn.allow_tf32 = rounded
