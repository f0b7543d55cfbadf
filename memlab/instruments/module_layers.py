"""The hidden layers of an ordinary module, and what they make of examples.

A hidden layer is an entry of the module's lists and sequences (`layer1.0`, `encoder.layers.3`), or
where there are none a part of its own; what follows it without weights of its own kind
(normalization, activation, pooling, dropout) belongs to it, and is counted in. The part that gives
the logits is none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from memlab.errors import BadInput
from memlab.instruments.undisturbed import bare_member, called, undisturbed
from memlab.models.module_stack import ModuleStack
from memlab.spelling import closest, did_you_mean

LISTS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)
NORMALIZATIONS = (
    nn.modules.batchnorm._NormBase,
    nn.LayerNorm,
    nn.GroupNorm,
    nn.RMSNorm,
    nn.LocalResponseNorm,
)
#: Examples by which it is found out what is called in which order.
TRIED = 2


@torch.no_grad()
def module_activations(
    model: ModuleStack, x: Tensor, layers: Sequence[str] | None, chunk: int
) -> dict[str, Tensor]:
    """Activations of each hidden layer, `[members, n, features]`; see `activations`.

    `layers` names submodules; None: the module's own hidden layers.

    Raises:
        BadInput: if there is no submodule of a name, or it gives nothing for each example.
    """
    members: list[dict[str, Tensor]] = []
    groups: Mapping[str, Sequence[str]] | None = None
    with undisturbed(x.device), torch.no_grad():
        for m in range(model.members):
            network, inputs = bare_member(model, m), x[0] if len(x) == 1 else x[m]
            if groups is None:
                groups = hidden_of(network, inputs) if layers is None else _named(network, layers)
            members.append(_activations(network, inputs, groups, chunk))
    return {name: torch.stack([own[name] for own in members]) for name in members[0]}


def hidden_of(network: nn.Module, x: Tensor) -> dict[str, list[str]]:
    """The submodules of each hidden layer, the first of which names it, in the order of a pass."""
    few = x[:TRIED]
    modules = dict(candidates(network))
    order: list[tuple[str, Tensor | None]] = []

    def hook(name: str, _module: nn.Module, _inputs: object, output: Any) -> None:
        order.append((name, features_of(output, len(few), _gives_maps(modules[name]))))

    logits = _hooked(network, {n: partial(hook, n) for n in modules}, few)
    groups: dict[str, list[str]] = {}
    last = ""
    for name, features in order:
        if features is None:
            continue
        module = modules[name]
        follows = next(module.parameters(), None) is None or isinstance(module, NORMALIZATIONS)
        if follows and not last:
            continue
        if not follows:
            last = name
            alike = features.shape == logits.shape
            if alike and torch.allclose(features, logits, 0.0, 0.0, equal_nan=True):
                groups.pop(name, None)
                last = ""
                continue
        group = groups.setdefault(last, [])
        if name not in group:
            group.append(name)
    return groups


def candidates(network: nn.Module, prefix: str = "", listed: bool = False) -> Iterator[Any]:
    """(name, module) of what may be a hidden layer, lists and sequences taken apart."""
    for name, child in network.named_children():
        full = f"{prefix}{name}"
        if type(child) in LISTS:
            yield from candidates(child, f"{full}.", listed=True)
        elif not listed and any(_is_list(m) for m in child.modules()):
            yield from candidates(child, f"{full}.", listed=False)
        else:
            yield full, child


def _is_list(module: nn.Module) -> bool:
    return type(module) in LISTS and len(list(module.children())) > 1


def _named(network: nn.Module, layers: Sequence[str]) -> dict[str, list[str]]:
    known = dict(network.named_modules())
    for name in layers:
        if name not in known or not name:
            nearest = did_you_mean(closest(name, known), ".")
            raise BadInput(f"The model has no submodule {name!r}{nearest}")
    return {name: [name] for name in layers}


def _activations(
    network: nn.Module, x: Tensor, groups: Mapping[str, Sequence[str]], chunk: int
) -> dict[str, Tensor]:
    parts: dict[str, list[Tensor]] = {name: [] for name in groups}
    latest: dict[str, Tensor] = {}
    modules = dict(network.named_modules())
    maps = {name: _gives_maps(modules[own[0]]) for name, own in groups.items()}

    def hook(layer: str, count: int, _module: nn.Module, _inputs: object, output: Any) -> None:
        features = features_of(output, count, maps[layer])
        if features is not None:
            latest[layer] = features.clone()  # what follows may write over it

    for start in range(0, len(x), chunk):
        some = x[start : start + chunk]
        hooks = {m: partial(hook, n, len(some)) for n, own in groups.items() for m in own}
        latest.clear()
        _hooked(network, hooks, some)
        for name in groups:
            if name not in latest:
                raise BadInput(f"The layer {name} gives no tensor with a row for each example.")
            parts[name].append(latest[name])
    return {name: torch.cat(part) for name, part in parts.items()}


def _hooked(network: nn.Module, hooks: Mapping[str, Callable[..., None]], x: Tensor) -> Tensor:
    modules = dict(network.named_modules())
    handles = [modules[name].register_forward_hook(hook) for name, hook in hooks.items()]
    try:
        return called(network, x)
    finally:
        for handle in handles:
            handle.remove()


def _gives_maps(module: nn.Module) -> bool:
    return any(isinstance(part, _ConvNd) for part in module.modules())


def features_of(output: Any, examples: int, maps: bool = False) -> Tensor | None:
    """A layer's output as features `[n, features]`; None if it has none of each example.

    Maps are averaged over their positions, and tokens over their places (`maps`: what has three
    dimensions is a map, not tokens); of several outputs the first counts.
    """
    if not isinstance(output, Tensor):
        values = getattr(output, "last_hidden_state", None)
        if values is None and isinstance(output, tuple | list) and output:
            values = output[0]
        return features_of(values, examples, maps) if isinstance(values, Tensor) else None
    if output.dim() < 2 or not output.is_floating_point():
        return None
    if output.shape[0] != examples:
        if output.dim() != 3 or output.shape[1] != examples:
            return None
        output = output.transpose(0, 1)
    rows: Tensor = output
    if rows.dim() == 3 and not maps:
        return rows.mean(1)
    return rows.flatten(2).mean(2) if rows.dim() > 2 else rows
