"""The tangent kernel and the Fisher trace against explicit Jacobians."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.func import functional_call, jacrev, vmap

from memlab.experiment.material_spec import ModelSpec
from memlab.instruments.contract import small_trainer, subject_now
from memlab.instruments.panel.tangent_kernel import INSTRUMENT as TANGENT
from memlab.instruments.tangent_kernel import fisher_traces, tangent_kernel
from memlab.models import StackedModel
from tests.instruments.test_gram import built, data

pytestmark = pytest.mark.filterwarnings("ignore:There is a performance drop")  # vmap's scatter
SPECS = [
    ModelSpec(name="linear"),
    ModelSpec(name="mlp", width=7, depth=3),
    ModelSpec(name="mlp", width=7, depth=2, activation="gelu"),
    ModelSpec(name="cnn", width=4),
    ModelSpec(name="resnet20", width=2),
]


def jacobians(model: StackedModel, x: Tensor) -> Tensor:
    """`[examples, classes, parameters]` by `torch.func`, for a stack of one."""

    def logits(parameters: dict[str, Tensor], image: Tensor) -> Tensor:
        found: Tensor = functional_call(model, parameters, (image[None, None],))[0, 0]
        return found

    parameters = {name: value.detach() for name, value in model.named_parameters()}
    found = vmap(jacrev(logits), (None, 0))(parameters, x)
    return torch.cat([part.flatten(2) for part in found.values()], 2)


@pytest.mark.parametrize("spec", SPECS, ids=lambda s: f"{s.name}-{s.activation}")
def test_tangent_kernel_is_the_trace_of_products_of_jacobians(spec: ModelSpec) -> None:
    model = built(spec, members=2)
    x, _ = data(2)
    found = tangent_kernel(model, x)
    for member in range(2):
        j = jacobians(model.select([member]), x[member])
        expected = torch.einsum("icp,jcp->ij", j, j)
        assert (found[member] - expected).abs().max() <= 1e-10 * expected.abs().max()


@pytest.mark.parametrize("loss", ["cross-entropy", "squared"])
@pytest.mark.parametrize("spec", SPECS, ids=lambda s: f"{s.name}-{s.activation}")
def test_fisher_trace_is_that_of_the_matrix(spec: ModelSpec, loss: str) -> None:
    model = built(spec, members=2)
    x, _ = data(2)
    found = fisher_traces(model, x, loss)
    for member in range(2):
        alone = model.select([member])
        j = jacobians(alone, x[member])
        p = alone(x[member : member + 1]).detach()[0].softmax(-1)
        # Σ_c<d p_c p_d ‖J_c − J_d‖²: the covariance without a difference of nearly equal numbers
        apart = (j.unsqueeze(2) - j.unsqueeze(1)).square().sum(3)
        expected = 0.5 * (p.unsqueeze(2) * p.unsqueeze(1) * apart).sum((1, 2))
        if loss == "squared":
            expected = j.square().sum((1, 2))
        assert (found[member] - expected).abs().max() <= 1e-10 * expected.abs().max()


def test_means_are_over_pairs_of_distinct_examples_of_the_sample() -> None:
    trainer = small_trainer()
    subject = subject_now(trainer)
    settings = TANGENT.settings(examples=40)
    found, sample = TANGENT.measure(subject, settings), subject.train_sample(40)
    for member in range(subject.members):
        x = sample.x[member if len(sample.x) > 1 else 0]
        j = jacobians(trainer.model.select([member]), x).double()
        kernel = torch.einsum("icp,jcp->ij", j, j)
        scale = kernel.diagonal().rsqrt()
        cosine = kernel * scale * scale[:, None]
        labels = sample.given[member]
        means = []
        for label in labels.unique():
            mine = labels == label
            if mine.sum() > 1:
                block = cosine[mine][:, mine]
                means.append((block.sum() - block.trace()) / (mine.sum() * (mine.sum() - 1)))
        assert float(found["within"][member]) == pytest.approx(float(sum(means) / len(means)), 1e-4)
        trace = float(found["scale"][member])
        assert trace == pytest.approx(float(kernel.diagonal().mean()), rel=1e-4)
