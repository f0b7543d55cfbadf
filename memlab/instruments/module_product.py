"""Products with the curvature of ordinary modules, network by network.

Examples that go through at once keep their graph, which every product is pulled back through (the
Hessian is symmetric). More examples than `KEPT_AT_ONCE` allows go in chunks, forward over reverse
(Pearlmutter 1994), which keeps nothing between products; where PyTorch has no forward mode of some
operation, reverse over reverse, and `notes` says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor, nn
from torch.func import grad, jvp, vjp

from memlab.errors import MemlabError
from memlab.instruments.kept_graphs import (
    KeptGradient,
    KeptJacobian,
    gradient_of,
    leaves_of,
)
from memlab.instruments.parameter_vectors import Product, StackProduct
from memlab.instruments.perceptron_product import curve_output, predicted_chances
from memlab.instruments.saved_numbers import saved_per_example
from memlab.instruments.symmetric import row_blocks
from memlab.instruments.undisturbed import bare_member, called, undisturbed
from memlab.models.module_stack import PREFIX, ModuleStack
from memlab.training.loss import example_losses

#: Numbers that the graph of all examples at once may keep (1 GiB in float32), and how many times
#: the activations of a pass the graph of a gradient has.
KEPT_AT_ONCE, OF_A_GRADIENT = 1 << 28, 3


class NotDifferentiable(MemlabError):
    """A network that cannot be differentiated twice in any way."""


@dataclass
class Network:
    """One network, its loss on some data, and its parameters in a vector's order.

    `padding` are rows of tables that are not trained, each as (which parameter, which row).
    `notes` says what a reader should know of how it was differentiated.
    """

    module: nn.Module
    names: list[str]
    parameters: list[Tensor]
    x: Tensor
    y: Tensor
    loss: str
    smoothing: Tensor | None
    chunk: int
    padding: list[tuple[int, int]]
    notes: list[str] = field(default_factory=list)

    def apart(self, vector: Tensor) -> list[Tensor]:
        """A vector `[parameters]` as tensors like the parameters, 0 where nothing is trained."""
        pieces = torch.split(vector, [p.numel() for p in self.parameters])
        pairs = zip(pieces, self.parameters, strict=True)
        return self._trained([v.view(p.shape) for v, p in pairs])

    def joined(self, tensors: Sequence[Tensor]) -> Tensor:
        """`apart` undone: `[parameters]`, without a graph."""
        return torch.cat([t.detach().flatten() for t in self._trained(tensors)])

    def _trained(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """With the rows of padding 0: their gradient is left out, but not what they do."""
        found = list(tensors)
        for place, row in self.padding:
            found[place] = found[place].clone()
            found[place][row] = 0
        return found

    def logits(self, values: Sequence[Tensor], part: slice) -> Tensor:
        """Logits `[n, classes]` of some examples at these values of the parameters."""
        return called(self.module, self.x[part], dict(zip(self.names, values, strict=True)))

    def share(self, values: Sequence[Tensor], part: slice) -> Tensor:
        """What these examples add to the mean loss."""
        logits = self.logits(values, part)
        losses = example_losses(self.loss, logits[None], self.y[None, part], self.smoothing)
        return losses.sum() / len(self.y)

    def parts(self) -> list[slice]:
        """The examples in chunks."""
        return [slice(a, b) for a, b in row_blocks(len(self.y), self.chunk)]


def _padding_of(module: nn.Module, names: Sequence[str]) -> list[tuple[int, int]]:
    places = {name: place for place, name in enumerate(names)}
    rows = [
        (places.get(f"{name}.weight"), table.padding_idx)
        for name, table in module.named_modules()
        if isinstance(table, nn.Embedding)
    ]
    return [(place, row) for place, row in rows if place is not None and row is not None]


def networks_of(
    model: ModuleStack,
    x: Tensor,
    targets: Tensor,
    loss: str,
    smoothing: Tensor | None,
    chunk: int | None,
) -> list[Network]:
    """The members as they are now; `chunk` None: as many examples at once as memory allows."""
    names = [name.removeprefix(PREFIX) for name, _ in model.named_parameters()]
    values = [parameter.detach() for parameter in model.parameters()]
    made = []
    for m in range(model.members):
        module, inputs = bare_member(model, m), x[0] if len(x) == 1 else x[m]
        most = chunk
        if most is None:
            with undisturbed(x.device):
                most = KEPT_AT_ONCE // (OF_A_GRADIENT * saved_per_example(module, inputs))
        share = None if smoothing is None else smoothing[m : m + 1]
        own = [value[m] for value in values]
        made.append(
            Network(
                module,
                names,
                own,
                inputs,
                targets[m],
                loss,
                share,
                max(1, most),
                _padding_of(module, names),
            )
        )
    return made


def module_product(
    model: ModuleStack,
    x: Tensor,
    targets: Tensor,
    loss: str,
    smoothing: Tensor | None = None,
    *,
    exact: bool,
    chunk: int | None = None,
    notes: list[str] | None = None,
) -> StackProduct:
    """v ↦ H v (`exact`) or G v for all members; arguments as for `hessian_product`.

    Raises:
        NotDifferentiable: at a product, if PyTorch can do it in no way.
    """
    make = _hessian if exact else _gauss_newton
    with undisturbed(x.device, differentiable=True):
        networks = networks_of(model, x, targets, loss, smoothing, chunk)
        for network in networks:
            network.notes = [] if notes is None else notes
        products = [make(network) for network in networks]
    return _stacked(products, x.device)


def _stacked(products: Sequence[Product], device: torch.device) -> StackProduct:
    def multiply(vectors: Tensor) -> Tensor:
        with undisturbed(device, differentiable=True):
            found = [p(v) for p, v in zip(products, vectors.detach(), strict=True)]
        return torch.stack(found).to(vectors.dtype)

    def select(members: Sequence[int]) -> StackProduct:
        return _stacked([products[m] for m in members], device)

    return StackProduct(multiply, select)


def module_gradient(
    model: ModuleStack, x: Tensor, targets: Tensor, loss: str, smoothing: Tensor | None
) -> Tensor:
    """The gradient of each member's mean loss, `[members, parameters]`."""
    found = []
    with undisturbed(x.device):
        for network in networks_of(model, x, targets, loss, smoothing, None):
            total: Tensor | None = None
            for part in network.parts():
                share = partial(network.share, part=part)
                gradient = network.joined(gradient_of(share, network.parameters))
                total = gradient if total is None else total + gradient
            assert total is not None
            found.append(total)
    return torch.stack(found)


def _hessian(network: Network) -> Product:
    parts = network.parts()
    kept = [_gradient(network, parts[0])] if len(parts) == 1 else []
    ways = _Ways(network, _forward_over_reverse, _reverse_over_reverse)

    def multiply(vector: Tensor) -> Tensor:
        tangents = network.apart(vector)
        if kept:
            try:
                return network.joined(kept[0].product(tangents))
            except RuntimeError:  # something on the way back has no derivative
                kept.clear()
        return ways.sum(tangents, parts)

    return multiply


def _forward_over_reverse(network: Network, tangents: Sequence[Tensor], part: slice) -> Tensor:
    gradient = grad(lambda values: network.share(values, part))
    values = tuple(network.parameters)
    return network.joined(jvp(gradient, (values,), (tuple(tangents),))[1])


def _reverse_over_reverse(network: Network, tangents: Sequence[Tensor], part: slice) -> Tensor:
    return network.joined(_gradient(network, part).product(tangents, keep=False))


def _gradient(network: Network, part: slice) -> KeptGradient:
    return KeptGradient(lambda values: network.share(values, part), network.parameters)


def _gauss_newton(network: Network) -> Product:
    parts = network.parts()
    kept = [_Pull(network, parts[0])] if len(parts) == 1 else []
    ways = _Ways(network, _push_and_pull, _pull_twice)

    def multiply(vector: Tensor) -> Tensor:
        tangents = network.apart(vector)
        if kept:
            try:
                return kept[0].product(tangents)
            except RuntimeError:  # no forward mode: said below
                kept.clear()
        return ways.sum(tangents, parts)

    return multiply


class _Pull:
    """Forwards to the logits, and back through a graph that is kept for all products."""

    def __init__(self, network: Network, part: slice) -> None:
        self.network, self.part, self.leaves = network, part, leaves_of(network.parameters)
        self.logits = network.logits(self.leaves, part)
        self.chances = predicted_chances(network.loss, self.logits.detach())

    def product(self, tangents: Sequence[Tensor]) -> Tensor:
        """G v."""

        def answer(values: tuple[Tensor, ...]) -> Tensor:
            return self.network.logits(values, self.part)

        with torch.no_grad():  # only forwards
            values = tuple(self.network.parameters)
            moved = jvp(answer, (values,), (tuple(tangents),))[1]
        curved = curve_output(self.chances, moved, len(self.network.y))
        return self.network.joined(
            torch.autograd.grad(
                self.logits, self.leaves, curved, retain_graph=True, materialize_grads=True
            )
        )


def _push_and_pull(network: Network, tangents: Sequence[Tensor], part: slice) -> Tensor:
    def answer(values: tuple[Tensor, ...]) -> Tensor:
        return network.logits(values, part)

    values = tuple(network.parameters)
    logits, moved = jvp(answer, (values,), (tuple(tangents),))[:2]
    curved = curve_output(predicted_chances(network.loss, logits), moved, len(network.y))
    return network.joined(vjp(answer, values)[1](curved)[0])


def _pull_twice(network: Network, tangents: Sequence[Tensor], part: slice) -> Tensor:
    kept = KeptJacobian(lambda values: network.logits(values, part), network.parameters)
    chances = predicted_chances(network.loss, kept.output.detach())
    curved = curve_output(chances, kept.pushed(tangents), len(network.y))
    return network.joined(kept.pulled(curved))


Way = Callable[[Network, Sequence[Tensor], slice], Tensor]


class _Ways:
    """A product in chunks, forwards where PyTorch can, else backwards."""

    def __init__(self, network: Network, forward: Way, backward: Way) -> None:
        self.network, self.ways = network, [forward, backward]

    def sum(self, tangents: Sequence[Tensor], parts: Sequence[slice]) -> Tensor:
        """Over the chunks."""
        total: Tensor | None = None
        for part in parts:
            found = self._one(tangents, part)
            total = found if total is None else total.add_(found)
        assert total is not None
        return total

    def _one(self, tangents: Sequence[Tensor], part: slice) -> Tensor:
        if len(self.ways) > 1:
            try:
                return self.ways[0](self.network, tangents, part)
            except (RuntimeError, NotImplementedError) as error:
                del self.ways[0]
                why = str(error).strip().splitlines()[0][:120]
                self.network.notes.append(
                    f"Curvature went reverse over reverse, as forward mode is missing: {why}"
                )
        try:
            return self.ways[0](self.network, tangents, part)
        except RuntimeError as error:
            why = str(error).strip().splitlines()[0][:160]
            raise NotDifferentiable(
                f"The network cannot be differentiated twice, forwards or backwards: {why}"
            ) from error
