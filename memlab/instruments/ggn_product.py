"""Products with the generalized Gauss-Newton matrix of a stack's mean loss.

G = (1/n) Σ_i J_iᵀ H_i J_i with J_i the Jacobian of the logits of example i and H_i the Hessian of
its loss at the logits (Schraudolph 2002, section 3; Martens 2014, arXiv 1412.1193, section 8): the
Hessian without the curvature of the network itself; positive semidefinite, as both losses are
convex in the logits. With softmax cross-entropy it is the Fisher matrix. Label smoothing does not
change it. Networks are evaluated: batch normalization uses its running statistics.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.func import functional_call, jvp, vjp

from memlab.instruments.kept_graphs import KeptJacobian
from memlab.instruments.module_product import module_product
from memlab.instruments.parameter_vectors import Product, StackProduct, join_vectors, split_vectors
from memlab.instruments.perceptron_product import (
    curve_output,
    perceptron_product,
    predicted_chances,
)
from memlab.models.module_stack import ModuleStack
from memlab.models.stacked import StackedModel


def ggn_product(
    model: StackedModel,
    x: Tensor,
    targets: Tensor,
    loss: str = "cross-entropy",
    *,
    chunk: int = 1024,
    notes: list[str] | None = None,
) -> StackProduct:
    """v ↦ G v for all members at once, over examples `x` `[members or 1, n, …]`.

    `targets` `[members, n]` count only by their number: neither loss has them in H_i. Examples go
    through in chunks of `chunk`; if there is only one, its activations are kept between products.
    The parameters must not change while the product is in use.
    """
    if isinstance(model, ModuleStack):
        return module_product(model, x, targets, loss, exact=False, notes=notes)
    by_hand = perceptron_product(model, x, targets, loss, exact=False, chunk=chunk)
    if by_hand is not None:
        return by_hand
    multiply = generic_ggn_product(model, x, targets, loss, chunk=chunk)

    def select(members: Sequence[int]) -> StackProduct:
        part = x if x.shape[0] == 1 else x[members]
        return ggn_product(model.select(members), part, targets[members], loss, chunk=chunk)

    return StackProduct(multiply, select)


def generic_ggn_product(
    model: StackedModel,
    x: Tensor,
    targets: Tensor,
    loss: str = "cross-entropy",
    *,
    chunk: int = 1024,
) -> Product:
    """`ggn_product` by automatic differentiation, for every architecture."""
    names = [name for name, _ in model.named_parameters()]
    parameters = tuple(parameter.detach() for parameter in model.parameters())
    shapes = [parameter.shape for parameter in parameters]
    buffers = dict(model.named_buffers())
    examples = targets.shape[1]

    def logits_of(part: Tensor) -> Callable[[tuple[Tensor, ...]], Tensor]:
        def logits(values: tuple[Tensor, ...]) -> Tensor:
            state = {**dict(zip(names, values, strict=True)), **buffers}
            made: Tensor = functional_call(model, state, (part,))
            return made

        return logits

    if examples <= chunk:
        return _retained(logits_of(x), parameters, shapes, loss, examples)

    def multiply(vectors: Tensor) -> Tensor:
        tangents = tuple(split_vectors(vectors, shapes))
        total = torch.zeros_like(vectors)
        for start in range(0, examples, chunk):
            network = logits_of(x[:, start : start + chunk])
            logits, moved = jvp(network, (parameters,), (tangents,))[:2]
            chances = predicted_chances(loss, logits)
            pull = vjp(network, parameters)[1]
            total += join_vectors(pull(curve_output(chances, moved, examples))[0])
        return total

    return multiply


def _retained(
    network: Callable[[tuple[Tensor, ...]], Tensor],
    parameters: tuple[Tensor, ...],
    shapes: list[torch.Size],
    loss: str,
    examples: int,
) -> Product:
    kept = KeptJacobian(network, parameters)
    chances = predicted_chances(loss, kept.output.detach())

    def multiply(vectors: Tensor) -> Tensor:
        moved = kept.pushed(split_vectors(vectors, shapes))
        return join_vectors(kept.pulled(curve_output(chances, moved, examples)))

    return multiply
