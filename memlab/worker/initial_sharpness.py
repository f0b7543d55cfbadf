"""λ₀: the largest eigenvalue of the training loss's Hessian before the first update."""

from __future__ import annotations

import torch
from torch import Tensor

from memlab.errors import InvalidExperiment
from memlab.experiment.keys import key
from memlab.instruments.hessian_product import hessian_product
from memlab.instruments.lanczos import leading_eigenvalues, starting_vectors
from memlab.instruments.parameter_vectors import space_of
from memlab.training.arrays import at
from memlab.training.trainer import StackTrainer

#: So small a residual that the eigenvalue is right to about its square.
TOLERANCE, PRODUCTS = 1e-4, 300


def initial_sharpness(trainer: StackTrainer) -> Tensor:
    """λ₀ of the loss that each active member descends, over all its training examples, `[active]`.

    Without smoothing and weight decay, as the instrument `curvature` has it.

    Raises:
        InvalidExperiment: if one has none above 0, so that no learning rate follows from it.
    """
    arrays, own = trainer.arrays, trainer.arrays.own_index()
    index = (
        torch.arange(arrays.train.inputs.examples, device=trainer.device) if own is None else own
    )
    x, labels = arrays.train.inputs.at(index), at(arrays.train.labels, index)
    model = trainer.initial()
    start, again = (
        [key(seed, f"initial sharpness{more}") for seed in trainer.seeds()] for more in ("", " on")
    )
    found = leading_eigenvalues(
        hessian_product(model, x, labels, trainer.loss),
        starting_vectors(space_of(model), start),
        again,
        tolerance=TOLERANCE,
        max_products=PRODUCTS,
    )
    values: Tensor = found.values[:, 0].double() / trainer.loss_divisor
    if not bool((values > 0).all()):
        raise InvalidExperiment(
            "A network's Hessian has no eigenvalue above 0 before training; set"
            " optimizer.learning_rate in place of learning_rate_of_sharpness.",
            "optimizer.learning_rate_of_sharpness",
        )
    return values
