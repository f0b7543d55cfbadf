"""Networks of the user's own: from an address to a stack, with what is wrong of them in words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd
from torch.nn.parameter import is_lazy

from memlab.errors import InvalidExperiment
from memlab.experiment import own_network
from memlab.experiment.architecture import resolve
from memlab.experiment.material_spec import ModelSpec
from memlab.experiment.own_network import NetworkFacts
from memlab.models.module_calls import apart, drawn_by, skeleton_of, tensors_of
from memlab.models.module_stack import ModuleStack, examples_of, stacked_tensors
from memlab.models.own_import import load, told
from memlab.models.stacked import Shape
from memlab.models.stacking import ONE_BY_ONE, Stacking, tried

CPU = torch.device("cpu")
#: Multiply-adds of an example from which convolutions of several networks side by side are slower
#: than one after another: updates of four networks of two layers took 3.4 ms by vmap and 6.2 one by
#: one at 5·10⁴, 13.8 and 11.6 at 6.5·10⁵, 164 and 107 at 10⁷ (a thread of an AMD EPYC, torch 2.14).
#: Networks that go one by one anyway share a stack below it, for the evaluations; above it the
#: activations of all at once would only take memory.
LARGE = 300_000
T = TypeVar("T")


@dataclass(frozen=True)
class Blueprint:
    """One network of a kind: its structure, tensors `[1, …]`, how members are computed, facts."""

    skeleton: nn.Module
    tensors: dict[str, Tensor]
    stacking: Stacking
    facts: NetworkFacts


def build_own(spec: ModelSpec, members: int, shape: Shape) -> ModuleStack:
    """A stack of `members` networks, not yet drawn.

    Raises:
        InvalidExperiment: if there is no such network, or it is none for these data.
    """
    plan = blueprint(resolve(spec), shape)
    _note(spec, shape, plan)
    tensors = {
        name: tensor.expand(members, *tensor.shape[1:]).clone()
        for name, tensor in plan.tensors.items()
    }
    make = partial(_made, spec, shape)
    return ModuleStack(plan.skeleton, tensors, shape, spec, plan.stacking, make)


def look(spec: ModelSpec, shape: Shape) -> NetworkFacts:
    """Makes one network, tries it, and notes for this process what was found.

    Raises as `build_own`.
    """
    plan = blueprint(resolve(spec), shape)
    _note(spec, shape, plan)
    return plan.facts


def _note(spec: ModelSpec, shape: Shape, plan: Blueprint) -> None:
    own_network.note(spec.own, shape.image, shape.features, shape.classes, plan.facts)


@lru_cache(maxsize=32)
def blueprint(spec: ModelSpec, shape: Shape) -> Blueprint:
    """One network of `spec`, looked at; raises as `build_own`."""
    with drawn_by(0, CPU):
        module = _made(spec, shape)
    skeleton = _asked("copied", spec, lambda: skeleton_of(module))
    tensors = stacked_tensors([module])
    tensors = {name: tensor.clone() for name, tensor in tensors.items()}
    x = examples_of(shape, tensors)
    with drawn_by(0, CPU):
        _check_logits(spec, shape, module, x)
    # What is called is another one: modules keep what they please of a call.
    called, trained = skeleton_of(skeleton), list(tensors_of(skeleton)[0])
    computed = "computed over other parameters than its own"
    _asked(computed, spec, lambda: _check_state(spec, called, tensors, x))
    stacking = _asked("trained", spec, partial(tried, called, tensors, trained, x))
    return Blueprint(skeleton, tensors, stacking, _facts(module, stacking, x))


def _made(spec: ModelSpec, shape: Shape) -> nn.Module:
    """What the callable returns, of the global generators."""
    make = load(spec.name)
    given = {"image_shape": shape.image, "features": shape.features, "classes": shape.classes}
    module = _asked(
        "called with " + ", ".join(f"{key}={value}" for key, value in given.items()),
        spec,
        lambda: make(*given.values(), **spec.settings),
    )
    if not isinstance(module, nn.Module):
        kind = type(module).__name__
        raise _wrong(f"{spec.name} returned a {kind}, not a torch.nn.Module.")
    if any(is_lazy(p) for p in [*module.parameters(), *module.buffers()]):
        x = torch.zeros(2, *(shape.image or (shape.features,)))
        with torch.no_grad():
            _asked("given a batch", spec, lambda: module.eval()(x))
    if not any(p.is_floating_point() for p in module.parameters()):
        raise _wrong(f"The network of {spec.name} has no parameters to train.")
    return module


def _check_logits(spec: ModelSpec, shape: Shape, module: nn.Module, x: Tensor) -> None:
    for training in (False, True):
        mode = "in training" if training else "in evaluation"
        module.train(training)
        with torch.no_grad():
            logits = _asked(f"given a batch {list(x.shape)} {mode}", spec, lambda: module(x))
        wanted = (len(x), shape.classes)
        if not isinstance(logits, Tensor):
            kind = type(logits).__name__
            raise _wrong(f"The network of {spec.name} gives a {kind}, not a tensor of logits.")
        if tuple(logits.shape) != wanted or not logits.is_floating_point():
            raise _wrong(
                f"The network of {spec.name} gives {tuple(logits.shape)} ({logits.dtype}) for a"
                f" batch {list(x.shape)}; logits of {shape.classes} classes are {wanted}."
            )


def _check_state(
    spec: ModelSpec, skeleton: nn.Module, tensors: dict[str, Tensor], x: Tensor
) -> None:
    """Refuses what a checkpoint would not hold, and what has no outputs to measure from."""
    skeleton.train()
    before = _numbers(skeleton)
    states = [{name: t.clone() for name, t in tensors.items()} for _ in range(2)]
    with torch.no_grad():
        one, two = (apart(skeleton, state, x[None], [0]) for state in states)
    moved = next((name for name, value in _numbers(skeleton).items() if before[name] != value), "")
    if moved or not torch.equal(one.nan_to_num(), two.nan_to_num()):
        what = f"changes its {moved}" if moved else "remembers something from call to call"
        raise _wrong(
            f"The network of {spec.name} {what}, which no checkpoint would have: what it keeps must"
            " be a buffer (register_buffer)."
        )
    trained = tensors_of(skeleton)[0]
    kept = [name for name in tensors if name not in trained]
    if spec.output_scale is not None and any(
        not torch.equal(states[0][name], tensors[name]) for name in kept
    ):
        raise InvalidExperiment(
            "model.output_scale measures outputs from those before the first update, which running"
            f" statistics have none of; the network of {spec.name} keeps such.",
            "model.output_scale",
        )


def _numbers(module: nn.Module) -> dict[str, object]:
    """All plain numbers that the modules have as attributes, by dotted name."""
    return {
        f"{name}.{key}".lstrip("."): value
        for name, part in module.named_modules()
        for key, value in vars(part).items()
        if isinstance(value, int | float) and key != "training"
    }


def _facts(module: nn.Module, stacking: Stacking, x: Tensor) -> NetworkFacts:
    """Counted in one pass in evaluation mode."""
    put_out: list[int] = []
    work: list[int] = []

    def hook(part: nn.Module, _inputs: Any, output: Any) -> None:
        first = output[0] if isinstance(output, tuple) and output else output
        if not isinstance(first, Tensor) or not first.dim():
            return
        each = first.numel() // len(x)
        put_out.append(each)
        for name, weight in part.named_parameters(recurse=False):
            if weight.dim() > 1 and "weight" in name:
                # A layer's weights are used at every position; of units or channels it has `rows`.
                rows = first.shape[1] if isinstance(part, _ConvNd) else first.shape[-1]
                work.append(weight.numel() * each // max(1, rows))

    handles = [part.register_forward_hook(hook) for part in module.modules()]
    try:
        with torch.no_grad(), drawn_by(0, CPU):
            module.eval()(x)
    finally:
        for handle in handles:
            handle.remove()
    trained = tensors_of(module)[0]
    parameters = sum(p.numel() for p in trained.values())
    multiply_adds = sum(work) or parameters
    convolutional = any(isinstance(part, _ConvNd) for part in module.modules())
    large = multiply_adds > LARGE
    said = stacking.sentence()
    if large and convolutional and stacking.way != ONE_BY_ONE:
        said = "one after another, because convolutions of this size are slower side by side"
    widest = max([x[0].numel(), *put_out])
    return NetworkFacts(
        parameters=parameters,
        multiply_adds=multiply_adds,
        activations=max(widest, sum(put_out)),
        widest=widest,
        stacking=said,
        alone=large and (convolutional or stacking.way == ONE_BY_ONE),
    )


def _asked(what: str, spec: ModelSpec, work: Callable[[], T]) -> T:
    try:
        return work()
    except InvalidExperiment:
        raise
    except (Exception, SystemExit) as error:  # whatever the user's code does
        raise _wrong(f"{spec.name} failed when it was {what}: {told(error)}.") from error


def _wrong(sentence: str) -> InvalidExperiment:
    return InvalidExperiment(sentence, "model.name")
