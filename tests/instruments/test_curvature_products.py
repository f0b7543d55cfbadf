"""Hessian and Gauss-Newton products against dense matrices and closed forms."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.func import functional_call, hessian, jacrev

from memlab.experiment.keys import key
from memlab.experiment.material_spec import ModelSpec
from memlab.instruments.ggn_product import generic_ggn_product, ggn_product
from memlab.instruments.hessian_product import (
    generic_hessian_product,
    hessian_product,
    mean_gradient,
)
from memlab.instruments.parameter_vectors import (
    random_vectors,
    space_of,
    split_vectors,
)
from memlab.models.stacked import StackedModel
from memlab.training.loss import example_losses
from tests.instruments.curvature_cases import (
    curvlinops_operator,
    dense_hessian,
    matrix_of,
    sample,
    stack,
)

ACTIVATIONS = ("relu", "tanh", "gelu", "sigmoid")
LOSSES = ("cross-entropy", "squared")


def close(a: Tensor, b: Tensor, relative: float = 1e-10) -> None:
    assert float((a - b).abs().max()) <= relative * float(b.abs().max())


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_written_out_product_is_the_dense_hessian(activation: str, loss: str) -> None:
    model = stack(ModelSpec(name="mlp", width=4, depth=2, activation=activation), members=2)
    x, y = sample(model, count=7)
    dense = dense_hessian(model, x, y, loss)
    close(matrix_of(hessian_product(model, x, y, loss), model), dense)
    close(matrix_of(hessian_product(model, x, y, loss, chunk=3), model), dense)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_label_smoothing_enters_the_hessian(activation: str) -> None:
    model = stack(ModelSpec(name="mlp", width=3, depth=2, activation=activation), members=2)
    x, y = sample(model, count=5)
    smoothing = torch.tensor([0.0, 0.3], dtype=torch.float64)
    product = hessian_product(model, x, y, smoothing=smoothing)
    dense = dense_hessian(model, x, y, "cross-entropy", smoothing)
    close(matrix_of(product, model), dense)
    close(matrix_of(product.select([1]), model.select([1])), dense[1:])


@pytest.mark.parametrize("chunk", [100, 3])
@pytest.mark.parametrize(
    ("name", "normalization", "activation"),
    [
        ("linear", None, "relu"),
        ("mlp", "none", "gelu"),
        ("mlp", "batch", "tanh"),
        ("mlp", "layer", "relu"),
    ],
)
def test_generic_product_is_the_dense_hessian(
    name: str, normalization: str | None, activation: str, chunk: int
) -> None:
    spec = ModelSpec(name=name, width=3, normalization=normalization, activation=activation)
    model = stack(spec, members=2)
    x, y = sample(model, count=5)
    product = generic_hessian_product(model, x, y, chunk=chunk)
    close(matrix_of(product, model), dense_hessian(model, x, y, "cross-entropy"))


@pytest.mark.parametrize(
    ("name", "normalization"),
    [
        ("cnn", "none"),
        ("cnn", "batch"),
        ("alexnet-small", None),
        ("resnet20", "layer"),
        ("wrn16-4", "group"),
    ],
)
def test_convolutional_product_is_the_double_backward_one(name: str, normalization: str) -> None:
    model = stack(ModelSpec(name=name, width=8, normalization=normalization), members=2)
    x, y = sample(model, count=4, shared=False)
    vectors = random_vectors(space_of(model), [key(m, "v") for m in range(2)], "normal")
    parameters = list(model.parameters())
    losses = example_losses("cross-entropy", model(x), y).mean(1).sum()
    gradients = torch.autograd.grad(losses, parameters, create_graph=True)
    flat = torch.cat([g.flatten(1) for g in gradients], 1)
    products = torch.autograd.grad((flat * vectors).sum(), parameters)
    expected = torch.cat([p.flatten(1) for p in products], 1)
    close(hessian_product(model, x, y)(vectors), expected, 1e-9)
    close(hessian_product(model, x, y, chunk=3)(vectors), expected, 1e-9)


def test_product_without_scale_is_the_difference_of_gradients() -> None:
    model = stack(ModelSpec(name="inception-small", width=8, activation="tanh"), members=2)
    x, y = sample(model, count=4, shared=False)
    v = random_vectors(space_of(model), [key(m, "v") for m in range(2)], "normal")
    found = hessian_product(model, x, y)(v)
    step = 1e-6
    ends = []
    for sign in (1, -2):
        with torch.no_grad():
            shapes = [p.shape for p in model.parameters()]
            for p, part in zip(model.parameters(), split_vectors(v, shapes), strict=True):
                p.add_(part, alpha=sign * step)
        ends.append(mean_gradient(model, x, y))
    close(found, (ends[0] - ends[1]) / (2 * step), 1e-5)


def dense_ggn(model: StackedModel, x: Tensor, y: Tensor, loss: str) -> Tensor:
    """Jᵀ H J per member by `jacrev` and `hessian`."""
    made = []
    for member in range(model.members):
        alone = model.select([member])
        values = {name: p.detach() for name, p in alone.named_parameters()}
        part = x if x.shape[0] == 1 else x[member : member + 1]
        jacobian = jacrev(lambda v, alone=alone, part=part: functional_call(alone, v, (part,))[0])(
            values
        )
        flat = torch.cat([j.flatten(2) for j in jacobian.values()], 2)
        logits = alone(part).detach()[0]
        total = torch.zeros(flat.shape[2], flat.shape[2], dtype=flat.dtype)
        for example, j in enumerate(flat):
            label = y[member : member + 1, example : example + 1]
            curve = hessian(
                lambda z, label=label: example_losses(loss, z[None, None], label).sum()
            )(logits[example])
            total += j.T @ curve @ j
        made.append(total / len(flat))
    return torch.stack(made)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_ggn_products_are_the_dense_matrix(activation: str, loss: str) -> None:
    model = stack(ModelSpec(name="mlp", width=3, depth=2, activation=activation), members=2)
    x, y = sample(model, count=5)
    dense = dense_ggn(model, x, y, loss)
    for chunk in (100, 3):
        for product in (ggn_product, generic_ggn_product):
            close(matrix_of(product(model, x, y, loss, chunk=chunk), model), dense)
    assert float(torch.linalg.eigvalsh(dense).min()) > -1e-12


@pytest.mark.parametrize("product", [ggn_product, generic_ggn_product])
def test_ggn_is_the_hessian_of_linear_regression_which_is_its_second_moment(product) -> None:  # type: ignore[no-untyped-def]
    model = stack(ModelSpec(name="linear"), members=3)
    x, y = sample(model, count=6)
    made = matrix_of(product(model, x, y, "squared"), model)
    close(made, matrix_of(hessian_product(model, x, y, "squared"), model))
    ones = torch.cat([x.flatten(2)[0], torch.ones(6, 1, dtype=x.dtype)], 1)
    close(made[1], torch.kron(ones.T @ ones / 6, torch.eye(model.shape.classes, dtype=x.dtype)))


def test_logistic_regression_has_its_closed_form() -> None:
    model = stack(ModelSpec(name="linear"), members=2)
    x, y = sample(model, count=6)
    p = torch.softmax(model(x).detach(), -1)[1]
    ones = torch.cat([x.flatten(2)[0], torch.ones(6, 1, dtype=x.dtype)], 1)
    blocks = [
        torch.kron(row[:, None] * row[None], torch.diag(q) - q[:, None] * q[None])
        for row, q in zip(ones, p, strict=True)
    ]
    close(matrix_of(hessian_product(model, x, y), model)[1], torch.stack(blocks).mean(0))


@pytest.mark.parametrize("name", ["mlp", "cnn"])
@pytest.mark.parametrize("make", [hessian_product, ggn_product])
def test_stack_equals_members_alone(make, name: str) -> None:  # type: ignore[no-untyped-def]
    model = stack(ModelSpec(name=name, width=4), members=3)
    x, y = sample(model, count=5, shared=False)
    vectors = random_vectors(space_of(model), [key(m, "v") for m in range(3)], "normal")
    together = make(model, x, y)(vectors)
    for m in range(3):
        alone = make(model.select([m]), x[m : m + 1], y[m : m + 1])(vectors[m : m + 1])
        close(together[m : m + 1], alone)
    close(make(model, x, y).select([2, 0])(vectors[[2, 0]]), together[[2, 0]])


def test_gradient_is_autograds() -> None:
    model = stack(ModelSpec(name="mlp", width=4), members=2)
    x, y = sample(model, count=5)
    losses = example_losses("cross-entropy", model(x), y).mean(1).sum()
    gradients = torch.autograd.grad(losses, list(model.parameters()))
    close(mean_gradient(model, x, y), torch.cat([g.flatten(1) for g in gradients], 1))


@pytest.mark.parametrize("name", ["mlp", "cnn"])
@pytest.mark.parametrize("kind", ["hessian", "ggn"])
def test_products_agree_with_curvlinops(kind: str, name: str) -> None:
    model = stack(ModelSpec(name=name, width=4), members=1)
    x, y = sample(model, count=6)
    vectors = random_vectors(space_of(model), [key(0, "v")], "normal")
    ours = {"hessian": hessian_product, "ggn": ggn_product}[kind](model, x, y)(vectors)
    operator = curvlinops_operator(kind, model, x, y)
    close(ours, (operator @ vectors[0])[None], 1e-9)


def test_a_product_leaves_torchs_generator_and_the_model_alone() -> None:
    model = stack(ModelSpec(name="cnn", width=4, normalization="batch"), members=2)
    x, y = sample(model, count=5)
    before = {name: t.clone() for name, t in model.state_dict().items()}
    state = torch.get_rng_state()
    hessian_product(model, x, y)(
        random_vectors(space_of(model), [key(m, "v") for m in range(2)], "signs")
    )
    assert torch.equal(torch.get_rng_state(), state)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name])


def test_float32_products_agree_with_float64() -> None:
    spec = ModelSpec(name="mlp", width=16, activation="gelu")
    model = stack(spec, members=2)
    x, y = sample(model, count=20)
    vectors = random_vectors(space_of(model), [key(m, "v") for m in range(2)], "normal")
    exact = hessian_product(model, x, y)(vectors)
    rough = hessian_product(model.float(), x.float(), y)(vectors.float())
    close(rough.double(), exact, 1e-5)
