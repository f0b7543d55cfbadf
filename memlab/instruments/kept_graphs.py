"""Products through a graph that is kept: nothing of it depends on the vector.

Plain autograd. `torch.func`'s `grad` and `vjp` give the same numbers, but import torch's compiler
when they are first called: a second of processor time in each process, for nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Values = Sequence[Tensor]


def leaves_of(parameters: Values) -> list[Tensor]:
    """The parameters as leaves of a new graph."""
    return [p.detach().requires_grad_() for p in parameters]


def gradient_of(loss: Callable[[tuple[Tensor, ...]], Tensor], parameters: Values) -> Values:
    """The gradient of a scalar `loss` of the parameters, 0 where it does not depend on one."""
    leaves = leaves_of(parameters)
    with torch.enable_grad():
        value = loss(tuple(leaves))
    return torch.autograd.grad(value, leaves, materialize_grads=True)


class KeptGradient:
    """The gradient of a scalar loss, with its graph; tangents are shaped as the parameters."""

    def __init__(self, loss: Callable[[tuple[Tensor, ...]], Tensor], parameters: Values) -> None:
        self._leaves = leaves_of(parameters)
        with torch.enable_grad():
            value = loss(tuple(self._leaves))
            self._gradients = torch.autograd.grad(
                value, self._leaves, create_graph=True, materialize_grads=True
            )

    def product(self, tangents: Values, keep: bool = True) -> Values:
        """H v, pulled back, as H is symmetric; without `keep` for the last time.

        Raises:
            RuntimeError: if something on the way back has no derivative.
        """
        pairs = zip(self._gradients, tangents, strict=True)
        curved = [(g, t) for g, t in pairs if g.requires_grad]
        if not curved:  # the loss is linear in all parameters
            return [torch.zeros_like(leaf) for leaf in self._leaves]
        values, along = zip(*curved, strict=True)
        return torch.autograd.grad(
            values, self._leaves, along, retain_graph=keep, materialize_grads=True
        )


class KeptJacobian:
    """The Jacobian J of an output of any shape, as the transpose of u ↦ Jᵀ u, which is linear.

    Forward mode by reverse mode twice (Townsend 2017, "A new trick for calculating Jacobian vector
    products"), so that one graph serves all products.
    """

    def __init__(self, output: Callable[[tuple[Tensor, ...]], Tensor], parameters: Values) -> None:
        self._leaves = leaves_of(parameters)
        with torch.enable_grad():
            self.output = output(tuple(self._leaves))
            self._back = torch.zeros_like(self.output, requires_grad=True)
            self._pulled = torch.autograd.grad(
                self.output, self._leaves, self._back, create_graph=True, materialize_grads=True
            )

    def pushed(self, tangents: Values) -> Tensor:
        """J v, shaped as the output.

        Raises:
            RuntimeError: if something on the way back has no derivative.
        """
        pairs = [(p, t) for p, t in zip(self._pulled, tangents, strict=True) if p.requires_grad]
        pulled, along = zip(*pairs, strict=True)
        (moved,) = torch.autograd.grad(pulled, self._back, along, retain_graph=True)
        return moved

    def pulled(self, back: Tensor) -> Values:
        """Jᵀ u."""
        return torch.autograd.grad(
            self.output, self._leaves, back, retain_graph=True, materialize_grads=True
        )
