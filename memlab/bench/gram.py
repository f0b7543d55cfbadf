"""The gradient Gram matrix against libraries, side by side: `memlab bench instruments`.

The references work on the same networks in PyTorch's own layers, with the same weights, and make
per-example gradients, through `torch.func` or BackPACK, whose products layer by layer are summed.
BackPACK is no dependency: where it is not installed its rows are missing.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

from memlab.bench.plain_network import plain_network
from memlab.bench.timing import Row, row, seconds
from memlab.experiment.material_spec import ModelSpec
from memlab.instruments.gram import gram
from memlab.models import StackedModel, build


@dataclass(frozen=True)
class Case:
    """A network, and how many examples of which shape."""

    name: str
    architecture: str
    examples: int
    image: tuple[int, int, int]
    classes: int = 10


#: Fewer examples of cnn, so that the references take seconds and, on CIFAR-10's images with 5
#: million parameters, their gradients 2.5 GB.
CASES = (
    Case("mlp 784-256-256-10, 512 examples", "mlp", 512, (1, 28, 28)),
    Case("cnn, digits, 256 examples", "cnn", 256, (1, 8, 8)),
    Case("cnn, CIFAR-10 cropped to 28, 128 examples", "cnn", 128, (3, 28, 28)),
)


@dataclass(frozen=True)
class Material:
    """A case built: our stack of one, the same network in PyTorch's layers, and data."""

    stack: StackedModel
    plain: nn.Sequential
    x: Tensor
    targets: Tensor


def material(case: Case, device: torch.device) -> Material:
    """The networks with equal weights, and standard normal images with random labels."""
    stack = build(
        ModelSpec(name=case.architecture),
        members=1,
        image_shape=case.image,
        features=int(np.prod(case.image)),
        classes=case.classes,
    )
    stack.initialize([np.random.default_rng(0)])
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(case.examples, *case.image, generator=generator)
    targets = torch.randint(0, case.classes, (case.examples,), generator=generator)
    plain = plain_network(stack).eval()
    return Material(stack.to(device), plain.to(device), x.to(device), targets.to(device))


def ours(given: Material) -> Tensor:
    """G by `memlab.instruments.gram`."""
    return gram(given.stack, given.x[None], given.targets[None], "cross-entropy")[0]


def per_example(given: Material) -> Tensor:
    """G from per-example gradients by `torch.func.vmap`."""

    def example_loss(parameters: dict[str, Tensor], image: Tensor, target: Tensor) -> Tensor:
        logits = functional_call(given.plain, parameters, (image[None],))
        return F.cross_entropy(logits, target[None])

    parameters = {name: value.detach() for name, value in given.plain.named_parameters()}
    gradients = vmap(grad(example_loss), (None, 0, 0))(parameters, given.x, given.targets)
    return _products(list(gradients.values()))


def backpack_gram(given: Material) -> Tensor:
    """G from BackPACK's `BatchGrad` (Dangel 2020, arXiv 1912.10985)."""
    from backpack import backpack, extend
    from backpack.extensions import BatchGrad

    network = extend(copy.deepcopy(given.plain))  # it leaves hooks behind
    criterion = extend(nn.CrossEntropyLoss(reduction="sum"))
    with backpack(BatchGrad()):
        criterion(network(given.x), given.targets).backward()
    gradients: list[Any] = [parameter.grad_batch for parameter in network.parameters()]
    return _products(gradients)


def _products(gradients: list[Tensor]) -> Tensor:
    total = gradients[0].new_zeros(len(gradients[0]), len(gradients[0]))
    for gradient in gradients:
        flat = gradient.detach().flatten(1)
        total += flat @ flat.T
    return total


def references() -> dict[str, Callable[[Material], Tensor]]:
    """The references that are installed, by name."""
    found: dict[str, Callable[[Material], Tensor]] = {"torch.func.vmap": per_example}
    if find_spec("backpack") is not None:
        found["BackPACK"] = backpack_gram
    return found


def deviation(function: Callable[[Material], Tensor], given: Material) -> float:
    """Largest difference from ours, relative to the largest element."""
    expected, found = function(given), ours(given)
    return float((found - expected).abs().max() / expected.abs().max())


def rows(repetitions: int, device: torch.device) -> list[Row]:
    """One row per case and reference; the ratio is the median over interleaved repetitions."""
    made: list[Row] = []
    for case in CASES:
        given = material(case, device)
        runners = {"ours": ours, **references()}
        spent: dict[str, list[float]] = {name: [] for name in runners}
        for repetition in range(repetitions + 1):
            for name, runner in runners.items():
                calls = 5 if runner is ours else 1
                found = _seconds(runner, given, calls)
                if repetition:
                    spent[name].append(found)
        for name in list(runners)[1:]:
            compared = row(f"Gram matrix, {case.name}: {name}", spent["ours"], spent[name], "s")
            made.append({**compared, "deviation": deviation(runners[name], given)})
    return made


def _seconds(function: Callable[[Material], Tensor], given: Material, calls: int) -> float:
    """Seconds per call."""

    def work() -> None:
        for _ in range(calls):
            function(given)

    return seconds(work, given.x.device) / calls
