"""Calls of one module over other tensors than its own: of all members at once, or one by one.

A *skeleton* is a module whose parameters and buffers have no memory; what it computes with is
handed in at each call, members first. What it puts in the place of a buffer, or writes into one,
is in that tensor afterwards.
"""

from __future__ import annotations

import copy
import random
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

#: Tensors by their names in the module, each with the members first.
State = Mapping[str, Tensor]
_HOOKS = (
    "_forward_hooks",
    "_forward_pre_hooks",
    "_backward_hooks",
    "_backward_pre_hooks",
)


def tensors_of(module: nn.Module) -> tuple[dict[str, nn.Parameter], dict[str, Tensor]]:
    """What is trained of a module, and what it keeps, by name; a shared tensor once.

    A parameter that asks for no gradient is kept, not trained, unless none asks for one.
    """
    parameters = dict(module.named_parameters())
    asked = {name: p for name, p in parameters.items() if p.requires_grad}
    trained = asked or parameters
    kept: dict[str, Tensor] = {n: p for n, p in parameters.items() if n not in trained}
    return trained, kept | dict(module.named_buffers())


def copied(module: nn.Module, replace: Callable[[Tensor], Tensor], hooks: bool = True) -> nn.Module:
    """A deep copy whose parameters and buffers are what `replace` makes of them.

    Without `hooks` only those of PyTorch's own reparametrizations are taken along (weight norm and
    spectral norm in their old form compute by them), not the user's.
    """
    memo: dict[int, Any] = {}
    for tensor in [*module.parameters(), *module.buffers()]:
        made = replace(tensor)
        if isinstance(tensor, nn.Parameter):
            made = nn.Parameter(made, tensor.requires_grad)
        memo[id(tensor)] = made
    for value in [value for part in module.modules() for value in vars(part).values()]:
        if isinstance(value, Tensor) and not value.is_leaf:  # as weight norm's old form has one
            memo[id(value)] = value.detach().clone()
    for part in () if hooks else module.modules():
        for kind in _HOOKS:
            own = getattr(part, kind)
            kept = ((key, hook) for key, hook in own.items() if _torchs(hook))
            memo[id(own)] = OrderedDict(kept)
    return copy.deepcopy(module, memo)


def _torchs(hook: object) -> bool:
    return type(hook).__module__.startswith("torch.nn.utils.")


def skeleton_of(module: nn.Module, hooks: bool = True) -> nn.Module:
    """The module without memory for its tensors; what is trained asks for gradients."""
    made = copied(module, lambda tensor: tensor.detach().to("meta"), hooks)
    for parameter in tensors_of(made)[0].values():
        parameter.requires_grad_(True)
    return made


def bound(skeleton: nn.Module, state: State, member: int) -> nn.Module:
    """An ordinary module in evaluation mode over the tensors of one member, memory shared."""
    parameters, buffers = dict(skeleton.named_parameters()), dict(skeleton.named_buffers())
    places = {id(tensor): state[name] for name, tensor in [*parameters.items(), *buffers.items()]}
    return copied(skeleton, lambda tensor: places[id(tensor)][member].detach()).eval()


def together(skeleton: nn.Module, state: State, x: Tensor) -> Tensor:
    """Outputs `[members, batch, …]` of all members by vmap; `x` is `[members or 1, batch, …]`."""
    members = len(next(iter(state.values())))
    shared = len(x) == 1 and members > 1

    def one(own: dict[str, Tensor], inputs: Tensor) -> tuple[Any, dict[str, Tensor]]:
        given = dict(own)
        output = logits_of(functional_call(skeleton, given, (inputs,)))
        return output, {name: t for name, t in given.items() if t is not own[name]}

    call = vmap(one, (0, None if shared else 0), randomness="error")
    outputs, put = call(dict(state), x[0] if shared else x)
    for name, tensor in put.items():
        state[name].copy_(tensor.detach())
    found: Tensor = outputs
    return found


def apart(skeleton: nn.Module, state: State, x: Tensor, seeds: Sequence[int]) -> Tensor:
    """As `together`, one member after another; member m draws by `seeds[m]` alone."""
    outputs = []
    for member, seed in enumerate(seeds):
        own = {name: tensor[member] for name, tensor in state.items()}
        given = dict(own)
        with drawn_by(seed, x.device):
            output = functional_call(skeleton, given, (x[0] if len(x) == 1 else x[member],))
            outputs.append(logits_of(output))
        for name, tensor in given.items():
            if tensor is not own[name]:
                own[name].copy_(tensor.detach())
    return torch.stack(outputs)


@contextmanager
def drawn_by(seed: int, device: torch.device) -> Iterator[None]:
    """Inside, all global generators (PyTorch's, NumPy's, Python's) are at `seed`; not after it."""
    generators = [torch.default_generator]
    if device.type == "cuda":
        torch.cuda.init()  # type: ignore[no-untyped-call]  # torch has no types for it
        generators.append(torch.cuda.default_generators[device.index or 0])
    # Not torch.manual_seed: on a machine without CUDA each call would be remembered for it.
    states = [generator.get_state() for generator in generators]
    python, legacy = random.getstate(), np.random.get_state()
    try:
        for generator in generators:
            generator.manual_seed(seed)
        np.random.seed(seed % 2**32)
        random.seed(seed)
        yield
    finally:
        for generator, state in zip(generators, states, strict=True):
            generator.set_state(state)
        random.setstate(python)
        np.random.set_state(legacy)


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
