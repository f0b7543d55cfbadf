"""How each trained parameter of an ordinary module gets its part of the Gram matrix: by trying it.

A few examples go through alone, which gives their gradients, and together with the layers watched.
A layer whose rule gives the products of those gradients is taken by its rule. A parameter without
a rule (a class token, positions, a scale of a residual branch) is repeated for each example and
tried likewise. What remains gets per-example gradients. So no list has to be trusted: a layer that
is used twice, is derived from a known one, or has its examples elsewhere is found out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from memlab.errors import MemlabError
from memlab.instruments.example_gradients import TOLERANCES
from memlab.instruments.module_taps import (
    LAYOUTS,
    Layout,
    Taps,
    Use,
    apart,
    tapped,
    watchable,
)
from memlab.instruments.saved_numbers import Counted
from memlab.instruments.undisturbed import called

#: Parameters of at most this many numbers are tried repeated for each example.
REPEATED = 1 << 20
#: Ones between the examples and a repeated parameter's own dimensions; −1: its first one, of size
#: 1, becomes the examples.
VARIANTS = (-1, 0, 1, 2, 3)


class Dependent(MemlabError):
    """A network whose answers to one example are not that example's own."""


@dataclass(frozen=True)
class Layers:
    """A module's layers: `watched` have a rule; `trained` names all parameters of each layer.

    A layer is a module without parts, or a single parameter of a module that has parts.
    """

    watched: dict[str, nn.Module]
    trained: dict[str, list[str]]

    @classmethod
    def of(cls, network: nn.Module) -> Layers:
        """Of the parameters that ask for gradients; shared ones are nobody's by rule."""
        watched: dict[str, nn.Module] = {}
        trained: dict[str, list[str]] = {}
        seen: dict[int, str] = {}
        shared: set[str] = set()
        for owner, module in network.named_modules():
            own = dict(module.named_parameters(owner, recurse=False))
            asked = {name: p for name, p in own.items() if p.requires_grad}
            leaf = next(module.children(), None) is None
            attention = isinstance(module, nn.MultiheadAttention)
            for name, parameter in asked.items():
                key = owner if owner and (leaf or attention) else name
                if id(parameter) in seen:
                    shared |= {seen[id(parameter)], key}
                    continue
                seen[id(parameter)] = key
                trained.setdefault(key, []).append(name)
            if asked and len(asked) == len(own) and watchable(module):
                watched[owner] = module
        for name in [n for n in watched if {n, f"{n}.out_proj"} & shared]:
            del watched[name]
        return cls(watched, trained)


@dataclass(frozen=True)
class Plan:
    """What was found of a module's layers, those that are `watched` and the others.

    `ruled`, by (layer, part), says where the examples are, `repeated`, by parameter, how it is
    repeated for each; `rest` and `unused` are layers, and `trained` says their parameters.
    `floats` are the numbers per example of each part that is watched, `saved` of all that a pass
    keeps for going back. `sure`: no layer's gradients were zero, so that all have been told apart.
    """

    watched: tuple[str, ...]
    ruled: Mapping[tuple[str, str], Layout]
    repeated: Mapping[str, int]
    rest: tuple[str, ...]
    unused: tuple[str, ...]
    trained: Mapping[str, list[str]]
    floats: Mapping[tuple[str, str], int]
    saved: int
    sure: bool


def repeat(parameter: Tensor, variant: int, examples: int) -> Tensor:
    """One copy of the parameter for each example, as a leaf of the graph."""
    values = parameter.detach()
    if variant < 0:
        made = values.expand(examples, *values.shape[1:])
    else:
        made = values.expand(examples, *(1 for _ in range(variant)), *values.shape)
    return made.clone().requires_grad_()


class Trial:
    """One network on a few examples, alone and together."""

    def __init__(self, network: nn.Module, x: Tensor) -> None:
        self.network, self.layers = network, Layers.of(network)
        _refuse_statistics_of_the_batch(network)
        self.parameters = {n: p for n, p in network.named_parameters() if p.requires_grad}
        self.count = next((k for k in (3, 5, 7) if all(s % k for s in x.shape[1:])), 3)
        self.x = x[torch.arange(self.count) % len(x)]
        self.tolerance = TOLERANCES[torch.finfo(next(iter(self.parameters.values())).dtype).bits]
        alone = [called(network, self.x[i : i + 1]) for i in range(2)]
        generator = torch.Generator().manual_seed(0)
        start = torch.randn(self.count, *alone[0].shape[1:], generator=generator)
        self.start = start.to(alone[0])
        self.alone = [self._gradients(logits, i) for i, logits in enumerate(alone)]
        self.logits = torch.cat([logits.detach() for logits in alone])

    def _gradients(self, logits: Tensor, i: int) -> dict[str, Tensor | None]:
        found = torch.autograd.grad(
            logits, list(self.parameters.values()), self.start[i : i + 1], allow_unused=True
        )
        return dict(zip(self.parameters, found, strict=True))

    def expected(self, names: list[str]) -> Tensor | None:
        """Products of the gradients of examples 0 and 1, `[2, 2]`; None where neither has any."""
        total: Tensor | None = None
        for name in names:
            pair = [gradients[name] for gradients in self.alone]
            if all(g is None for g in pair):
                continue
            like = next(g for g in pair if g is not None)
            rows = torch.stack([torch.zeros_like(like) if g is None else g for g in pair])
            flat = rows.flatten(1).double()
            total = flat @ flat.T if total is None else total + flat @ flat.T
        return total

    def agrees(self, found: Tensor, expected: Tensor) -> bool:
        """Whether they differ by rounding only."""
        scale = expected.diagonal().clamp(min=0).sqrt()
        slack = self.tolerance * torch.outer(scale, scale)
        difference = (found[:2, :2].double() - expected).abs()
        return bool((difference <= slack).all()) and bool(found.isfinite().all())

    def plan(self) -> Plan:
        """Rules first, then repeating, for what is left.

        Raises:
            Dependent: if examples do not have answers of their own.
        """
        taps, saved, logits = self._together()
        self._compare(logits)
        trained, ruled = self.layers.trained, self._by_rule(taps, logits)
        named = {name for name, _ in ruled}
        left = [key for key in trained if key not in named]
        modules = dict(self.network.named_modules())
        unused = [k for k in left if k in modules and self.expected(trained[k]) is None]
        left = [key for key in left if key not in unused]
        repeated = self._by_repeating(left)
        rest = [key for key in left if any(name not in repeated for name in trained[key])]
        given_up = {name for key in rest for name in trained[key]}
        whole = {name: v for name, v in repeated.items() if name not in given_up}
        expected = [self.expected(own) for own in trained.values()]
        sure = all(e is None or float(e.abs().max()) > 0 for e in expected)
        return Plan(
            tuple(self.layers.watched),
            {key: layout for key, (layout, _) in ruled.items()},
            whole,
            tuple(rest),
            tuple(unused),
            trained,
            {key: floats for key, (_, floats) in ruled.items()},
            sum(saved) // self.count,
            sure,
        )

    def _together(self) -> tuple[Taps, list[int], Tensor]:
        """The taps, the sizes of what autograd keeps, and the logits of all examples at once."""
        tries: tuple[tuple[str, ...] | None, ...] = (None, ())
        for shared in tries:  # what is repeated for each example may not fit
            try:
                with (
                    tapped(self.layers.watched, self.count, shared) as taps,
                    Counted(self.parameters.values()) as saved,
                ):
                    return taps, saved, called(self.network, self.x)
            except Exception:
                if shared is not None:
                    raise
        raise AssertionError

    def _compare(self, logits: Tensor) -> None:
        if logits.dim() != 2 or len(logits) != self.count:
            raise Dependent(
                f"The network gives {list(logits.shape)} for {self.count} examples; it should give"
                " logits [examples, classes]."
            )
        scale = self.logits.abs().max().clamp(min=1e-12)
        if not bool((logits[:2].detach() - self.logits).abs().max() <= self.tolerance * scale):
            raise Dependent(
                "The network answers an example differently when others are beside it, even in"
                " evaluation mode (statistics of the batch, or random draws), so that examples have"
                " no gradients of their own."
            )

    def _by_rule(self, taps: Taps, logits: Tensor) -> dict[tuple[str, str], tuple[Layout, int]]:
        """Layouts, and the numbers that are kept per example."""
        single = {key: uses[0] for key, uses in taps.uses.items() if len(uses) == 1}
        if not single:
            return {}
        found = torch.autograd.grad(
            logits, [use.edge for use in single.values()], self.start, allow_unused=True
        )
        parts: dict[str, list[tuple[tuple[str, str], Tensor | None]]] = defaultdict(list)
        for key, gradient in zip(single, found, strict=True):
            parts[key[0]].append((key, gradient))
        ruled: dict[tuple[str, str], tuple[Layout, int]] = {}
        for name, pieces in parts.items():
            expected = self.expected(self.layers.trained.get(name, []))
            if expected is None or any(gradient is None for _, gradient in pieces):
                continue
            nothing = not float(expected.abs().max()) > 0
            if nothing and not all(_of_pytorch(single[key].layer) for key, _ in pieces):
                continue  # zero gradients tell nothing of a derived type
            for layout in LAYOUTS[:1] if nothing else LAYOUTS:
                uses = [(single[key], gradient) for key, gradient in pieces]
                found_parts = [self._product(*pair, layout) for pair in uses]
                there = [part for part in found_parts if part is not None]
                if len(there) == len(pieces) and self.agrees(torch.stack(there).sum(0), expected):
                    for key, back in pieces:
                        assert back is not None
                        size = single[key].received.numel() + back.numel()
                        ruled[key] = (layout, size // self.count)
                    break
        return ruled

    @torch.no_grad()
    def _product(self, use: Use, gradient: Tensor | None, layout: Layout) -> Tensor | None:
        assert gradient is not None
        first = apart(use, gradient, layout, self.count)
        if first is None:
            return None
        try:
            return use.rule(use.layer, *first)
        except Exception:  # a type that is derived from the rule's, and takes other shapes
            return None

    def _by_repeating(self, keys: list[str]) -> dict[str, int]:
        """Parameters of one kind and shape are tried together."""
        groups: dict[object, list[str]] = defaultdict(list)
        for key in keys:
            for name in self.layers.trained[key]:
                parameter = self.parameters[name]
                expected = self.expected([name])
                tells = expected is not None and float(expected.abs().max()) > 0
                if parameter.numel() <= REPEATED and tells:
                    owner, _, last = name.rpartition(".")
                    kind = type(self.network.get_submodule(owner))
                    groups[kind, last, parameter.shape].append(name)
        repeated: dict[str, int] = {}
        for names in groups.values():
            for variant in VARIANTS:
                agreeing = self._repeated(names, variant)
                if agreeing:
                    repeated |= dict.fromkeys(agreeing, variant)
                    break
        return repeated

    def _repeated(self, names: list[str], variant: int) -> list[str]:
        """Those of the parameters for which it works."""
        if variant < 0 and self.parameters[names[0]].shape[:1] != (1,):
            return []
        leaves = {n: repeat(self.parameters[n], variant, self.count) for n in names}
        try:
            logits = called(self.network, self.x, leaves)
            self._compare(logits)
            found = torch.autograd.grad(
                logits, list(leaves.values()), self.start, allow_unused=True
            )
        except Exception:  # shapes that do not fit: the network's own code says how, anyhow
            return []
        agreeing = []
        for name, gradient in zip(leaves, found, strict=True):
            expected = self.expected([name])
            if gradient is None or expected is None:
                continue
            flat = gradient.flatten(1)
            if self.agrees(flat @ flat.T, expected):
                agreeing.append(name)
        return agreeing


def _of_pytorch(layer: nn.Module) -> bool:
    return type(layer).__module__.startswith(("torch.nn.", "memlab."))


def _refuse_statistics_of_the_batch(network: nn.Module) -> None:
    kinds = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
    for name, layer in network.named_modules():
        if isinstance(layer, kinds) and layer.running_mean is None:
            raise Dependent(
                f"The layer {name} ({type(layer).__name__}) keeps no running statistics and takes"
                " those of the batch, so that examples have no gradients of their own."
            )
