"""Lanczos, traces and densities against dense matrices."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from memlab.experiment.keys import key
from memlab.experiment.material_spec import ModelSpec
from memlab.instruments.curvature_trace import hutch_plus_plus, hutchinson
from memlab.instruments.hessian_product import hessian_product, mean_gradient
from memlab.instruments.lanczos import Leading, leading_eigenvalues, starting_vectors
from memlab.instruments.parameter_vectors import (
    Product,
    StackProduct,
    VectorSpace,
    random_vectors,
    space_of,
)
from memlab.instruments.sharpness import batch_sharpness
from memlab.instruments.spectral_density import spectral_density
from tests.instruments.curvature_cases import curvlinops_operator, dense_hessian, sample, stack


def generators(members: int, purpose: str = "lanczos") -> list[np.random.Generator]:
    return [key(m, purpose) for m in range(members)]


def matrices(members: int, size: int, spectrum: Tensor) -> Tensor:
    """Symmetric matrices `[members, size, size]` with the spectra `[members, size]`."""
    draws = [key(m, "matrix").standard_normal((size, size)) for m in range(members)]
    q = torch.linalg.qr(torch.from_numpy(np.stack(draws)))[0]
    return q @ torch.diag_embed(spectrum) @ q.transpose(1, 2)


def times(dense: Tensor) -> Product:
    return lambda v: torch.bmm(dense, v[:, :, None])[:, :, 0]


def space(members: int, size: int) -> VectorSpace:
    return VectorSpace(members, size, torch.device("cpu"), torch.float64)


def hessian_like(members: int, size: int) -> Tensor:
    """Spectra as a network's: a few large eigenvalues, a bulk around 0 with negative ones."""
    bulk = np.stack([key(m, "bulk").standard_normal(size) for m in range(members)])
    bulk[:, :4] = [10, 8, 7, 6.5]
    bulk[:, 4] = -12
    return torch.from_numpy(bulk)


def true_residuals(dense: Tensor, found: Leading) -> Tensor:
    moved = torch.einsum("mpq,mkq->mkp", dense, found.vectors)
    return (moved - found.values[:, :, None].to(moved) * found.vectors).norm(dim=2)


def test_all_eigenvalues_of_a_network_are_found() -> None:
    model = stack(ModelSpec(name="mlp", width=3, activation="tanh"), members=3)
    x, y = sample(model, count=6)
    size = space_of(model).size
    start = starting_vectors(space_of(model), generators(3))
    found = leading_eigenvalues(
        hessian_product(model, x, y), start, generators(3, "spare"), size, stored=size
    )
    exact = torch.linalg.eigvalsh(dense_hessian(model, x, y, "cross-entropy")).flip(1)
    assert torch.allclose(found.values, exact, atol=1e-10 * float(exact.abs().max()))
    assert found.products == size
    products = torch.einsum("mkp,mlp->mkl", found.vectors, found.vectors)
    assert torch.allclose(products, torch.eye(size, dtype=torch.float64).expand(3, -1, -1))


@pytest.mark.parametrize("which", ["algebraic", "magnitude"])
@pytest.mark.parametrize("stored", [10, 200])
def test_leading_pairs_of_known_matrices(stored: int, which: str) -> None:
    spectrum = hessian_like(3, 150)
    dense = matrices(3, 150, spectrum)
    found = leading_eigenvalues(
        times(dense),
        random_vectors(space(3, 150), generators(3), "normal"),
        generators(3, "spare"),
        4,
        which=which,  # type: ignore[arg-type]
        tolerance=1e-8,
        max_products=400,
        stored=stored,
    )
    expected = {"algebraic": [10, 8, 7, 6.5], "magnitude": [-12, 10, 8, 7]}[which]
    assert torch.allclose(found.values, torch.tensor(expected).double(), rtol=1e-10)
    assert bool(found.converged.all())
    assert bool((true_residuals(dense, found) <= 1e-7 * 12).all())
    if stored == 200:
        assert found.products < 100


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_reported_residual_is_the_true_one(dtype: torch.dtype) -> None:
    dense = matrices(2, 120, hessian_like(2, 120)).to(dtype)
    start = random_vectors(space(2, 120), generators(2), "normal").to(dtype)
    for products in (8, 13, 17):
        found = leading_eigenvalues(
            times(dense), start, generators(2), 3, tolerance=0, max_products=products, stored=12
        )
        assert found.products == products
        true = true_residuals(dense, found).double()
        rounding = 20 * 12 * torch.finfo(dtype).eps
        assert torch.allclose(found.residuals, true, rtol=1e-3, atol=rounding)


def test_tolerance_is_reached_and_an_easy_member_does_not_wait() -> None:
    spectra = hessian_like(2, 100)
    spectra[0, 0] = 1000.0
    dense = matrices(2, 100, spectra)
    start = random_vectors(space(2, 100), generators(2), "normal")
    together = leading_eigenvalues(times(dense), start, generators(2), tolerance=1e-6)
    assert bool((together.residuals <= 1e-6 * together.values).all())
    products = []
    for m in range(2):
        alone = leading_eigenvalues(
            times(dense[m : m + 1]), start[m : m + 1], [key(m, "lanczos")], tolerance=1e-6
        )
        products.append(alone.products)
        assert torch.allclose(alone.values[0], together.values[m], rtol=1e-12)
        assert torch.allclose(alone.residuals[0], together.residuals[m], rtol=1e-3)
        assert torch.allclose(alone.vectors[0], together.vectors[m], atol=1e-9)
    assert products[0] < products[1] == together.products


def test_members_that_have_converged_are_left_behind() -> None:
    spectra = hessian_like(5, 100)
    spectra[:4, 0] = torch.tensor([1e6, 1e6, 1e6, 100])
    dense = matrices(5, 100, spectra)
    seen: list[int] = []

    def made(rows: list[int]) -> StackProduct:
        def multiply(v: Tensor) -> Tensor:
            seen.append(len(v))
            return times(dense[rows])(v)

        return StackProduct(multiply, lambda chosen: made([rows[i] for i in chosen]))

    start = random_vectors(space(5, 100), generators(5), "normal")
    found = leading_eigenvalues(made(list(range(5))), start, generators(5), tolerance=1e-7)
    whole = leading_eigenvalues(times(dense), start, generators(5), tolerance=1e-7)
    assert seen[0] == 5
    assert set(seen) == {5, 2, 1}
    assert found.products == whole.products == len(seen)
    assert torch.allclose(found.values, whole.values, rtol=1e-12)
    assert torch.allclose(found.vectors, whole.vectors, atol=1e-8)
    assert bool((true_residuals(dense, found) <= 1e-6 * found.values).all())


def test_repeated_and_zero_eigenvalues_are_found() -> None:
    spectra = torch.zeros(3, 30, dtype=torch.float64)
    spectra[0, :3] = 5.0
    spectra[1, :1] = 2.0
    found = leading_eigenvalues(
        times(matrices(3, 30, spectra)),
        random_vectors(space(3, 30), generators(3), "normal"),
        generators(3, "spare"),
        4,
        tolerance=1e-6,
    )
    expected = torch.tensor([[5.0, 5, 5, 0], [2, 0, 0, 0], [0, 0, 0, 0]]).double()
    assert torch.allclose(found.values, expected, atol=1e-10)
    assert bool(found.converged.all())


def test_a_warm_start_saves_products_and_finds_a_new_leader() -> None:
    spectra = hessian_like(1, 300)
    dense = matrices(1, 300, spectra)
    cold_start = random_vectors(space(1, 300), generators(1), "normal")
    cold = leading_eigenvalues(times(dense), cold_start, generators(1), 2, tolerance=1e-3)
    start = starting_vectors(space(1, 300), generators(1, "next"), cold.vectors, fresh=0.01)
    warm = leading_eigenvalues(times(dense), start, generators(1), 2, tolerance=1e-3)
    assert warm.products < cold.products
    spectra[:, 299] = 20.0
    start = starting_vectors(space(1, 300), generators(1, "next"), cold.vectors)
    found = leading_eigenvalues(times(matrices(1, 300, spectra)), start, generators(1))
    assert float(found.values[0, 0]) == pytest.approx(20, rel=1e-3)
    lost = starting_vectors(space(1, 300), generators(1, "next"), torch.nan * cold.vectors)
    assert bool(lost.isfinite().all())


def test_a_member_that_is_not_finite_gives_nan_and_disturbs_nobody() -> None:
    dense = matrices(3, 60, hessian_like(3, 60))
    start = random_vectors(space(3, 60), generators(3), "normal")
    whole = leading_eigenvalues(times(dense), start, generators(3), 2)
    broken = dense.clone()
    broken[1] = torch.nan
    found = leading_eigenvalues(times(broken), start, generators(3), 2)
    assert bool(found.values[1].isnan().all())
    assert bool(found.residuals[1].isnan().all())
    assert not bool(found.converged[1].any())
    assert torch.equal(found.values[[0, 2]], whole.values[[0, 2]])


def test_impossible_requests_are_refused() -> None:
    start = torch.ones(1, 5, dtype=torch.float64)
    with pytest.raises(ValueError, match="6 eigenvalues of 5 parameters"):
        leading_eigenvalues(lambda v: v, start, generators(1), 6)
    with pytest.raises(ValueError, match="3 stored"):
        leading_eigenvalues(lambda v: v, start, generators(1), 2, stored=3)


def test_hutchinson_is_unbiased_within_its_stated_error() -> None:
    dense = matrices(200, 12, hessian_like(200, 12))
    found = hutchinson(times(dense), space(200, 12), generators(200, "trace"), 20)
    traces = dense.diagonal(dim1=1, dim2=2).sum(1)
    norms = dense.square().sum((1, 2)).sqrt()
    assert found.products == 20
    off = (found.trace.value - traces) / found.trace.error
    assert abs(float(off.mean())) < 4 / 200**0.5
    assert 0.85 < float(off.std()) < 1.25
    off = (found.frobenius.value - norms) / found.frobenius.error
    assert 0.85 < float(off.std()) < 1.3
    bias = (found.frobenius.value**2 - norms**2) / (2 * norms * found.frobenius.error)
    assert abs(float(bias.mean())) < 4 / 200**0.5


def test_hutch_plus_plus_is_unbiased_and_far_better_on_dominated_spectra() -> None:
    spectra = hessian_like(200, 40) * torch.where(torch.arange(40) < 5, 10, 0.1)
    dense = matrices(200, 40, spectra)
    found = hutch_plus_plus(times(dense), space(200, 40), generators(200, "trace"), 30)
    off = found.value - spectra.sum(1)
    assert abs(float(off.mean())) < 4 * float(off.std()) / 200**0.5
    assert 0.85 < float((off / found.error).std()) < 1.4
    plain = hutchinson(times(dense), space(200, 40), generators(200, "trace"), 30).trace
    assert float(off.std()) < 0.05 * float((plain.value - spectra.sum(1)).std())


def test_hutchinson_of_a_diagonal_is_exact() -> None:
    diagonal = torch.arange(6, dtype=torch.float64).expand(2, 6)
    found = hutchinson(lambda v: v * diagonal, space(2, 6), generators(2), 2)
    assert torch.equal(found.trace.value, torch.full((2,), 15.0, dtype=torch.float64))
    assert torch.equal(found.trace.error, torch.zeros(2, dtype=torch.float64))
    with pytest.raises(ValueError, match="at least 2"):
        hutchinson(lambda v: v, space(2, 6), generators(2), 1)


def test_density_integrates_to_one_and_has_the_moments() -> None:
    spectra = hessian_like(2, 80)
    spectra[1] *= 100
    dense = matrices(2, 80, spectra)
    found = spectral_density(
        times(dense), space(2, 80), generators(2, "density"), probes=40, steps=20
    )
    assert torch.allclose(torch.trapezoid(found.values, found.grid), torch.ones(2).double())
    assert found.products == 800
    spread = (2 / (80 * 40)) ** 0.5 * spectra.square().mean(1).sqrt()
    assert bool(((found.moment(1) - spectra.mean(1)).abs() < 4 * spread).all())
    broad = torch.trapezoid(found.values * found.grid, found.grid)
    assert torch.allclose(broad, found.moment(1), atol=1e-6 * 100)
    with pytest.raises(ValueError, match="do not resolve"):
        spectral_density(times(dense), space(2, 80), generators(2), points=64)


def test_full_quadrature_has_the_eigenvalues_as_nodes() -> None:
    spectra = torch.sort(hessian_like(1, 25), 1).values
    found = spectral_density(
        times(matrices(1, 25, spectra)), space(1, 25), generators(1), probes=2, steps=60
    )
    for probe in range(2):
        assert torch.allclose(found.nodes[:, probe], spectra, atol=1e-8)
    share = found.values[0] * (found.grid[0] > 5)
    above = found.weights[0, :, -4:].sum(1).mean()
    assert float(torch.trapezoid(share, found.grid[0])) == pytest.approx(float(above), rel=1e-3)


def test_batch_sharpness_is_the_mean_quotient_along_gradients() -> None:
    model = stack(ModelSpec(name="mlp", width=3, activation="tanh"), members=2)
    x, y = sample(model, count=10)
    found = batch_sharpness(model, x, y, key(0, "batches"), batch_size=4, batches=5)
    order = key(0, "batches").permutation(10)
    quotients = []
    for start in (0, 4):
        batch = torch.from_numpy(order[start : start + 4])
        g = mean_gradient(model, x[:, batch], y[:, batch])
        dense = dense_hessian(model, x[:, batch], y[:, batch], "cross-entropy")
        quotients.append(torch.einsum("mp,mpq,mq->m", g, dense, g) / g.square().sum(1))
    assert found.batches == 2
    assert torch.allclose(found.value, torch.stack(quotients).mean(0))
    with pytest.raises(ValueError, match="batches of 11"):
        batch_sharpness(model, x, y, key(0, "batches"), batch_size=11)


@pytest.mark.parametrize("name", ["mlp", "cnn"])
def test_leading_eigenvalues_agree_with_curvlinops_and_scipy(name: str) -> None:
    linalg = pytest.importorskip("scipy.sparse.linalg")
    model = stack(ModelSpec(name=name, width=4), members=1)
    x, y = sample(model, count=20)
    space_ = space_of(model)
    found = leading_eigenvalues(
        hessian_product(model, x, y),
        starting_vectors(space_, generators(1)),
        generators(1, "spare"),
        3,
        tolerance=1e-8,
        max_products=300,
    )

    operator = curvlinops_operator("hessian", model, x, y)
    values = linalg.eigsh(operator.to_scipy(), k=3, which="LA", return_eigenvectors=False)
    assert np.allclose(found.values[0], np.sort(values)[::-1], rtol=1e-8)
