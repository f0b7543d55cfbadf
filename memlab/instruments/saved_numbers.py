"""How much autograd keeps of a pass, from which it follows how many examples go at once."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from memlab.instruments.undisturbed import called


class Counted:
    """Numbers that autograd keeps inside, those of `parameters` left out, in a list of sizes."""

    def __init__(self, parameters: Iterable[Tensor]) -> None:
        self.own = {p.untyped_storage().data_ptr() for p in parameters}
        self.sizes: list[int] = []

    def __enter__(self) -> list[int]:
        kept: set[tuple[int, int]] = set()

        def pack(tensor: Tensor) -> Tensor:
            storage = tensor.untyped_storage().data_ptr()
            if storage not in self.own and (storage, tensor.numel()) not in kept:
                kept.add((storage, tensor.numel()))
                self.sizes.append(tensor.numel())
            return tensor

        self.hooks = torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor)
        self.hooks.__enter__()
        return self.sizes

    def __exit__(self, *error: object) -> None:
        self.hooks.__exit__(*error)


def saved_per_example(network: nn.Module, x: Tensor) -> int:
    """Numbers that a pass keeps for each example, from two examples; at least 1."""
    few = x[:2]
    with Counted(network.parameters()) as sizes:
        called(network, few)
    return max(1, sum(sizes) // len(few))
