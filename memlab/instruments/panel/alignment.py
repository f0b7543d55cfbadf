"""Alignment of representations: between layers, with initialization, and their rank."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from memlab.experiment.instruments import Instrument, Quantity, Settings, Workload

if TYPE_CHECKING:
    from torch import Tensor

    from memlab.instruments.subject import Subject


def cost(settings: Settings, work: Workload) -> float:
    """Forward passes, Gram matrices and decompositions of small matrices, here guessed."""
    return 6.0 * settings.examples


def measure(subject: Subject, settings: Settings) -> Mapping[str, Any]:
    """Unbiased linear CKA on validation examples."""
    import torch

    from memlab.instruments.alignment import (
        alignment_with,
        layer_alignment,
        member_alignment,
        with_like,
    )
    from memlab.instruments.representation import activations, effective_rank, singular_values
    from memlab.instruments.subject import NotKnown

    sample = subject.validation_sample(settings.examples, common=True)
    layers = activations(subject.model, sample.x, layers=subject.layers)
    if not layers:
        return {}
    subject.axes["layer"] = tuple(layers)
    last = list(layers.values())[-1]
    others = torch.full((subject.members,), torch.nan)
    if len(set(subject.cells)) < subject.members:
        others = with_like(member_alignment(last), _like(subject))
    start = torch.full((subject.members, len(layers)), torch.nan)
    try:
        before = activations(subject.initial(), sample.x, layers=subject.layers)
        start = torch.stack(list(alignment_with(before, layers).values()), 1)
    except NotKnown as unknown:
        subject.notes.append(str(unknown))
    ranks = torch.stack([effective_rank(singular_values(f)) for f in layers.values()], 1)
    return {
        "with_start": start[:, -1],
        "with_others": others,
        "rank": ranks[:, -1],
        "layers_with_start": start,
        "layers": layer_alignment(layers),
        "ranks": ranks,
    }


def _like(subject: Subject) -> Tensor:
    """Which members are of one grid cell and see the same inputs, `[members, members]`."""
    import torch

    cells = torch.tensor(subject.cells, device=subject.device)
    inputs = subject.arrays.validation.inputs.which
    same = cells[:, None] == cells
    return same & (inputs[:, None] == inputs)


INSTRUMENT = Instrument(
    name="alignment",
    title="alignment",
    about="Centred kernel alignment (linear, unbiased) of hidden layers, and their effective rank",
    source="Kornblith 2019, arXiv 1905.00414; Nguyen 2020, arXiv 2010.15327; Roy and Vetterli 2007",
    quantities=(
        Quantity("with_start", "last hidden layer with itself at initialization", high=1.0),
        Quantity(
            "with_others",
            "last hidden layer with those of the stack's other seeds of the same grid cell, so of"
            " one corruption level",
            high=1.0,
            of_stack=True,
        ),
        Quantity("rank", "effective rank of the last hidden layer", "dimensions", low=1.0),
        Quantity("layers_with_start", "each layer with itself at initialization", "", ("layer",)),
        Quantity("layers", "each layer with each other", "", ("layer", "layer"), high=1.0),
        Quantity("ranks", "effective rank of each layer", "dimensions", ("layer",), low=1.0),
    ),
    headline="with_start",
    measure=measure,
    cost=cost,
)
