"""On CUDA: one update of a stack captured as a graph and replayed.

A small network's update is dozens of short kernels, and launching them costs more than running
them. A graph is captured per batch size. What changes from update to update goes
in through fixed buffers (indices of the batch, learning rates); updates that draw noise, augment,
attack or use Adam (whose bias correction is a number of the host) are not captured.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

WARM_UPS = 3


@dataclass
class _Graph:
    graph: torch.cuda.CUDAGraph
    index: Tensor
    losses: Tensor


class CapturedStep:
    """`body(index, rates) → losses` as graphs, one per batch size.

    `body` changes the tensors that `state()` names in place, and nothing else; `index` is
    `[members, batch]`, `rates` and the losses are `[members]`.
    """

    def __init__(
        self, body: Callable[[Tensor, Tensor], Tensor], state: Callable[[], Mapping[str, Tensor]]
    ) -> None:
        self._body = body
        self._state = state
        self._graphs: dict[int, _Graph] = {}
        self._rates: Tensor | None = None

    def __call__(self, index: Tensor, rates: Tensor) -> Tensor:
        """One update; the losses' memory is used again by the next."""
        if self._rates is None:
            self._rates = rates.clone()
        self._rates.copy_(rates)
        size = index.shape[1]
        if size not in self._graphs:
            self._graphs[size] = self._capture(index.clone(), self._rates)
        found = self._graphs[size]
        found.index.copy_(index)
        found.graph.replay()
        return found.losses

    def _capture(self, index: Tensor, rates: Tensor) -> _Graph:
        before = {name: tensor.detach().clone() for name, tensor in self._state().items()}
        side = torch.cuda.Stream()  # type: ignore[no-untyped-call]  # torch has no types for it
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(WARM_UPS):
                self._body(index, rates)
        torch.cuda.current_stream().wait_stream(side)
        with torch.no_grad():
            for name, tensor in self._state().items():
                tensor.copy_(before[name])
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            losses = self._body(index, rates)
        return _Graph(graph, index, losses)
