"""The update of a plain multilayer perceptron with its gradient written out.

For stacks of linear and mlp networks without normalization this replaces autograd: the chain rule
of a perceptron is a handful of batched matrix products, and plain SGD adds them into the weights
without ever storing a gradient. Equal to autograd to float tolerance
(tests/training/test_trainer.py).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from memlab.training.loss import output_gradient
from memlab.training.optimizers import StackOptimizer
from memlab.training.randomness import KeyedNoise

#: activation → (function, gradient at its input given the gradient at its output and its output)
ACTIVATIONS: dict[str, tuple[Callable[[Tensor], Tensor], Callable[[Tensor, Tensor], Tensor]]] = {
    "relu": (torch.relu_, lambda d, h: torch.ops.aten.threshold_backward(d, h, 0)),
    "tanh": (torch.tanh_, torch.ops.aten.tanh_backward),
    "sigmoid": (torch.sigmoid_, torch.ops.aten.sigmoid_backward),
}


class FusedPerceptron:
    """One SGD update of a stack of perceptrons.

    `weights` are `[members, in, out]` and `biases` `[members, 1, out]`, changed in place.
    """

    def __init__(
        self,
        weights: list[Tensor],
        biases: list[Tensor],
        activation: str,
        loss: str,
        optimizer: StackOptimizer,
    ) -> None:
        self.weights = weights
        self.biases = biases
        self.loss = loss
        self.optimizer = optimizer
        self._act, self._act_backward = ACTIVATIONS.get(activation, ACTIVATIONS["relu"])

    @torch.no_grad()
    def step(
        self,
        x: Tensor,
        targets: Tensor,
        learning_rate: Tensor,
        smoothing: Tensor | None,
        noise: KeyedNoise | None,
    ) -> Tensor:
        """Updates all members on `x` `[members, batch, …]`; their losses before it.

        `learning_rate` is `[members]`; the losses are means over the batch, `[members]`.
        """
        if noise is not None:
            x = noise.input_gaussian(noise.input_dropout(x))
        inputs, masks = [x.flatten(2)], []
        last = len(self.weights) - 1
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            out = torch.baddbmm(bias, inputs[-1], weight)
            if layer == last:
                break
            activated = self._act(out)
            mask, received = self._disturb(f"hidden{layer}", activated, noise)
            masks.append((mask, activated))
            inputs.append(received)
        losses, d = output_gradient(self.loss, out, targets, smoothing)
        if self.optimizer.plain:
            self._descend(inputs, masks, d, learning_rate)
        else:
            self._collect(inputs, masks, d, learning_rate)
        return losses.mean(1)

    def _disturb(
        self, site: str, activated: Tensor, noise: KeyedNoise | None
    ) -> tuple[Tensor | None, Tensor]:
        if noise is None:
            return None, activated
        received = noise.hidden_gaussian(site, activated)
        mask = noise.keep_mask(site, noise.rates.dropout, received)
        return mask, received if mask is None else received * mask

    def _back(self, d: Tensor, layer: int, masks: list[tuple[Tensor | None, Tensor]]) -> Tensor:
        """The gradient at the pre-activation below `layer` from the one at its output."""
        below = torch.bmm(d, self.weights[layer].transpose(1, 2))
        mask, activated = masks[layer - 1]
        if mask is not None:
            below = below.mul_(mask)
        return self._act_backward(below, activated)

    def _descend(
        self,
        inputs: list[Tensor],
        masks: list[tuple[Tensor | None, Tensor]],
        d: Tensor,
        learning_rate: Tensor,
    ) -> None:
        """Plain SGD: scaled by −η at the output, the gradient is added as it is computed."""
        d = d.mul_(-learning_rate.view(-1, 1, 1))
        moves: list[tuple[Tensor, Tensor]] = []
        for layer in range(len(self.weights) - 1, -1, -1):
            moves.append((inputs[layer], d))
            if layer:
                d = self._back(d, layer, masks)
        self.optimizer.steps += 1
        self.optimizer.shrink(learning_rate)
        for layer, (received, move) in zip(
            range(len(self.weights) - 1, -1, -1), moves, strict=True
        ):
            self.weights[layer].baddbmm_(received.transpose(1, 2), move)
            self.biases[layer].add_(move.sum(1, keepdim=True))

    def _collect(
        self,
        inputs: list[Tensor],
        masks: list[tuple[Tensor | None, Tensor]],
        d: Tensor,
        learning_rate: Tensor,
    ) -> None:
        """Any other optimizer: all gradients first, in the order weight, bias, weight, …"""
        gradients: list[Tensor] = []
        for layer in range(len(self.weights) - 1, -1, -1):
            gradients[:0] = [torch.bmm(inputs[layer].transpose(1, 2), d), d.sum(1, keepdim=True)]
            if layer:
                d = self._back(d, layer, masks)
        self.optimizer.step(gradients, learning_rate)


def supported(model_name: str, activation: str, normalization: str) -> bool:
    """Whether networks of this description can be updated here."""
    return (
        model_name in ("linear", "mlp")
        and normalization == "none"
        and (activation in ACTIVATIONS or model_name == "linear")
    )
