"""How fast curvature is measured, against PyHessian, against curvlinops with SciPy, and in stacks.

Every side makes what it needs from the same trained networks and the same data, building its
operator included. References are imported late; one that is not installed gives no row. "λ₁ to 1 %"
is Lanczos to a residual of 1 %, and PyHessian's power iteration at the loosest of its tolerances
between iterations (0.1 %, its default, 0.01 % …) that truly comes within 1 % here, which favours
it, as no user could know; "five leading" runs both Lanczos methods to the same relative residual.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from math import prod

import numpy as np
import torch
from torch import Tensor, nn

from memlab.bench.timing import Row, row, seconds
from memlab.experiment.keys import key
from memlab.experiment.material_spec import ModelSpec
from memlab.instruments.hessian_product import hessian_product, mean_gradient
from memlab.instruments.lanczos import Leading, leading_eigenvalues, starting_vectors
from memlab.instruments.parameter_vectors import space_of, split_vectors
from memlab.models import StackedModel, build

CLASSES = 10
RESIDUAL = 1e-3
ROUGH = 1e-2


@dataclass(frozen=True)
class CurvatureCase:
    """Networks after some steps of gradient descent on clusters of Gaussian inputs."""

    name: str
    spec: ModelSpec
    image: tuple[int, int, int]
    examples: int
    members: int = 1


LARGE = CurvatureCase("mlp 784-256-256-10", ModelSpec(name="mlp"), (1, 28, 28), 512)
CONVOLUTIONAL = CurvatureCase(
    "cnn of 16 filters", ModelSpec(name="cnn", width=16), (1, 14, 14), 256
)
SMALL = tuple(
    CurvatureCase(f"mlp 64-{w}-{w}-10", ModelSpec(name="mlp", width=w), (1, 8, 8), examples, 18)
    for w, examples in ((16, 128), (32, 256), (64, 512))
)


@dataclass(frozen=True)
class Prepared:
    """A case's trained stack, its data, and each member as a stack of one."""

    model: StackedModel
    x: Tensor
    y: Tensor
    alone: list[StackedModel]


def prepare(case: CurvatureCase, device: torch.device, steps: int = 40) -> Prepared:
    """Draws and trains the case's networks; the same every time."""
    y = key(0, "bench labels").integers(0, CLASSES, (case.members, case.examples))
    centres = key(0, "bench centres").standard_normal((CLASSES, *case.image))
    noise = key(0, "bench noise").standard_normal((1, case.examples, *case.image))
    x = torch.from_numpy(0.3 * centres[y[:1]] + noise).float().to(device)
    labels = torch.from_numpy(y).to(device)
    model = build(
        case.spec,
        members=case.members,
        image_shape=case.image,
        features=prod(case.image),
        classes=CLASSES,
    ).to(device)
    model.initialize([key(m, "bench init") for m in range(case.members)])
    shapes = [parameter.shape for parameter in model.parameters()]
    for _ in range(steps):
        gradient = split_vectors(mean_gradient(model, x, labels), shapes)
        with torch.no_grad():
            for parameter, part in zip(model.parameters(), gradient, strict=True):
                parameter.add_(part, alpha=-0.1)
    return Prepared(model, x, labels, [model.select([m]) for m in range(case.members)])


def lanczos(model: StackedModel, x: Tensor, y: Tensor, count: int, tolerance: float) -> Leading:
    """Ours, to relative residuals of `tolerance`."""
    generators = [key(m, "bench start") for m in range(model.members)]
    product = hessian_product(model, x, y, chunk=y.shape[1])
    start = starting_vectors(space_of(model), generators)
    return leading_eigenvalues(
        product, start, generators, count, tolerance=tolerance, max_products=1000
    )


def one_after_another(made: Prepared) -> None:
    """Ours, member by member."""
    for member, model in enumerate(made.alone):
        lanczos(model, made.x, made.y[member : member + 1], 1, ROUGH)


class _Alone(nn.Module):
    """A stack of one as the ordinary network that the references know."""

    def __init__(self, model: StackedModel) -> None:
        super().__init__()
        self.inner = model

    def forward(self, inputs: Tensor) -> Tensor:
        """`[batch, …]` → `[batch, classes]`."""
        logits: Tensor = self.inner(inputs[None])
        return logits[0]


def power_iteration(made: Prepared, tolerance: float = 1e-3) -> float:
    """λ₁ by PyHessian's power iteration, to `tolerance` between iterations.

    Raises:
        ImportError: if PyHessian is not installed.
    """
    hessian = import_module("pyhessian").hessian

    made.model.zero_grad(set_to_none=True)
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = hessian(
            _Alone(made.model),
            nn.CrossEntropyLoss(),
            data=(made.x[0], made.y[0]),
            cuda=made.x.is_cuda,
        )
        values, _ = found.eigenvalues(maxIter=1000, tol=tolerance)
    made.model.zero_grad(set_to_none=True)
    return float(values[0])


def loosest_tolerance(made: Prepared) -> float | None:
    """The loosest of 10⁻³, 10⁻⁴ … with which PyHessian is right to 1 %; None without PyHessian."""
    exact = float(lanczos(made.model, made.x, made.y, 1, 1e-4).values[0, 0])
    for exponent in (3, 4, 5):
        try:
            found = power_iteration(made, 10.0**-exponent)
        except ImportError:
            return None
        if abs(found / exact - 1) < 0.01:
            break
    return float(10.0**-exponent)


def arpack(made: Prepared, count: int) -> np.ndarray:
    """The leading eigenvalues by curvlinops' operator and SciPy's `eigsh`, to `RESIDUAL`.

    Raises:
        ImportError: if curvlinops or SciPy is not installed.
    """
    make = import_module("curvlinops").HessianLinearOperator
    from scipy.sparse.linalg import eigsh

    alone = _Alone(made.model)
    operator = make(
        alone,
        nn.CrossEntropyLoss(),
        list(alone.parameters()),
        [(made.x[0], made.y[0])],
        check_deterministic=False,
    )
    start = key(0, "bench start").standard_normal(operator.shape[0])
    values, _ = eigsh(operator.to_scipy(), k=count, which="LA", tol=RESIDUAL, v0=start)
    return np.sort(values)[::-1]


@dataclass(frozen=True)
class Comparison:
    """A row: ours and a reference, both to be timed."""

    case: str
    ours: Callable[[], object]
    reference: Callable[[], object]


def comparisons(device: torch.device) -> list[Comparison]:
    """All rows whose references are installed."""
    rows: list[Comparison] = []
    for case in (LARGE, CONVOLUTIONAL):
        made = prepare(case, device)
        tolerance = loosest_tolerance(made) or 0.0
        rows += [
            Comparison(
                f"λ₁ to 1 %, {case.name}: PyHessian at {tolerance:g}",
                lambda made=made: lanczos(made.model, made.x, made.y, 1, ROUGH),  # type: ignore[misc]
                lambda made=made, tolerance=tolerance: power_iteration(made, tolerance),  # type: ignore[misc]
            ),
            Comparison(
                f"five leading, {case.name}: curvlinops with eigsh",
                lambda made=made: lanczos(made.model, made.x, made.y, 5, RESIDUAL),  # type: ignore[misc]
                lambda made=made: arpack(made, 5),  # type: ignore[misc]
            ),
        ]
    for case in SMALL:
        made = prepare(case, device)
        rows.append(
            Comparison(
                f"λ₁ to 1 %, {case.members} × {case.name}: one after another",
                lambda made=made: lanczos(made.model, made.x, made.y, 1, ROUGH),  # type: ignore[misc]
                lambda made=made: one_after_another(made),  # type: ignore[misc]
            )
        )
    return [row for row in rows if _installed(row)]


def _installed(row: Comparison) -> bool:
    try:
        row.reference()
    except ImportError:
        return False
    return True


def rows(repetitions: int, device: torch.device) -> list[Row]:
    """Rows of the bench table: medians in seconds, ratio > 1 where ours is faster."""
    made: list[Row] = []
    for compared in comparisons(device):
        compared.ours()
        pairs = [
            (seconds(compared.ours, device), seconds(compared.reference, device))
            for _ in range(repetitions)
        ]
        ours, theirs = zip(*pairs, strict=True)
        made.append(row(compared.case, ours, theirs, "s"))
    return made
