"""Instruments on networks from torchvision, transformers and PyTorch: the whole takes minutes."""

from __future__ import annotations

import dataclasses

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

import memlab
from memlab.bench import modules
from memlab.bench.module_networks import NETWORKS, Given, Ordinary, available, given
from memlab.instruments.ggn_product import ggn_product
from memlab.instruments.gram import gram
from memlab.instruments.hessian_product import hessian_product
from memlab.instruments.module_plan import Trial
from memlab.instruments.undisturbed import bare_copy, undisturbed
from memlab.models.module_calls import logits_of

NAMES = [network.name for network in NETWORKS]
CPU = torch.device("cpu")
VECTORS = 20
#: The small ones are checked by the suite, the others by `make test-full`.
SMALL = ("two-layer LSTM, 16 places", "tiny BERT, 16 tokens")


def case(name: str) -> Ordinary:
    found = {network.name: network for network in available()}
    if name not in found:
        pytest.skip("transformers is not installed")
    return found[name]


def made(name: str, dtype: torch.dtype = torch.float64, examples: int = 4) -> Given:
    return given(case(name), CPU, dtype, examples)


def close(found: Tensor, expected: Tensor, relative: float) -> None:
    assert float((found - expected).abs().max()) <= relative * float(expected.abs().max())


def check_gram(built: Given) -> None:
    found = gram(built.stack, built.x[None], built.y[None], "cross-entropy")[0]
    close(found, modules.one_by_one(built), 1e-10)


def check_curvature(built: Given, vectors: int) -> None:
    size = sum(p.numel() for p in built.network.parameters())
    hessian = hessian_product(built.stack, built.x[None], built.y[None])
    gauss_newton = ggn_product(built.stack, built.x[None], built.y[None])
    padding = [
        (name, table.padding_idx)
        for name, table in built.network.named_modules()
        if isinstance(table, torch.nn.Embedding) and table.padding_idx is not None
    ]
    for _ in range(vectors):
        vector = _without(built, padding, torch.randn(1, size, dtype=torch.float64))
        expected = modules.double_backward(built, vector)
        close(hessian(vector), _without(built, padding, expected), 1e-9)
        along = gauss_newton(vector)
        assert float((vector * along).sum()) >= -1e-9 * float(vector.norm() * along.norm())


def _without(built: Given, padding: list[tuple[str, int]], vector: Tensor) -> Tensor:
    """With 0 for the rows of padding, which are not trained."""
    start, cleared = 0, vector.clone()
    for name, parameter in built.network.named_parameters():
        for table, row in padding:
            if name == f"{table}.weight":
                width = parameter.shape[1]
                cleared[:, start + row * width : start + (row + 1) * width] = 0
        start += parameter.numel()
    return cleared


@pytest.mark.parametrize("name", SMALL)
def test_small_networks_in_float64(name: str) -> None:
    built = made(name, examples=3)
    check_gram(built)
    check_curvature(built, 1)


@pytest.mark.full
@pytest.mark.parametrize("name", NAMES)
def test_gram_is_the_product_of_explicit_gradients(name: str) -> None:
    check_gram(made(name))


@pytest.mark.full
@pytest.mark.parametrize("name", NAMES)
def test_curvature_is_double_backward_on_twenty_random_products(name: str) -> None:
    check_curvature(made(name, examples=2), VECTORS)


@pytest.mark.full
@pytest.mark.parametrize("name", NAMES)
def test_gauss_newton_agrees_with_curvlinops(name: str) -> None:
    pytest.importorskip("curvlinops")
    built = made(name, examples=2)
    along = modules.vectors(built)[:3]
    try:
        expected = modules.their_products(built, "GGN", along)
    except NotImplementedError as error:
        pytest.skip(f"curvlinops: {error}")
    close(modules.our_products(built, "GGN", along), expected, 1e-8)


def check_differences(built: Given, step: float = 1e-6) -> None:
    """H v is the difference of gradients at θ ± εv, over 2ε: nothing is differentiated twice."""
    parameters = list(built.network.parameters())
    vector = modules.vectors(built)[:1]
    pieces = vector[0].split([p.numel() for p in parameters])
    found = modules.our_products(built, "Hessian", vector)
    ends = []
    for side in (step, -2 * step):  # from there to the other side
        with torch.no_grad():
            for parameter, piece in zip(parameters, pieces, strict=True):
                parameter.add_(piece.view(parameter.shape), alpha=side)
        loss = F.cross_entropy(logits_of(built.network(built.x)), built.y)
        gradients = torch.autograd.grad(loss, parameters, materialize_grads=True)
        ends.append(torch.cat([gradient.flatten() for gradient in gradients]))
    close(found[0], (ends[0] - ends[1]) / (2 * step), 1e-6)


@pytest.mark.parametrize("name", SMALL)
def test_the_hessian_is_the_difference_of_gradients(name: str) -> None:
    check_differences(made(name, examples=4))


@pytest.mark.full
@pytest.mark.parametrize("name", ["small ViT, 32×32"])  # the others have kinks on the way
def test_the_hessian_of_a_large_one_is_the_difference_of_gradients(name: str) -> None:
    check_differences(made(name, examples=4))


@pytest.mark.full
def test_the_hessian_agrees_with_curvlinops_where_there_is_no_layer_norm() -> None:
    """Of LayerNorm its Hessian is 0.9 % from the difference of gradients, and ours 10⁻⁸."""
    pytest.importorskip("curvlinops")
    built = made("ResNet-18, 32×32", examples=2)
    along = modules.vectors(built)[:3]
    expected = modules.their_products(built, "Hessian", along)
    close(modules.our_products(built, "Hessian", along), expected, 1e-8)


@pytest.mark.parametrize("name", NAMES)
def test_every_layer_of_theirs_is_taken_by_a_rule(name: str) -> None:
    built = made(name, torch.float32, examples=3)
    with undisturbed(CPU):
        plan = Trial(bare_copy(built.network), built.x).plan()
    assert not plan.rest


@pytest.mark.full
@pytest.mark.parametrize("name", NAMES)
def test_instruments_measure_them(name: str) -> None:
    built = made(name, torch.float32, examples=24)
    rest = (built.x[16:], built.y[16:])
    asked = ("stiffness", "curvature", "critical-samples", "sensitivity", "probes", "alignment")
    for instrument in asked:
        few = {"examples": 16, **({"steps": 2} if instrument == "critical-samples" else {})}
        found = memlab.measure(
            instrument, built.network, built.x[:16], built.y[:16], validation=rest, **few
        )
        assert found


def test_the_bench_has_rows_whose_sides_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    small = dataclasses.replace(case("two-layer LSTM, 16 places"), examples=4)
    monkeypatch.setattr(modules, "available", lambda: [small])
    monkeypatch.setattr(modules, "PRODUCTS", 2)
    rows = modules.rows(1, CPU)
    assert rows
    for row in rows:
        assert str(row["case"]).count("two-layer LSTM") == 1
        assert float(str(row["deviation"])) < 1e-4
        assert row["memory"] == [None, None] or all(size > 0 for size in row["memory"])  # type: ignore[attr-defined]
        assert float(str(row["ratio"])) > 0
