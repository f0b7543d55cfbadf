"""A stack's data on the training device: inputs once per distinct corruption, labels per member."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from memlab.data.corruption import Corrupted
from memlab.training.workspace import Workspace


@dataclass(frozen=True)
class Inputs:
    """Inputs `[distinct, examples, …]` and which of them each member sees, `[members]`."""

    values: Tensor
    which: Tensor

    @classmethod
    def of(cls, arrays: Sequence[np.ndarray], device: torch.device, dtype: torch.dtype) -> Inputs:
        """Stores each distinct array (by identity) once."""
        distinct: dict[int, int] = {}
        kept: list[np.ndarray] = []
        which = []
        for array in arrays:
            if id(array) not in distinct:
                distinct[id(array)] = len(kept)
                kept.append(array)
            which.append(distinct[id(array)])
        values = (
            torch.from_numpy(np.stack(kept)) if len(kept) > 1 else torch.from_numpy(kept[0])[None]
        )
        return cls(values.to(device, dtype), torch.tensor(which, device=device))

    def select(self, keep: Tensor) -> Inputs:
        """The inputs of the members `keep`."""
        return Inputs(self.values, self.which[keep])

    def batch(self, index: Tensor, workspace: Workspace | None = None) -> Tensor:
        """The examples `index` `[members, batch]` of each member, `[members, batch, …]`.

        With a `workspace` in its memory, as `batch`.
        """
        flat = index
        if self.values.shape[0] > 1:
            flat = index + (self.which * self.values.shape[1])[:, None]
        shape = self.values.shape[2:]
        rows, flat = self.values.view(-1, *shape), flat.reshape(-1)
        if workspace is None:
            return rows.index_select(0, flat).view(*index.shape, *shape)
        taken = workspace.take("batch", *index.shape, *shape)
        torch.index_select(rows, 0, flat, out=taken.view(len(flat), *shape))
        return taken

    def at(self, index: Tensor) -> Tensor:
        """The examples `index`, `[members, n]` or, the same for all, `[n]`: `[members or 1, n, …]`.

        One row where all members see the same.
        """
        if index.dim() > 1:
            return self.batch(index)
        part = self.values[:, index]
        return part if self.values.shape[0] == 1 else part[self.which]

    def stretch(self, start: int, stop: int, members: slice = slice(None)) -> Tensor:
        """Examples start … stop for `members`: `[1, n, …]` where all see the same."""
        part = self.values[:, start:stop]
        return part if self.values.shape[0] == 1 else part[self.which[members]]

    @property
    def examples(self) -> int:
        """How many examples there are."""
        return self.values.shape[1]


def at(values: Tensor, index: Tensor) -> Tensor:
    """Of `values` `[members, examples]` those at `index`, `[members, n]` or `[n]` for all."""
    return values.gather(1, index) if index.dim() > 1 else values[:, index]


@dataclass(frozen=True)
class Subset:
    """Inputs and labels `[members, examples]` of one part of the data."""

    inputs: Inputs
    labels: Tensor

    def select(self, keep: Tensor) -> Subset:
        """The part of the members `keep`."""
        return Subset(self.inputs.select(keep), self.labels[keep])


@dataclass(frozen=True)
class StackArrays:
    """All the data of a stack; `true` and `corrupted` are `[members, train examples]`.

    So is `own`: the examples that each member is trained on, as many for each; None: all. Parts
    named by `held_out` are measured on the training examples that are not a member's own.
    """

    train: Subset
    true: Tensor
    corrupted: Tensor
    validation: Subset
    test: Subset
    classes: int
    own: Tensor | None = None
    held_out: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        parts: Sequence[Corrupted],
        classes: int,
        device: torch.device,
        dtype: torch.dtype = torch.float32,
    ) -> StackArrays:
        """From one corrupted data set per member."""

        def subset(inputs: list[np.ndarray], labels: list[np.ndarray]) -> Subset:
            stacked = torch.from_numpy(np.stack(labels).astype(np.int64))
            return Subset(Inputs.of(inputs, device, dtype), stacked.to(device))

        return cls(
            train=subset([p.train_x for p in parts], [p.train_given for p in parts]),
            true=torch.from_numpy(np.stack([p.train_true for p in parts])).to(device),
            corrupted=torch.from_numpy(np.stack([p.corrupted for p in parts])).to(device),
            validation=subset([p.validation_x for p in parts], [p.validation_y for p in parts]),
            test=subset([p.test_x for p in parts], [p.test_y for p in parts]),
            classes=classes,
            own=_own(parts, device),
            held_out=parts[0].held_out,
        )

    def own_index(self) -> Tensor | None:
        """Positions of the examples that each member is trained on, ascending, `[members, n]`."""
        return None if self.own is None else self.own.nonzero()[:, 1].view(len(self.own), -1)

    def select(self, keep: Tensor) -> StackArrays:
        """The data of the members `keep` (indices)."""
        return StackArrays(
            self.train.select(keep),
            self.true[keep],
            self.corrupted[keep],
            self.validation.select(keep),
            self.test.select(keep),
            self.classes,
            None if self.own is None else self.own[keep],
            self.held_out,
        )


def _own(parts: Sequence[Corrupted], device: torch.device) -> Tensor | None:
    masks = [part.own for part in parts if part.own is not None]
    if not masks:
        return None
    return torch.from_numpy(np.stack(masks)).to(device)
