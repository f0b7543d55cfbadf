"""How members are drawn, and that a member alone is the member in a stack."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from memlab.experiment.material_spec import ModelSpec
from memlab.models import build
from memlab.models.layers import StackedConv2d, StackedLayer, StackedLinear
from memlab.models.stacked import StackedModel

SPECS = [
    ModelSpec(name="linear"),
    ModelSpec(name="mlp", width=16),
    ModelSpec(name="mlp", width=16, normalization="batch"),
    ModelSpec(name="cnn", width=6),
    ModelSpec(name="alexnet-small", width=6),
    ModelSpec(name="inception-small", width=12),
    ModelSpec(name="resnet20", width=4),
    ModelSpec(name="resnet20", width=4, normalization="none"),
    ModelSpec(name="wrn16-4", width=8),
]


def name_of(spec: ModelSpec) -> str:
    return f"{spec.name}-{spec.normalization}"


def drawn(spec: ModelSpec, seeds: list[int]) -> StackedModel:
    model = build(spec, members=len(seeds), image_shape=(3, 8, 8), features=192, classes=5)
    model.initialize([np.random.default_rng(seed) for seed in seeds])
    return model


@pytest.mark.parametrize("spec", SPECS, ids=name_of)
def test_a_member_is_drawn_alike_alone_and_in_a_stack_bit_for_bit(spec):
    stack = drawn(spec, [7, 8, 9]).state_dict()
    for position, seed in enumerate([7, 8, 9]):
        for name, tensor in drawn(spec, [seed]).state_dict().items():
            assert torch.equal(stack[name][position], tensor[0]), name
    assert not torch.equal(stack["output.weight"][0], stack["output.weight"][1])


@pytest.mark.parametrize("spec", SPECS, ids=name_of)
def test_selected_members_keep_parameters_and_buffers_in_memory_of_their_own(spec):
    stack = drawn(spec, [1, 2, 3, 4])
    with torch.no_grad():
        for buffer in stack.buffers():
            buffer.uniform_(0.5, 2.0)
    for indices in ([2, 0], torch.tensor([2, 0])):
        chosen = stack.select(indices)
        assert type(chosen) is type(stack)
        assert chosen.members == 2
        assert [name for name, _ in chosen.named_parameters()] == [
            name for name, _ in stack.named_parameters()
        ]
        for name, tensor in chosen.state_dict().items():
            assert torch.equal(tensor, stack.state_dict()[name][[2, 0]])
        assert all(p.requires_grad and p.is_leaf for p in chosen.parameters())
        x = torch.randn(1, 3, 3, 8, 8)
        torch.testing.assert_close(chosen(x), stack(x)[[2, 0]])
    with torch.no_grad():
        for parameter in chosen.parameters():
            parameter.zero_()
    assert stack.output.weight.abs().sum() > 0


def test_weights_and_biases_fill_pytorchs_default_range():
    for layer in drawn(ModelSpec(name="mlp"), [3]).modules():
        if isinstance(layer, StackedLinear):
            bound = layer.weight.shape[1] ** -0.5
            for tensor in (layer.weight, layer.bias):
                assert tensor.abs().max() <= bound
            assert layer.weight.abs().max() > 0.99 * bound
            assert abs(layer.weight.std() / (bound / 3**0.5) - 1) < 0.05
    conv = next(m for m in drawn(SPECS[4], [3]).modules() if isinstance(m, StackedConv2d))
    assert 0.98 * 75**-0.5 < conv.weight.abs().max() <= 75**-0.5


def test_residual_networks_are_drawn_as_he_did_where_they_are_normalized():
    convolutions = [
        layer
        for layer in drawn(ModelSpec(name="wrn16-4"), [3]).modules()
        if isinstance(layer, StackedConv2d)
    ]
    for conv in convolutions:
        deviation = (2 / conv.weight[0, 0].numel()) ** 0.5
        assert abs(conv.weight.std() / deviation - 1) < 0.1
    plain = drawn(ModelSpec(name="resnet20", normalization="none"), [3])
    conv = next(layer for layer in plain.modules() if isinstance(layer, StackedConv2d))
    assert conv.weight.abs().max() <= 27**-0.5


def test_every_parameter_belongs_to_a_layer_that_draws_it():
    for spec in SPECS:
        model = drawn(spec, [0])
        layers = [layer for layer in model.modules() if isinstance(layer, StackedLayer)]
        owned = {id(p) for layer in layers for p in layer.parameters(recurse=False)}
        assert owned == {id(p) for p in model.parameters()}


def test_the_perceptrons_parameters_come_in_the_optimizers_order():
    for spec in (ModelSpec(name="linear"), ModelSpec(name="mlp", depth=3)):
        model = drawn(spec, [0, 1])
        weights, biases = model.perceptron()
        pairs = [p for pair in zip(weights, biases, strict=True) for p in pair]
        assert [id(p) for p in pairs] == [id(p) for p in model.parameters()]
        assert all(w.is_contiguous() for w in weights)
        assert all(b.shape == (2, 1, w.shape[2]) for w, b in zip(weights, biases, strict=True))
    for spec in (SPECS[2], SPECS[3]):
        with pytest.raises(TypeError, match="not a plain perceptron"):
            drawn(spec, [0]).perceptron()


def test_as_many_generators_as_members_are_needed():
    model = build(ModelSpec(), members=2, image_shape=None, features=4, classes=2)
    with pytest.raises(ValueError, match="1 generators for 2 members"):
        model.initialize([np.random.default_rng(0)])
