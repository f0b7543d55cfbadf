"""What the hidden layers of an ordinary module make of examples.

A layer begins with a module that has weights (parameters of two dimensions or more) and goes on
with what follows it elementwise: a normalization, an activation. Containers (`Sequential`,
`ModuleList`, `ModuleDict`) are looked into, blocks of one's own are not. The last layer gives the
logits, and is not hidden. A module that is called twice counts with its first call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from memlab.models.module_stack import ModuleStack

CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)


def hidden_activations(model: ModuleStack, x: Tensor, chunk: int) -> dict[str, Tensor]:
    """Activations of each hidden layer, `[members, n, features]` by name, in evaluation.

    `x` is `[members or 1, n, …]`. Positions (of maps, of sequences) are averaged over.
    """
    found: list[dict[str, Tensor]] = []
    for m in range(model.members):
        module, own = model.member(m), x[0 if len(x) == 1 else m]
        parts = [_of_one(module, own[at : at + chunk]) for at in range(0, len(own), chunk)]
        found.append({name: torch.cat([part[name] for part in parts]) for name in parts[0]})
    return {name: torch.stack([each[name] for each in found]) for name in found[0]}


def _called(module: nn.Module, prefix: str = "") -> Iterator[tuple[str, nn.Module]]:
    """What the module calls itself, as far as can be told: its children, containers looked into."""
    children = list(module.named_children())
    if not children:
        yield prefix.rstrip("."), module
    for name, child in children:
        if isinstance(child, CONTAINERS):
            yield from _called(child, f"{prefix}{name}.") if len(child) else ()
        else:
            yield f"{prefix}{name}", child


@torch.no_grad()
def _of_one(module: nn.Module, x: Tensor) -> dict[str, Tensor]:
    layers: dict[str, tuple[Tensor, bool]] = {}
    seen: set[str] = set()
    open_layer: list[str] = []

    def hook_of(name: str, part: nn.Module) -> Callable[..., None]:
        weighted = any(p.dim() > 1 for p in part.parameters())
        maps = any(isinstance(each, _ConvNd) for each in part.modules())

        def hook(_part: nn.Module, _inputs: object, output: object) -> None:
            value = output[0] if isinstance(output, tuple) and output else output
            if not isinstance(value, Tensor) or name in seen or len(value) != len(x):
                return
            seen.add(name)
            if weighted:
                layers[name] = value.clone(), maps
                open_layer[:] = [name]
            elif open_layer and layers[open_layer[0]][0].shape == value.shape:
                layers[open_layer[0]] = value.clone(), layers[open_layer[0]][1]
            else:
                open_layer.clear()

        return hook

    handles = [part.register_forward_hook(hook_of(name, part)) for name, part in _called(module)]
    try:
        module(x)
    finally:
        for handle in handles:
            handle.remove()
    hidden = list(layers.items())[:-1]
    return {name: _units(value, maps) for name, (value, maps) in hidden}


def _units(value: Tensor, maps: bool) -> Tensor:
    """`[n, features]`: maps averaged over all but channels, sequences over all but features."""
    if value.dim() <= 2:
        return value.flatten(1)
    positions = tuple(range(2, value.dim())) if maps or value.dim() > 3 else (1,)
    return value.mean(positions)
