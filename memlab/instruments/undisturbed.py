"""Calling a network that is not ours: it changes nothing global, and nothing global changes it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.overrides import TorchFunctionMode

from memlab.models.module_calls import copied, logits_of
from memlab.models.module_stack import ModuleStack


class _TwiceDifferentiable(TorchFunctionMode):
    """Writes out what PyTorch differentiates once only."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        if func is F.hardsigmoid:
            return F.relu6(args[0] + 3) / 6
        return func(*args, **(kwargs or {}))


@contextmanager
def full_float32() -> Iterator[None]:
    """Inside, products of float32 are not rounded to TF32, as convolutions on a GPU else are.

    Torch has an older and a newer switch for it, and raises where only the other one was used.
    """
    matmul: Any = torch.backends.cuda.matmul
    cudnn: Any = torch.backends.cudnn
    parts = [matmul, getattr(cudnn, "conv", None), getattr(cudnn, "rnn", None)]
    newer = [part for part in parts if hasattr(part, "fp32_precision")]
    with ExitStack() as stack:
        for part in newer:  # the older switches move these too
            stack.callback(setattr, part, "fp32_precision", part.fp32_precision)
        for older in (matmul, cudnn):
            with suppress(RuntimeError):
                stack.callback(setattr, older, "allow_tf32", older.allow_tf32)
                older.allow_tf32 = False
        for part in newer:
            part.fp32_precision = "ieee"
        yield


@contextmanager
def undisturbed(device: torch.device, differentiable: bool = False) -> Iterator[None]:
    """Inside, gradients are on; autocast, TF32 and fused ways past the layers are off.

    Torch's generators are afterwards where they were. `differentiable` attention can be
    differentiated twice, forwards, and under vmap.
    """
    devices = [device] if device.type == "cuda" else []
    fused = torch.backends.mha.get_fastpath_enabled()
    with ExitStack() as stack:
        stack.enter_context(torch.random.fork_rng(devices))
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        stack.enter_context(torch.autocast(device.type, enabled=False))
        stack.enter_context(warnings.catch_warnings())
        warnings.filterwarnings("ignore", "There is a performance drop")
        if device.type == "cuda":
            stack.enter_context(full_float32())
        if differentiable:
            stack.enter_context(sdpa_kernel(SDPBackend.MATH))
            stack.enter_context(_TwiceDifferentiable())
        torch.backends.mha.set_fastpath_enabled(False)
        try:
            yield
        finally:
            torch.backends.mha.set_fastpath_enabled(fused)


@dataclass(frozen=True)
class _Made:
    """A member as a module, where its parameters lie, and who holds its buffers by which name."""

    network: nn.Module
    places: list[int]
    buffers: list[tuple[str, nn.Module, str]]


_MEMBERS: WeakKeyDictionary[ModuleStack, dict[int, _Made]] = WeakKeyDictionary()


def bare_member(model: ModuleStack, m: int) -> nn.Module:
    """Member m as `bare_copy` gives it, made once as long as its parameters lie where they do."""
    tensors = model.tensors()
    places = [tensor[m].data_ptr() for tensor in tensors.values()]
    made = _MEMBERS.setdefault(model, {})
    if m not in made or made[m].places != places:
        network = _with_own_gradients(model.member(m))
        parts = dict(network.named_modules())
        names = [(name, *name.rpartition(".")[::2]) for name, _ in network.named_buffers()]
        made[m] = _Made(network, places, [(name, parts[o], leaf) for name, o, leaf in names])
    for name, holder, leaf in made[m].buffers:
        holder._buffers[leaf] = tensors[name][m].detach().clone()
    return made[m].network


def bare_copy(module: nn.Module) -> nn.Module:
    """A copy in evaluation mode over the same parameters, without the user's hooks.

    Buffers are its own, so that a network that writes into them changes nobody's.
    """

    def replaced(tensor: Tensor) -> Tensor:
        own = tensor.detach()
        return own if isinstance(tensor, nn.Parameter) else own.clone()

    return _with_own_gradients(copied(module, replaced, hooks=False).eval())


def _with_own_gradients(network: nn.Module) -> nn.Module:
    """With recurrent layers past cuDNN, which goes back through them in training mode only."""
    for layer in network.modules():
        if isinstance(layer, nn.RNNBase):
            layer.forward = partial(_past_cudnn, layer)
    return network


def _past_cudnn(layer: nn.RNNBase, *arguments: Any, **named: Any) -> Any:
    if not next(layer.parameters()).is_cuda:
        return type(layer).forward(layer, *arguments, **named)
    with torch.backends.cudnn.flags(enabled=False):
        return type(layer).forward(layer, *arguments, **named)


def called(network: nn.Module, x: Tensor, instead: Mapping[str, Tensor] | None = None) -> Tensor:
    """Logits `[n, classes]`, with the parameters named in `instead` replaced."""
    return logits_of(functional_call(network, dict(instead), (x,)) if instead else network(x))
