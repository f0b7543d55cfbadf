"""Instruments on ordinary networks beside `torch.func` and curvlinops: `memlab bench instruments`.

The reference of the Gram matrix makes per-example gradients by `vmap(grad)`, where that fails one
example after another. The reference of curvature is curvlinops' operator, and for the Hessian of
what that cannot differentiate double backward, a gradient with its graph for each vector; both
sides make their operator and multiply with `PRODUCTS` vectors, one after another, as Lanczos does.
Each row has the most memory that either side held (`memory`) and how far their results are apart,
relative to the largest number (`deviation`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import import_module

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel

from memlab.bench.memory import peak_bytes
from memlab.bench.module_networks import Given, Ordinary, available, given
from memlab.bench.timing import Row, row, seconds, tell
from memlab.instruments.ggn_product import ggn_product
from memlab.instruments.gram import gram
from memlab.instruments.hessian_product import hessian_product
from memlab.instruments.undisturbed import undisturbed
from memlab.models.module_calls import logits_of

PRODUCTS = 8


class Logits(nn.Module):
    """A network that gives its logits and nothing else."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        """`[n, …]` → `[n, classes]`."""
        return logits_of(self.network(x))


def our_gram(made: Given) -> Tensor:
    """G by `memlab.instruments.gram`; how its layers are taken was tried before, once."""
    return gram(made.stack, made.x[None], made.y[None], "cross-entropy")[0]


def by_vmap(made: Given) -> Tensor:
    """G from per-example gradients by `torch.func`."""
    network = Logits(made.network)

    def loss(parameters: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
        return F.cross_entropy(functional_call(network, parameters, (x[None],)), y[None])

    parameters = {name: p.detach() for name, p in network.named_parameters()}
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH):
        found = vmap(grad(loss), (None, 0, 0))(parameters, made.x, made.y)
    return _products([gradient.flatten(1) for gradient in found.values()])


def one_by_one(made: Given) -> Tensor:
    """G from per-example gradients, a backward pass each."""
    parameters = list(made.network.parameters())
    rows: list[list[Tensor]] = []
    for i in range(len(made.y)):
        logits = logits_of(made.network(made.x[i : i + 1]))
        loss = F.cross_entropy(logits, made.y[i : i + 1])
        rows.append(list(torch.autograd.grad(loss, parameters, materialize_grads=True)))
    return _products([torch.stack(column).flatten(1) for column in zip(*rows, strict=True)])


def _products(gradients: list[Tensor]) -> Tensor:
    total = gradients[0].new_zeros(len(gradients[0]), len(gradients[0]))
    for gradient in gradients:
        total += gradient @ gradient.T
    return total


def reference_gram(made: Given) -> tuple[str, Callable[[Given], Tensor]]:
    """The fastest way that works, and its name."""
    recurrent = any(isinstance(layer, nn.RNNBase) for layer in made.network.modules())

    def without_cudnn(way: Callable[[Given], Tensor]) -> Callable[[Given], Tensor]:
        """cuDNN goes back through recurrent layers in training mode only."""

        def called(made: Given) -> Tensor:
            with torch.backends.cudnn.flags(enabled=False):
                return way(made)

        return called if recurrent and made.x.is_cuda else way

    try:
        without_cudnn(by_vmap)(made)
    except Exception:  # what vmap cannot do shows in many kinds of errors
        return "one by one", without_cudnn(one_by_one)
    return "torch.func.vmap", without_cudnn(by_vmap)


def vectors(made: Given) -> Tensor:
    """`[PRODUCTS, parameters]`, standard normal."""
    size = sum(p.numel() for p in made.network.parameters())
    generator = torch.Generator().manual_seed(1)
    return torch.randn(PRODUCTS, size, generator=generator).to(next(made.network.parameters()))


def our_products(made: Given, kind: str, along: Tensor) -> Tensor:
    """Products with the Hessian or GGN by memlab."""
    make = hessian_product if kind == "Hessian" else ggn_product
    product = make(made.stack, made.x[None], made.y[None])
    return torch.stack([product(v[None])[0] for v in along])


def their_products(made: Given, kind: str, along: Tensor) -> Tensor:
    """The same by curvlinops.

    Raises:
        ImportError: if it is not installed.
    """
    make = getattr(import_module("curvlinops"), f"{kind}LinearOperator")
    with undisturbed(made.x.device, differentiable=True):  # else it cannot on some networks
        operator = make(
            Logits(made.network),
            nn.CrossEntropyLoss(),
            list(made.network.parameters()),
            [(made.x, made.y)],
            check_deterministic=False,
        )
        found: list[Tensor] = [operator @ v for v in along]
    return torch.stack(found)


def double_backward(made: Given, along: Tensor) -> Tensor:
    """Products with the Hessian by differentiating the gradient anew for each vector."""
    parameters = list(made.network.parameters())
    sizes = [p.numel() for p in parameters]
    found: list[Tensor] = []
    with undisturbed(made.x.device, differentiable=True):
        for vector in along:
            pairs = zip(vector.split(sizes), parameters, strict=True)
            loss = F.cross_entropy(logits_of(made.network(made.x)), made.y)
            gradients = torch.autograd.grad(
                loss, parameters, create_graph=True, materialize_grads=True
            )
            pieces = torch.autograd.grad(
                gradients, parameters, [v.view(p.shape) for v, p in pairs], materialize_grads=True
            )
            found.append(torch.cat([piece.flatten() for piece in pieces]))
    return torch.stack(found)


def rows(repetitions: int, device: torch.device) -> list[Row]:
    """A row for each network and instrument; the ratio is the median of interleaved repetitions."""
    made: list[Row] = []
    for case in available():
        tell(f"{case.name} …")
        built = given(case, device)
        name, reference = reference_gram(built)
        made.append(
            _row(
                f"Gram matrix, {case.name}, {case.examples} examples: {name}",
                lambda built=built: our_gram(built),  # type: ignore[misc]
                lambda built=built, reference=reference: reference(built),  # type: ignore[misc]
                repetitions,
                device,
            )
        )
        made += _curvature_rows(case, built, repetitions, device)
    return made


def _curvature_rows(
    case: Ordinary, built: Given, repetitions: int, device: torch.device
) -> list[Row]:
    found, along = [], vectors(built)
    for kind in ("Hessian", "GGN"):
        name, reference = "curvlinops", partial(their_products, built, kind, along)
        try:
            their_products(built, kind, along[:1])
        except Exception as error:  # an operation that it has no derivative of
            tell(f"curvlinops has no {kind} of {case.name}: {type(error).__name__}")
            if kind != "Hessian":
                continue
            name, reference = "double backward", partial(double_backward, built, along)
        title = f"{PRODUCTS} {kind} products, {case.name}, {case.examples} examples: {name}"
        ours = partial(our_products, built, kind, along)
        found.append(_row(title, ours, reference, repetitions, device))
    return found


def _row(
    case: str,
    ours: Callable[[], Tensor],
    reference: Callable[[], Tensor],
    repetitions: int,
    device: torch.device,
) -> Row:
    found, expected = ours(), reference()
    deviation = float((found - expected).abs().max() / expected.abs().max())
    spent = [(seconds(ours, device), seconds(reference, device)) for _ in range(repetitions)]
    mine, theirs = zip(*spent, strict=True)
    memory = [peak_bytes(ours, device), peak_bytes(reference, device)]
    return {**row(case, mine, theirs, "s"), "deviation": deviation, "memory": memory}
