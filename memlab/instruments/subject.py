"""What an instrument gets to see: the networks of a stack at one moment, and samples of their data.

Samples, and whatever is costly and wanted by several instruments, are made once a moment. Drawing
is keyed by the run's seeds, so that a measurement changes no bit of training and two measurements
of one moment agree.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from memlab.experiment.keys import key
from memlab.instruments.ledger import Ledger
from memlab.models import StackedModel
from memlab.training.arrays import StackArrays, Subset
from memlab.training.evaluation import Outcome


@dataclass(frozen=True)
class Sample:
    """Some examples: `x` `[members or 1, n, …]`; labels and `corrupted` `[members, n]`.

    `index` `[n]` are positions in the part that they come from, the same for all members; training
    examples of members with subsets of their own have `[members, n]`.
    """

    x: Tensor
    given: Tensor
    true: Tensor
    corrupted: Tensor
    index: Tensor


@dataclass
class Subject:
    """A stack's active members at one moment.

    `active` are the members' positions in the stack; `learning_rates` and `momenta` are `[active]`,
    as are `first_rates`, the learning rates that the experiment starts from (before any warm-up).
    `memory` is what this instrument kept of earlier moments, tensors `[active, …]` that are
    checkpointed with the run; `initial()` gives the networks as they were initialized.
    """

    model: StackedModel
    loss: str
    arrays: StackArrays
    seeds: Sequence[int]
    active: Sequence[int]
    sample_seed: int
    update: int
    epoch: float
    batch_size: int
    learning_rates: Tensor
    first_rates: Tensor
    momenta: Tensor
    initial: Callable[[], StackedModel]
    outcome: Outcome | None = None
    validation_accuracy: Tensor | None = None
    ledger: Ledger | None = None
    memory: dict[str, Tensor] = field(default_factory=dict)
    shared: dict[object, object] = field(default_factory=dict)

    @property
    def members(self) -> int:
        """How many active members there are."""
        return len(self.seeds)

    @property
    def classes(self) -> int:
        """How many classes there are."""
        return self.arrays.classes

    @property
    def device(self) -> torch.device:
        """Where the networks and data are."""
        return self.arrays.train.labels.device

    def train_sample(self, count: int) -> Sample:
        """`count` training examples at most, the same ones at every moment."""
        arrays = self.arrays
        if arrays.own is not None:
            return self._own_sample(count)
        index = self._index("train", arrays.train.inputs.examples, count)
        return Sample(
            _inputs(arrays.train, index),
            arrays.train.labels[:, index],
            arrays.true[:, index],
            arrays.corrupted[:, index],
            index,
        )

    def _own_sample(self, count: int) -> Sample:
        """Of each member its own examples; which of them, counted in order, is common to all."""
        arrays, own = self.arrays, self.arrays.own_index()
        assert own is not None
        index = own[:, self._index("train", own.shape[1], count)]
        return Sample(
            arrays.train.inputs.batch(index),
            arrays.train.labels.gather(1, index),
            arrays.true.gather(1, index),
            arrays.corrupted.gather(1, index),
            index,
        )

    def validation_sample(self, count: int) -> Sample:
        """`count` validation examples at most, the same ones at every moment."""
        part = self.arrays.validation
        return self._clean_sample(part, "validation", count)

    def test_sample(self, count: int) -> Sample:
        """`count` test examples at most, the same ones at every moment."""
        return self._clean_sample(self.arrays.test, "test", count)

    def _clean_sample(self, part: Subset, name: str, count: int) -> Sample:
        index = self._index(name, part.inputs.examples, count)
        labels = part.labels[:, index]
        return Sample(
            _inputs(part, index), labels, labels, torch.zeros_like(labels, dtype=torch.bool), index
        )

    def _index(self, part: str, examples: int, count: int) -> Tensor:
        if count >= examples:
            return torch.arange(examples, device=self.device)
        drawn = key(self.sample_seed, f"instrument sample {part}").permutation(examples)[:count]
        return torch.from_numpy(np.sort(drawn)).to(self.device)

    def once(self, name: object, make: Callable[[], object]) -> object:
        """What `make` gives, made once at this moment and shared by all instruments."""
        if name not in self.shared:
            self.shared[name] = make()
        return self.shared[name]

    def generators(self, purpose: str) -> list[np.random.Generator]:
        """A generator for each member, keyed by its seed, the purpose and the update."""
        return [key(seed, f"instrument {purpose}", self.update) for seed in self.seeds]


def _inputs(part: Subset, index: Tensor) -> Tensor:
    """The examples `index` of a part; one row where all members see the same."""
    values = part.inputs.values[:, index]
    return values if values.shape[0] == 1 else values[part.inputs.which]
