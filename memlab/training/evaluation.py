"""Measuring a stack on all of its data, with the training set split into clean and corrupted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from memlab.experiment.metrics import (
    RECOVERED_TRUE_LABELS,
    TRAIN_ACCURACY,
    TRAIN_ACCURACY_CLEAN,
    TRAIN_ACCURACY_CORRUPTED,
    TRAIN_LOSS,
    TRAIN_LOSS_CLEAN,
    TRAIN_LOSS_CORRUPTED,
)
from memlab.training.arrays import StackArrays, Subset
from memlab.training.loss import example_losses

#: Floats of the largest activation kept at once; small enough to stay in a CPU's cache.
CHUNK_FLOATS = {"cpu": 1 << 20, "cuda": 1 << 28}


@dataclass(frozen=True)
class Evaluation:
    """Metrics by name, each float64 `[members]`; `repeated` is bool `[members, train examples]`:
    corrupted examples that are predicted as their given label. `train` has what each training
    example came out as."""

    metrics: dict[str, Tensor]
    repeated: Tensor
    train: Outcome


@dataclass(frozen=True)
class Outcome:
    """Each `[members, examples]`: loss and predicted class; where asked for, margin and rival.

    The margin is the given label's logit minus the largest other one (Pleiss 2020, section 3.1),
    the rival the class of that other one.
    """

    losses: Tensor
    predicted: Tensor
    margins: Tensor | None
    rivals: Tensor | None


@torch.no_grad()
def evaluate(
    forward: Callable[[Tensor], Tensor],
    arrays: StackArrays,
    loss: str,
    width: int,
    margins: bool = False,
) -> Evaluation:
    """Losses and accuracies of all members on all parts.

    `forward` maps inputs `[members or 1, n, …]` to logits `[members, n, classes]`; `width` is the
    widest activation per example, for the size of a chunk. A part without examples (no corrupted
    ones, say) gives NaN. Losses leave label smoothing out.
    """
    train = _run(forward, arrays.train, loss, width, margins)
    right = train.predicted == arrays.train.labels
    lies = arrays.corrupted
    lied = lies & (arrays.true != arrays.train.labels)
    metrics = {
        TRAIN_LOSS: _mean(train.losses),
        TRAIN_LOSS_CLEAN: _masked(train.losses, ~lies),
        TRAIN_LOSS_CORRUPTED: _masked(train.losses, lies),
        TRAIN_ACCURACY: _mean(right),
        TRAIN_ACCURACY_CLEAN: _masked(right, ~lies),
        TRAIN_ACCURACY_CORRUPTED: _masked(right, lies),
        RECOVERED_TRUE_LABELS: _masked(train.predicted == arrays.true, lied),
    }
    for name, part in (("validation", arrays.validation), ("test", arrays.test)):
        outcome = _run(forward, part, loss, width)
        metrics[f"{name}_loss"] = _mean(outcome.losses)
        metrics[f"{name}_accuracy"] = _mean(outcome.predicted == part.labels)
    return Evaluation(metrics, right & lies, train)


def _run(
    forward: Callable[[Tensor], Tensor],
    part: Subset,
    loss: str,
    width: int,
    margins: bool = False,
) -> Outcome:
    members, examples = part.labels.shape
    budget = CHUNK_FLOATS.get(part.labels.device.type, 1 << 20)
    chunk = max(16, budget // max(1, members * width))
    losses, predicted, ahead, rivals = [], [], [], []
    for start in range(0, examples, chunk):
        stop = min(start + chunk, examples)
        logits = forward(part.inputs.stretch(start, stop))
        labels = part.labels[:, start:stop]
        losses.append(example_losses(loss, logits, labels))
        predicted.append(logits.argmax(-1))
        if margins:
            margin, rival = example_margins(logits, labels)
            ahead.append(margin)
            rivals.append(rival)
    found = Outcome(_joined(losses), _joined(predicted), None, None)
    return replace(found, margins=_joined(ahead), rivals=_joined(rivals)) if margins else found


def example_margins(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Margin and rival of each example, `[members, n]`; logits are `[members, n, classes]`."""
    where = labels.unsqueeze(-1)
    largest, rivals = logits.scatter(-1, where, float("-inf")).max(-1)
    return logits.gather(-1, where).squeeze(-1) - largest, rivals


def _joined(parts: list[Tensor]) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(parts, 1)


def _mean(values: Tensor) -> Tensor:
    return values.sum(1, dtype=torch.float64) / values.shape[1]


def _masked(values: Tensor, mask: Tensor) -> Tensor:
    kept = values.to(torch.float64).masked_fill(~mask, 0.0)
    return kept.sum(1) / mask.sum(1)
