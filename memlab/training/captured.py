"""One update of a stack over fixed buffers; on CUDA captured as a graph and replayed.

A small network's update is dozens of short kernels, and launching them costs more than running
them. A graph is captured per batch size. What changes from update to update goes in through fixed
buffers (indices of the batch, learning rates) or is counted up by the update itself (the number
that keys its noise, the steps of Adam's bias correction).
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

WARM_UPS = 3

Body = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Execution:
    """How updates are carried out: what changes the numbers drawn, and what changes nothing.

    `counts_there` keeps the number of the update and of the optimizer's steps in tensors, which is
    what drawing on the device and capturing need. A step is `direct`, a `graph`, or `static`: over
    the buffers of a graph, without one.
    """

    counts_there: bool
    step: Literal["direct", "static", "graph"]

    @classmethod
    def on(cls, device: torch.device, own: bool = False) -> Execution:
        """What training uses; tests use the others too.

        Networks of the user's `own` may draw by PyTorch's generator, seeded by the host at each
        update, and look at values: they are not captured.
        """
        return cls(True, "graph") if device.type == "cuda" and not own else cls(False, "direct")


@dataclass(frozen=True)
class _Recorded:
    """A body over its buffers: `index` is read and `losses` written by `replay`."""

    replay: Callable[[], None]
    index: Tensor
    losses: Tensor


class CapturedStep:
    """`body(index, rates) → losses` over fixed buffers, one set per batch size.

    `body` changes the tensors that `state()` names in place, and nothing else; `index` is
    `[members, batch]`, `rates` and the losses are `[members]`. Without `graphs` the body runs over
    the same buffers each time, on any device: whatever a graph could not see is wrong there too.
    """

    def __init__(
        self, body: Body, state: Callable[[], Mapping[str, Tensor]], graphs: bool = True
    ) -> None:
        self._body = body
        self._state = state
        self._record = self._on_its_card if graphs else self._static
        self._recorded: dict[int, _Recorded] = {}
        self._rates: Tensor | None = None

    def __call__(self, index: Tensor, rates: Tensor) -> Tensor:
        """One update; the losses' memory is used again by the next."""
        if self._rates is None:
            self._rates = rates.clone()
        self._rates.copy_(rates)
        size = index.shape[1]
        if size not in self._recorded:
            self._recorded[size] = self._record(index.clone(), self._rates)
        found = self._recorded[size]
        found.index.copy_(index)
        found.replay()
        return found.losses

    def _static(self, index: Tensor, rates: Tensor) -> _Recorded:
        losses = torch.zeros_like(rates)

        def replay() -> None:
            losses.copy_(self._body(index, rates))

        return _Recorded(replay, index, losses)

    def _on_its_card(self, index: Tensor, rates: Tensor) -> _Recorded:
        """Captured where the tensors are: streams and graphs are of the current card."""
        with torch.cuda.device(index.device):
            return self._captured(index, rates)

    def _captured(self, index: Tensor, rates: Tensor) -> _Recorded:
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
        with _uncollected(), torch.cuda.graph(graph, capture_error_mode="thread_local"):
            losses = self._body(index, rates)
        return _Recorded(graph.replay, index, losses)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Inside, no garbage is collected: destroying an earlier graph would end the capture."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()
