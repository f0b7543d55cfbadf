"""The stacked optimizers against torch.optim, member by member."""

from __future__ import annotations

import pytest
import torch

from memlab.training.optimizers import Hyperparameters, StackOptimizer

MEMBERS = 3
CASES = [
    ("sgd", False, {}),
    ("sgd", False, {"weight_decay": [0.0, 0.1, 0.3]}),
    ("sgd", False, {"momentum": [0.0, 0.5, 0.9], "weight_decay": [0.01, 0.0, 0.2]}),
    ("sgd", True, {"momentum": [0.3, 0.9, 0.99]}),
    ("adam", False, {"weight_decay": [0.0, 0.1, 0.3], "beta1": [0.9, 0.5, 0.0]}),
    ("adam", False, {"beta2": [0.9, 0.99, 0.999], "epsilon": [1e-8, 1e-3, 0.1]}),
    ("adamw", False, {"weight_decay": [0.0, 0.1, 0.3], "beta1": [0.9, 0.5, 0.8]}),
]
DEFAULTS = {"momentum": 0.0, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "weight_decay": 0.0}


def reference(name: str, nesterov: bool, p: torch.nn.Parameter, lr: float, **h: float):
    if name == "sgd":
        return torch.optim.SGD(
            [p], lr, momentum=h["momentum"], weight_decay=h["weight_decay"], nesterov=nesterov
        )
    kind = torch.optim.Adam if name == "adam" else torch.optim.AdamW
    return kind([p], lr, (h["beta1"], h["beta2"]), h["epsilon"], h["weight_decay"])


@pytest.mark.parametrize(("name", "nesterov", "given"), CASES)
def test_each_member_moves_as_torch_optim_moves_it_over_50_steps(name, nesterov, given):
    generator = torch.Generator().manual_seed(1)
    start = torch.randn(MEMBERS, 5, 4, generator=generator, dtype=torch.float64)
    target = torch.randn(MEMBERS, 5, 4, generator=generator, dtype=torch.float64)
    rates = torch.tensor([0.05, 0.01, 0.1], dtype=torch.float64)
    values = {k: given.get(k, [v] * MEMBERS) for k, v in DEFAULTS.items()}
    vectors = Hyperparameters(
        **{k: torch.tensor(v, dtype=torch.float64) for k, v in values.items()},
        moves=any(values["momentum"]),
        decays=any(values["weight_decay"]),
    )
    ours = start.clone()
    optimizer = StackOptimizer(name, nesterov, [ours], vectors)
    alone = [torch.nn.Parameter(start[m].clone()) for m in range(MEMBERS)]
    theirs = [
        reference(name, nesterov, p, float(rates[m]), **{k: v[m] for k, v in values.items()})
        for m, p in enumerate(alone)
    ]
    for step in range(50):
        factor = 0.5 if step >= 25 else 1.0
        optimizer.step([torch.sin(ours - target) + (ours - target)], rates * factor)
        for m, (p, other) in enumerate(zip(alone, theirs, strict=True)):
            other.param_groups[0]["lr"] = float(rates[m]) * factor
            p.grad = torch.sin(p.detach() - target[m]) + (p.detach() - target[m])
            other.step()
    torch.testing.assert_close(ours, torch.stack([p.detach() for p in alone]), rtol=1e-9, atol=1e-9)


def test_selected_members_go_on_as_they_would_have():
    each = (torch.full((MEMBERS,), v) for v in (0.9, 0.9, 0.999, 1e-8, 0.1))
    vectors = Hyperparameters(*each, moves=True, decays=True)
    both = [torch.ones(MEMBERS, 3), torch.ones(MEMBERS, 3)]
    whole = StackOptimizer("adam", False, [both[0]], vectors)
    other = StackOptimizer("adam", False, [both[1]], vectors)
    rates = torch.tensor([0.1, 0.2, 0.3])
    gradient = torch.arange(9.0).view(3, 3)
    for optimizer in (whole, other):
        optimizer.step([gradient], rates)
    keep = torch.tensor([0, 2])
    rest = both[1][keep].clone()
    chosen = other.select(keep, [rest])
    whole.step([gradient], rates)
    chosen.step([gradient[keep]], rates[keep])
    torch.testing.assert_close(rest, both[0][keep], rtol=0, atol=0)
