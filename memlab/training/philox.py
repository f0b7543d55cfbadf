"""Philox-4x32-10, the counter-based generator of Salmon 2011, in torch's integer operations.

Random numbers as a function of a counter and a key, without state: any device can evaluate it, a
captured graph too. What is drawn for what is `memlab.training.device_noise`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from math import tau

import torch
from torch import Tensor

Words = tuple[Tensor, Tensor, Tensor, Tensor]

#: The multipliers, and what the key grows by each round (Salmon 2011, table 2 and section 3.2).
MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
WEYL = (0x9E3779B9, 0xBB67AE85)
ROUNDS = 10
LOW = 0xFFFFFFFF
#: The same in C++, of one counter and key.
KERNEL = f"""
template <typename T> void philox(T a, T b, T c, T d, T k, T l, T& w, T& x, T& y, T& z) {{
  unsigned int c0 = a, c1 = b, c2 = c, c3 = d, k0 = k, k1 = l;
  for (int round = 0; round < {ROUNDS}; ++round) {{
    unsigned long long p = (unsigned long long)c0 * {MULTIPLIERS[0]}u;
    unsigned long long q = (unsigned long long)c2 * {MULTIPLIERS[1]}u;
    c0 = (unsigned int)(q >> 32) ^ c1 ^ k0;
    c2 = (unsigned int)(p >> 32) ^ c3 ^ k1;
    c1 = (unsigned int)q;
    c3 = (unsigned int)p;
    k0 += {WEYL[0]}u;
    k1 += {WEYL[1]}u;
  }}
  w = c0;
  x = c1;
  y = c2;
  z = c3;
}}
"""


def philox(counter: Words, key: tuple[Tensor, Tensor]) -> Words:
    """Four words for each counter and key, which broadcast against each other.

    All are int64 tensors that hold unsigned 32-bit words.

    >>> zero = torch.zeros((), dtype=torch.int64)
    >>> [f"{int(word):08x}" for word in philox((zero,) * 4, (zero,) * 2)]
    ['6627e8d5', 'e169c58d', 'bc57ac4c', '9b00dbd8']
    """
    if counter[0].is_cuda and _kernel(counter[0].device) is not None:
        return in_one_kernel(counter, key)
    return in_operations(counter, key)


def in_operations(counter: Words, key: tuple[Tensor, Tensor]) -> Words:
    """As `philox`, by a hundred and thirty operations on any device."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(ROUNDS):
        high0, low0 = _product(c0, MULTIPLIERS[0])
        high1, low1 = _product(c2, MULTIPLIERS[1])
        c0, c1, c2, c3 = high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0
        k0, k1 = (k0 + WEYL[0]) & LOW, (k1 + WEYL[1]) & LOW
    return c0, c1, c2, c3


def in_one_kernel(counter: Words, key: tuple[Tensor, Tensor]) -> Words:
    """As `philox`, by a kernel that torch compiles at the first call; CUDA tensors only."""
    kernel = _kernel(counter[0].device)
    assert kernel is not None
    with torch.cuda.device_of(counter[0]):  # type: ignore[no-untyped-call]
        c0, c1, c2, c3 = kernel(*counter, *key)
    return c0, c1, c2, c3


@cache
def _kernel(device: torch.device) -> Callable[..., Sequence[Tensor]] | None:
    """A card's kernel; None where it cannot be compiled, or gives not what the operations give.

    The first call waits for the device, so it has to come before a graph is captured.
    """
    try:
        from torch.cuda import jiterator

        made = jiterator._create_multi_output_jit_fn(KERNEL, num_outputs=4)
        some = torch.arange(1 << 10, device=device).mul_(0x3FFFFF)
        asked: tuple[Words, tuple[Tensor, Tensor]]
        asked = (some, some[:1], some[1:2], some[2:3]), (some[3:4], some[4:5])
        with torch.cuda.device_of(some):  # type: ignore[no-untyped-call]
            words = zip(made(*asked[0], *asked[1]), in_operations(*asked), strict=True)
        return made if all(torch.equal(one, other) for one, other in words) else None
    except (ImportError, AttributeError, AssertionError, RuntimeError):
        return None


def _product(word: Tensor, by: int) -> tuple[Tensor, Tensor]:
    """Upper and lower word of a product.

    The product of two words may pass 2⁶³ and come out negative; its 64 bits are right all the same.
    """
    whole = word * by
    return (whole >> 32) & LOW, whole & LOW


def halves(words: Words) -> Tensor:
    """Eight uniform integers in [0, 65536) for each counter: `[…, n]` words → `[…, 8n]`."""
    whole = torch.stack(words, -1)
    return torch.stack((whole & 0xFFFF, whole >> 16), -1).flatten(-3)


def normals(words: Words) -> Tensor:
    """Four standard normal numbers for each counter, float32: `[…, n]` words → `[…, 4n]`.

    Box and Muller 1958: √(−2 ln u)·(cos, sin)(2πv), with u in (0, 1], so that no number is larger
    than √(64 ln 2) = 6.66.
    """
    parts = []
    for first, second in (words[:2], words[2:]):
        radius = ((first + 1).to(torch.float32) * 2.0**-32).log().mul(-2.0).sqrt()
        angle = second.to(torch.float32) * (tau * 2.0**-32)
        parts += [radius * angle.cos(), radius * angle.sin()]
    return torch.stack(parts, -1).flatten(-2)


def below(word: Tensor, bound: int) -> Tensor:
    """Integers in [0, bound) from a word, int64; each as likely as the others to bound / 2³²."""
    return (word * bound) >> 32
