"""Whether the members of a stack of modules can be computed at once: found by trying it.

No list of layers says so: a pair of networks is run by vmap and one after the other on a few
examples, in training and in evaluation mode, and outputs, gradients and buffers are compared.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import torch
from torch import Tensor, nn

from memlab.models.module_calls import State, apart, together
from memlab.text import plain

Way = Literal["vmap", "one-by-one"]
VMAP: Final = "vmap"
ONE_BY_ONE: Final = "one-by-one"
#: Examples that are tried; batch normalization needs more than one.
EXAMPLES = 4
#: Largest difference, relative to the largest number of its kind.
TOLERANCE = 1e-3

Call = Callable[[nn.Module, State, Tensor], Tensor]


@dataclass(frozen=True)
class Stacking:
    """How members are computed in updates and in evaluations.

    `why` and `why_evaluated` say in words why it is one by one, else they are empty; `writes` says
    that evaluations would change buffers, so that they get copies. What is `settled` is not tried
    again on another device.
    """

    way: Way
    why: str = ""
    evaluated: Way = VMAP
    why_evaluated: str = ""
    writes: bool = False
    settled: bool = False

    @classmethod
    def always(cls, way: Way, why: str = "") -> Stacking:
        """The same in updates and evaluations."""
        return cls(way, why, way, why, settled=True)

    def sentence(self) -> str:
        """`stacked by vmap`, or `one after another, because …`."""
        if self.way == VMAP:
            return "stacked by vmap"
        return f"one after another, because {self.why}"


def tried(skeleton: nn.Module, state: State, trained: list[str], x: Tensor) -> Stacking:
    """How networks like the first member of `state` can be computed, tried on `x` `[n, …]`.

    `trained` names the parameters. The state is not changed.

    Raises:
        Exception: whatever the module raises on its own.
    """
    pair = {
        name: torch.cat([t[:1], t[:1] * 1.25 if t.is_floating_point() else t[:1]]).detach()
        for name, t in state.items()
    }
    inputs = torch.stack([x, x.flip(0)])
    before = skeleton.training
    try:
        why = _refused(skeleton.train(), pair, trained, inputs)
        other = _refused(skeleton.eval(), pair, trained, inputs)
        writes = _writes(skeleton, pair, inputs)
    finally:
        skeleton.train(before)
    return Stacking(ONE_BY_ONE if why else VMAP, why, ONE_BY_ONE if other else VMAP, other, writes)


def _refused(skeleton: nn.Module, pair: State, trained: list[str], x: Tensor) -> str:
    """Why the pair cannot be computed by vmap, or nothing."""
    expected = _run(_apart, skeleton, pair, trained, x)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that a layer falls back to a loop
            found = _run(together, skeleton, pair, trained, x)
    except Exception as error:  # whatever vmap or the module's own code makes of it
        return reason(error)
    same = all(_close(a, b) for a, b in zip(expected, found, strict=True))
    return "" if same else "by vmap it computes something else"


def _apart(skeleton: nn.Module, state: State, x: Tensor) -> Tensor:
    return apart(skeleton, state, x, range(len(x)))


def _run(
    call: Call, skeleton: nn.Module, pair: State, trained: list[str], x: Tensor
) -> list[list[Tensor]]:
    """Outputs, then with gradients: outputs, gradients, and the buffers afterwards."""
    if not skeleton.training:
        with torch.no_grad():  # where some layers take another way
            bare = [call(skeleton, _cloned(pair, []), x)]
    with torch.enable_grad():
        state = _cloned(pair, trained)
        outputs = call(skeleton, state, x)
        wanted = [state[name] for name in trained]
        weights = torch.linspace(-1, 1, outputs.numel(), dtype=outputs.dtype, device=x.device)
        gradients = torch.autograd.grad(
            (outputs * weights.view(outputs.shape)).sum(), wanted, materialize_grads=True
        )
    kept = [t.detach() for name, t in state.items() if name not in trained]
    return [[] if skeleton.training else bare, [outputs.detach()], [*gradients], kept]


def _cloned(pair: State, trained: list[str]) -> dict[str, Tensor]:
    return {name: t.clone().requires_grad_(name in trained) for name, t in pair.items()}


def _close(expected: list[Tensor], found: list[Tensor]) -> bool:
    largest = max((_largest(t) for t in expected), default=0.0)
    return all(
        torch.allclose(a.double(), b.double(), TOLERANCE, TOLERANCE * largest, equal_nan=True)
        for a, b in zip(expected, found, strict=True)
    )


def _largest(tensor: Tensor) -> float:
    finite = tensor.detach().double().nan_to_num(0.0, 0.0, 0.0)
    return float(finite.abs().max()) if finite.numel() else 0.0


def _writes(skeleton: nn.Module, pair: State, x: Tensor) -> bool:
    state = _cloned(pair, [])
    with torch.no_grad():
        _apart(skeleton, state, x)
    return any(not torch.equal(state[name], tensor) for name, tensor in pair.items())


def reason(error: Exception) -> str:
    """What an exception under vmap says of the module, to stand behind *because*."""
    said = str(error)
    operation = re.search(r"for aten::(\w+)", said)
    if "randomness" in said:
        return "it draws random numbers (dropout, for example)"
    if "data-dependent control flow" in said or ".item()" in said:
        return "what it does depends on values (an if over a tensor, or .item())"
    if "inplace" in said:
        return "it writes in place into a tensor that members would share"
    if "Batching rule" in said and operation:
        return f"PyTorch has no batching rule for {operation[1]}"
    if "derivative" in said and operation:
        return f"PyTorch has no derivative of {operation[1]} under vmap"
    first = plain(said.strip().split("\n")[0][:120])
    return f"vmap refuses it ({type(error).__name__}: {first})"
