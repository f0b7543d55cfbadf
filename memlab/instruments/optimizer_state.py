"""What of a `torch.optim` optimizer the edge of stability depends on."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from memlab.models.module_stack import PREFIX
from memlab.models.stacked import StackedModel
from memlab.training.optimizers import Descent


def rate_of(optimizer: torch.optim.Optimizer | None) -> float:
    """The learning rate, NaN where there are several, or none is known."""
    return _common(optimizer, "lr")


def descent_of(
    optimizer: torch.optim.Optimizer | None, model: nn.Module, stack: StackedModel
) -> Descent:
    """How the network `model`, of which `stack` is made, descends; as by SGD if that is unknown."""
    adam = isinstance(optimizer, torch.optim.Adam | torch.optim.AdamW)
    group: dict[str, Any] = optimizer.param_groups[0] if optimizer is not None else {}
    momentum = 0.0 if optimizer is None or adam else _momentum(optimizer)
    return Descent(
        name="adam" if adam else "sgd",
        nesterov=bool(group.get("nesterov", False)),
        momenta=torch.tensor([momentum]),
        beta1=torch.tensor([group["betas"][0] if adam else 0.0]),
        preconditioner=lambda: _preconditioner(optimizer, model, stack) if adam else None,
    )


def _momentum(optimizer: torch.optim.Optimizer) -> float:
    return _common(optimizer, "momentum") if isinstance(optimizer, torch.optim.SGD) else math.nan


def _common(optimizer: torch.optim.Optimizer | None, name: str) -> float:
    if optimizer is None:
        return math.nan
    found = {float(group[name]) for group in optimizer.param_groups if name in group}
    return found.pop() if len(found) == 1 else math.nan


def _preconditioner(
    optimizer: torch.optim.Optimizer | None, model: nn.Module, stack: StackedModel
) -> list[Tensor] | None:
    """As `StackOptimizer.preconditioner`; None before the first step of all parameters."""
    assert optimizer is not None
    own = dict(model.named_parameters())
    groups = {id(p): group for group in optimizer.param_groups for p in group["params"]}
    found = []
    for name, values in stack.named_parameters():
        parameter = own.get(name.removeprefix(PREFIX))
        state = {} if parameter is None else optimizer.state.get(parameter, {})
        if parameter is None or "exp_avg_sq" not in state:
            return None
        group = groups[id(parameter)]
        beta1, beta2 = group["betas"]
        steps = float(state["step"])
        root = state["exp_avg_sq"].double().div(1 - beta2**steps).sqrt()
        divisor = root.add(group["eps"]).mul(1 - beta1**steps)
        found.append(divisor.to(values.dtype)[None])
    return found
