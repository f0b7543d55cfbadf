"""CKA against its published formulas; effective rank against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from memlab.instruments.alignment import (
    alignment_with,
    cka,
    layer_alignment,
    member_alignment,
)
from memlab.instruments.representation import effective_rank, singular_values

torch.set_num_threads(1)
MEMBERS, N = 3, 40


def drawn(seed: int, *shape: int) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape))


def hsic_biased(k: np.ndarray, other: np.ndarray) -> float:
    n = len(k)
    h = np.eye(n) - 1 / n
    return float(np.trace(k @ h @ other @ h)) / (n - 1) ** 2


def hsic_song(k: np.ndarray, other: np.ndarray) -> float:
    """Song 2012, equation 5."""
    n = len(k)
    k, other = k - np.diag(np.diag(k)), other - np.diag(np.diag(other))
    one = np.ones(n)
    terms = (
        np.trace(k @ other)
        + (one @ k @ one) * (one @ other @ one) / ((n - 1) * (n - 2))
        - 2 / (n - 2) * (one @ k @ other @ one)
    )
    return float(terms) / (n * (n - 3))


@pytest.mark.parametrize(("unbiased", "hsic"), [(False, hsic_biased), (True, hsic_song)])
def test_cka_is_the_published_formula(unbiased, hsic):
    x = drawn(0, MEMBERS, N, 6) + 3.0
    y = drawn(1, MEMBERS, N, 9) + x[..., :1] - 1.0
    ours = cka(x, y, unbiased)
    for m in range(MEMBERS):
        k, other = (a[m].numpy() @ a[m].numpy().T for a in (x, y))
        expected = hsic(k, other) / np.sqrt(hsic(k, k) * hsic(other, other))
        assert float(ours[m]) == pytest.approx(expected, rel=1e-9)
        assert 0.05 < expected < 0.95


def test_biased_cka_is_kornblith_s_product_of_features():
    x, y = drawn(0, N, 6), drawn(1, N, 9)
    x, y = x - x.mean(0), y - y.mean(0)
    cross = torch.linalg.matrix_norm(y.mT @ x) ** 2
    expected = cross / (torch.linalg.matrix_norm(x.mT @ x) * torch.linalg.matrix_norm(y.mT @ y))
    torch.testing.assert_close(cka(x, y, unbiased=False), expected)


@pytest.mark.parametrize("unbiased", [False, True])
def test_cka_does_not_change_with_rotation_shift_and_scale(unbiased):
    x, y = drawn(0, N, 6), drawn(1, N, 6)
    rotation = torch.linalg.qr(drawn(2, 6, 6)).Q
    assert float(cka(x, 4 * x @ rotation + 7, unbiased)) == pytest.approx(1.0, abs=1e-9)
    moved = 0.01 * y @ rotation - 5
    assert float(cka(x, moved, unbiased)) == pytest.approx(float(cka(x, y, unbiased)), abs=1e-9)
    stretched = x * torch.tensor([1.0, 1, 1, 1, 1, 30], dtype=x.dtype)
    assert float(cka(x, stretched, unbiased)) < 0.9


def test_unbiased_cka_of_independent_features_is_about_zero_and_biased_is_not():
    x, y = drawn(3, 200, N, 300), drawn(4, 200, N, 300)
    unbiased = cka(x, y)
    error = float(unbiased.std()) / 200**0.5
    assert abs(float(unbiased.mean())) < 3 * error
    assert error < 0.01
    assert float(cka(x, y, unbiased=False).mean()) > 0.8


def test_matrices_are_the_pairwise_values():
    layers = {"a": drawn(0, MEMBERS, N, 5), "b": drawn(1, MEMBERS, N, 8)}
    layers["c"] = layers["a"][..., :3] + 0.5 * layers["b"][..., :3]
    between = layer_alignment(layers)
    assert between.shape == (MEMBERS, 3, 3)
    names = list(layers)
    for i, first in enumerate(names):
        for j, second in enumerate(names):
            torch.testing.assert_close(between[:, i, j], cka(layers[first], layers[second]))
    across = member_alignment(layers["c"])
    for i in range(MEMBERS):
        for j in range(MEMBERS):
            torch.testing.assert_close(across[i, j], cka(layers["c"][i], layers["c"][j]))
    changed = {"a": layers["a"], "c": drawn(5, MEMBERS, N, 3)}
    against = alignment_with(layers, changed)
    torch.testing.assert_close(against["a"], torch.ones(MEMBERS, dtype=torch.float64))
    assert float(against["c"].abs().max()) < 0.3


def test_constant_features_have_no_alignment_and_few_examples_are_refused():
    assert bool(cka(torch.ones(N, 3), drawn(0, N, 3)).isnan())
    with pytest.raises(ValueError, match="at least 4"):
        cka(drawn(0, 3, 2), drawn(1, 3, 2))


def test_effective_rank_closed_forms():
    orthogonal = torch.linalg.qr(drawn(0, N, 8)).Q
    flat = singular_values(orthogonal, centre=False)
    assert float(effective_rank(flat)) == pytest.approx(8)
    one = singular_values(drawn(1, N, 1) @ drawn(2, 1, 8))
    assert float(effective_rank(one)) == pytest.approx(1, abs=1e-6)
    two = singular_values(orthogonal[:, :2] * torch.tensor([3.0, 1.0]), centre=False)
    entropy = -(0.75 * np.log(0.75) + 0.25 * np.log(0.25))
    assert float(effective_rank(two)) == pytest.approx(np.exp(entropy))
    assert bool(effective_rank(torch.zeros(4)).isnan())


def test_centring_removes_a_common_offset_from_the_rank():
    x = drawn(4, MEMBERS, N, 5)
    torch.testing.assert_close(singular_values(x + 100), singular_values(x))
    assert float(effective_rank(singular_values(x + 100, centre=False)).max()) < 1.5
    together = effective_rank(singular_values(x))
    alone = torch.stack([effective_rank(singular_values(x[m])) for m in range(MEMBERS)])
    torch.testing.assert_close(together, alone)
