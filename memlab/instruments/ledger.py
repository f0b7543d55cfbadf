"""The ledger of every example: when each member learned it, forgot it, and how surely it knows it.

Running scores live on the training device and are exact whatever the history keeps; nothing here
draws randomness or touches the parameters. Files are `ledger_store.py`, their meaning is
`memlab.runs.ledger`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from memlab.errors import RunFolderError
from memlab.instruments.ledger_store import LedgerFacts, LedgerStore, unlearned
from memlab.runs.door import Place
from memlab.runs.ledger import MEMBERS, PRESENTED
from memlab.training.presentations import Presentations

PREFIX, PRESENTATIONS = "ledger.", "ledger.presented."
HALF = float(torch.finfo(torch.float16).max)


@dataclass(frozen=True, eq=False)
class Observed:
    """What one evaluation saw of the training examples, each `[members, examples]`.

    `margins` is the assigned logit minus the largest other (Pleiss 2020, section 3.1), `rivals`
    the class of that other, `predicted` the class of the largest of all.
    """

    losses: Tensor
    margins: Tensor
    predicted: Tensor
    rivals: Tensor

    @classmethod
    def of(cls, logits: Tensor, labels: Tensor, losses: Tensor, predicted: Tensor) -> Self:
        """From logits `[members, examples, classes]` and given labels, losses and predictions."""
        where = labels.unsqueeze(-1)
        largest, rivals = logits.scatter(-1, where, -torch.inf).max(-1)
        return cls(losses, logits.gather(-1, where).squeeze(-1) - largest, predicted, rivals)

    @classmethod
    def joined(cls, pieces: Sequence[Self]) -> Self:
        """The pieces of an evaluation, one after another."""
        if len(pieces) == 1:
            return pieces[0]
        return cls(
            torch.cat([piece.losses for piece in pieces], 1),
            torch.cat([piece.margins for piece in pieces], 1),
            torch.cat([piece.predicted for piece in pieces], 1),
            torch.cat([piece.rivals for piece in pieces], 1),
        )


class Ledger:
    """The running scores of a stack, `[members, examples]`; call `begin` or `restore` first."""

    def __init__(self, folder: Place, facts: LedgerFacts, device: torch.device) -> None:
        """A ledger in `folder` (`examples/stack-NNN`), nothing recorded.

        Raises:
            StorageError: if it cannot be written.
        """
        self._store = LedgerStore(folder, facts)
        self._device = device
        header = self._store.header
        members, examples = len(header.members), header.examples
        self._classes = header.classes
        self._labelling = torch.tensor(header.labelling, device=device)
        self._given = torch.from_numpy(self._store.given.astype(np.int64)).to(device)
        self._count = 0
        shape = (members, examples)

        def full(value: float, dtype: torch.dtype, *size: int) -> Tensor:
            return torch.full(size or shape, value, dtype=dtype, device=device)

        self._state = {
            "first_learned": full(torch.inf, torch.float32),
            "learned_for_good": full(torch.inf, torch.float32),
            "right": full(False, torch.bool),
            "forgetting": full(0, torch.int32),
            "margin_sum": full(0.0, torch.float64),
            "loss_sum": full(0.0, torch.float64),
            "predicted": full(-1, torch.int32),
            "evaluations": full(0, torch.int64, members),
            "best_margin_sum": full(0.0, torch.float64),
            "best_evaluations": full(0, torch.int64, members),
            "best_epoch": full(torch.nan, torch.float64, members),
            "best_accuracy": full(-torch.inf, torch.float64, members),
        }
        #: Answers at presentations, which whoever trains has to note; None in runs from before.
        self.presented: Presentations | None = None
        if header.presentations:
            self.presented = Presentations(members, examples, device)
        if header.votes:
            self._state["votes"] = full(0, torch.int32, header.labellings, examples, header.classes)

    @property
    def count(self) -> int:
        """How many evaluations were recorded, the one before training included."""
        return self._count

    def begin(self) -> None:
        """Starts at the beginning; rows of an earlier attempt are dropped.

        Raises:
            StorageError: if it cannot be written.
        """
        self._store.truncate(0)
        self.publish()

    @torch.no_grad()
    def record(
        self,
        epoch: float,
        observed: Observed,
        active: Sequence[int],
        validation_accuracy: Tensor | NDArray[np.float64],
    ) -> None:
        """Takes in one evaluation of the members `active` (positions in the stack), in that order.

        `validation_accuracy` is `[active]`, NaN where there is none. What the untrained network
        answers (`epoch` 0) enters the history only: a right answer then is luck, not learning. A
        member with a loss or margin that is not finite keeps what it had.

        Raises:
            StorageError: if the history cannot be written.
        """
        rows = torch.as_tensor(list(active), dtype=torch.int64, device=self._device)
        fine = torch.isfinite(observed.margins).all(1) & torch.isfinite(observed.losses).all(1)
        if not bool(fine.all()):
            rows = rows[fine]
            observed = Observed(
                observed.losses[fine],
                observed.margins[fine],
                observed.predicted[fine],
                observed.rivals[fine],
            )
        if epoch > 0 and len(rows):
            accuracy = torch.as_tensor(np.asarray(validation_accuracy)).to(self._device)
            self._learn(epoch, observed, rows)
            self._snapshot(epoch, rows, accuracy.to(torch.float64)[fine])
            self._vote(observed, rows)
        if self._store.keeps(self._count):
            self._keep(epoch, observed, rows)
        self._count += 1

    def _learn(self, epoch: float, observed: Observed, rows: Tensor) -> None:
        state = self._state
        right = observed.predicted == self._given[self._labelling[rows]]
        before, first, good = (
            state[name][rows] for name in ("right", "first_learned", "learned_for_good")
        )
        state["first_learned"][rows] = first.masked_fill(right & torch.isinf(first), epoch)
        good = good.masked_fill(right & ~before, epoch).masked_fill(~right, torch.inf)
        state["learned_for_good"][rows] = good
        state["forgetting"][rows] += (before & ~right).to(torch.int32)
        state["right"][rows] = right
        state["margin_sum"][rows] += observed.margins.to(torch.float64)
        state["loss_sum"][rows] += observed.losses.to(torch.float64)
        state["predicted"][rows] = observed.predicted.to(torch.int32)
        state["evaluations"][rows] += 1

    def _snapshot(self, epoch: float, rows: Tensor, accuracy: Tensor) -> None:
        """Keeps the sums of those whose validation accuracy is the best so far."""
        state = self._state
        improved = accuracy > state["best_accuracy"][rows]
        better = rows[improved]
        state["best_accuracy"][better] = accuracy[improved]
        state["best_epoch"][better] = epoch
        state["best_evaluations"][better] = state["evaluations"][better]
        state["best_margin_sum"][better] = state["margin_sum"][better]

    def _vote(self, observed: Observed, rows: Tensor) -> None:
        if "votes" not in self._state:
            return
        examples = observed.rivals.shape[1]
        place = torch.arange(examples, device=self._device)
        seat = self._labelling[rows].unsqueeze(1) * examples + place
        flat = (seat * self._classes + observed.rivals).reshape(-1)
        votes = self._state["votes"].view(-1)
        votes.scatter_add_(0, flat, torch.ones_like(flat, dtype=torch.int32))

    def _keep(self, epoch: float, observed: Observed, rows: Tensor) -> None:
        header = self._store.header
        shape = (len(header.members), header.examples)
        dtype = header.predicted_dtype
        places = rows.cpu().numpy()
        loss, margin = np.full(shape, np.nan, np.float16), np.full(shape, np.nan, np.float16)
        predicted = np.full(shape, np.iinfo(dtype).max, dtype)
        loss[places] = _half(observed.losses)
        margin[places] = _half(observed.margins)
        predicted[places] = observed.predicted.cpu().numpy()
        values = {"loss": loss, "margin": margin, "predicted": predicted}
        self._store.append(self._count, epoch, values)

    def shares(self, active: Sequence[int]) -> dict[str, Tensor]:
        """Of the training examples of the members `active`, float64 `[active]` each.

        `learned`: ever predicted as given at an evaluation; `known`: now; `forgotten`: learned, but
        not known; `forgetting_sampled`: mean forgetting events at evaluations of the learned, NaN
        where there are none; `forgetting`: the same of all presentations, in runs from before that
        did not count them at evaluations.
        """
        rows = torch.as_tensor(list(active), dtype=torch.int64, device=self._device)
        right = self._state["right"][rows]
        learned = torch.isfinite(self._state["first_learned"][rows])
        count = right.shape[1]
        sampled = _mean_events(self._state["forgetting"][rows], learned)
        shown = sampled
        if self.presented is not None:
            ever, events = self.presented.counts()
            shown = _mean_events(events[rows], ever[rows])
        return {
            "learned": learned.sum(1, dtype=torch.float64) / count,
            "known": right.sum(1, dtype=torch.float64) / count,
            "forgotten": (learned & ~right).sum(1, dtype=torch.float64) / count,
            "forgetting": shown,
            "forgetting_sampled": sampled,
        }

    def publish(self) -> None:
        """Puts the scores as they are now on disk, each file replaced as a whole.

        Raises:
            StorageError: if they cannot be written.
        """
        host = {name: tensor.cpu().numpy() for name, tensor in self._state.items()}
        scores = unlearned(*host["first_learned"].shape)
        for name in ("first_learned", "learned_for_good", "forgetting", "predicted"):
            scores[name] = host[name]
        seen = host["evaluations"]
        best = host["best_evaluations"]
        until = np.where((best > 0)[:, None], host["best_margin_sum"], host["margin_sum"])
        scores["aum"] = _mean(host["margin_sum"], seen)
        scores["aum_best"] = _mean(until, np.where(best > 0, best, seen))
        scores["mean_loss"] = _mean(host["loss_sum"], seen)
        members = np.zeros(len(seen), MEMBERS)
        members["evaluations"], members["best_epoch"] = seen, host["best_epoch"]
        accuracy = host["best_accuracy"]
        members["best_validation_accuracy"] = np.where(np.isfinite(accuracy), accuracy, np.nan)
        if "votes" in host:
            self._store.replace("votes", host["votes"].astype("<u4"))
        if self.presented is not None:
            learned, forgetting = self.presented.counts()
            shown = np.zeros(learned.shape, PRESENTED)
            shown["learned"], shown["forgetting"] = learned.cpu().numpy(), forgetting.cpu().numpy()
            self._store.replace("presentations", shown)
        self._store.replace("members", members)
        self._store.replace("scores", scores)

    def state(self) -> dict[str, Tensor]:
        """What to keep in a checkpoint; the history on disk is made durable first.

        Raises:
            StorageError: if it cannot be.
        """
        self._store.sync()
        kept = {PREFIX + name: tensor for name, tensor in self._state.items()}
        if self.presented is not None:
            kept |= {PRESENTATIONS + n: tensor for n, tensor in self.presented.state.items()}
        return kept | {PREFIX + "count": torch.tensor(self._count)}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Takes out of `tensors` what `state` put there; later rows of the history are dropped.

        Raises:
            RunFolderError: if the checkpoint has no ledger, or the history too few rows.
            StorageError: if it cannot be written.
        """
        presented = {} if self.presented is None else self.presented.state
        names = [PREFIX + n for n in (*self._state, "count")] + [
            PRESENTATIONS + n for n in presented
        ]
        missing = [name.removeprefix(PREFIX) for name in names if name not in tensors]
        if missing:
            raise RunFolderError(
                f"The checkpoint has no {missing[0]!r} for the ledger in {self._store.folder}; "
                "start the run anew to keep one."
            )
        for name in self._state:
            self._state[name] = tensors.pop(PREFIX + name).to(self._device, copy=True)
        for name, tensor in presented.items():
            tensor.copy_(tensors.pop(PRESENTATIONS + name))
        self._count = int(tensors.pop(PREFIX + "count"))
        self._store.truncate(self._count)

    def close(self) -> None:
        """Closes the files."""
        self._store.close()


def _half(values: Tensor) -> NDArray[np.float16]:
    """float16 on the host; what is too large becomes the largest."""
    found: NDArray[np.float16] = values.clamp(-HALF, HALF).to(torch.float16).cpu().numpy()
    return found


def _mean_events(events: Tensor, learned: Tensor) -> Tensor:
    """Mean `events` of the `learned`, both `[members, examples]`; float64 `[members]`."""
    return (events * learned).sum(1, dtype=torch.float64) / learned.sum(1, dtype=torch.float64)


def _mean(total: NDArray[np.float64], count: NDArray[np.int64]) -> NDArray[np.float64]:
    """`total` [members, examples] ÷ `count` [members]; NaN where nothing was counted."""
    divided = total / np.maximum(count, 1)[:, None]
    return np.where((count > 0)[:, None], divided, np.nan)
