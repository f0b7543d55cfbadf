"""The matrix whose eigenvalues the curvature instruments measure, as a product on a sample."""

from __future__ import annotations

from memlab.instruments.ggn_product import ggn_product
from memlab.instruments.hessian_product import hessian_product
from memlab.instruments.parameter_vectors import StackProduct
from memlab.instruments.subject import Sample, Subject


def sampled_product(subject: Subject, sample: Sample, matrix: str) -> StackProduct:
    """`hessian`, or `ggn`, the generalized Gauss-Newton matrix, of the mean loss on `sample`."""
    make = ggn_product if matrix == "ggn" else hessian_product
    return make(subject.model, sample.x, sample.given, subject.loss)
