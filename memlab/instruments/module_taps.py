"""What the layers of an ordinary module received, and where their outputs stand in the graph.

Forward hooks on a copy that is our own note both; `nn.MultiheadAttention` is written out meanwhile.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

from torch import Tensor, nn
from torch.autograd.graph import GradientEdge, get_gradient_edge

from memlab.instruments import module_attention, module_recurrent
from memlab.instruments.module_rules import OF_MAPS, Rule, linear, rule_of

#: Where the examples are in what a layer receives and gives: its first dimension or its second, the
#: slower or the faster part of the first, or nowhere: it gives the same to all of them.
Layout = Literal["first", "second", "slow", "fast", "shared"]
LAYOUTS: tuple[Layout, ...] = ("first", "second", "slow", "fast", "shared")


@dataclass(frozen=True)
class Use:
    """One call of a layer, or of one part of an attention."""

    rule: Rule
    layer: nn.Module
    received: Tensor
    edge: GradientEdge


@dataclass
class Taps:
    """What was noted in one pass, by (layer, part), and the layers that were called."""

    uses: dict[tuple[str, str], list[Use]] = field(default_factory=dict)
    called: set[str] = field(default_factory=set)


def watchable(layer: nn.Module) -> bool:
    """Whether a layer can be watched: it has a rule, or is an attention that can be written out."""
    if isinstance(layer, nn.MultiheadAttention):
        return module_attention.can_be_written_out(layer)
    if isinstance(layer, nn.LSTM):
        return module_recurrent.can_be_written_out(layer)
    return rule_of(layer) is not None


@contextmanager
def tapped(
    layers: Mapping[str, nn.Module],
    examples: int,
    shared: Collection[str] | None = None,
    only_called: Mapping[str, nn.Module] | None = None,
) -> Iterator[Taps]:
    """Notes the calls of `layers` inside; of `only_called` only that there were any.

    What a layer of `shared` gives is repeated for each of the `examples`, so that each has a
    gradient of its own there; None: where no dimension tells the examples apart.
    """
    taps = Taps()
    handles: list[Any] = []
    written: list[tuple[nn.Module, Any]] = []
    for name, layer in (only_called or {}).items():
        handles.append(layer.register_forward_pre_hook(partial(_called, taps, name)))
    for name, layer in layers.items():
        if isinstance(layer, nn.MultiheadAttention | nn.LSTM):
            written.append((layer, vars(layer).get("forward")))
        if isinstance(layer, nn.MultiheadAttention):
            watch = partial(_watch, taps, name, layer)
            layer.forward = partial(module_attention.attend, layer, watch)  # type: ignore[method-assign]
            continue
        if isinstance(layer, nn.LSTM):
            note = partial(_note_steps, taps, name, layer)
            layer.forward = partial(module_recurrent.run, layer, _marked, note)  # type: ignore[assignment]
            continue
        hook = partial(_note, taps, name, examples, shared)
        handles.append(layer.register_forward_hook(hook, with_kwargs=True))
    try:
        yield taps
    finally:
        for handle in handles:
            handle.remove()
        for layer, before in written:
            del layer.forward
            if before is not None:
                layer.forward = before


def _called(taps: Taps, name: str, _layer: nn.Module, _arguments: object) -> None:
    taps.called.add(name)


def _note(
    taps: Taps,
    name: str,
    examples: int,
    shared: Collection[str] | None,
    layer: nn.Module,
    arguments: tuple[Any, ...],
    named: dict[str, Any],
    output: Any,
) -> Any:
    received = next((v for v in (*arguments, *named.values()) if isinstance(v, Tensor)), None)
    rule = rule_of(layer)
    if received is None or not isinstance(output, Tensor) or rule is None:
        return output
    repeated = name in shared if shared is not None else not _told_apart(received, examples)
    if repeated:
        row = output if output.shape[0] == 1 else output.unsqueeze(0)
        output = row.expand(examples, *row.shape[1:])
    return _noted(taps, (name, ""), rule, layer, received, output)


def _watch(
    taps: Taps, name: str, layer: nn.MultiheadAttention, part: str, received: Tensor, output: Tensor
) -> Tensor:
    if part == "out":
        key, owner = (f"{name}.out_proj", ""), layer.out_proj
        return _noted(taps, key, linear, owner, received, output)
    return _noted(taps, (name, part), linear, _Biased(layer.in_proj_bias), received, output)


def _note_steps(
    taps: Taps, name: str, layer: nn.LSTM, suffix: str, x: Tensor, states: Tensor, edge: Any
) -> None:
    biased = _Biased(x if layer.bias else None)
    for kind, received in (("ih", x), ("hh", states)):
        use = Use(linear, biased, received.detach(), edge)
        taps.uses.setdefault((name, f"{kind}{suffix}"), []).append(use)


class _Biased(nn.Module):
    """What the rule of linear layers asks of a projection: whether it has a bias."""

    def __init__(self, bias: Tensor | None) -> None:
        super().__init__()
        object.__setattr__(self, "bias", bias)


def _noted(
    taps: Taps,
    key: tuple[str, str],
    rule: Rule,
    layer: nn.Module,
    received: Tensor,
    output: Tensor,
) -> Tensor:
    output, edge = _marked(output)
    use = Use(rule, layer, received.detach(), edge)
    taps.uses.setdefault(key, []).append(use)
    return output


def _marked(output: Tensor) -> tuple[Tensor, GradientEdge]:
    """The output as it goes on, and its place in the graph."""
    if not output.requires_grad:
        output = output.detach().requires_grad_().clone()
    return output, get_gradient_edge(output)


def _told_apart(received: Tensor, examples: int) -> bool:
    shape = received.shape
    return bool(shape) and (shape[0] % examples == 0 or examples in shape[1:2])


def examples_first(tensor: Tensor, layout: Layout, examples: int) -> Tensor | None:
    """The tensor with the examples as its first dimension; None if its shape is another."""
    shape = tensor.shape
    if layout == "shared":
        return tensor
    if layout == "first":
        return tensor if shape and shape[0] == examples else None
    if layout == "second":
        return tensor.transpose(0, 1) if len(shape) > 1 and shape[1] == examples else None
    if not shape or shape[0] % examples or shape[0] == examples:
        return None
    if layout == "slow":
        return tensor.reshape(examples, -1, *shape[1:])
    return tensor.reshape(-1, examples, *shape[1:]).transpose(0, 1)


def apart(
    use: Use, gradient: Tensor, layout: Layout, examples: int
) -> tuple[Tensor, Tensor] | None:
    """What the layer received and gave back, examples first; None if the layout is not this one."""
    if use.rule in OF_MAPS and layout != "first":
        return None
    received: Tensor | None
    if layout == "shared":
        row = use.received if use.received.shape[:1] == (1,) else use.received.unsqueeze(0)
        received = row.expand(examples, *row.shape[1:])
    else:
        received = examples_first(use.received, layout, examples)
    back = examples_first(gradient, layout, examples)
    if received is None or back is None or len(back) != examples:
        return None
    return received, back
