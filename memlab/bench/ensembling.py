"""`torch.func` ensembling: what PyTorch itself offers for many networks at once.

As its tutorial on model ensembling has it: `stack_module_state`, `functional_call` under `vmap`,
and plain SGD over the stacked parameters, each member with an order of its own.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, stack_module_state, vmap

from memlab.bench.cases import Bench, Case
from memlab.bench.references import RATE, Part, perceptron, problem
from memlab.bench.timing import seconds

State = dict[str, Tensor]


def ensembling(case: Case, bench: Bench) -> float:
    """Samples a second of all members together; perceptrons only."""
    given = problem(case, bench)
    features = given.train[0].shape[1]
    networks = [perceptron(features, case.width).to(bench.device) for _ in range(case.members)]
    stacked, _ = stack_module_state(networks)
    state: State = {name: value.detach() for name, value in stacked.items()}
    spent = seconds(lambda: _train(case, networks[0], state, list(given.parts)), bench.device)
    return case.members * case.epochs * case.examples / spent


def _train(case: Case, network: nn.Module, state: State, parts: list[Part]) -> None:
    def loss(one: State, x: Tensor, y: Tensor) -> Tensor:
        logits: Tensor = functional_call(network, one, (x,))
        return nn.functional.cross_entropy(logits, y)

    gradients = vmap(grad(loss))
    x, y = parts[0]
    for _ in range(case.epochs):
        order = torch.rand(case.members, len(y), device=y.device).argsort(1)
        for index in torch.split(order, case.batch_size, 1):
            for name, gradient in gradients(state, x[index], y[index]).items():
                state[name].sub_(gradient, alpha=RATE)
        if case.evaluates:
            _measure(network, state, parts)


@torch.no_grad()
def _measure(network: nn.Module, state: State, parts: list[Part]) -> list[list[float]]:
    """Loss and accuracy of each member on each part."""

    def loss_and_accuracy(one: State, x: Tensor, y: Tensor) -> Tensor:
        logits: Tensor = functional_call(network, one, (x,))
        right = (logits.argmax(1) == y).float().mean()
        return torch.stack([nn.functional.cross_entropy(logits, y), right])

    found = [vmap(loss_and_accuracy, (0, None, None))(state, x, y) for x, y in parts]
    return [each.tolist() for each in found]
