"""A stack of ordinary modules of equal structure: what a person's own network is trained as.

Parameters and buffers are the modules' own with the members in front, under their own names behind
`network.`. How members are computed at once is in `stacking.py`, the calls in `module_calls.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from memlab.experiment.material_spec import ModelSpec
from memlab.models.module_calls import (
    apart,
    bound,
    drawn_by,
    skeleton_of,
    tensors_of,
    together,
)
from memlab.models.noise import Noise, disturb_input
from memlab.models.stacked import Shape, StackedModel
from memlab.models.stacking import EXAMPLES, ONE_BY_ONE, VMAP, Stacking, Way, tried

#: Makes one network anew, of PyTorch's global generator.
Make = Callable[[], nn.Module]
#: Behind it stand the names that parameters and buffers have in the person's module.
PREFIX = "network."


class _Held(nn.Module):
    """A module's place in the tree of names; it only holds tensors."""


class ModuleStack(StackedModel):
    """Networks of one structure, each an `nn.Module` `[batch, …] → [batch, classes]`.

    `stacking` says how members are computed. Made by `of`, or by `memlab.models.own` from the
    address of a callable.
    """

    def __init__(
        self,
        skeleton: nn.Module,
        tensors: dict[str, Tensor],
        shape: Shape,
        spec: ModelSpec,
        stacking: Stacking,
        make: Make | None = None,
    ) -> None:
        super().__init__(spec, len(next(iter(tensors.values()))), shape)
        # In a tuple, so that its tensors are none of this module's. The second is called: modules
        # keep what they please of a call, and a graph cannot be copied.
        self._skeletons, self._make = (skeleton, skeleton_of(skeleton)), make
        self.stacking, self._tried_on = stacking, _device(tensors)
        self.network = _Held()
        trained = tensors_of(skeleton)[0]
        self._places: list[tuple[str, str, nn.Module, str]] = []
        for name, tensor in tensors.items():
            self._place(name, tensor, name in trained)

    @classmethod
    def of(
        cls,
        modules: Sequence[nn.Module],
        shape: Shape,
        spec: ModelSpec | None = None,
        way: Way | None = None,
        make: Make | None = None,
        example: Tensor | None = None,
    ) -> Self:
        """A stack of `modules`; the tensors of a single one are views of its own.

        Nothing else of the modules is touched. `example` `[n, …]` is what the way is tried on where
        none is given, normal random numbers if it is None. Modules that cannot be called on it are
        computed one by one.

        Raises:
            ValueError: if the modules' tensors differ in name or shape, or there are none.
        """
        skeleton = skeleton_of(modules[0], hooks=False)
        tensors = stacked_tensors(modules)
        if way is not None:
            stacking = Stacking.always(way, "that was asked for" if way == ONE_BY_ONE else "")
        else:
            inputs = examples_of(shape, tensors) if example is None else example[:EXAMPLES]
            try:
                called = skeleton_of(skeleton)
                stacking = tried(called, tensors, list(tensors_of(called)[0]), inputs)
            except Exception:  # the user's own code
                stacking = Stacking.always(ONE_BY_ONE, "it cannot be tried on made-up inputs")
        kind = type(modules[0])
        spec = spec or ModelSpec.model_construct(name=f"python:{kind.__module__}:{kind.__name__}")
        return cls(skeleton, tensors, shape, spec, stacking, make)

    def _place(self, name: str, tensor: Tensor, trained: bool) -> None:
        *path, leaf = name.split(".")
        holder: nn.Module = self.network
        for part in path:
            if part not in holder._modules:
                holder.add_module(part, _Held())
            holder = holder.get_submodule(part)
        if trained:
            holder.register_parameter(leaf, nn.Parameter(tensor.detach()))
        else:
            holder.register_buffer(leaf, tensor.detach())
        self._places.append((name, "_parameters" if trained else "_buffers", holder, leaf))

    @property
    def way(self) -> Way:
        """How updates compute the members: `vmap` or `one-by-one`."""
        return self.stacking.way

    @property
    def why(self) -> str:
        """Why one by one, in words; else empty."""
        return self.stacking.why

    def tensors(self) -> dict[str, Tensor]:
        """Parameters and buffers `[members, …]` by their names in the person's module."""
        return {name: getattr(holder, kind)[leaf] for name, kind, holder, leaf in self._places}

    def forward(self, x: Tensor, noise: Noise | None = None) -> Tensor:
        """See `StackedModel`; with `noise` the modules are in training mode.

        What modules draw by themselves (dropout) is keyed by the noise: each member's update has a
        seed of its own, so that it draws the same alone, in a stack, or resumed.
        """
        skeleton = self._skeletons[1]
        training = noise is not None
        if skeleton.training != training:
            skeleton.train(training)
        x, state = disturb_input(noise, x), self.tensors()
        if not training and self.stacking.writes:
            trained = {name for name, kind, _, _ in self._places if kind == "_parameters"}
            state = {n: t if n in trained else t.clone() for n, t in state.items()}
        way = self.stacking.way if training else self.stacking.evaluated
        if way == VMAP and self.members > 1:
            return together(skeleton, state, x)
        return apart(skeleton, state, x, noise.seeds_now() if noise else [0] * self.members)

    def member(self, m: int) -> nn.Module:
        """Member m as an ordinary module in evaluation mode, its tensors' memory shared."""
        return bound(self._skeletons[0], self.tensors(), m)

    def initialize(self, generators: Sequence[np.random.Generator]) -> None:
        """Makes member m anew, the global generators seeded by generators[m].

        Where it is not known how the modules are made, their layers' own `reset_parameters` draw.

        Raises:
            TypeError: if a layer has parameters and no such method.
        """
        if len(generators) != self.members:
            raise ValueError(f"{len(generators)} generators for {self.members} members")
        own = self.tensors()
        for member, generator in enumerate(generators):
            with drawn_by(int(generator.integers(2**63)), torch.device("cpu")):
                made = self._make() if self._make is not None else self._reset()
            drawn = stacked_tensors([made])
            _alike(own, drawn)
            with torch.no_grad():
                for name, tensor in own.items():
                    tensor[member].copy_(drawn[name][0])

    def _reset(self) -> nn.Module:
        own = {name: tensor[:1].detach().cpu().clone() for name, tensor in self.tensors().items()}
        made = bound(self._skeletons[0], own, 0)
        for name, part in made.named_modules():
            reset = getattr(part, "reset_parameters", None)
            if callable(reset):
                reset()
            elif any(True for _ in part.parameters(recurse=False)):
                kind = type(part).__name__
                raise TypeError(f"how {name or 'the module'} ({kind}) is initialized is not known")
        return made

    def fresh(self, members: int) -> Self:
        """See `StackedModel`."""
        tensors = {
            n: t[:1].expand(members, *t.shape[1:]).clone() for n, t in self.tensors().items()
        }
        return self._over(tensors)

    def select(self, indices: Sequence[int] | Tensor) -> Self:
        """See `StackedModel`."""
        own = self.tensors()
        device = next(iter(own.values())).device
        index = torch.as_tensor(indices, dtype=torch.int64, device=device)
        chosen = self._over({name: tensor.detach()[index] for name, tensor in own.items()})
        if self._origin is not None:
            chosen._origin = (self._origin[0].select(index).requires_grad_(False),)
        return chosen

    def _over(self, tensors: dict[str, Tensor]) -> Self:
        shape, spec = self.shape, self.spec
        return type(self)(self._skeletons[0], tensors, shape, spec, self.stacking, self._make)

    def _apply(self, fn: Any, recurse: bool = True) -> Self:
        super()._apply(fn, recurse)
        if _device(self.tensors()) != self._tried_on:
            self._try_again()
        return self

    def _try_again(self) -> None:
        """What vmap can compute may differ from device to device."""
        own, skeleton = self.tensors(), self._skeletons[1]
        self._tried_on = _device(own)
        if not self.stacking.settled:
            trained = list(tensors_of(skeleton)[0])
            self.stacking = tried(skeleton, own, trained, examples_of(self.shape, own))


def stacked_tensors(modules: Sequence[nn.Module]) -> dict[str, Tensor]:
    """What the modules train and keep, `[modules, …]`; views where there is one module.

    Raises:
        ValueError: if they differ in name or shape, or there are none.
    """
    parts = []
    for module in modules:
        trained, kept = tensors_of(module)
        parts.append({name: t.detach() for name, t in {**trained, **kept}.items()})
    if not parts or not tensors_of(modules[0])[0]:
        raise ValueError("there is nothing to train: the module has no parameters")
    if len(parts) == 1:
        return {name: tensor.unsqueeze(0) for name, tensor in parts[0].items()}
    for part in parts[1:]:
        _alike(parts[0], part, 0)
    return {name: torch.stack([part[name] for part in parts]) for name in parts[0]}


def _alike(stack: dict[str, Tensor], other: dict[str, Tensor], skip: int = 1) -> None:
    ours = {name: tuple(tensor.shape[skip:]) for name, tensor in stack.items()}
    theirs = {name: tuple(tensor.shape[skip:]) for name, tensor in other.items()}
    for name in [*ours, *theirs]:
        if ours.get(name) != theirs.get(name):
            raise ValueError(
                f"networks of a stack differ: {name} is {ours.get(name)} here and"
                f" {theirs.get(name)} there"
            )


def examples_of(shape: Shape, tensors: dict[str, Tensor]) -> Tensor:
    """A few made-up examples, standard normal, `[n, …]`, the same each time."""
    first = next((t for t in tensors.values() if t.is_floating_point()), torch.zeros(()))
    generator = torch.Generator().manual_seed(0)
    drawn = torch.randn(EXAMPLES, *(shape.image or (shape.features,)), generator=generator)
    return drawn.to(device=first.device, dtype=first.dtype)


def _device(tensors: dict[str, Tensor]) -> str:
    return next(iter(tensors.values())).device.type
