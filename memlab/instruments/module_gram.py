"""The Gram matrix of per-example gradients of ordinary modules, layer by layer (see `gram.py`).

`module_plan.py` finds out once how each layer is taken; here it is done, within a memory that is
bounded: what the layers received and gave back is kept for as many layers at a time as
`KEPT_AT_ONCE` allows (one at least), examples go through in chunks whose activations are within it
too, and per-example gradients of layers without a rule are kept for as many pairs of examples as
`NUMBERS_AT_ONCE` allows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from memlab.instruments.example_gradients import NUMBERS_AT_ONCE, ExampleGradients
from memlab.instruments.module_plan import Layers, Plan, Trial, repeat
from memlab.instruments.module_rules import Rule, product_of
from memlab.instruments.module_taps import Use, apart, tapped
from memlab.instruments.symmetric import row_blocks
from memlab.instruments.taps import AtLogits, UncoveredLayer
from memlab.instruments.undisturbed import bare_member, called, undisturbed
from memlab.models.module_stack import ModuleStack

#: Numbers that are kept of all examples at once, and again of a chunk's activations (1 GiB each in
#: float32).
KEPT_AT_ONCE = 1 << 28
#: A layer and its part.
Key = tuple[str, str]
#: From the logits of all examples to what goes back from those of one network, `[n, classes]`.
Start = Callable[[Tensor], Tensor]

#: Layers that a note names.
NAMED = 4
_NOTES: ContextVar[list[str] | None] = ContextVar("notes", default=None)
_PLANS: WeakKeyDictionary[nn.Module, dict[object, Plan]] = WeakKeyDictionary()


def of_stack(model: ModuleStack, x: Tensor, start: AtLogits) -> dict[str, Tensor]:
    """`of_layers` of `gram.py`, network by network; names are the user's own.

    Raises:
        UncoveredLayer: with the layer's name, if there are no per-example gradients either.
        Dependent: if examples have no gradients of their own.
    """
    members: list[dict[str, Tensor]] = []
    with undisturbed(x.device):
        for m in range(model.members):
            inputs = x[0] if len(x) == 1 else x[m]
            network = bare_member(model, m)

            def start_of(logits: Tensor, m: int = m) -> Tensor:
                whole = logits.new_zeros(model.members, *logits.shape)
                whole[m] = logits
                return start(whole)[m]

            plan = _plan(model, network, inputs)
            _tell(plan)
            if plan is None:
                members.append(_unknown(network, inputs))
            else:
                members.append(of_module(network, inputs, start_of, plan))
    return {name: torch.stack([parts[name] for parts in members]) for name in members[0]}


@contextmanager
def telling(notes: list[str]) -> Iterator[None]:
    """While it lasts, `notes` takes what a reader should know of how Gram matrices are made."""
    token = _NOTES.set(notes)
    try:
        yield
    finally:
        _NOTES.reset(token)


def _tell(plan: Plan | None) -> None:
    notes = _NOTES.get()
    if plan is None or not plan.rest or notes is None:
        return
    names = [name or "the network itself" for name in plan.rest]
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    note = f"By per-example gradients, as no rule holds: {', '.join(names[:NAMED])}{more}."
    if note not in notes:
        notes.append(note)


def remember_with(module: nn.Module, model: ModuleStack) -> None:
    """What is found out for `model` holds for all stacks that are made of this module."""
    _PLANS[model] = _PLANS.setdefault(module, {})


def _plan(model: ModuleStack, network: nn.Module, x: Tensor) -> Plan | None:
    """How the stack's networks are taken, tried once; None of one whose answers are not finite."""
    trained = tuple(name for name, _ in model.named_parameters())
    key = (tuple(x.shape[1:]), x.dtype, next(model.parameters()).dtype, trained)
    plans = _PLANS.setdefault(model, {})
    if key in plans:
        return plans[key]
    with torch.no_grad():
        if not bool(called(network, x[:2]).isfinite().all()):
            return None
    made = Trial(network, x).plan()
    if made.sure:
        plans[key] = made
    return made


def _unknown(network: nn.Module, x: Tensor) -> dict[str, Tensor]:
    nothing = x.new_full((len(x),) * 2, torch.nan, dtype=next(network.parameters()).dtype)
    return dict.fromkeys(Layers.of(network).trained, nothing)


def of_module(
    network: nn.Module, x: Tensor, start: Start, plan: Plan | None = None
) -> dict[str, Tensor]:
    """The parts `[n, n]` of one network's Gram matrix by layer; it has to be in evaluation mode.

    `x` is `[n, …]`. To be called within `undisturbed`; raises as `of_stack`.
    """
    work = _Work(network, x, start, plan or Trial(network, x).plan())
    groups = list(_groups(work.plan, len(x)))
    for group in groups:
        work.together(group)
    left = work.found_used if groups else work.plan.unused
    for some in work.few_at_a_time((*work.plan.rest, *sorted(left))):
        work.parts |= work.by_examples(some)
    return {name: work.parts.get(name, work.nothing()) for name in work.plan.trained}


@dataclass(frozen=True)
class _Group:
    """What is kept in one pass through all examples: parts of layers, and repeated parameters."""

    parts: tuple[tuple[str, str], ...]
    repeated: tuple[str, ...] = ()


def _groups(plan: Plan, examples: int) -> Iterator[_Group]:
    parts: list[tuple[str, str]] = []
    kept = 0
    repeated = tuple(plan.repeated)
    for key, floats in plan.floats.items():
        if parts and (kept + floats) * examples > KEPT_AT_ONCE:
            yield _Group(tuple(parts), repeated)
            parts, kept, repeated = [], 0, ()
        parts.append(key)
        kept += floats
    if parts or repeated:
        yield _Group(tuple(parts), repeated)


class _Work:
    """One network's Gram matrix in the making."""

    def __init__(self, network: nn.Module, x: Tensor, start: Start, plan: Plan) -> None:
        self.network, self.x, self.start, self.plan = network, x, start, plan
        self.parts: dict[str, Tensor] = {}
        self.found_used: set[str] = set()
        self.step = max(1, KEPT_AT_ONCE // max(1, plan.saved))
        self.watched = {name: network.get_submodule(name) for name in plan.watched}
        self._at_logits: Tensor | None = None

    @cached_property
    def own(self) -> dict[str, nn.Parameter]:
        """The parameters by name."""
        return dict(self.network.named_parameters())

    @cached_property
    def layer_of(self) -> dict[str, str]:
        """Each trained parameter's layer."""
        return {own: name for name, owns in self.plan.trained.items() for own in owns}

    def nothing(self) -> Tensor:
        """The part of what is not used."""
        return self.x.new_zeros((len(self.x),) * 2, dtype=next(self.network.parameters()).dtype)

    @property
    def at_logits(self) -> Tensor:
        """What goes back from the logits of all examples, `[n, classes]`."""
        if self._at_logits is None:
            with torch.no_grad():
                chunks = row_blocks(len(self.x), self.step)
                logits = [called(self.network, self.x[a:b]) for a, b in chunks]
            self._at_logits = self.start(torch.cat(logits))
        return self._at_logits

    def together(self, group: _Group) -> None:
        """Adds the parts of a group, in one pass through all examples."""
        received: dict[Key, list[Tensor]] = defaultdict(list)
        back: dict[Key, list[Tensor]] = defaultdict(list)
        rows: dict[str, list[Tensor]] = defaultdict(list)
        rules: dict[Key, tuple[Rule, nn.Module]] = {}
        for chunk in row_blocks(len(self.x), self.step):
            uses, leaves, gradients = self._pass(group, *chunk)
            for key, gradient in zip(group.parts, gradients, strict=False):
                if key in uses and gradient is not None:
                    first = apart(uses[key], gradient, self.plan.ruled[key], chunk[1] - chunk[0])
                    if first is None:
                        raise UncoveredLayer(f"The layer {key[0]} gave shapes of another kind.")
                    received[key].append(first[0])
                    back[key].append(first[1])
                    rules[key] = uses[key].rule, uses[key].layer
            for name, gradient in zip(leaves, gradients[len(group.parts) :], strict=True):
                if gradient is not None:
                    rows[name].append(gradient.flatten(1))
        with torch.no_grad():
            for key in group.parts:
                if key in rules:
                    rule, layer = rules[key]
                    part = rule(layer, _joined(received.pop(key)), _joined(back.pop(key)))
                    self._add(key[0], part)
            for name, pieces in rows.items():
                self._add(self.layer_of[name], product_of(_joined(pieces)))

    def _add(self, name: str, part: Tensor) -> None:
        self.parts[name] = self.parts[name] + part if name in self.parts else part

    def _pass(
        self, group: _Group, a: int, b: int
    ) -> tuple[dict[Key, Use], list[str], list[Tensor | None]]:
        """Uses by part, names of what is repeated, and gradients at both, in order."""
        names = {name for name, _ in group.parts}
        owners = {n.removesuffix(".out_proj") for n in names if n.endswith(".out_proj")}
        layers = {n: self.watched[n] for n in {*names, *owners} if n in self.watched}
        unused = {name: self.network.get_submodule(name) for name in self.plan.unused}
        leaves = {n: repeat(self.own[n], self.plan.repeated[n], b - a) for n in group.repeated}
        shared = {name for (name, _), where in self.plan.ruled.items() if where == "shared"}
        with tapped(layers, b - a, shared, unused) as taps:
            logits = called(self.network, self.x[a:b], leaves)
        self.found_used |= taps.called
        uses = {}
        for key in group.parts:
            found = taps.uses.get(key, [])
            if len(found) > 1:
                raise UncoveredLayer(
                    f"The gradient Gram matrix does not cover the layer {key[0]}, which is used"
                    " more often for some examples than for others."
                )
            if found:
                uses[key] = found[0]
        points: list[Any] = [*(use.edge for use in uses.values()), *leaves.values()]
        back = self._back(logits, a, b)
        found_gradients = iter(
            torch.autograd.grad(logits, points, back, allow_unused=True) if points else ()
        )
        gradients = [next(found_gradients) if key in uses else None for key in group.parts]
        return uses, list(leaves), [*gradients, *found_gradients]

    def _back(self, logits: Tensor, a: int, b: int) -> Tensor:
        """What goes back from the logits of examples a … b; of one chunk, no second pass is due."""
        if self._at_logits is None and b - a == len(self.x):
            self._at_logits = self.start(logits.detach().clone())
        return self.at_logits[a:b]

    def few_at_a_time(self, names: Sequence[str]) -> Iterator[list[str]]:
        """Layers whose gradients of all examples are within memory together; one at least."""
        some: list[str] = []
        kept = 0
        for name in names:
            floats = len(self.x) * sum(self.own[own].numel() for own in self.plan.trained[name])
            if some and kept + floats > NUMBERS_AT_ONCE:
                yield some
                some, kept = [], 0
            some.append(name)
            kept += floats
        if some:
            yield some

    def by_examples(self, names: Sequence[str]) -> dict[str, Tensor]:
        """The parts of these layers by per-example gradients.

        Raises:
            UncoveredLayer: if there is no way to them.
        """
        layers = {name: self.plan.trained[name] for name in names}
        saved = self.plan.saved
        each = ExampleGradients(self.network, self.x, self.at_logits, layers, saved)
        try:
            return each.products()
        except Exception as error:  # the network's own code, memory, what autograd cannot do
            parts = dict(self.network.named_modules())
            kinds = [
                f"{n} ({type(parts[n]).__name__ if n in parts else 'a parameter'})" for n in names
            ]
            said = str(error).strip().split("\n")[0][:160]
            raise UncoveredLayer(
                f"The gradient Gram matrix does not cover the layer {', '.join(kinds)}, for which"
                f" per-example gradients fail too: {type(error).__name__}: {said}"
            ) from error


def _joined(pieces: list[Tensor]) -> Tensor:
    return pieces[0] if len(pieces) == 1 else torch.cat(pieces)
