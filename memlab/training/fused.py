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

from memlab.experiment.material_spec import ModelSpec
from memlab.training.loss import output_gradient
from memlab.training.optimizers import StackOptimizer
from memlab.training.padding import PaddedOutput
from memlab.training.randomness import KeyedNoise
from memlab.training.workspace import Workspace

_aten = torch.ops.aten
#: activation → (function, gradient at its input given the gradient at its output and its output)
ACTIVATIONS: dict[str, tuple[Callable[[Tensor], Tensor], Callable[[Tensor, Tensor], Tensor]]] = {
    "relu": (torch.relu_, lambda d, h: _aten.threshold_backward(d, h, 0)),
    "tanh": (torch.tanh_, _aten.tanh_backward),
    "sigmoid": (torch.sigmoid_, _aten.sigmoid_backward),
}
#: The same gradients, written over the one at the output.
BACK_IN_PLACE: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "relu": lambda d, h: _aten.threshold_backward.grad_input(d, h, 0, grad_input=d),
    "tanh": lambda d, h: _aten.tanh_backward.grad_input(d, h, grad_input=d),
    "sigmoid": lambda d, h: _aten.sigmoid_backward.grad_input(d, h, grad_input=d),
}


class _Memory:
    """What one update of a batch writes over, and the views of it that every update needs."""

    def __init__(self, weights: list[Tensor], batch: int) -> None:
        members = weights[0].shape[0]

        def empty(examples: int) -> list[Tensor]:
            return [w.new_empty(members, examples, w.shape[2]) for w in weights]

        self.batch = batch
        self.outs, self.backs, self.sums = empty(batch), empty(batch), empty(1)
        self.turned = [out.transpose(1, 2) for out in self.outs]
        self.logs = torch.empty_like(self.outs[-1])


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
        self.parameters = list(zip(weights, biases, strict=True))
        self.weights, self.biases = list(weights), list(biases)
        if padded:
            output = PaddedOutput(weights[-1], biases[-1])
            self.weights[-1], self.biases[-1] = output.weight, output.bias
        self._turned = [weight.detach().transpose(1, 2) for weight in self.weights]
        self.loss = loss
        self.optimizer = optimizer
        self.workspace = Workspace(weights[0].device, weights[0].dtype)
        self._memory: _Memory | None = None
        known = activation if activation in ACTIVATIONS else "relu"
        self._act, self._act_backward_ = ACTIVATIONS[known][0], BACK_IN_PLACE[known]

    @torch.no_grad()
    def step(
        self,
        x: Tensor,
        targets: Tensor,
        learning_rate: Tensor,
        smoothing: Tensor | None,
        noise: KeyedNoise | None,
        predicted: Tensor | None = None,
    ) -> Tensor:
        """Updates all members on `x` `[members, batch, …]`; their losses before it.

        `learning_rate` is `[members]`; the losses are means over the batch, `[members]`.
        `predicted` int64 `[members, batch]` takes the classes that are predicted.
        """
        memory = self._room(x.shape[1])
        if noise is not None:
            x = noise.input_gaussian(noise.input_dropout(x))
        x = x.flatten(2)
        inputs, turned, masks = [x], [x.transpose(1, 2)], []
        last = len(self.weights) - 1
        for layer in range(last):
            out = memory.outs[layer]
            torch.baddbmm(self.biases[layer], inputs[-1], self.weights[layer], out=out)
            mask, received = self._disturb(f"hidden{layer}", self._act(out), noise)
            masks.append((mask, out))
            inputs.append(received)
            turned.append(memory.turned[layer] if noise is None else received.transpose(1, 2))
        out = torch.baddbmm(
            self.biases[last], inputs[-1], self.weights[last], out=memory.outs[last]
        )
        if predicted is not None:
            torch.argmax(out, -1, out=predicted)
        losses, d = self._at_output(out, targets, smoothing, memory.logs)
        if self.optimizer.plain:
            self._descend(turned, masks, d, learning_rate, memory)
        else:
            self._collect(turned, masks, d, learning_rate, memory)
        return losses.mean(1)

    def _room(self, batch: int) -> _Memory:
        """Fresh where a captured graph will hold on to it, else that of the last update."""
        if self._memory is None or self._memory.batch != batch or self.weights[0].is_cuda:
            self._memory = _Memory(self.weights, batch)
        return self._memory

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

    def _at_output(
        self, out: Tensor, targets: Tensor, smoothing: Tensor | None, logs: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Losses and the gradient at the logits `out`, as wide as they are."""
        if self.loss == "cross-entropy" and smoothing is None:
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

    def _back(
        self, d: Tensor, layer: int, masks: list[tuple[Tensor | None, Tensor]], memory: _Memory
    ) -> Tensor:
        """The gradient at the pre-activation below `layer` from the one at its output."""
        mask, activated = masks[layer - 1]
        below = torch.bmm(d, self._turned[layer], out=memory.backs[layer - 1])
        if mask is not None:
            below.mul_(mask)
        return self._act_backward_(below, activated)

    def _descend(
        self,
        turned: list[Tensor],
        masks: list[tuple[Tensor | None, Tensor]],
        d: Tensor,
        learning_rate: Tensor,
        memory: _Memory,
    ) -> None:
        """Plain SGD: scaled by −η at the output, the gradient is added as it is computed."""
        d = d.mul_(learning_rate.neg().view(-1, 1, 1))
        self.optimizer.steps += 1
        for layer in range(len(self.weights) - 1, -1, -1):
            # The way down goes through the weights as they were; then they move, still in cache.
            below = self._back(d, layer, masks, memory) if layer else d
            self.optimizer.shrink(learning_rate, self.parameters[layer])
            self.weights[layer].baddbmm_(turned[layer], d)
            self.biases[layer].add_(torch.sum(d, 1, keepdim=True, out=memory.sums[layer]))
            d = below

    def _collect(
        self,
        turned: list[Tensor],
        masks: list[tuple[Tensor | None, Tensor]],
        d: Tensor,
        learning_rate: Tensor,
        memory: _Memory,
    ) -> None:
        """Any other optimizer: all gradients first, in the order weight, bias, weight, …"""
        gradients: list[Tensor] = []
        for layer in range(len(self.weights) - 1, -1, -1):
            gradients[:0] = [torch.bmm(turned[layer], d), d.sum(1, keepdim=True)]
            if layer:
                d = self._back(d, layer, masks, memory)
        gradients[-2:] = [gradient[..., : self.classes] for gradient in gradients[-2:]]
        self.optimizer.step(gradients, learning_rate)


def supported(spec: ModelSpec) -> bool:
    """Whether networks of this description, resolved, can be updated here."""
    return (
        spec.name in ("linear", "mlp")
        and spec.normalization in (None, "none")
        and (spec.activation in ACTIVATIONS or spec.name == "linear")
        and spec.output_scale is None
    )
