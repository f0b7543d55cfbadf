"""The torch-free counts, held against the modules and the papers."""

from __future__ import annotations

import math
import subprocess
import sys

import pytest
import torch
from torch import nn

from memlab.errors import InvalidExperiment
from memlab.experiment.architecture import (
    activation_width,
    check,
    multiply_adds,
    parameter_count,
    resolve,
)
from memlab.experiment.material_spec import ModelSpec
from memlab.experiment.network_sizes import PAPER_PARAMETERS, paper_parameters
from memlab.models import build
from memlab.models.layers import StackedConv2d, StackedLinear

ZHANG = ((3, 28, 28), 2352, 10)
CIFAR = ((3, 32, 32), 3072, 10)
NAMES = ["linear", "mlp", "cnn", "alexnet-small", "inception-small", "resnet20", "wrn16-4"]


def built(spec: ModelSpec, members: int, data: tuple) -> nn.Module:
    image_shape, features, classes = data
    with torch.device("meta"):
        return build(
            spec, members=members, image_shape=image_shape, features=features, classes=classes
        )


@pytest.mark.parametrize("data", [ZHANG, CIFAR, ((1, 8, 8), 64, 7), ((3, 9, 6), 162, 3)])
@pytest.mark.parametrize("normalization", [None, "none", "batch", "layer", "group"])
@pytest.mark.parametrize("name", NAMES)
def test_counted_parameters_are_those_of_the_built_stack(name, normalization, data):
    for width, depth in ((None, None), (24, 3)):
        spec = ModelSpec(name=name, width=width, depth=depth, normalization=normalization)
        stack = built(spec, 3, data)
        assert 3 * parameter_count(spec, *data) == sum(p.numel() for p in stack.parameters())
        assert all(p.shape[0] == 3 for p in stack.state_dict().values())


@pytest.mark.parametrize("name", NAMES)
def test_multiply_adds_and_widest_activation_are_those_of_a_forward_pass(name):
    data = ((3, 10, 7), 210, 5)
    spec = ModelSpec(name=name, width=12)
    counted, widest = 0, [210]

    def count(layer: nn.Module, inputs: tuple, output: torch.Tensor) -> None:
        nonlocal counted
        each = math.prod(layer.weight.shape[1:])  # type: ignore[union-attr, operator]
        counted += each * (output[0, 0].numel() if output.dim() == 4 else 1)

    stack = built(spec, 1, data)
    for layer in stack.modules():
        if isinstance(layer, StackedLinear | StackedConv2d):
            layer.register_forward_hook(count)
        layer.register_forward_hook(lambda _l, _i, output: widest.append(output[0].numel()))
    stack(torch.zeros(1, 1, 3, 10, 7, device="meta"))
    assert multiply_adds(spec, *data) == counted
    assert activation_width(spec, *data) == max(widest)


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        (ModelSpec(name="inception-small"), "inception-small"),
        (ModelSpec(name="inception-small", normalization="none"), "inception-small"),
        (ModelSpec(name="alexnet-small"), "alexnet-small"),
        (ModelSpec(name="mlp", width=512, depth=3), "mlp 3×512"),
        (ModelSpec(name="mlp", width=512, depth=1), "mlp 1×512"),
    ],
)
def test_parameter_counts_are_exactly_zhangs(spec, name):
    assert parameter_count(spec, *ZHANG) == PAPER_PARAMETERS[name]
    assert paper_parameters(spec, *ZHANG) == PAPER_PARAMETERS[name]


def test_residual_networks_have_the_published_counts_to_the_published_digits():
    assert parameter_count(ModelSpec(name="resnet20"), *CIFAR) == 269_722
    assert parameter_count(ModelSpec(name="wrn16-4"), *CIFAR) == 2_748_890
    assert paper_parameters(ModelSpec(name="wrn16-4"), *CIFAR) == 2_700_000


def test_a_network_of_no_paper_has_no_published_count():
    assert paper_parameters(ModelSpec(name="mlp"), *ZHANG) is None
    assert paper_parameters(ModelSpec(name="alexnet-small", width=32), *ZHANG) is None
    assert paper_parameters(ModelSpec(name="alexnet-small"), *CIFAR) is None


def test_resolve_fills_in_what_the_architecture_has():
    full = resolve(ModelSpec())
    assert (full.width, full.depth, full.normalization) == (256, 2, "none")
    assert resolve(ModelSpec(name="resnet20")).normalization == "batch"
    assert resolve(ModelSpec(name="resnet20", normalization="none")).normalization == "none"
    linear = resolve(ModelSpec(name="linear", width=9, depth=4, normalization="batch"))
    assert (linear.width, linear.depth, linear.normalization) == (None, None, "none")
    assert resolve(full) == full


@pytest.mark.parametrize("name", NAMES[2:])
def test_a_convolutional_network_on_no_image_is_refused_with_what_would_be_right(name):
    with pytest.raises(InvalidExperiment, match=r"needs images .* 40 numbers .* use 'mlp'"):
        check(ModelSpec(name=name), None, 40, 10)
    with pytest.raises(InvalidExperiment, match="at least 4×4 pixels, but these are 1×40"):
        parameter_count(ModelSpec(name=name), (1, 1, 40), 40, 10)
    with pytest.raises(InvalidExperiment, match="needs images"):
        build(ModelSpec(name=name), members=1, image_shape=None, features=40, classes=10)


def test_ghost_batches_without_batch_normalization_are_refused():
    with pytest.raises(InvalidExperiment, match="ghost_batch = 16 needs batch normalization"):
        check(ModelSpec(ghost_batch=16), None, 64, 10)
    check(ModelSpec(ghost_batch=16, normalization="batch"), None, 64, 10)


def test_architectures_are_counted_without_torch():
    code = (
        "import sys; from memlab.experiment.architecture import parameter_count as count;"
        "from memlab.experiment.spec import ModelSpec; count(ModelSpec(), None, 64, 10);"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_presets_print_their_networks_sizes_beside_the_papers():
    from memlab.experiment import presets
    from memlab.experiment.network_sizes import network_sizes

    sizes = network_sizes(presets.find("zhang-cifar10").experiment())
    assert [(s.name, s.parameters, s.paper) for s in sizes] == [
        ("inception-small", 1_649_402, 1_649_402),
        ("alexnet-small", 1_387_786, 1_387_786),
        ("mlp 3×512", 1_735_178, 1_735_178),
    ]
