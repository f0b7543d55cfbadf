"""The Gram matrix against explicit per-example gradients, for every layer and architecture."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

from memlab.bench import gram as bench_gram
from memlab.experiment.material_spec import ModelSpec
from memlab.instruments import gram as grams
from memlab.instruments import gram_convolution, symmetric
from memlab.instruments.gram import gram
from memlab.instruments.symmetric import symmetric_product
from memlab.instruments.taps import UncoveredLayer
from memlab.models import StackedModel, build
from memlab.models.layers import StackedConv2d, StackedLinear
from memlab.models.stacked import Shape
from memlab.training.loss import example_losses

pytestmark = pytest.mark.filterwarnings("ignore:There is a performance drop")  # vmap's scatter

MEMBERS, EXAMPLES, CLASSES = 3, 6, 4
CASES = [
    ModelSpec(name="linear"),
    *(
        ModelSpec(name="mlp", width=7, depth=3, activation=activation)
        for activation in ("relu", "tanh", "gelu", "sigmoid")
    ),
    *(
        ModelSpec(name="mlp", width=32, depth=2, normalization=kind, activation=activation)
        for kind in ("batch", "layer", "group")
        for activation in ("relu", "tanh")
    ),
    *(
        ModelSpec(name="cnn", width=4, normalization=kind)
        for kind in (None, "none", "layer", "group")
    ),
    ModelSpec(name="alexnet-small", width=4),
    ModelSpec(name="alexnet-small", width=4, normalization="batch", activation="gelu"),
    ModelSpec(name="inception-small", width=6),
    ModelSpec(name="inception-small", width=6, normalization="none"),
    ModelSpec(name="resnet20", width=2),
    ModelSpec(name="resnet20", width=2, normalization="none", activation="tanh"),
    ModelSpec(name="resnet20", width=4, normalization="group"),
    ModelSpec(name="wrn16-4", width=4),
    ModelSpec(name="wrn16-4", width=4, normalization="none"),
    ModelSpec(name="wrn16-4", width=4, normalization="layer"),
]


def built(spec: ModelSpec, members: int = MEMBERS, side: int = 8) -> StackedModel:
    """A stack in float64 whose parameters and running statistics are nowhere 0 or 1."""
    model = build(
        spec, members=members, image_shape=(3, side, side), features=3 * side**2, classes=CLASSES
    )
    model.initialize([np.random.default_rng(member) for member in range(members)])
    generator = torch.Generator().manual_seed(7)
    model.double()
    with torch.no_grad():
        for tensor in model.state_dict().values():
            noise = torch.rand(tensor.shape, generator=generator, dtype=torch.float64)
            tensor.mul_(1 + 0.3 * noise).add_(0.1 * noise)
    return model


def data(members: int, examples: int = EXAMPLES, side: int = 8) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(members, examples, 3, side, side, generator=generator, dtype=torch.float64)
    return x, torch.randint(0, CLASSES, (MEMBERS, examples), generator=generator)


def explicit(
    model: StackedModel, x: Tensor, targets: Tensor, loss: str, smoothing: Tensor | None = None
) -> dict[str, Tensor]:
    """Products of per-example gradients by `torch.func`, for a stack of one, by layer."""
    assert model.members == 1

    def example_loss(parameters: dict[str, Tensor], image: Tensor, target: Tensor) -> Tensor:
        logits = functional_call(model, parameters, (image[None, None],))
        return example_losses(loss, logits, target[None, None], smoothing).sum()

    parameters = {name: value.detach() for name, value in model.named_parameters()}
    with torch.no_grad():
        gradients = vmap(grad(example_loss), (None, 0, 0))(parameters, x, targets)
    products: dict[str, Tensor] = {}
    for name, gradient in gradients.items():
        layer = name.rpartition(".")[0]
        product = gradient.flatten(1) @ gradient.flatten(1).T
        products[layer] = products.get(layer, 0) + product
    return products


def assert_close(found: Tensor, expected: Tensor, tolerance: float = 1e-10) -> None:
    assert found.shape == expected.shape
    assert (found - expected).abs().max() <= tolerance * expected.abs().max()


@pytest.mark.parametrize("loss", ["cross-entropy", "squared"])
@pytest.mark.parametrize("spec", CASES, ids=lambda s: f"{s.name}-{s.normalization}-{s.activation}")
def test_gram_is_the_product_of_explicit_gradients_layer_by_layer(
    spec: ModelSpec, loss: str
) -> None:
    model = built(spec, members=2)
    x, targets = data(2)
    found = gram(model, x, targets[:2], loss, per_layer=True)
    for member in range(2):
        expected = explicit(model.select([member]), x[member], targets[member], loss)
        assert list(found) == list(expected)
        for name, product in expected.items():
            assert product.abs().max() > 0
            assert_close(found[name][member], product)


@pytest.mark.parametrize("shared", [False, True], ids=["inputs-each", "inputs-shared"])
@pytest.mark.parametrize("spec", CASES, ids=lambda s: f"{s.name}-{s.normalization}-{s.activation}")
def test_stack_equals_each_member_alone(spec: ModelSpec, shared: bool) -> None:
    model = built(spec)
    x, targets = data(1 if shared else MEMBERS)
    found = gram(model, x, targets, "cross-entropy")
    for member in range(MEMBERS):
        part = x if shared else x[member : member + 1]
        alone = gram(model.select([member]), part, targets[member : member + 1], "cross-entropy")
        assert_close(found[member], alone[0])


@pytest.mark.parametrize("name", ["mlp", "cnn"])
def test_layers_sum_to_the_whole(name: str) -> None:
    model = built(ModelSpec(name=name, width=5))
    x, targets = data(MEMBERS)
    parts = gram(model, x, targets, "squared", per_layer=True)
    assert_close(sum(parts.values()), gram(model, x, targets, "squared"), 1e-13)


def test_label_smoothing_is_each_members_own() -> None:
    model = built(ModelSpec(name="mlp", width=5))
    x, targets = data(MEMBERS)
    smoothing = torch.tensor([0.0, 0.1, 0.3], dtype=torch.float64)
    found = gram(model, x, targets, "cross-entropy", smoothing=smoothing)
    for member in range(MEMBERS):
        parts = explicit(
            model.select([member]),
            x[member],
            targets[member],
            "cross-entropy",
            smoothing[member : member + 1],
        )
        assert_close(found[member], sum(parts.values()))


@pytest.mark.parametrize("name", ["mlp", "cnn", "wrn16-4"])
def test_float32_agrees_to_its_precision(name: str) -> None:
    model = built(ModelSpec(name=name, width=5))
    x, targets = data(1)
    expected = gram(model, x, targets, "cross-entropy")
    found = gram(model.float(), x.float(), targets, "cross-entropy")
    assert found.dtype == torch.float32
    assert_close(found.double(), expected, 1e-5)


@pytest.mark.parametrize("kernel", [1, 3, 5])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("way", ["direct", "pairwise"])
def test_both_ways_through_a_convolution_are_exact(
    kernel: int, stride: int, bias: bool, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer = StackedConv2d(2, 3, 4, kernel, stride, bias).double()
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.normal_()
    x = torch.randn(5, 2 * 3, 5, 4, dtype=torch.float64)
    out = layer(x)
    d = torch.randn_like(out)
    (expected_w, *expected_b) = [
        torch.stack(
            [torch.autograd.grad((layer(x[i : i + 1]) * d[i]).sum(), p)[0] for i in range(5)]
        )
        for p in layer.parameters()
    ]
    gradients = [expected_w.flatten(2), *expected_b]
    joined = torch.cat(gradients, 2).transpose(0, 1)
    monkeypatch.setattr(
        gram_convolution, "pairwise_is_cheaper", lambda x, d, window: way == "pairwise"
    )
    found = gram_convolution.convolution_gram(
        layer,
        x.reshape(5, 2, 3, 5, 4).transpose(0, 1),
        d.reshape(5, 2, 4, *out.shape[2:]).transpose(0, 1),
        slice(0, 2),
    )
    assert_close(found, joined @ joined.mT, 1e-12)


def test_cost_chooses_pairs_on_small_maps_and_gradients_on_large_ones() -> None:
    def cheaper(side: int) -> bool:
        maps = torch.empty(1, 512, 200, side, side, device="meta")
        return gram_convolution.pairwise_is_cheaper(
            maps, maps, gram_convolution.Window.square(5, 1)
        )

    assert cheaper(2)
    assert cheaper(4)
    assert not cheaper(14)


@pytest.mark.parametrize("way", ["direct", "pairwise"])
@pytest.mark.parametrize("shared", [False, True])
def test_little_memory_changes_nothing(
    way: str, shared: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        gram_convolution, "pairwise_is_cheaper", lambda x, d, window: way == "pairwise"
    )
    model = built(ModelSpec(name="cnn", width=4))
    x, targets = data(1 if shared else MEMBERS)
    expected = gram(model, x, targets, "cross-entropy")
    for module in (grams, gram_convolution):
        monkeypatch.setattr(module, "ELEMENTS_AT_ONCE", 1)
    monkeypatch.setattr(gram_convolution, "ELEMENTS_IN_CACHE", 1)
    assert_close(gram(model, x, targets, "cross-entropy"), expected, 1e-13)


def test_half_a_symmetric_product_is_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = torch.randn(2, 10, 3, dtype=torch.float64)
    monkeypatch.setattr(symmetric, "BLOCK", 4)
    monkeypatch.setattr(symmetric, "WORTH_CUTTING", 0)
    found = symmetric_product(rows)
    assert_close(found, rows @ rows.mT, 1e-14)
    assert torch.equal(found, found.mT)


def test_blocks_hold_pairs_between_two_sets() -> None:
    model = built(ModelSpec(name="mlp", width=5))
    x, targets = data(MEMBERS, examples=7)
    whole = gram(model, x, targets, "cross-entropy")
    assert_close(whole[:, :4, :4], gram(model, x[:, :4], targets[:, :4], "cross-entropy"))
    last = gram(model, x[:, [0, 5]], targets[:, [0, 5]], "cross-entropy")
    assert_close(whole[:, 0, 5], last[:, 0, 1])


def test_model_and_its_gradients_stay_as_they_are() -> None:
    model = built(ModelSpec(name="cnn", width=4))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    x, targets = data(MEMBERS)
    kept = x.clone()
    gram(model, x, targets, "cross-entropy")
    assert torch.equal(x, kept)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())
    assert not any(module._forward_hooks for module in model.modules())


def test_frozen_parameters_and_no_grad_do_not_matter() -> None:
    model = built(ModelSpec(name="cnn", width=4, normalization="none"))
    x, targets = data(MEMBERS)
    expected = gram(model, x, targets, "cross-entropy")
    model.requires_grad_(False)
    with torch.no_grad():
        assert_close(gram(model, x, targets, "cross-entropy"), expected)


class Custom(StackedModel):
    """A third party's network around one layer."""

    def __init__(self, layer: nn.Module, times: int = 1) -> None:
        super().__init__(ModelSpec(name="cnn"), 1, Shape(None, 4, 4))
        self.special = layer
        self.times = times

    def forward(self, x: Tensor, noise: object = None) -> Tensor:
        for _ in range(self.times):
            x = self.special(x)
        return x


class Doubled(StackedLinear):
    """Computes something else than its parent."""

    def forward(self, x: Tensor) -> Tensor:
        return 2 * super().forward(x)


@pytest.mark.parametrize("layer", [nn.Bilinear(4, 4, 4), Doubled(1, 4, 4)])
def test_uncovered_layer_is_named_with_the_covered_ones(layer: nn.Module) -> None:
    x, targets = torch.randn(1, 5, 4), torch.zeros(1, 5, dtype=torch.int64)
    with pytest.raises(UncoveredLayer) as caught:
        gram(Custom(layer), x, targets, "cross-entropy")
    for word in ("special", type(layer).__name__, *(kind.__name__ for kind in grams.LAYERS)):
        assert word in str(caught.value)


def test_layer_used_twice_is_an_error_not_a_wrong_number() -> None:
    x, targets = torch.randn(1, 5, 4), torch.zeros(1, 5, dtype=torch.int64)
    with pytest.raises(UncoveredLayer, match="special"):
        gram(Custom(StackedLinear(1, 4, 4), times=2), x, targets, "cross-entropy")


def test_shared_parameters_are_an_error_not_a_wrong_number() -> None:
    first, second = StackedLinear(1, 4, 4), StackedLinear(1, 4, 4)
    second.weight = first.weight
    x, targets = torch.randn(1, 5, 4), torch.zeros(1, 5, dtype=torch.int64)
    with pytest.raises(UncoveredLayer, match="share"):
        gram(Custom(nn.Sequential(first, second)), x, targets, "cross-entropy")


@pytest.mark.parametrize("name", ["mlp", "cnn"])
@pytest.mark.filterwarnings("ignore:Full backward hook")
def test_benchmarks_references_compute_the_same_matrix(name: str) -> None:
    case = bench_gram.Case("small", name, 4, (1, 8, 8))
    given = bench_gram.material(case, torch.device("cpu"))
    for _ in range(2):
        for reference in bench_gram.references().values():
            assert bench_gram.deviation(reference, given) < 1e-4
