"""Settings of the curvature instruments: which matrix, which estimator, and mini-batches."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from memlab.experiment.instruments import instrument
from memlab.instruments.contract import check_instrument, small_trainer, subject_now
from memlab.instruments.ggn_product import ggn_product
from memlab.instruments.hessian_product import hessian_product, mean_gradient
from memlab.instruments.parameter_vectors import space_of
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


def test_mini_batch_of_the_whole_sample_is_the_curvature_along_its_gradient(subject):
    subject.batch_size = 120
    made = instrument("curvature")
    found = made.measure(subject, made.settings())
    sample = subject.train_sample(120)
    gradient = mean_gradient(subject.model, sample.x, sample.given)
    along = hessian_product(subject.model, sample.x, sample.given)(gradient)
    expected = (along * gradient).sum(1) / gradient.square().sum(1)
    np.testing.assert_allclose(found["batch_sharpness"], expected, rtol=1e-3)
    edge = expected * subject.learning_rates / (2 + 2 * subject.momenta)
    np.testing.assert_allclose(found["batch_edge"], edge, rtol=1e-3)


@pytest.mark.parametrize("name", ["curvature", "curvature-trace", "spectrum"])
def test_instruments_of_the_gauss_newton_matrix_keep_to_the_contract(name):
    made = instrument(name)
    check_instrument(made, made.settings(matrix="ggn", examples=40))


def test_members_are_aligned_with_each_other_only_in_a_stack():
    made = instrument("alignment")
    trainer = small_trainer()
    found = made.measure(subject_now(trainer), made.settings())
    assert bool(((found["with_others"] > 0.1) & (found["with_others"] < 1)).all())
    trainer.keep([1])
    alone = made.measure(subject_now(trainer), made.settings())
    assert bool(alone["with_others"].isnan().all())
