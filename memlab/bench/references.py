"""What training is compared with: the loops that one writes, one network after another.

The same data, shapes, batches and learning rate as ours; evaluating, loss and accuracy of training,
validation and test data every epoch, each in one pass without gradients. Networks are trained one
after another, so that a few are enough to know the speed.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from memlab.bench.cases import CLASSES, Bench, Case
from memlab.bench.ours import trainers
from memlab.bench.plain_network import plain_network
from memlab.bench.timing import seconds

RATE = 0.1
FEW = 3
Part = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Problem:
    """Data of one network, `[examples, …]` and `[examples]`, and the network, untrained."""

    train: Part
    validation: Part
    test: Part
    network: nn.Module

    @property
    def parts(self) -> tuple[Part, Part, Part]:
        """All that is evaluated."""
        return self.train, self.validation, self.test


def problem(case: Case, bench: Bench) -> Problem:
    """What our first member is trained on, and its network in PyTorch's own layers."""
    (trainer,) = trainers(replace(case, members=1), bench)
    arrays, flat = trainer.arrays, case.model == "mlp"
    parts = [
        (part.inputs.values[0].flatten(1) if flat else part.inputs.values[0], part.labels[0])
        for part in (arrays.train, arrays.validation, arrays.test)
    ]
    features = parts[0][0].shape[1]
    network = perceptron(features, case.width) if flat else plain_network(trainer.model)
    return Problem(parts[0], parts[1], parts[2], network.to(bench.device))


def perceptron(features: int, width: int) -> nn.Sequential:
    """Two hidden layers."""
    return nn.Sequential(
        nn.Linear(features, width),
        nn.ReLU(),
        nn.Linear(width, width),
        nn.ReLU(),
        nn.Linear(width, CLASSES),
    )


def data_loader_loop(case: Case, bench: Bench) -> float:
    """Samples a second of `DataLoader`, `torch.nn` and `torch.optim`."""
    given = problem(case, bench)
    loader = DataLoader(TensorDataset(*given.train), batch_size=case.batch_size, shuffle=True)
    return _speed(case, bench, given, lambda: loader)


def plain_loop(case: Case, bench: Bench, channels_last: bool = False) -> float:
    """Samples a second where batches are gathers from a tensor."""
    given = problem(case, bench)
    if channels_last:
        given = _channels_last(given)
    return _speed(case, bench, given, lambda: _batches(case, given))


def _channels_last(given: Problem) -> Problem:
    network = given.network.to(memory_format=torch.channels_last)
    parts = [(x.contiguous(memory_format=torch.channels_last), y) for x, y in given.parts]
    return Problem(parts[0], parts[1], parts[2], network)


def _speed(
    case: Case, bench: Bench, given: Problem, batches: Callable[[], Iterable[Part]]
) -> float:
    networks = [copy.deepcopy(given.network) for _ in range(min(case.members, FEW))]

    def work() -> None:
        for network in networks:
            _train(case, network, given, batches)

    return len(networks) * case.epochs * case.examples / seconds(work, bench.device)


def _train(
    case: Case, model: nn.Module, given: Problem, batches: Callable[[], Iterable[Part]]
) -> None:
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
    criterion = nn.CrossEntropyLoss()
    for _ in range(case.epochs):
        model.train()
        for inputs, labels in batches():
            optimizer.zero_grad()
            criterion(model(inputs), labels).backward()
            optimizer.step()
        if case.evaluates:
            measure(model, given.parts)


@torch.no_grad()
def measure(model: nn.Module, parts: Iterable[Part]) -> list[float]:
    """Loss and accuracy of each part."""
    model.eval()
    found = []
    for x, y in parts:
        logits = model(x)
        found.append(float(nn.functional.cross_entropy(logits, y)))
        found.append(float((logits.argmax(1) == y).double().mean()))
    return found


def _batches(case: Case, given: Problem) -> list[Part]:
    x, y = given.train
    order = torch.randperm(len(y), device=y.device)
    return [(x[part], y[part]) for part in torch.split(order, case.batch_size)]
