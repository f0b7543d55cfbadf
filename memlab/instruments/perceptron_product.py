"""Products with the Hessian and the Gauss-Newton matrix of plain perceptrons, written out.

Pearlmutter's R-operator (1994, Neural Computation 6, section 4) for a stack of linear and mlp
networks without normalization: a handful of batched matrix products, and what does not depend on
the vector (activations, back-propagated errors) is kept for all products of one Lanczos run. The
generic way is in `hessian_product.py` and `ggn_product.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import pi, sqrt

import torch
from torch import Tensor

from memlab.instruments.parameter_vectors import StackProduct, split_vectors
from memlab.models.stacked import StackedModel
from memlab.training.loss import output_gradient

#: Outputs are padded to a multiple of this: on a CPU with vectors of 512 bits a product with 10
#: columns takes longer than one with 16.
COLUMNS = 16


@dataclass(frozen=True)
class _Network:
    """Weights `[members, in, out]`, biases `[members, 1, out]`, and what the losses are.

    The last layer is padded with zeros from `classes` to a multiple of `COLUMNS` outputs.
    """

    weights: list[Tensor]
    biases: list[Tensor]
    classes: int
    activation: str
    loss: str
    smoothing: Tensor | None
    examples: int

    def select(self, members: list[int]) -> _Network:
        """That of these members."""
        return replace(
            self,
            weights=[weight[members] for weight in self.weights],
            biases=[bias[members] for bias in self.biases],
            smoothing=None if self.smoothing is None else self.smoothing[members],
        )


@dataclass(frozen=True)
class _Pass:
    """What one forward and backward pass over a chunk leaves behind.

    `received` are the layers' inputs, `slopes` φ′ at the hidden pre-activations, `chances` the
    `predicted_chances`, `errors` the
    gradient of the mean loss at every layer's pre-activation, `bends` (Wᵀ error) φ″. The last two
    are empty for Gauss-Newton, and entries of `bends` are None where φ″ = 0.
    """

    received: list[Tensor]
    slopes: list[Tensor]
    chances: Tensor | None
    errors: list[Tensor]
    bends: list[Tensor | None]

    def select(self, members: list[int]) -> _Pass:
        """That of these members."""
        return _Pass(
            [received[members] for received in self.received],
            [slope[members] for slope in self.slopes],
            None if self.chances is None else self.chances[members],
            [error[members] for error in self.errors],
            [None if bend is None else bend[members] for bend in self.bends],
        )


def perceptron_product(
    model: StackedModel,
    x: Tensor,
    targets: Tensor,
    loss: str,
    smoothing: Tensor | None = None,
    *,
    exact: bool,
    chunk: int,
) -> StackProduct | None:
    """v ↦ H v (`exact`) or G v for all members; None if they are not plain perceptrons.

    Arguments as for `hessian_product`.
    """
    try:
        weights, biases = model.perceptron()
    except TypeError:
        return None
    network = _Network(
        [*(weight.detach() for weight in weights[:-1]), _padded(weights[-1].detach())],
        [*(bias.detach() for bias in biases[:-1]), _padded(biases[-1].detach())],
        weights[-1].shape[2],
        model.spec.activation,
        loss,
        smoothing,
        targets.shape[1],
    )
    kept = _run(network, x.flatten(2), targets, exact) if network.examples <= chunk else None
    return _product(network, x.flatten(2), targets, exact, chunk, kept)


def _product(
    network: _Network, x: Tensor, targets: Tensor, exact: bool, chunk: int, kept: _Pass | None
) -> StackProduct:
    """The product; `kept` is the pass over all examples where they are one chunk."""

    @torch.no_grad()
    def multiply(vectors: Tensor) -> Tensor:
        total = torch.empty_like(vectors)
        for start in range(0, network.examples, chunk):
            part = slice(start, start + chunk)
            run = kept or _run(network, x[:, part], targets[:, part], exact)
            _multiply(network, run, vectors, total, fresh=start == 0)
        return total

    def select(members: Sequence[int]) -> StackProduct:
        rows = list(members)
        return _product(
            network.select(rows),
            x if x.shape[0] == 1 else x[rows],
            targets[rows],
            exact,
            chunk,
            kept and kept.select(rows),
        )

    return StackProduct(multiply, select)


@torch.no_grad()
def _run(network: _Network, x: Tensor, targets: Tensor, exact: bool) -> _Pass:
    members = network.weights[0].shape[0]
    received, before = [x.expand(members, -1, -1)], []
    for weight, bias in zip(network.weights, network.biases, strict=True):
        before.append(torch.baddbmm(bias, received[-1], weight))
        if len(before) < len(network.weights):
            received.append(_activation(network.activation, before[-1]))
    logits = before.pop()[..., : network.classes]
    slopes = [_slope(network.activation, a, h) for a, h in zip(before, received[1:], strict=True)]
    chances = predicted_chances(network.loss, logits)
    chances = None if chances is None else _padded(chances)
    if not exact:
        return _Pass(received, slopes, chances, [], [])
    _, error = output_gradient(network.loss, logits, targets, network.smoothing)
    error = _padded(error.mul_(targets.shape[1] / network.examples))
    errors: list[Tensor] = [error]
    bends: list[Tensor | None] = []
    for layer in range(len(before) - 1, -1, -1):
        below = torch.bmm(error, network.weights[layer + 1].transpose(1, 2))
        bend = _bend(network.activation, before[layer], received[layer + 1], slopes[layer])
        bends.insert(0, None if bend is None else bend.mul_(below))
        error = below.mul_(slopes[layer])
        errors.insert(0, error)
    return _Pass(received, slopes, chances, errors, bends)


def _multiply(network: _Network, kept: _Pass, vectors: Tensor, out: Tensor, fresh: bool) -> None:
    """Adds the chunk's product into `out`, or overwrites it if `fresh`."""
    parts, sums = _by_layer(network, vectors), _by_layer(network, out)
    parts[-2:] = _padded(parts[-2]), _padded(parts[-1])
    last = len(network.weights) - 1
    ahead: list[Tensor] = []
    moved: list[Tensor] = []
    for layer in range(last + 1):
        r = torch.baddbmm(parts[2 * layer + 1], kept.received[layer], parts[2 * layer])
        if layer:
            r.baddbmm_(moved[-1], network.weights[layer])
        ahead.append(r)
        if layer < last:
            moved.append(r * kept.slopes[layer])
    r = curve_output(kept.chances, ahead[last], network.examples)
    for layer in range(last, -1, -1):
        weight_sum = torch.bmm(kept.received[layer].transpose(1, 2), r)
        if layer and kept.errors:
            weight_sum.baddbmm_(moved[layer - 1].transpose(1, 2), kept.errors[layer])
        for into, gathered in zip(
            sums[2 * layer : 2 * layer + 2], (weight_sum, r.sum(1, keepdim=True)), strict=True
        ):
            gathered = gathered[..., : into.shape[2]]
            into.copy_(gathered) if fresh else into.add_(gathered)
        if not layer:
            break
        below = torch.bmm(r, network.weights[layer].transpose(1, 2))
        if kept.errors:
            below.baddbmm_(kept.errors[layer], parts[2 * layer].transpose(1, 2))
        r = below.mul_(kept.slopes[layer - 1])
        bend = kept.bends[layer - 1] if kept.bends else None
        if bend is not None:
            r.addcmul_(bend, ahead[layer - 1])


def _by_layer(network: _Network, vectors: Tensor) -> list[Tensor]:
    """Views of the vectors: weight, bias, weight, … without any padding."""
    shapes = []
    for weight, bias in zip(network.weights, network.biases, strict=True):
        shapes += [weight.shape, bias.shape]
    shapes[-2:] = (torch.Size((*shape[:2], network.classes)) for shape in shapes[-2:])
    return split_vectors(vectors, shapes)


def _padded(tensor: Tensor) -> Tensor:
    """With zeros up to a multiple of `COLUMNS` in the last dimension."""
    return torch.nn.functional.pad(tensor, (0, -tensor.shape[-1] % COLUMNS))


def predicted_chances(loss: str, logits: Tensor) -> Tensor | None:
    """The softmax of the logits, or None for the squared loss, which needs none.

    Both `[members, n, classes]`, as in `curve_output`.
    """
    return None if loss == "squared" else torch.softmax(logits, -1)


def curve_output(chances: Tensor | None, moved: Tensor, examples: int) -> Tensor:
    """The Hessian of the losses at the logits, divided by `examples`, times `moved`.

    Cross-entropy: diag(p) − p pᵀ with p the predicted `chances`; squared (None): the identity.
    """
    if chances is None:
        return moved / examples
    weighted = chances * moved
    total = weighted.sum(-1, keepdim=True)
    return torch.addcmul(weighted, chances, total, value=-1).div_(examples)


def _activation(name: str, a: Tensor) -> Tensor:
    if name == "gelu":
        return torch.nn.functional.gelu(a)
    function: Callable[[Tensor], Tensor] = getattr(torch, name)
    return function(a)


def _slope(name: str, a: Tensor, h: Tensor) -> Tensor:
    """φ′ at `a`, where h = φ(a)."""
    if name == "relu":
        return (a > 0).to(a.dtype)
    if name == "tanh":
        return 1 - h * h
    if name == "sigmoid":
        return h * (1 - h)
    return _normal_share(a) + a * _normal_density(a)


def _bend(name: str, a: Tensor, h: Tensor, slope: Tensor) -> Tensor | None:
    """φ″ at `a` in new memory, or None where it is 0."""
    if name == "relu":
        return None
    if name == "tanh":
        return -2 * h * slope
    if name == "sigmoid":
        return slope * (1 - 2 * h)
    return _normal_density(a) * (2 - a * a)


def _normal_share(a: Tensor) -> Tensor:
    return 0.5 * (1 + torch.erf(a / sqrt(2)))


def _normal_density(a: Tensor) -> Tensor:
    return torch.exp(-0.5 * a * a) / sqrt(2 * pi)
