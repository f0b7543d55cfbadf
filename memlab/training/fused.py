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
from memlab.training.padding import PaddedOutput
from memlab.training.randomness import KeyedNoise
from memlab.training.workspace import Workspace

#: activation → its function, written over its argument
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu_,
    "tanh": torch.tanh_,
    "sigmoid": torch.sigmoid_,
}


class FusedPerceptron:
    """One SGD update of a stack of perceptrons, and their logits.

    `weights` are `[members, in, out]` and `biases` `[members, 1, out]`, changed in place; the last
    of each may be padded (`PaddedOutput`).
    """

    def __init__(
        self,
        weights: list[Tensor],
        biases: list[Tensor],
        activation: str,
        loss: str,
        optimizer: StackOptimizer,
        padded: bool = False,
    ) -> None:
        self.classes = weights[-1].shape[2]
        self.weights, self.biases = list(weights), list(biases)
        if padded:
            output = PaddedOutput(weights[-1], biases[-1])
            self.weights[-1], self.biases[-1] = output.weight, output.bias
        self.loss = loss
        self.optimizer = optimizer
        self.workspace = Workspace(weights[0].device, weights[0].dtype)
        self._activation = activation if activation in ACTIVATIONS else "relu"
        self._act = ACTIVATIONS[self._activation]

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
        for layer in range(last):
            activated = self._act(self._affine(layer, inputs[-1]))
            mask, received = self._disturb(f"hidden{layer}", activated, noise)
            masks.append((mask, activated))
            inputs.append(received)
        losses, d = self._at_output(self._affine(last, inputs[-1]), targets, smoothing)
        if self.optimizer.plain:
            self._descend(inputs, masks, d, learning_rate)
        else:
            self._collect(inputs, masks, d, learning_rate)
        return losses.mean(1)

    @torch.no_grad()
    def logits(self, x: Tensor, start: int, stop: int) -> Tensor:
        """Logits of the members start … stop without noise, `[members, n, classes or more]`.

        `x` is `[members or 1, n, …]`; logits beyond the classes are −∞. Valid until the next call.
        """
        x = x.flatten(2).expand(stop - start, -1, -1)
        last = len(self.weights) - 1
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            out = self.workspace.take(f"logits{layer}", *x.shape[:2], weight.shape[2])
            torch.baddbmm(bias[start:stop], x, weight[start:stop], out=out)
            x = out if layer == last else self._act(out)
        return x

    def _affine(self, layer: int, x: Tensor) -> Tensor:
        weight = self.weights[layer]
        out = self.workspace.take(f"out{layer}", *x.shape[:2], weight.shape[2])
        return torch.baddbmm(self.biases[layer], x, weight, out=out)

    def _at_output(
        self, out: Tensor, targets: Tensor, smoothing: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Losses and the gradient at the logits `out`, as wide as they are."""
        if self.loss == "cross-entropy" and smoothing is None:
            logs = self.workspace.take("logs", *out.shape)
            return output_gradient(self.loss, out, targets, None, logs)
        if out.shape[-1] == self.classes:
            return output_gradient(self.loss, out, targets, smoothing)
        losses, d = output_gradient(
            self.loss, out[..., : self.classes].contiguous(), targets, smoothing
        )
        out.zero_()
        out[..., : self.classes] = d
        return losses, out

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
        mask, activated = masks[layer - 1]
        below = self.workspace.take(f"back{layer}", *activated.shape)
        torch.bmm(d, self.weights[layer].transpose(1, 2), out=below)
        if mask is not None:
            below = below.mul_(mask)
        aten = torch.ops.aten
        if self._activation == "relu":
            aten.threshold_backward.grad_input(below, activated, 0, grad_input=below)
        elif self._activation == "tanh":
            aten.tanh_backward.grad_input(below, activated, grad_input=below)
        else:
            aten.sigmoid_backward.grad_input(below, activated, grad_input=below)
        return below

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
        gradients[-2:] = [gradient[..., : self.classes] for gradient in gradients[-2:]]
        self.optimizer.step(gradients, learning_rate)


def supported(model_name: str, activation: str, normalization: str) -> bool:
    """Whether networks of this description can be updated here."""
    return (
        model_name in ("linear", "mlp")
        and normalization == "none"
        and (activation in ACTIVATIONS or model_name == "linear")
    )
