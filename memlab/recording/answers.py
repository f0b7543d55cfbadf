"""What the network answered in the batches of a training loop, from the logits that are there.

Logits are copied where they are and looked at many batches at a time: a step costs two copies of a
small tensor, and a batch on a GPU waits for nothing.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from memlab.errors import InvalidDataset

#: The index of an example of which nobody said which it is.
NOBODY = int(np.iinfo(np.int64).min)
#: Batches, and values of logits, after which what was kept is looked at.
BATCHES, VALUES = 1024, 1 << 22
#: Seconds after which it is; where looks would take more than this share, later.
SECONDS, SHARE, LONGEST = 1.0, 0.002, 4.0


@dataclass(frozen=True, eq=False)
class Answers:
    """Answers in the order of their presentation, each `[answers]`.

    `index` is the example, `NOBODY` where nobody said; `margin` the given logit minus the largest
    other (Pleiss 2020, section 3.1), `rival` the class of that other; `loss` is cross-entropy in
    nats.
    """

    index: NDArray[np.int64]
    labels: NDArray[np.int64]
    predicted: NDArray[np.int64]
    rival: NDArray[np.int64]
    margin: NDArray[np.float64]
    loss: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, eq=False)
class Looked:
    """What a look at the window found.

    `broken` answers had logits that are not finite, `outside` an index that is no example,
    `unlike` a label other than the training example of that index has.
    """

    answers: Answers
    broken: int
    classes: int
    outside: int = 0
    unlike: int = 0


class Window:
    """Batches that wait to be looked at."""

    def __init__(self) -> None:
        self._logits: list[Tensor] = []
        self._labels: list[Tensor | None] = []
        self._index: list[Tensor | None] = []
        self._sizes: list[int] = []
        self._values = 0
        self._since = time.monotonic()
        #: Seconds that the last look took, whatever was done with it included; to be told.
        self.cost = 0.0

    def __len__(self) -> int:
        return len(self._logits)

    @property
    def misfit(self) -> bool:
        """Whether the newest batch has an index that is not one number for each example."""
        index = self._index[-1] if self._index else None
        return index is not None and index.numel() != self._sizes[-1]

    def take(self, logits: Any, labels: Any, index: Any) -> int:
        """Copies a batch; how many examples it has.

        Raises:
            InvalidDataset: if the logits are not `[batch, classes]`.
        """
        if not isinstance(logits, Tensor):
            logits = getattr(logits, "logits", logits)
            if not isinstance(logits, Tensor):
                raise InvalidDataset(f"logits are to be a tensor, not {type(logits).__name__}.")
        if logits.dim() != 2:
            if logits.dim() != 1:
                raise InvalidDataset(
                    f"logits are to be [batch, classes], not of shape {tuple(logits.shape)}."
                )
            logits = logits.unsqueeze(1)
        if self._logits and (
            logits.shape[1] != self._logits[0].shape[1] or logits.device != self._logits[0].device
        ):
            raise InvalidDataset("The logits have other classes, or another device, than before.")
        size = int(logits.shape[0])
        self._logits.append(logits.detach().clone())
        self._labels.append(_copied(labels))
        self._index.append(_copied(index))
        self._sizes.append(size)
        self._values += logits.numel()
        return size

    @property
    def due(self) -> bool:
        """Whether it is time to look at what waits."""
        if len(self._logits) >= BATCHES or self._values >= VALUES:
            return True
        pause = max(SECONDS, min(self.cost / SHARE, LONGEST))
        return time.monotonic() - self._since >= pause

    @torch.no_grad()
    def look(self, known: NDArray[np.int64] | None) -> Looked | None:
        """The answers of all that waits; None where nothing does.

        `known` are the given labels by index, which come before those of the batches. Examples
        with a label that is no class (an `ignore_index`), and a batch of other sizes, are left out.
        """
        logits, labels, index, sizes = self._logits, self._labels, self._index, self._sizes
        self._logits, self._labels, self._index, self._sizes = [], [], [], []
        self._values = 0
        self._since = time.monotonic()
        if not logits:
            return None
        # None of these operations is one that autocast computes in less than they are given in.
        joined = torch.cat(logits)
        joined = joined if joined.dtype == torch.float64 else joined.float()
        joined = two_classes(joined)
        at = _host(index, sizes, NOBODY)
        given, outside, unlike = _host(labels, sizes, -1), 0, 0
        if known is not None:
            inside = (at >= 0) & (at < len(known))
            own = known[np.where(inside, at, 0)]
            outside = int(np.count_nonzero(~inside & (at != NOBODY)))
            unlike = int(np.count_nonzero(inside & (given >= 0) & (given != own)))
            given = np.where(inside, own, given)
        return Looked(*_answers(joined, given, at), int(joined.shape[1]), outside, unlike)


def two_classes(logits: Tensor) -> Tensor:
    """The logits; a single one for each example is the log odds of class 1."""
    if logits.dim() == 2 and logits.shape[1] > 1:
        return logits
    single = logits.reshape(-1, 1)
    return torch.cat([torch.zeros_like(single), single], 1)


def is_soft(labels: Any) -> bool:
    """Whether labels are shares of the classes `[size, classes]`, as mixed examples have."""
    shape: tuple[int, ...] = tuple(getattr(labels, "shape", ()))
    return len(shape) == 2 and shape[1] > 1


def _copied(value: Any) -> Tensor | None:
    if value is None:
        return None
    if isinstance(value, Tensor):
        return value.detach().clone()
    return torch.from_numpy(np.array(value))


def _host(parts: list[Tensor | None], sizes: list[int], missing: int) -> NDArray[np.int64]:
    """The parts on the host, one number for each example; `missing` where they do not say."""
    if all(part is not None and part.dim() == 1 for part in parts):
        whole = [part for part in parts if part is not None]
        if [part.numel() for part in whole] == sizes:
            found: NDArray[np.int64] = torch.cat(whole).to("cpu", torch.int64).numpy()
            return found
    made = []
    for part, size in zip(parts, sizes, strict=True):
        flat = None if part is None else _flat(part, size)
        made.append(np.full(size, missing) if flat is None else flat)
    return np.concatenate(made).astype(np.int64)


def _flat(part: Tensor, size: int) -> NDArray[np.int64] | None:
    """Class numbers of `[size]`, `[size, 1]` or soft labels `[size, classes]`; None for others."""
    if is_soft(part) and len(part) == size:
        part = part.argmax(1)
    flat = part.reshape(-1)
    return flat.to("cpu", torch.int64).numpy() if len(flat) == size else None


def _answers(
    logits: Tensor, given: NDArray[np.int64], index: NDArray[np.int64]
) -> tuple[Answers, int]:
    """The answers, and how many there are none of because a logit is not finite."""
    classes = logits.shape[1]
    fine = (given >= 0) & (given < classes)
    where = torch.from_numpy(np.where(fine, given, 0)).to(logits.device)
    labels = where.unsqueeze(1)
    own = logits.gather(1, labels).squeeze(1)
    # One pass for both: the largest of the others is the rival, and the answer where it is larger.
    other, rival = logits.scatter(1, labels, -torch.inf).max(1)
    right = (own > other) | ((own == other) & (where < rival))
    highest = torch.maximum(own, other)
    loss = (logits - highest.unsqueeze(1)).exp_().sum(1).log_() + (highest - own)
    found_classes = torch.stack([torch.where(right, where, rival), rival]).cpu().numpy()
    figures = torch.stack([own - other, loss]).double().cpu().numpy()
    finite = np.isfinite(figures[0]) & np.isfinite(figures[1])
    broken = len(finite) - int(np.count_nonzero(finite))
    found = (index, given, found_classes[0], found_classes[1], figures[0], figures[1])
    kept = fine & finite
    if not kept.all():
        return Answers(*(values[kept] for values in found)), broken
    return Answers(*found), broken
