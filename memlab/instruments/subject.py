"""What an instrument gets to see: the networks of a stack at one moment, and samples of their data.

Samples, and whatever is costly and wanted by several instruments, are made once a moment. Drawing
is keyed by the members' seeds, so that a measurement changes no bit of training, two measurements
of one moment agree, and the spread over seeds has the sample's part in it. Members of one seed in
different cells of a grid look at the same positions: what is compared within a seed is paired.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from memlab.errors import MemlabError
from memlab.experiment.keys import key
from memlab.instruments.ledger import Ledger
from memlab.models import StackedModel
from memlab.training.arrays import StackArrays, Subset, at
from memlab.training.evaluation import Outcome
from memlab.training.optimizers import Descent


class NotKnown(MemlabError):
    """Something about the networks or their data that an instrument needs and nobody told."""


@dataclass(frozen=True)
class Sample:
    """Some examples: `x` `[members or 1, n, …]`; labels and `corrupted` `[members, n]`.

    `index` `[members, n]` are positions in the part that they come from, each member's own; `[n]`
    where all members have the same.
    """

    x: Tensor
    given: Tensor
    true: Tensor
    corrupted: Tensor
    index: Tensor


@dataclass
class Subject:
    """A stack's active members at one moment.

    `active` are the members' positions in the stack, `cells` the grid cell of each: members of one
    differ in their seed only. `learning_rates`, of the loss as it is measured, are `[active]`, as
    are `first_rates`, the learning rates that the experiment starts from (before any warm-up).
    `memory` is what this instrument kept of earlier moments, tensors `[active, …]` that are
    checkpointed with the run; `initial()` gives the networks as they were initialized, or raises
    `NotKnown`. `layers` are the hidden layers that are looked at, None: the model's own.
    Instruments put names of a dimension's entries into `axes`, and what a reader should know into
    `notes`.
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
    descent: Descent
    cells: Sequence[int]
    initial: Callable[[], StackedModel]
    outcome: Outcome | None = None
    validation_accuracy: Tensor | None = None
    ledger: Ledger | None = None
    memory: dict[str, Tensor] = field(default_factory=dict)
    shared: dict[object, object] = field(default_factory=dict)
    layers: Sequence[str] | None = None
    axes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

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
        """`count` training examples at most, drawn for each seed, the same ones at every moment."""
        arrays, own = self.arrays, self.arrays.own_index()
        examples = arrays.train.inputs.examples if own is None else own.shape[1]
        index = self._index("train", examples, count)
        if own is not None:  # of each member its own examples, counted in order
            index = own.gather(1, index.expand(self.members, -1))
        return Sample(
            arrays.train.inputs.at(index),
            at(arrays.train.labels, index),
            at(arrays.true, index),
            at(arrays.corrupted, index),
            index,
        )

    def validation_sample(self, count: int, common: bool = False, needed: bool = True) -> Sample:
        """`count` validation examples at most, drawn for each seed, or `common` to all members.

        The same ones at every moment.

        Raises:
            NotKnown: if there are none and they are `needed`.
        """
        part = self.arrays.validation
        return self._clean_sample(part, "validation", count, common, needed)

    def test_sample(self, count: int) -> Sample:
        """`count` test examples at most, drawn for each seed, the same ones at every moment.

        Raises:
            NotKnown: if there are none.
        """
        return self._clean_sample(self.arrays.test, "test", count)

    def _clean_sample(
        self, part: Subset, name: str, count: int, common: bool = False, needed: bool = True
    ) -> Sample:
        if needed and not part.inputs.examples:
            raise NotKnown(f"There are no {name} examples, and this is measured on them.")
        index = self._index(name, part.inputs.examples, count, common)
        labels = at(part.labels, index)
        clean = torch.zeros_like(labels, dtype=torch.bool)
        return Sample(part.inputs.at(index), labels, labels, clean, index)

    def _index(self, part: str, examples: int, count: int, common: bool = False) -> Tensor:
        if count >= examples:
            return torch.arange(examples, device=self.device)
        seeds = [self.sample_seed] if common else self.seeds
        purpose = f"instrument sample {part}"
        drawn = {seed: key(seed, purpose).permutation(examples)[:count] for seed in {*seeds}}
        rows = [np.sort(drawn[seed]) for seed in seeds]
        index = torch.from_numpy(np.stack(rows)).to(self.device)
        return index[0] if common else index

    def once(self, name: object, make: Callable[[], object]) -> object:
        """What `make` gives, made once at this moment and shared by all instruments."""
        if name not in self.shared:
            self.shared[name] = make()
        return self.shared[name]

    def generators(self, purpose: str) -> list[np.random.Generator]:
        """A generator for each member, keyed by its seed, the purpose and the update."""
        return [key(seed, f"instrument {purpose}", self.update) for seed in self.seeds]
