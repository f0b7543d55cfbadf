"""A person's arrays as the data of a stack of one: checked once, each fault in one sentence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from memlab.errors import InvalidDataset
from memlab.instruments.undisturbed import bare_copy, called, undisturbed
from memlab.training.arrays import Inputs, StackArrays, Subset

#: Inputs and labels.
Pair = Sequence[Any]


def arrays_of_module(
    model: nn.Module,
    train: Pair,
    validation: Pair | None = None,
    test: Pair | None = None,
    clean: Any = None,
) -> StackArrays:
    """The data of one network, on its device and, where they are floating point, of its kind.

    Args:
        model: `[n, …] → [n, classes]`; asked once, for two examples.
        train: x `[n, …]` and y `[n]`, as are `validation` and `test`; where these are None the
            parts are empty.
        clean: bool `[n]`, true where y is right; or the true labels, `[n]`; None: all are right.

    Raises:
        InvalidDataset: with what is wrong.
    """
    x, y = _pair(train, "x", "y")
    inputs, classes = _understood(model, x)
    corrupted, true = _clean(clean, y)
    _in_range(y, classes, "y")
    _in_range(true, classes, "clean")
    device = inputs.device

    def part(pair: Pair | None, name: str) -> Subset:
        if pair is None:
            return Subset(_inputs(inputs[:0]), torch.zeros(1, 0, dtype=torch.int64, device=device))
        values, labels = _pair(pair, f"{name}'s x", f"{name}'s y")
        if values.shape[1:] != x.shape[1:]:
            raise InvalidDataset(
                f"{name}'s x has the shape {list(values.shape)}, and x {list(x.shape)}: one example"
                " of each should have the same."
            )
        _in_range(labels, classes, f"{name}'s y")
        moved = values.to(device, inputs.dtype)
        return Subset(_inputs(moved), labels[None].to(device))

    return StackArrays(
        train=Subset(_inputs(inputs), y[None].to(device)),
        true=true[None].to(device),
        corrupted=corrupted[None].to(device),
        validation=part(validation, "validation"),
        test=part(test, "test"),
        classes=classes,
    )


def _inputs(x: Tensor) -> Inputs:
    return Inputs(x[None], torch.zeros(1, dtype=torch.int64, device=x.device))


def _tensor(values: Any, name: str) -> Tensor:
    try:
        found = values if isinstance(values, Tensor) else torch.from_numpy(np.array(values))
    except (TypeError, ValueError) as error:
        raise InvalidDataset(f"{name} cannot be read as numbers.") from error
    return found.detach().clone() if found.is_inference() else found.detach()


def _pair(pair: Pair, first: str, second: str) -> tuple[Tensor, Tensor]:
    try:
        given_x, given_y = pair
    except (TypeError, ValueError):
        raise InvalidDataset(f"{first} and {second} are to be given as a pair (x, y).") from None
    x, y = _tensor(given_x, first), _tensor(given_y, second)
    if x.dim() == 0 or y.dim() != 1:
        raise InvalidDataset(
            f"{second} has the shape {list(y.shape)}; it should be one class number for each"
            " example."
        )
    if len(x) != len(y):
        raise InvalidDataset(
            f"{first} has {len(x):,} examples and {second} {len(y):,} labels; each example has one."
        )
    if not len(x):
        raise InvalidDataset(f"{first} has no example.")
    if y.is_floating_point() or y.dtype == torch.bool:
        whole = y.to(torch.int64)
        if not bool((whole == y).all()):
            raise InvalidDataset(f"{second} is not all whole numbers; labels are 0, 1, 2, …")
        y = whole
    if x.is_floating_point() and not bool(x.isfinite().all()):
        raise InvalidDataset(f"{first} holds numbers that are NaN or infinite.")
    return x, y.to(torch.int64)


def _in_range(labels: Tensor, classes: int, name: str) -> None:
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= classes:
        wrong = low if low < 0 else high
        raise InvalidDataset(
            f"{name} has the label {wrong}; the model gives {classes} logits, so that labels are"
            f" 0 to {classes - 1}."
        )


def _clean(clean: Any, y: Tensor) -> tuple[Tensor, Tensor]:
    """Which labels are wrong, and the true ones as far as they are known."""
    if clean is None:
        return torch.zeros_like(y, dtype=torch.bool), y
    found = _tensor(clean, "clean").to(y.device)
    if found.shape != y.shape or found.is_floating_point():
        raise InvalidDataset(
            f"clean is a mask, or the true labels, of all {len(y):,} examples, not {found.dtype} of"
            f" shape {list(found.shape)}."
        )
    if found.dtype == torch.bool:
        return ~found, y
    return found != y, found.to(torch.int64)


def _understood(model: nn.Module, x: Tensor) -> tuple[Tensor, int]:
    """The inputs as the model takes them, and its number of classes."""
    first = next((p for p in model.parameters() if p.is_floating_point()), None)
    if first is None:
        raise InvalidDataset("The model has no parameters, so that there is nothing to measure.")
    kinds = [first.dtype] if x.is_floating_point() else [x.dtype, first.dtype]
    copy, refused = bare_copy(model), ""
    for kind in kinds:
        inputs = x.to(first.device, kind)
        try:
            with undisturbed(first.device), torch.no_grad():
                logits = called(copy, inputs[:2])
        except Exception as error:  # the user's own code
            refused = refused or f"{type(error).__name__}: {str(error).strip().splitlines()[0]}"
            continue
        if logits.dim() != 2 or len(logits) != len(inputs[:2]):
            raise InvalidDataset(
                f"The model gives the shape {list(logits.shape)} for {len(inputs[:2])} examples; it"
                " should give logits [examples, classes]."
            )
        return inputs, logits.shape[1]
    raise InvalidDataset(f"The model does not take x of shape {list(x.shape)}: {refused}")
