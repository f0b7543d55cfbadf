"""Settings of the curvature instruments: which matrix, which estimator, and mini-batches."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from memlab.experiment.instruments import instrument
from memlab.instruments.alignment import cka
from memlab.instruments.contract import check_instrument, small_trainer, subject_now
from memlab.instruments.ggn_product import ggn_product
from memlab.instruments.hessian_product import hessian_product, mean_gradient
from memlab.instruments.parameter_vectors import space_of
from memlab.instruments.representation import activations
from memlab.instruments.subject import Subject


@pytest.fixture
def subject() -> Subject:
    return subject_now(small_trainer())


def dense(subject: Subject, make) -> np.ndarray:
    """The matrix of each member on the instruments' sample, `[members, size, size]`."""
    sample = subject.train_sample(40)
    product = make(subject.model, sample.x, sample.given, subject.loss)
    columns = torch.eye(space_of(subject.model).size)
    rows = [product(column.expand(subject.members, -1)) for column in columns]
    return torch.stack(rows, 1).double().numpy()


@pytest.mark.parametrize(("matrix", "make"), [("hessian", hessian_product), ("ggn", ggn_product)])
def test_leading_eigenvalue_trace_and_spectrum_are_those_of_the_matrix_asked_for(
    subject, matrix, make
):
    values = np.linalg.eigvalsh(dense(subject, make))
    common = {"matrix": matrix, "examples": 40}
    curvature = instrument("curvature")
    found = curvature.measure(subject, curvature.settings(**common, tolerance=1e-3))
    np.testing.assert_allclose(found["sharpness"], values[:, -1], rtol=5e-3)
    trace = instrument("curvature-trace")
    for estimator in ("hutchinson", "hutch++"):
        asked = trace.settings(**common, samples=300, estimator=estimator)
        estimated = trace.measure(subject, asked)
        error = np.asarray(estimated["trace_error"])
        off = np.abs(np.asarray(estimated["trace"]) - values.sum(1))
        assert (off < 5 * error + 1e-4).all()
    spectrum = instrument("spectrum")
    seen = spectrum.measure(subject, spectrum.settings(**common, steps=60))
    np.testing.assert_allclose(seen["largest"], values[:, -1], rtol=1e-2)
    assert bool((seen["smallest"] < -1e-3).all()) == (matrix == "hessian")


def test_initial_weights_are_rescaled_to_the_norms_that_the_trained_ones_have(subject):
    grown = subject.initial()
    with torch.no_grad():
        for new in subject.model.parameters():
            new.mul_(1.5)
        for old, new in zip(grown.parameters(), subject.model.parameters(), strict=True):
            before = old.flatten(1).norm(dim=1)
            now = new.flatten(1).norm(dim=1)
            old.mul_(torch.where(before > 0, now / before, 1.0).reshape(-1, *[1] * (old.dim() - 1)))
    made = instrument("curvature")
    plain = made.settings(examples=40, tolerance=1e-2, batches=0)
    found = made.measure(subject, plain.model_copy(update={"rescaled": True}))
    expected = made.measure(replace(subject, model=grown, memory={}), plain)
    np.testing.assert_allclose(found["rescaled"], expected["sharpness"], rtol=2e-2)
    assert (np.abs(found["sharpness"] / found["rescaled"] - 1) > 0.03).all()
    assert np.isnan(expected["rescaled"]).all()


def test_mini_batch_of_the_whole_sample_is_the_curvature_along_its_gradient(subject):
    subject.batch_size = 120
    made = instrument("curvature")
    found = made.measure(subject, made.settings())
    sample = subject.train_sample(120)
    gradient = mean_gradient(subject.model, sample.x, sample.given)
    along = hessian_product(subject.model, sample.x, sample.given)(gradient)
    expected = (along * gradient).sum(1) / gradient.square().sum(1)
    np.testing.assert_allclose(found["batch_sharpness"], expected, rtol=1e-3)
    edge = expected * subject.learning_rates / (2 + 2 * subject.descent.momenta)
    np.testing.assert_allclose(found["batch_edge"], edge, rtol=1e-3)


@pytest.mark.parametrize("name", ["curvature", "curvature-trace", "spectrum"])
def test_instruments_of_the_gauss_newton_matrix_keep_to_the_contract(name):
    made = instrument(name)
    check_instrument(made, made.settings(matrix="ggn", examples=40))


@pytest.mark.parametrize("name", ["gradient-noise", "gradient-covariance", "stiffness"])
def test_instruments_keep_to_the_contract_where_each_seed_has_a_sample_of_its_own(name):
    made = instrument(name)
    check_instrument(made, made.settings(examples=40))


def test_members_are_aligned_with_each_other_only_in_a_stack():
    made = instrument("alignment")
    trainer = small_trainer()
    found = made.measure(subject_now(trainer), made.settings())
    assert bool(((found["with_others"] > 0.1) & (found["with_others"] < 1)).all())
    trainer.keep([1])
    alone = made.measure(subject_now(trainer), made.settings())
    assert bool(alone["with_others"].isnan().all())


def test_alignment_is_with_seeds_of_the_same_corruption_level_only():
    """Whoever else is in the stack, members are compared with their own cell's seeds alone."""
    made = instrument("alignment")
    trainer = small_trainer(axes={"corruption.fraction": [0.0, 0.8]}, seeds=2)
    subject = subject_now(trainer)
    assert subject.cells == [0, 0, 2, 2]
    together = made.measure(subject, made.settings())["with_others"]
    last = list(activations(subject.model, subject.validation_sample(60).x).values())[-1]
    expected = [float(cka(last[m], last[n])) for m, n in ((0, 1), (1, 0), (2, 3), (3, 2))]
    np.testing.assert_allclose(together, expected, rtol=1e-6)
    across = np.mean([float(cka(last[0], last[n])) for n in (1, 2, 3)])
    assert abs(across - expected[0]) > 0.05
    trainer.keep([0, 2, 3])
    left = made.measure(subject_now(trainer), made.settings())["with_others"]
    assert bool(left[0].isnan())
    np.testing.assert_allclose(left[1:], expected[2:], rtol=1e-5)


def test_each_seed_has_a_sample_of_its_own_the_same_in_every_cell_and_at_every_moment():
    trainer = small_trainer(axes={"corruption.fraction": [0.0, 0.8]}, seeds=2)
    for taken in ("train_sample", "validation_sample", "test_sample"):
        first = getattr(subject_now(trainer), taken)(30)
        index = first.index
        assert torch.equal(index[:2], index[2:])
        assert not torch.equal(index[0], index[1])
        assert bool((index.diff(dim=1) > 0).all())
        trainer.step()
        again = getattr(subject_now(trainer), taken)(30)
        assert torch.equal(first.x, again.x)
    arrays = trainer.arrays
    sample = subject_now(trainer).train_sample(30)
    for member in range(4):
        at = sample.index[member]
        assert torch.equal(sample.x[member], arrays.train.inputs.values[0, at])
        assert torch.equal(sample.given[member], arrays.train.labels[member, at])
        assert torch.equal(sample.corrupted[member], arrays.corrupted[member, at])
    whole = subject_now(trainer).train_sample(1_024)
    assert torch.equal(whole.index, torch.arange(120))
    assert whole.x.shape[0] == 1


def test_sharpness_of_a_sample_is_an_estimate_of_the_whole_whose_error_differs_by_seed():
    """One fixed sample would be off by the same factor for all seeds; here they scatter."""
    made = instrument("curvature")
    subject = subject_now(small_trainer(seeds=6))
    whole, part = (
        np.asarray(made.measure(subject, made.settings(examples=n, tolerance=1e-3))["sharpness"])
        for n in (1_024, 24)
    )
    off = np.log(part / whole)
    assert off.std() > 0.05
