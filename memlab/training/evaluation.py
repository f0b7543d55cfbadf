"""Measuring a stack on its data, with the training set split into clean and corrupted."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

import torch
from torch import Tensor

from memlab.experiment.footprint import CHUNK_FLOATS
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

#: Floats of the largest activation kept at once on a GPU; on a CPU `evaluation_floats` says.
CUDA_FLOATS = 1 << 28
#: The same on a CPU where members are measured block by block, with this many examples at once.
BLOCK_FLOATS, BLOCK_EXAMPLES = 1 << 18, 512


@dataclass(frozen=True)
class Forward:
    """How a stack's logits come about.

    `logits(x, start, stop)` takes inputs `[members or 1, n, …]` of the members start … stop to
    their logits `[stop - start, n, classes or more]`; those beyond the classes are −∞, and its
    memory may be used again by the next call. `width` is the widest activation per example, of
    which a CPU keeps `floats` at once. With `whole`, all members have to be measured together.
    """

    logits: Callable[[Tensor, int, int], Tensor]
    width: int
    whole: bool
    floats: int = CHUNK_FLOATS

    def sizes(self, members: int, device: torch.device) -> tuple[int, int]:
        """How many members and how many examples to measure at once."""
        if self.whole or device.type != "cpu":
            budget = CUDA_FLOATS if device.type == "cuda" else self.floats
            return members, max(16, budget // max(1, members * self.width))
        block = min(members, max(1, BLOCK_FLOATS // (BLOCK_EXAMPLES * self.width)))
        return block, max(BLOCK_EXAMPLES, BLOCK_FLOATS // (block * self.width))


@dataclass(frozen=True)
class Evaluation:
    """Metrics by name, each float64 `[members]`; `repeated` is bool `[members, train examples]`:
    corrupted examples that are predicted as their given label. `train` has what each training
    example came out as. Both are None where the training set was left out. `test` is the same for
    the test examples, where their margins were asked for."""

    metrics: dict[str, Tensor]
    repeated: Tensor | None
    train: Outcome | None
    test: Outcome | None = None


@dataclass(frozen=True)
class Outcome:
    """Each `[members, examples]`: loss and predicted class; where asked for, margin and rival.

    The margin is the given label's logit minus the largest other one (Pleiss 2020, section 3.1),
    the rival the class of that other one. `sides` `[2, examples, classes]`, where asked for, are
    sums of the probabilities over the members that are trained on the example, and that are not.
    """

    losses: Tensor
    predicted: Tensor
    margins: Tensor | None
    rivals: Tensor | None
    sides: Tensor | None = None


@dataclass(frozen=True)
class Split:
    """Which training examples are clean, corrupted, and given a label that is not the true one.

    Each bool `[members, examples]`, with their counts, float64 `[members]`. Only examples that the
    member is trained on count; `own` marks them where they are not all.
    """

    clean: Tensor
    corrupted: Tensor
    lied: Tensor
    counts: tuple[Tensor, Tensor, Tensor]
    own: Tensor | None = None

    @classmethod
    def of(cls, arrays: StackArrays) -> Split:
        """The same at every evaluation."""
        corrupted = arrays.corrupted
        masks = (~corrupted, corrupted, corrupted & (arrays.true != arrays.train.labels))
        if arrays.own is not None:
            masks = (masks[0] & arrays.own, masks[1] & arrays.own, masks[2] & arrays.own)
        clean, lies, lied = (mask.sum(1, dtype=torch.float64) for mask in masks)
        return cls(*masks, (clean, lies, lied), arrays.own)

    def mean(self, values: Tensor) -> Tensor:
        """Mean over each member's own examples of `values` `[members, examples]`, float64."""
        if self.own is None:
            return _mean(values)
        return values.to(torch.float64).masked_fill(~self.own, 0.0).sum(1) / self.own.sum(1)

    def mean_outside(self, values: Tensor) -> Tensor:
        """Mean over the examples that are not a member's own, float64; NaN where all are."""
        if self.own is None:
            return torch.full_like(values[:, 0], torch.nan, dtype=torch.float64)
        return values.to(torch.float64).masked_fill(self.own, 0.0).sum(1) / (~self.own).sum(1)


@torch.no_grad()
def evaluate(
    forward: Forward,
    arrays: StackArrays,
    split: Split,
    loss: str,
    parts: Collection[str],
    margins: bool = False,
    outcomes: bool = False,
    sides: bool = False,
) -> Evaluation:
    """Losses and accuracies of all members on `parts` (train, validation, test).

    A part without examples (no corrupted ones, say) gives NaN. Losses leave label smoothing out.
    With `margins` those of the training examples are found, with `outcomes` the test examples'
    too, with `sides` the training examples' probabilities in and out of sample.
    """
    metrics: dict[str, Tensor] = {}
    train, repeated, test = None, None, None
    if "train" in parts:
        own = arrays.own if sides else None
        train = _run(forward, arrays.train, loss, arrays.classes, margins or outcomes, own)
        right = train.predicted == arrays.train.labels
        repeated = right & split.corrupted
        metrics |= _train_metrics(train, right, repeated, arrays, split)
    for name, part in (("validation", arrays.validation), ("test", arrays.test)):
        if name in arrays.held_out and train is not None:
            metrics[f"{name}_loss"] = split.mean_outside(train.losses)
            metrics[f"{name}_accuracy"] = split.mean_outside(train.predicted == arrays.train.labels)
            if outcomes and name == "test":
                test = _run(forward, part, loss, arrays.classes, margins=True)
        elif name in parts:
            wanted = outcomes and name == "test"
            outcome = _run(forward, part, loss, arrays.classes, wanted)
            test = outcome if wanted else test
            metrics[f"{name}_loss"] = _mean(outcome.losses)
            metrics[f"{name}_accuracy"] = _mean(outcome.predicted == part.labels)
    return Evaluation(metrics, repeated, train, test)


@torch.no_grad()
def margins(forward: Forward, arrays: StackArrays, loss: str) -> Tensor:
    """Margins of all members on the training, then the test examples, `[members, train + test]`."""
    found = []
    for part in (arrays.train, arrays.test):
        outcome = _run(forward, part, loss, arrays.classes, margins=True)
        assert outcome.margins is not None
        found.append(outcome.margins)
    return torch.cat(found, 1)


def _train_metrics(
    train: Outcome, right: Tensor, repeated: Tensor, arrays: StackArrays, split: Split
) -> dict[str, Tensor]:
    clean, corrupted, lied = split.counts
    losses = train.losses.to(torch.float64)
    return {
        TRAIN_LOSS: split.mean(train.losses),
        TRAIN_LOSS_CLEAN: losses.masked_fill(~split.clean, 0.0).sum(1) / clean,
        TRAIN_LOSS_CORRUPTED: losses.masked_fill(~split.corrupted, 0.0).sum(1) / corrupted,
        TRAIN_ACCURACY: split.mean(right),
        TRAIN_ACCURACY_CLEAN: _count(right & split.clean) / clean,
        TRAIN_ACCURACY_CORRUPTED: _count(repeated) / corrupted,
        RECOVERED_TRUE_LABELS: _count((train.predicted == arrays.true) & split.lied) / lied,
    }


def _run(
    forward: Forward,
    part: Subset,
    loss: str,
    classes: int,
    margins: bool = False,
    sampled: Tensor | None = None,
) -> Outcome:
    """All members on one part; `sampled` `[members, examples]` is what they are trained on."""
    members, examples = part.labels.shape
    device = part.labels.device
    losses = torch.empty(members, examples, device=device)
    predicted = torch.empty(members, examples, dtype=torch.int64, device=device)
    ahead = torch.empty_like(losses) if margins else None
    rivals = torch.empty_like(predicted) if margins else None
    sides = None if sampled is None else torch.zeros(2, examples, classes, device=device)
    block, chunk = forward.sizes(members, device)
    # Members outside, examples inside: a block's weights stay in the cache while its data passes.
    for first in range(0, members, block):
        own = slice(first, min(first + block, members))
        for start in range(0, examples, chunk):
            here = slice(start, min(start + chunk, examples))
            x = part.inputs.stretch(here.start, here.stop, own)
            logits = forward.logits(x, own.start, own.stop)
            labels = part.labels[own, here]
            losses[own, here] = _losses(loss, logits, labels, classes)
            # A diverged member's NaN may lie beyond the classes.
            predicted[own, here] = logits.argmax(-1).clamp_max_(classes - 1)
            if ahead is not None and rivals is not None:
                ahead[own, here], rivals[own, here] = example_margins(logits[..., :classes], labels)
            if sides is not None and sampled is not None:
                sides[:, here] += _sides(logits[..., :classes], sampled[own, here])
    return Outcome(losses, predicted, ahead, rivals, sides)


def _sides(logits: Tensor, sampled: Tensor) -> Tensor:
    """Sums over members of the probabilities where `sampled` and where not, `[2, n, classes]`.

    A member that has diverged adds nothing.
    """
    found = torch.softmax(logits, -1).nan_to_num_(0.0, 0.0, 0.0)
    inside = found.mul(sampled.unsqueeze(-1)).sum(0)
    return torch.stack([inside, found.sum(0) - inside])


def _losses(loss: str, logits: Tensor, labels: Tensor, classes: int) -> Tensor:
    if loss == "squared":
        logits = logits[..., :classes]
    return example_losses(loss, logits, labels)


def example_margins(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Margin and rival of each example, `[members, n]`; logits are `[members, n, classes]`."""
    where = labels.unsqueeze(-1)
    largest, rivals = logits.scatter(-1, where, float("-inf")).max(-1)
    return logits.gather(-1, where).squeeze(-1) - largest, rivals


def _mean(values: Tensor) -> Tensor:
    return values.sum(1, dtype=torch.float64) / values.shape[1]


def _count(mask: Tensor) -> Tensor:
    return mask.sum(1, dtype=torch.float64)
