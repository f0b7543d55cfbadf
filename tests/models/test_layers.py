"""Each stacked layer against PyTorch's own, member by member, in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from memlab.experiment.keys import key
from memlab.experiment.material_spec import ModelSpec
from memlab.models.blocks import Convolution
from memlab.models.layers import (
    StackedConv2d,
    StackedLinear,
    draw_all,
    local_response,
    merge_images,
    units_of_maps,
)
from memlab.models.normalization import (
    StackedBatchNorm,
    StackedGroupNorm,
    group_size,
)

MEMBERS, BATCH = 3, 6


def randomize(module: nn.Module) -> nn.Module:
    """All parameters from a standard normal distribution, float64."""
    module.double()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.normal_()
    return module


def close(a: Tensor, b: Tensor) -> None:
    torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("members", [1, MEMBERS])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shared", [True, False])
def test_linear_equals_torchs(members, bias, shared):
    layer = randomize(StackedLinear(members, 5, 4, bias))
    x = torch.randn(1 if shared else members, BATCH, 5, dtype=torch.float64)
    out = layer(x)
    assert out.shape == (members, BATCH, 4)
    for m in range(members):
        own = nn.functional.linear(
            x[0 if shared else m], layer.weight[m].T, layer.bias[m, 0] if bias else None
        )
        close(out[m], own)


@pytest.mark.parametrize("members", [1, MEMBERS])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize(("kernel", "stride"), [(1, 1), (3, 1), (3, 2), (5, 1), (1, 2)])
def test_convolution_equals_torchs(members, bias, shared, kernel, stride):
    layer = randomize(StackedConv2d(members, 3, 4, kernel, stride, bias))
    x = torch.randn(1 if shared else members, BATCH, 3, 7, 6, dtype=torch.float64)
    out = layer(merge_images(x))
    own = nn.Conv2d(3, 4, kernel, stride, kernel // 2, bias=bias).double()
    for m in range(members):
        own.weight.data = layer.weight[m].data
        if bias:
            own.bias.data = layer.bias[m].data
        close(out.chunk(members, 1)[m], own(x[0 if shared else m]))


def test_one_members_images_and_units_are_views():
    x = torch.randn(1, BATCH, 3, 4, 4)
    maps = merge_images(x)
    assert maps.data_ptr() == x.data_ptr()
    assert units_of_maps(maps, 1).data_ptr() == x.data_ptr()
    shared = StackedLinear(MEMBERS, 48, 2)
    assert shared(x.flatten(2)).shape == (MEMBERS, BATCH, 2)


@pytest.mark.parametrize("members", [1, MEMBERS])
@pytest.mark.parametrize("images", [True, False])
def test_batch_norm_equals_torchs_in_training_and_evaluation(members, images):
    stacked = randomize(StackedBatchNorm(members, 4))
    own = [(nn.BatchNorm2d(4) if images else nn.BatchNorm1d(4)).double() for _ in range(members)]
    for m, layer in enumerate(own):
        layer.weight.data, layer.bias.data = stacked.weight[m].data, stacked.bias[m].data
    shape = (members, BATCH, 4, 5, 3) if images else (members, BATCH, 4)
    for training in (True, True, False):
        x = torch.randn(shape, dtype=torch.float64) * 3 + 1
        out = stacked(merge_images(x) if images else x, training)
        for m, layer in enumerate(own):
            layer.train(training)
            close(out.chunk(members, 1)[m] if images else out[m], layer(x[m]))
            close(stacked.running_mean[m], layer.running_mean)
            close(stacked.running_var[m], layer.running_var)


def test_evaluation_leaves_running_statistics_alone():
    layer = StackedBatchNorm(2, 4, ghost_batch=2)
    layer(torch.randn(2, 8, 4), False)
    assert (layer.running_mean == 0).all()
    assert (layer.running_var == 1).all()


@pytest.mark.parametrize(("batch", "sizes"), [(8, [4, 4]), (11, [4, 7]), (13, [4, 4, 5]), (7, [7])])
@pytest.mark.parametrize("images", [True, False])
def test_ghost_batches_are_normalized_one_by_one(batch, sizes, images):
    stacked = randomize(StackedBatchNorm(2, 3, ghost_batch=4))
    x = torch.randn((2, batch, 3, 2, 2) if images else (2, batch, 3), dtype=torch.float64)
    out = stacked(merge_images(x) if images else x, True)
    for m in range(2):
        own = (nn.BatchNorm2d(3) if images else nn.BatchNorm1d(3)).double()
        own.weight.data, own.bias.data = stacked.weight[m].data, stacked.bias[m].data
        parts = torch.cat([own(part) for part in x[m].split(sizes)])
        close(out.chunk(2, 1)[m] if images else out[m], parts)
        close(stacked.running_mean[m], own.running_mean)
        close(stacked.running_var[m], own.running_var)


@pytest.mark.parametrize("members", [1, MEMBERS])
@pytest.mark.parametrize("images", [True, False])
@pytest.mark.parametrize("group", [2, 6])
def test_group_and_layer_norm_equal_torchs(members, images, group):
    stacked = randomize(StackedGroupNorm(members, 6, group))
    shape = (members, BATCH, 6, 3, 2) if images else (members, BATCH, 6)
    x = torch.randn(shape, dtype=torch.float64)
    out = stacked(merge_images(x) if images else x, True)
    for m in range(members):
        own: nn.Module = nn.GroupNorm(6 // group, 6).double()
        if not images and group == 6:
            own = nn.LayerNorm(6).double()
        own.weight.data, own.bias.data = stacked.weight[m].data, stacked.bias[m].data
        close(out.chunk(members, 1)[m] if images else out[m], own(x[m]))


@pytest.mark.parametrize("channels", [1, 4, 16, 17, 24, 64, 200, 384])
def test_groups_divide_the_channels_and_are_never_single_units(channels):
    size = group_size(channels)
    assert channels % size == 0
    assert size >= min(channels, 16)


def test_local_response_stays_within_a_member():
    x = torch.randn(2, MEMBERS * 12, 3, 3, dtype=torch.float64) * 30
    own = nn.LocalResponseNorm(9, alpha=0.001, beta=0.75, k=1.0)
    close(local_response(x, MEMBERS), torch.cat([own(part) for part in x.chunk(MEMBERS, 1)], 1))


@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu", "sigmoid"])
@pytest.mark.parametrize("normalization", ["batch", "none"])
@pytest.mark.parametrize("channels_last", [False, True])
def test_a_pooled_convolution_activates_before_it_pools_to_the_last_bit(
    activation, normalization, channels_last
):
    spec = ModelSpec(name="cnn", width=6, activation=activation, normalization=normalization)
    layer = Convolution(spec, 2, 3, 6, 5, pool=True)
    draw_all(layer, [key(seed, "pooled") for seed in (0, 1)])
    x = torch.from_numpy(key(0, "maps").standard_normal((5, 6, 9, 9), dtype=np.float32))
    if channels_last:
        x = x.contiguous(memory_format=torch.channels_last)
    act = {"gelu": F.gelu}.get(activation) or getattr(torch, activation)

    def in_order(x: torch.Tensor) -> torch.Tensor:
        x = layer.conv(x)
        return F.max_pool2d(act(x if layer.norm is None else layer.norm(x, True)), 3, 2, 1)

    parameters = list(layer.parameters())
    found, expected = layer(x, True), in_order(x)
    assert torch.equal(found, expected)
    at_output = torch.from_numpy(key(1, "maps").standard_normal(found.shape, dtype=np.float32))
    ours = torch.autograd.grad(found, parameters, at_output)
    theirs = torch.autograd.grad(expected, parameters, at_output)
    assert all(map(torch.equal, ours, theirs))
