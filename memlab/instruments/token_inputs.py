"""Token numbers as inputs that can be varied: at their embeddings.

Instruments that go back to the input, or move it, get a network whose input is what the first table
makes of the tokens. As they also pick examples, each input says which example it is: in a row in
front, far enough from the next example's that no move within a radius reaches it.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from memlab.errors import MemlabError
from memlab.instruments.subject import Sample, Subject
from memlab.instruments.undisturbed import bare_member, called, undisturbed
from memlab.models.module_stack import ModuleStack
from memlab.training.adversarial import Forward

#: From one example's number to the next one's; half of it is the largest radius.
APART = 1024.0


class NoEmbedding(MemlabError):
    """A network of tokens without a table that they go through."""


def varied(subject: Subject, sample: Sample) -> tuple[Forward, Tensor]:
    """The network and the sample's inputs, or both at the embeddings where inputs are tokens.

    Raises:
        NoEmbedding: if tokens go through no table.
    """
    if not isinstance(subject.model, ModuleStack):
        return subject.model, sample.x
    if sample.x.is_floating_point():
        return partial(_each, subject.model), sample.x
    made = OnEmbeddings(subject.model, sample.x)
    subject.notes.append(f"Inputs are tokens: varied at their embeddings, by {made.table}.")
    return made, made.inputs


def _each(model: ModuleStack, x: Tensor) -> Tensor:
    """Logits `[members, n, classes]` of inputs `[members, n, …]`."""
    return torch.stack([called(bare_member(model, m), x[m]) for m in range(model.members)])


class OnEmbeddings:
    """The networks from the embeddings of `ids` `[members or 1, n, …]` on.

    `inputs` is `[members, n, 1 + tokens, width]`; called with some of them, in any order, it gives
    logits.
    """

    def __init__(self, model: ModuleStack, ids: Tensor) -> None:
        self.ids = ids.expand(model.members, *ids.shape[1:])
        self.networks = [bare_member(model, m) for m in range(model.members)]
        with undisturbed(ids.device), torch.no_grad():
            self.table = _table_of(self.networks[0], self.ids[0])
            embedded = [self._embedded(m) for m in range(model.members)]
        width = embedded[0].shape[-1]
        rows = torch.stack(embedded).reshape(*self.ids.shape[:2], -1, width)
        numbers = torch.arange(rows.shape[1], device=ids.device, dtype=rows.dtype) * APART
        front = numbers[None, :, None, None].expand(*rows.shape[:2], 1, width)
        self.inputs = torch.cat([front, rows], 2)

    def _embedded(self, member: int) -> Tensor:
        table = self.networks[member].get_submodule(self.table)
        found: Tensor = table(self.ids[member])
        return found

    def __call__(self, x: Tensor) -> Tensor:
        """Logits `[members, n, classes]` of inputs `[members, n, 1 + tokens, width]`."""
        found = []
        for m, network in enumerate(self.networks):
            which = (x[m, :, 0, 0].detach() / APART).round().to(torch.int64)
            ids = self.ids[m, which]
            rows = x[m, :, 1:].reshape(*ids.shape, x.shape[-1])

            def hook(_m: nn.Module, _i: object, _o: object, rows: Tensor = rows) -> Tensor:
                return rows

            handle = network.get_submodule(self.table).register_forward_hook(hook)
            try:
                found.append(called(network, ids))
            finally:
                handle.remove()
        return torch.stack(found)


def _table_of(network: nn.Module, ids: Tensor) -> str:
    """The first submodule without parts that is given the tokens, and gives a vector for each."""
    found: list[str] = []

    def hook(name: str, arguments: tuple[Any, ...], output: Any) -> None:
        given = next((a for a in arguments if isinstance(a, Tensor)), None)
        fits = given is not None and given.shape == few.shape and torch.equal(given, few)
        if fits and isinstance(output, Tensor) and output.shape[:-1] == few.shape:
            found.append(name)

    few = ids[:2]
    handles = []
    for name, module in network.named_modules():
        if next(module.children(), None) is None:

            def forward_hook(
                _m: nn.Module, a: tuple[Any, ...], k: dict[str, Any], o: Any, name: str = name
            ) -> None:
                hook(name, (*a, *k.values()), o)

            handles.append(module.register_forward_hook(forward_hook, with_kwargs=True))
    try:
        called(network, few)
    finally:
        for handle in handles:
            handle.remove()
    if not found:
        raise NoEmbedding("The tokens go through no table of embeddings that could be varied.")
    return found[0]
