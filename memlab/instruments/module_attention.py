"""`nn.MultiheadAttention` written out, so that its projections can be watched.

PyTorch's own hands the weights of the projections to one function, past the layers that hold them.
"""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

#: (part of the layer, input, output) ↦ the output that goes on.
Watch = Callable[[str, Tensor, Tensor], Tensor]


def can_be_written_out(layer: nn.MultiheadAttention) -> bool:
    """Whether `attend` computes what the layer does."""
    return layer.bias_k is None and not layer.add_zero_attn


def attend(
    layer: nn.MultiheadAttention,
    watch: Watch,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    key_padding_mask: Tensor | None = None,
    need_weights: bool = True,
    attn_mask: Tensor | None = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """As `nn.MultiheadAttention.forward`, in evaluation mode; parts: `in`, `q`, `k`, `v`, `out`."""
    same = query is key and key is value
    batched = query.dim() == 3
    if not batched:
        query, key, value = (t.unsqueeze(0) for t in (query, key, value))
        key_padding_mask = None if key_padding_mask is None else key_padding_mask.unsqueeze(0)
    elif not layer.batch_first:
        query, key, value = (t.transpose(0, 1) for t in (query, key, value))
    q, k, v = (
        _heads(t, layer.num_heads) for t in _projected(layer, watch, query, key, value, same)
    )
    mask = _mask(q, k, attn_mask, key_padding_mask)
    if need_weights:
        scores = q @ k.mT / sqrt(q.shape[-1])
        weights = (scores if mask is None else scores + mask).softmax(-1)
        mixed = weights @ v
    else:
        mixed, weights = F.scaled_dot_product_attention(q, k, v, mask), None
    joined = mixed.transpose(1, 2).flatten(2)
    projection = layer.out_proj
    out = watch("out", joined, F.linear(joined, projection.weight, projection.bias))
    if weights is not None and average_attn_weights:
        weights = weights.mean(1)
    if not batched:
        return out.squeeze(0), None if weights is None else weights.squeeze(0)
    return out if layer.batch_first else out.transpose(0, 1), weights


def _projected(
    layer: nn.MultiheadAttention, watch: Watch, q: Tensor, k: Tensor, v: Tensor, same: bool
) -> tuple[Tensor, ...]:
    bias = layer.in_proj_bias
    if layer.in_proj_weight is not None and same:
        return watch("in", q, F.linear(q, layer.in_proj_weight, bias)).chunk(3, -1)
    if layer.in_proj_weight is not None:
        weights = layer.in_proj_weight.chunk(3)
    else:
        weights = (layer.q_proj_weight, layer.k_proj_weight, layer.v_proj_weight)
    biases = (None,) * 3 if bias is None else bias.chunk(3)
    parts = zip("qkv", (q, k, v), weights, biases, strict=True)
    return tuple(watch(part, x, F.linear(x, w, b)) for part, x, w, b in parts)


def _heads(x: Tensor, heads: int) -> Tensor:
    """`[n, places, width]` as `[n, heads, places, width of a head]`."""
    return x.reshape(*x.shape[:-1], heads, -1).transpose(1, 2)


def _mask(q: Tensor, k: Tensor, attention: Tensor | None, padding: Tensor | None) -> Tensor | None:
    """What is added to the scores, against `[n, heads, places, places]`."""
    total: Tensor | None = None
    if attention is not None:
        if attention.dim() == 3:
            attention = attention.reshape(-1, q.shape[1], *attention.shape[1:])
        total = _added(attention, q.dtype)
    if padding is not None:
        part = _added(padding, q.dtype)[:, None, None, :]
        total = part if total is None else total + part
    return total


def _added(mask: Tensor, dtype: torch.dtype) -> Tensor:
    if mask.dtype != torch.bool:
        return mask.to(dtype)
    return torch.zeros_like(mask, dtype=dtype).masked_fill_(mask, -torch.inf)
