"""Per-example gradients of a few parameters of an ordinary module, for what has no rule.

`torch.func.vmap` of the gradient where the module allows it, else one example after another.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel

from memlab.instruments.symmetric import row_blocks
from memlab.models.module_calls import logits_of

#: Largest difference that is rounding, relative to the norm, by the precision in bits.
TOLERANCES = {64: 1e-6, 32: 1e-2, 16: 0.2}
#: Numbers of per-example gradients, and of activations, that are kept at once (512 MiB in float32).
NUMBERS_AT_ONCE = 1 << 27


class ExampleGradients:
    """Gradients of s_i · f(x_i) with respect to some layers' parameters, example by example.

    `x` is `[n, …]`, `start` `[n, classes]` holds the s_i; `layers` names each layer's parameters;
    `saved` is how many numbers a pass keeps per example. `how` says which way was taken: `vmap`,
    `one by one`, or nothing before the first.
    """

    def __init__(
        self,
        network: nn.Module,
        x: Tensor,
        start: Tensor,
        layers: Mapping[str, Sequence[str]],
        saved: int,
    ) -> None:
        self.network, self.x, self.start = network, x, start
        own = dict(network.named_parameters())
        self.parameters = {n: own[n].detach() for names in layers.values() for n in names}
        self.sizes = {key: sum(own[n].numel() for n in names) for key, names in layers.items()}
        self.size = sum(p.numel() for p in self.parameters.values())
        self.step = max(1, NUMBERS_AT_ONCE // (self.size + saved))
        self.how = ""

    def rows(self, start: int, stop: int) -> Tensor:
        """Gradients of examples start … stop, `[stop − start, parameters]`.

        Raises:
            Exception: what the module's own code raises, if not even one example goes through.
        """
        parts = [self._some(start + a, start + b) for a, b in row_blocks(stop - start, self.step)]
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def _some(self, start: int, stop: int) -> Tensor:
        if self.how != "one by one":
            try:
                found = self._by_vmap(start, stop)
            except Exception:  # what vmap cannot do shows in many kinds of errors
                found = None
            if found is not None and (self.how or self._same(found[0], start)):
                self.how = "vmap"
                return found
            self.how = "one by one"
        return torch.stack([self._alone(i) for i in range(start, stop)])

    def _same(self, found: Tensor, i: int) -> bool:
        """Whether vmap's gradient is the example's: it has been wrong for some operations."""
        expected = self._alone(i)
        slack = TOLERANCES[torch.finfo(found.dtype).bits] * expected.norm()
        return bool((found - expected).norm() <= slack)

    @torch.no_grad()
    def _by_vmap(self, start: int, stop: int) -> Tensor:
        def answer(parameters: dict[str, Tensor], example: Tensor, at_logits: Tensor) -> Tensor:
            output = functional_call(self.network, parameters, (example[None],))
            return (logits_of(output)[0] * at_logits).sum()

        each = vmap(grad(answer), (None, 0, 0))
        with sdpa_kernel(SDPBackend.MATH):  # the fused attention knows no vmap
            found = each(self.parameters, self.x[start:stop], self.start[start:stop])
        return torch.cat([gradient.flatten(1) for gradient in found.values()], 1)

    def _alone(self, i: int) -> Tensor:
        leaves = {name: p.requires_grad_() for name, p in self._copies()}
        output = functional_call(self.network, leaves, (self.x[i : i + 1],))
        found = torch.autograd.grad(
            logits_of(output), list(leaves.values()), self.start[i : i + 1], materialize_grads=True
        )
        return torch.cat([gradient.flatten() for gradient in found])

    def _copies(self) -> Iterator[tuple[str, Tensor]]:
        """Tensors of their own over the same memory."""
        for name, parameter in self.parameters.items():
            yield name, parameter.detach()

    def products(self) -> dict[str, Tensor]:
        """Inner products of all pairs by layer, `[n, n]`, of as many rows as the memory allows.

        Raises:
            MemoryError: if it does not allow those of two examples.
        """
        count = len(self.x)
        if 2 * self.size > NUMBERS_AT_ONCE and count > 1:
            raise MemoryError(f"two gradients of {self.size} numbers are over {NUMBERS_AT_ONCE}")
        most = NUMBERS_AT_ONCE // self.size
        if count <= most:
            rows = self._apart(self.rows(0, count))
            return {key: part @ part.T for key, part in rows.items()}
        total = {key: self.start.new_zeros(count, count) for key in self.sizes}
        blocks = row_blocks(count, max(1, most // 2))
        for first, (a, b) in enumerate(blocks):
            rows = self._apart(self.rows(a, b))
            for c, d in blocks[first:]:
                others = rows if c == a else self._apart(self.rows(c, d))
                for key, part in rows.items():
                    total[key][a:b, c:d] = part @ others[key].T
                    total[key][c:d, a:b] = total[key][a:b, c:d].T
        return total

    def _apart(self, rows: Tensor) -> dict[str, Tensor]:
        parts = torch.split(rows, list(self.sizes.values()), 1)
        return dict(zip(self.sizes, parts, strict=True))
