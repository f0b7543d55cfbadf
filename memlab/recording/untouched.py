"""What the recorder must leave as it found it: random states, and a network while it is asked.

A network is never asked itself. It is asked through a shadow: a copy of its modules in evaluation
mode over its very parameters, with buffers of its own and without hooks.
"""

from __future__ import annotations

import copy
import random
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

#: Hooks that compute a module's weights, which its forward pass is nothing without.
WEIGHTS = ("torch.nn.utils",)
HOOKS = (
    "_forward_hooks",
    "_forward_pre_hooks",
    "_backward_hooks",
    "_backward_pre_hooks",
    "_forward_hooks_with_kwargs",
    "_forward_hooks_always_called",
    "_forward_pre_hooks_with_kwargs",
)


@contextmanager
def random_states() -> Iterator[None]:
    """Puts the random states of Python, NumPy and torch (every device in use) back at the end."""
    python, host = random.getstate(), torch.random.get_rng_state()
    legacy = np.random.get_state()
    on_gpu = torch.cuda.is_available() and torch.cuda.is_initialized()
    devices = torch.cuda.get_rng_state_all() if on_gpu else []
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(legacy)
        torch.random.set_rng_state(host)
        if devices:
            torch.cuda.set_rng_state_all(devices)


def unwrapped(model: nn.Module) -> nn.Module:
    """The network itself, out of what `torch.compile` or data-parallel training put around it."""
    for _ in range(4):
        inner = getattr(model, "_orig_mod", None)
        name = type(model).__name__
        if inner is None and name in ("DistributedDataParallel", "DataParallel"):
            inner = model.module
        if not isinstance(inner, nn.Module):
            return model
        model = inner
    return model


class Shadow:
    """A network as it may be asked; `model` is in evaluation mode and nobody's but ours."""

    def __init__(self, model: nn.Module) -> None:
        """Copies the modules; parameters are shared, so that this takes no memory to speak of.

        Raises:
            Exception: whatever copying raises, where the network cannot be copied.
        """
        self._hers = unwrapped(model)
        memo: dict[int, object] = {}
        for parameter in self._hers.parameters():
            memo[id(parameter)] = nn.Parameter(parameter.detach(), requires_grad=False)
        for module in self._hers.modules():
            for value in vars(module).values():
                if isinstance(value, Tensor) and value.grad_fn is not None:
                    memo[id(value)] = value.detach()  # what a hook computes, for instance
        with torch.no_grad():
            self.model = copy.deepcopy(self._hers, memo)
        for module in self.model.modules():
            _without_hooks(module)
        self.model.eval()

    @torch.no_grad()
    def now(self) -> nn.Module:
        """The copy over the parameters as they are now; buffers are copied."""
        hers = dict(self._hers.named_parameters(remove_duplicate=False))
        for name, parameter in self.model.named_parameters(remove_duplicate=False):
            parameter.data = hers[name].detach()
        buffers = dict(self._hers.named_buffers(remove_duplicate=False))
        for name, buffer in self.model.named_buffers(remove_duplicate=False):
            buffer.data = buffers[name].detach().clone()
        return self.model

    @property
    def device(self) -> torch.device:
        """Where its parameters are."""
        first = next(self._hers.parameters(), None)
        return torch.device("cpu") if first is None else first.device


def _without_hooks(module: nn.Module) -> None:
    for name in HOOKS:
        hooks = module.__dict__.get(name)
        if not hooks:
            continue
        kept = [(key, hook) for key, hook in hooks.items() if _makes_weights(hook)]
        module.__dict__[name] = OrderedDict(kept)


def _makes_weights(hook: object) -> bool:
    return str(type(hook).__module__).startswith(WEIGHTS)


def logits_of(output: object) -> Tensor:
    """The logits of what a network returns: a tensor, or what has `logits`, or the first of many.

    Raises:
        TypeError: if there are none.
    """
    found = getattr(output, "logits", output)
    if isinstance(found, tuple | list) and found:
        found = found[0]
    if not isinstance(found, Tensor):
        raise TypeError(f"the network returns {type(output).__name__}, not logits")
    return found
