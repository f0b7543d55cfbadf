"""Products through kept graphs, against torch.func's; and that the compiler stays outside."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.func import grad, jvp, vjp

from memlab import child
from memlab.experiment.instruments import DEFAULT
from memlab.instruments.kept_graphs import KeptGradient, KeptJacobian, gradient_of
from memlab.runs.run import Run
from memlab.runs.run_folder import RunFolder

Values = tuple[Tensor, ...]


def values(seed: int) -> Values:
    drawn = torch.Generator().manual_seed(seed)
    shapes = ((4, 3), (3,), (2,))
    return tuple(torch.randn(s, generator=drawn, dtype=torch.float64) for s in shapes)


def output(parameters: Values) -> Tensor:
    """Nonlinear in the first two; the third is not used."""
    weight, bias, _ = parameters
    return torch.tanh(weight @ bias.exp() + bias.sum())


def loss(parameters: Values) -> Tensor:
    return output(parameters).square().sum()


def close(found: object, expected: Values) -> None:
    for one, other in zip(found, expected, strict=True):  # type: ignore[call-overload]
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


def test_gradient_and_products_are_those_of_torch_func() -> None:
    at, along, back = values(0), values(1), torch.randn(4, dtype=torch.float64)
    close(gradient_of(loss, at), grad(loss)(at))
    kept = KeptGradient(loss, at)
    expected = jvp(grad(loss), (at,), (along,))[1]
    for _ in range(2):
        close(kept.product(along), expected)
    jacobian = KeptJacobian(output, at)
    torch.testing.assert_close(jacobian.pushed(along), jvp(output, (at,), (along,))[1])
    close(jacobian.pulled(back), vjp(output, at)[1](back)[0])
    assert all(not value.requires_grad for value in at)


def test_a_loss_that_is_linear_has_no_curvature_and_gradients_are_on_whatever_is_outside() -> None:
    at = values(0)
    with torch.no_grad():
        kept = KeptGradient(lambda p: p[0].sum(), at)
    close(kept.product(values(1)), tuple(torch.zeros_like(value) for value in at))


def test_what_has_no_second_derivative_raises() -> None:
    with pytest.raises(RuntimeError):
        KeptGradient(lambda p: torch.nn.functional.hardsigmoid(p[0]).sum(), values(0)).product(
            values(1)
        )


SCRIPT = """
import sys
from pathlib import Path
import memlab.worker.__main__ as worker
from memlab.runs import run_folder
from tests.instruments.test_kept_graphs import TREE
folder, lock = run_folder.create(Path(sys.argv[1]), "imports", TREE, {"requested_device": "cpu"})
lock.close()
sys.argv = ["worker", str(folder.path)]
status = worker.main()
heavy = ("torch._dynamo", "torch._inductor", "sympy")
print(status, *[name for name in heavy if name in sys.modules])
"""
#: Every instrument of `default` once.
TREE = """
[dataset]
name = "digits"
train = 60
[model]
width = 8
[optimizer]
batch_size = 20
[stop]
epochs = 2
[instruments]
on = ["default"]
cadence = 1.0
"""


def test_a_worker_with_the_default_instruments_never_imports_the_compiler(tmp_path: Path) -> None:
    done = child.run(["-c", SCRIPT, str(tmp_path)])
    assert done.stdout.splitlines()[-1] == "0", done.stdout + done.stderr
    view = Run(RunFolder(next(tmp_path.iterdir()))).view
    measured = {name.split("-000")[0].removeprefix("instrument-") for name in view.tables}
    assert {*DEFAULT} <= measured
