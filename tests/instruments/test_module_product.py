"""Curvature of ordinary modules against dense matrices, double backward and curvlinops."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch.autograd.functional import hessian as dense_hessian
from torch.autograd.functional import jacobian as dense_jacobian
from torch.func import functional_call, hessian
from torch.nn.attention import SDPBackend, sdpa_kernel

from memlab.instruments import module_product
from memlab.instruments.ggn_product import ggn_product
from memlab.instruments.hessian_product import hessian_product, mean_gradient
from memlab.instruments.parameter_vectors import space_of
from memlab.instruments.undisturbed import undisturbed
from memlab.models.module_stack import ModuleStack
from memlab.models.stacked import Shape
from tests.instruments.module_cases import CASES, CLASSES

EXAMPLES = 4


def stack(*networks: nn.Module) -> ModuleStack:
    return ModuleStack.of(networks, Shape(None, 1, CLASSES), way="one-by-one")


def close(found: Tensor, expected: Tensor, relative: float = 1e-10) -> None:
    assert float((found - expected).abs().max()) <= relative * float(expected.abs().max())


def example_loss(loss: str, logits: Tensor, y: Tensor) -> Tensor:
    if loss == "cross-entropy":
        return F.cross_entropy(logits, y)
    return 0.5 * (logits - F.one_hot(y, logits.shape[1])).square().sum(1).mean()


def flat_call(network: nn.Module, x: Tensor):  # type: ignore[no-untyped-def]
    named = dict(network.named_parameters())

    def call(flat: Tensor) -> Tensor:
        pieces = flat.split([p.numel() for p in named.values()])
        values = {n: v.view(p.shape) for (n, p), v in zip(named.items(), pieces, strict=True)}
        return functional_call(network, values, (x,))

    return call, torch.cat([p.detach().flatten() for p in named.values()])


def assert_products(product, dense: Tensor) -> None:  # type: ignore[no-untyped-def]
    """A random vector has a part along each direction."""
    for _ in range(2):
        vector = torch.randn(1, len(dense), dtype=torch.float64)
        close(product(vector)[0], dense @ vector[0])


@pytest.mark.parametrize(
    ("name", "loss"),
    [
        ("linear-and-norms", "cross-entropy"),
        ("convolutions-1d", "squared"),
        ("attention-crossed", "cross-entropy"),
        ("tied", "squared"),
    ],
)
def test_products_are_the_dense_matrices(
    name: str, loss: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = CASES[name].network().eval()
    x, y = CASES[name].data(3)
    model = stack(network)
    call, flat = flat_call(network, x)
    # torch.func.hessian is wrong where there is a LayerNorm (PyTorch 2.14)
    with sdpa_kernel(SDPBackend.MATH):
        dense = dense_hessian(lambda v: example_loss(loss, call(v), y), flat)
    gauss_newton = _ggn(call, flat, y, loss)
    assert_products(hessian_product(model, x[None], y[None], loss), dense)
    assert_products(ggn_product(model, x[None], y[None], loss), gauss_newton)
    monkeypatch.setattr(module_product, "KEPT_AT_ONCE", 1)
    assert_products(hessian_product(model, x[None], y[None], loss), dense)
    assert_products(ggn_product(model, x[None], y[None], loss), gauss_newton)


def _ggn(call, flat: Tensor, y: Tensor, loss: str) -> Tensor:  # type: ignore[no-untyped-def]
    with sdpa_kernel(SDPBackend.MATH):
        jacobian, logits = dense_jacobian(call, flat), call(flat)
    total = torch.zeros(len(flat), len(flat), dtype=flat.dtype)
    for j, z, label in zip(jacobian, logits, y, strict=True):
        curve = hessian(lambda v, label=label: example_loss(loss, v[None], label[None]))(z)
        total += j.T @ curve @ j
    return total / len(y)


def without_padding(network: nn.Module, tensors: list[Tensor]) -> Tensor:
    """A vector of all parameters; what is not trained has no part in the matrix."""
    places = {id(p): i for i, p in enumerate(network.parameters())}
    for table in network.modules():
        if isinstance(table, nn.Embedding) and table.padding_idx is not None:
            where = places[id(table.weight)]
            tensors[where] = tensors[where].clone()
            tensors[where][table.padding_idx] = 0
    return torch.cat([tensor.flatten() for tensor in tensors])


def double_backward(network: nn.Module, x: Tensor, y: Tensor, vector: Tensor) -> Tensor:
    parameters = list(network.parameters())
    sizes = [p.numel() for p in parameters]
    pairs = zip(vector.split(sizes), parameters, strict=True)
    vector = without_padding(network, [v.view(p.shape) for v, p in pairs])
    pairs = zip(vector.split(sizes), parameters, strict=True)
    along = [v.view(p.shape) for v, p in pairs]
    with undisturbed(torch.device("cpu"), differentiable=True):
        loss = F.cross_entropy(network(x), y)
        gradients = torch.autograd.grad(loss, parameters, create_graph=True, materialize_grads=True)
        found = torch.autograd.grad(gradients, parameters, along, materialize_grads=True)
    return without_padding(network, list(found))


@pytest.mark.parametrize("name", CASES)
def test_products_are_double_backward_whole_and_in_chunks(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = CASES[name].network().eval()
    x, y = CASES[name].data(EXAMPLES)
    model = stack(network)
    vector = torch.randn(1, space_of(model).size, dtype=torch.float64)
    expected = double_backward(network, x, y, vector[0])
    close(hessian_product(model, x[None], y[None])(vector)[0], expected)
    gauss = ggn_product(model, x[None], y[None])(vector)[0]
    monkeypatch.setattr(module_product, "KEPT_AT_ONCE", 1)
    notes: list[str] = []
    close(hessian_product(model, x[None], y[None], notes=notes)(vector)[0], expected)
    close(ggn_product(model, x[None], y[None], notes=notes)(vector)[0], gauss)
    assert not notes


def test_the_matrix_is_symmetric_where_tokens_are_padding() -> None:
    network = CASES["text"].network().eval()
    x, y = CASES["text"].data(EXAMPLES)
    model = stack(network)
    a, b = torch.randn(2, 1, space_of(model).size, dtype=torch.float64)
    product = hessian_product(model, x[None], y[None])
    assert bool((x == 0).any())
    torch.testing.assert_close((a * product(b)).sum(), (b * product(a)).sum(), rtol=1e-10, atol=0)


class Halved(torch.autograd.Function):
    """An operation of the user's without a forward mode."""

    @staticmethod
    def forward(ctx, x):  # type: ignore[no-untyped-def]
        ctx.save_for_backward(x)
        return x**2 / 2

    @staticmethod
    def backward(ctx, gradient):  # type: ignore[no-untyped-def]
        return ctx.saved_tensors[0] * gradient


class Own(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(3, 4), nn.Linear(4, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.second(Halved.apply(self.first(x)))


def test_without_forward_mode_it_goes_backwards_and_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    network = Own().double()
    x, y = torch.randn(EXAMPLES, 3, dtype=torch.float64), torch.arange(EXAMPLES) % CLASSES
    monkeypatch.setattr(module_product, "KEPT_AT_ONCE", 1)
    for make in (hessian_product, ggn_product):
        notes: list[str] = []
        vector = torch.randn(1, 31, dtype=torch.float64)
        found = make(stack(network), x[None], y[None], notes=notes)(vector)[0]
        if make is hessian_product:
            close(found, double_backward(network, x, y, vector[0]))
        assert len(notes) == 1
        assert "reverse over reverse" in notes[0]


def test_gradient_and_members_are_each_networks_own() -> None:
    networks = [CASES["convolutions"].network().eval() for _ in range(2)]
    with torch.no_grad():
        networks[1][0].weight.mul_(1.5)
    x, y = CASES["convolutions"].data(2 * EXAMPLES)
    each, labels = x.unflatten(0, (2, -1)), y.unflatten(0, (2, -1))
    model = stack(*networks)
    vectors = torch.randn(2, space_of(model).size, dtype=torch.float64)
    product = hessian_product(model, each, labels)
    found, gradient = product(vectors), mean_gradient(model, each, labels)
    for m, network in enumerate(networks):
        close(found[m], double_backward(network, each[m], labels[m], vectors[m]))
        loss = F.cross_entropy(network(each[m]), labels[m])
        expected = torch.autograd.grad(loss, list(network.parameters()))
        close(gradient[m], torch.cat([g.flatten() for g in expected]))
    close(product.select([1])(vectors[1:]), found[1:])


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        # its Hessian of LayerNorm is torch.func's, and wrong; of GroupNorm it has none
        *(("Hessian", name) for name in ("convolutions-1d", "attention-crossed", "twice")),
        *(("GGN", name) for name in ("linear-and-norms", "convolutions", "attention-before")),
    ],
)
def test_products_agree_with_curvlinops(kind: str, name: str) -> None:
    curvlinops = pytest.importorskip("curvlinops")
    network = CASES[name].network().eval()
    x, y = CASES[name].data(EXAMPLES)
    make = getattr(curvlinops, f"{kind}LinearOperator")
    product = hessian_product if kind == "Hessian" else ggn_product
    with sdpa_kernel(SDPBackend.MATH):
        operator = make(network, nn.CrossEntropyLoss(), list(network.parameters()), [(x, y)])
        vector = torch.randn(1, operator.shape[0], dtype=torch.float64)
        found = product(stack(network), x[None], y[None])(vector)[0]
        close(found, operator @ vector[0], 1e-8)


@pytest.mark.parametrize("name", ["linear-and-norms", "attention"])
def test_products_are_differences_of_gradients(name: str) -> None:
    """A judge where libraries disagree: the Hessian of LayerNorm."""
    network = CASES[name].network().eval()
    x, y = CASES[name].data(EXAMPLES)
    vector = torch.randn(sum(p.numel() for p in network.parameters()), dtype=torch.float64)
    found = hessian_product(stack(network), x[None], y[None])(vector[None])[0]
    ends = []
    for step in (1e-5, -2e-5):
        pieces = vector.split([p.numel() for p in network.parameters()])
        with torch.no_grad():
            for parameter, piece in zip(network.parameters(), pieces, strict=True):
                parameter.add_(piece.view(parameter.shape), alpha=step)
        ends.append(mean_gradient(stack(network), x[None], y[None])[0])
    close(found, (ends[0] - ends[1]) / 2e-5, 1e-6)
