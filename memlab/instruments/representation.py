"""What the hidden layers of a network make of examples.

A hidden layer is a module that the model itself calls, or an entry of one of its lists of modules
(`hidden.0`, `stages.1`, `blocks.8`), but not the output layer. Its activations are what the module
returns: after the activation, except for the first convolution of resnet20 and wrn16-4 and the
blocks of wrn16-4, which return sums that are activated later; before a pooling that follows it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from memlab.experiment.keys import key
from memlab.instruments.module_layers import module_activations
from memlab.instruments.subject import NotKnown
from memlab.models.layers import mean_pool
from memlab.models.module_stack import ModuleStack
from memlab.models.stacked import StackedModel

#: Examples that go through the network at once.
CHUNK = 512


def hidden_layers(model: StackedModel) -> dict[str, nn.Module]:
    """The hidden layers by name, in the order of the forward pass; none for `linear`."""
    layers: dict[str, nn.Module] = {}
    for name, child in model.named_children():
        if isinstance(child, nn.ModuleList):
            layers.update({f"{name}.{index}": entry for index, entry in enumerate(child)})
        elif name != "output":
            layers[name] = child
    return layers


@torch.no_grad()
def activations(
    model: StackedModel, x: Tensor, chunk: int = CHUNK, layers: Sequence[str] | None = None
) -> dict[str, Tensor]:
    """Activations of each hidden layer, `[members, n, features]` by name, in evaluation.

    `x` is `[members or 1, n, …]`. Maps are averaged over their positions: one feature a channel.
    Which layers those of ordinary modules are, `module_layers.py` says, or `layers` by name.
    """
    if isinstance(model, ModuleStack):
        return module_activations(model, x, layers, chunk)
    parts: dict[str, list[Tensor]] = {name: [] for name in hidden_layers(model)}
    handles = [
        layer.register_forward_hook(_keep(parts[name], model.members))
        for name, layer in hidden_layers(model).items()
    ]
    try:
        for start in range(0, x.shape[1], chunk):
            model(x[:, start : start + chunk])
    finally:
        for handle in handles:
            handle.remove()
    return {name: torch.cat(part, 1) for name, part in parts.items()}


def untrained(model: StackedModel, seeds: Sequence[int]) -> StackedModel:
    """The same network drawn anew from its initialization law: its layers are random features.

    Keyed by `seeds`, one per member, and independent of where the training of the same seed
    started. Batch normalization has its initial running statistics (mean 0, variance 1).

    Raises:
        NotKnown: if that law is not.
    """
    like = next(model.parameters())
    fresh = model.fresh(len(seeds))
    try:
        fresh.initialize([key(seed, "untrained") for seed in seeds])
    except TypeError as unknown:
        raise NotKnown(f"There is no untrained network to compare with: {unknown}.") from unknown
    return fresh.to(device=like.device, dtype=like.dtype)


def _keep(kept: list[Tensor], members: int) -> Callable[[nn.Module, object, Tensor], None]:
    def hook(_module: nn.Module, _inputs: object, output: Tensor) -> None:
        # A copy: what follows may write over the layer's output in place.
        kept.append(mean_pool(output, members) if output.dim() == 4 else output.clone())

    return hook


def singular_values(features: Tensor, centre: bool = True) -> Tensor:
    """Singular values of features `[…, n, features]`, float64, largest first.

    Centred over examples unless `centre` is False, as Roy and Vetterli have it.
    """
    values = features.double()
    if centre:
        values = values - values.mean(-2, keepdim=True)
    found: Tensor = torch.linalg.svdvals(values)
    return found


def effective_rank(values: Tensor) -> Tensor:
    """exp(−Σ pᵢ ln pᵢ), pᵢ = σᵢ / Σσ (Roy and Vetterli 2007, definition 1), `[…, rank]` to `[…]`.

    Between 1 and the rank, which it is for equal singular values; NaN where all are 0.
    """
    share = values / values.sum(-1, keepdim=True)
    entropy: Tensor = torch.special.entr(share).sum(-1)
    return entropy.exp()
