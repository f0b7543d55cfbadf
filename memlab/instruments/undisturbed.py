"""Calling a network that is not ours: nothing global is changed by it, nor changes what it gives."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.attention import SDPBackend, sdpa_kernel


@contextmanager
def undisturbed(device: torch.device, differentiable: bool = False) -> Iterator[None]:
    """Inside, gradients are on and autocast is off, and no fused way past the layers is taken.

    Torch's generators are afterwards where they were. `differentiable` attention can be
    differentiated twice, forwards, and under vmap.
    """
    devices = [device] if device.type == "cuda" else []
    fused = torch.backends.mha.get_fastpath_enabled()
    with ExitStack() as stack:
        stack.enter_context(torch.random.fork_rng(devices))
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        stack.enter_context(torch.autocast(device.type, enabled=False))
        stack.enter_context(warnings.catch_warnings())
        warnings.filterwarnings("ignore", "There is a performance drop")
        if differentiable:
            stack.enter_context(sdpa_kernel(SDPBackend.MATH))
        torch.backends.mha.set_fastpath_enabled(False)
        try:
            yield
        finally:
            torch.backends.mha.set_fastpath_enabled(fused)


def called(network: nn.Module, x: Tensor, instead: Mapping[str, Tensor] | None = None) -> Tensor:
    """Logits `[n, classes]`, with the parameters named in `instead` replaced."""
    return logits_of(functional_call(network, dict(instead), (x,)) if instead else network(x))


def logits_of(output: Any) -> Tensor:
    """The logits in what a network gave: the tensor, its attribute `logits`, or its first entry.

    Raises:
        TypeError: if there are none.
    """
    if isinstance(output, Tensor):
        return output
    found = getattr(output, "logits", None)
    if found is None and isinstance(output, tuple | list) and output:
        found = output[0]
    if not isinstance(found, Tensor):
        raise TypeError(f"the network gives {type(output).__name__}, and logits are a tensor")
    return found
