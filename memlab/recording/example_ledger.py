"""The ledger of a recorded run: what each training example was answered when it was presented.

The files are those of any run (`memlab.runs.ledger`); the evaluations of a recorded run are the
presentations, because nobody evaluates: an example's margin, its loss and what was learned and
forgotten are of the batches that it was in, before the update that they led to.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from memlab.instruments.ledger_store import LedgerFacts, LedgerStore, unlearned
from memlab.recording.answers import NOBODY, Answers
from memlab.recording.given import Given
from memlab.runs.door import Place
from memlab.runs.ledger import MEMBERS, PRESENTED, SCORES, LedgerHistory

#: Epochs that the history has room for where nobody says how many there will be.
UNKNOWN_EPOCHS = 256
HALF = float(np.finfo(np.float16).max)
#: What the ledger calls the data set: words for `the index counts from 0 in …`.
DATASET = "your training data"


class AnswerLedger:
    """Running scores of one network, each `[examples]`."""

    def __init__(
        self,
        folder: Place,
        given: Given,
        classes: int,
        epochs: int | None = None,
        class_names: Sequence[str] = (),
    ) -> None:
        """A ledger in `folder` (`examples/stack-000`), nothing recorded.

        Raises:
            RunFolderError: if another ledger is there.
            StorageError: if it cannot be written.
        """
        count = given.examples
        known = given.labels
        self._labels = np.zeros(count, np.int64) if known is None else known
        self._labels_known = known is not None
        corrupted = given.corrupted
        named = [str(name) for name in class_names[:classes]]
        named += [str(number) for number in range(len(named), classes)]
        facts = LedgerFacts(
            stack=0,
            dataset=DATASET,
            members=[0],
            class_names=named,
            index=np.arange(count),
            true=self._labels if given.true is None else given.true,
            given=[self._labels],
            corrupted=[np.zeros(count, np.bool_) if corrupted is None else corrupted],
            evaluations=epochs or UNKNOWN_EPOCHS,
            pictures=given.pictures,
        )
        self._store = LedgerStore(folder, facts)
        self._count = count
        self._seen = np.zeros(count, np.int64)
        self._right = np.zeros(count, np.bool_)
        self._first = np.full(count, np.inf, np.float32)
        self._for_good = np.full(count, np.inf, np.float32)
        self._forgetting = np.zeros(count, np.uint32)
        self._predicted = np.full(count, -1, np.int32)
        self._margin, self._margin_sum = np.full(count, np.nan), np.zeros(count)
        self._loss, self._loss_sum = np.full(count, np.nan), np.zeros(count)
        self._best_sum, self._best_seen = np.zeros(count), np.zeros(count, np.int64)
        self._best = (np.nan, -np.inf)  # epoch and validation accuracy
        self._votes: NDArray[np.uint32] | None = None
        if self._store.header.votes:
            self._votes = np.zeros((count, classes), np.uint32)
        self._epochs = 0

    def take(self, answers: Answers, epoch: float) -> int:
        """Takes presentations in their order; how many had an index that is no example.

        `epoch` is the one that they are in, counted from 1.
        """
        index = answers.index
        inside = (index >= 0) & (index < self._count)
        outside = len(index) - int(np.count_nonzero(inside))
        bad = outside - int(np.count_nonzero(index == NOBODY)) if outside else 0
        if outside:
            answers = Answers(*(values[inside] for values in vars(answers).values()))
            index = answers.index
        if not len(index):
            return bad
        for at in _rounds(index):
            self._note(index[at], answers, at, epoch)
        if self._votes is not None:
            flat = index * self._votes.shape[1] + answers.rival
            np.add.at(self._votes.reshape(-1), flat, np.uint32(1))
        return bad

    def _note(
        self,
        index: NDArray[np.int64],
        answers: Answers,
        at: slice | NDArray[np.int64],
        epoch: float,
    ) -> None:
        """Takes presentations of different examples."""
        if not self._labels_known:
            self._labels[index] = answers.labels[at]
        right = answers.predicted[at] == self._labels[index]
        before = self._right[index]
        first = self._first[index]
        self._first[index] = np.where(right & np.isinf(first), np.float32(epoch), first)
        good = np.where(right & ~before, np.float32(epoch), self._for_good[index])
        self._for_good[index] = np.where(right, good, np.inf)
        self._forgetting[index] += before & ~right
        self._right[index] = right
        self._predicted[index] = answers.predicted[at]
        self._margin[index], self._loss[index] = answers.margin[at], answers.loss[at]
        self._margin_sum[index] += answers.margin[at]
        self._loss_sum[index] += answers.loss[at]
        self._seen[index] += 1

    def turn(self, epoch: float, validation_accuracy: float) -> None:
        """Ends an epoch: keeps its row of the history, and the sums where it is the best so far.

        Raises:
            StorageError: if the history cannot be written.
        """
        if validation_accuracy > self._best[1]:
            self._best = (epoch, validation_accuracy)
            self._best_sum, self._best_seen = self._margin_sum.copy(), self._seen.copy()
        row = round(epoch) - 1
        if row >= 0 and self._store.keeps(row):
            dtype = self._store.header.predicted_dtype
            nobody = np.iinfo(dtype).max
            predicted = np.where(self._predicted < 0, nobody, self._predicted).astype(dtype)
            values = {
                "loss": np.clip(self._loss, -HALF, HALF).astype(np.float16)[None],
                "margin": np.clip(self._margin, -HALF, HALF).astype(np.float16)[None],
                "predicted": predicted[None],
            }
            self._store.append(row, epoch, values)
        self._epochs = max(self._epochs, round(epoch))

    def replay(self, history: LedgerHistory, until: float) -> bool:
        """Takes in an earlier attempt's epochs up to `until`; whether all of them are there."""
        rows = np.flatnonzero(history.epoch <= until + 1e-9)
        if len(rows) != round(until):
            return False
        for row in rows:
            predicted = history.predicted[row, 0].astype(np.int64)
            index = np.flatnonzero(predicted != history.nobody)
            answers = Answers(
                index=index,
                labels=self._labels[index],
                predicted=predicted[index],
                rival=predicted[index],
                margin=history.margin[row, 0, index].astype(np.float64),
                loss=history.loss[row, 0, index].astype(np.float64),
            )
            epoch = float(history.epoch[row])
            self._note(index, answers, slice(None), epoch)
            self.turn(epoch, np.nan)
        return True

    def publish(self) -> None:
        """Puts the scores as they are now on disk, each file replaced as a whole.

        Raises:
            StorageError: if they cannot be written.
        """
        seen = self._seen
        scores = unlearned(1, self._count)
        assert scores.dtype == SCORES
        scores["first_learned"], scores["learned_for_good"] = self._first, self._for_good
        scores["forgetting"], scores["predicted"] = self._forgetting, self._predicted
        scores["aum"] = _mean(self._margin_sum, seen)
        best = self._best_seen if np.isfinite(self._best[0]) else seen
        best_sum = self._best_sum if np.isfinite(self._best[0]) else self._margin_sum
        scores["aum_best"] = np.where(best > 0, _mean(best_sum, best), scores["aum"][0])
        scores["mean_loss"] = _mean(self._loss_sum, seen)
        members = np.zeros(1, MEMBERS)
        members["evaluations"] = max(self._epochs, int(seen.any()))
        members["best_epoch"] = self._best[0]
        members["best_validation_accuracy"] = (
            self._best[1] if np.isfinite(self._best[1]) else np.nan
        )
        shown = np.zeros((1, self._count), PRESENTED)
        shown["learned"], shown["forgetting"] = np.isfinite(self._first), self._forgetting
        if not self._labels_known:
            given = self._labels[None].astype("<i4")
            self._store.replace("given", given)
            self._store.replace("true", given[0])
        if self._votes is not None:
            self._store.replace("votes", self._votes[None].astype("<u4"))
        self._store.replace("presentations", shown)
        self._store.replace("members", members)
        self._store.replace("scores", scores)

    def shares(self) -> dict[str, float]:
        """Of the examples seen so far: shares ever answered right, and right now; forgetting."""
        seen = max(1, int((self._seen > 0).sum()))
        learned = np.isfinite(self._first)
        events = float(self._forgetting[learned].mean()) if learned.any() else float("nan")
        return {
            "learned": float(learned.sum()) / seen,
            "known": float(self._right.sum()) / seen,
            "forgotten": float((learned & ~self._right).sum()) / seen,
            "forgetting": events,
            "forgetting_sampled": events,
        }

    def close(self) -> None:
        """Closes the files."""
        self._store.close()


def _mean(total: NDArray[np.float64], count: NDArray[np.int64]) -> NDArray[np.float64]:
    """`total` ÷ `count`, NaN where nothing was counted."""
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _rounds(index: NDArray[np.int64]) -> list[slice | NDArray[np.int64]]:
    """Positions such that each round has an example once, in the order of their presentation."""
    if np.bincount(index).max(initial=0) <= 1:
        return [slice(None)]
    order = np.argsort(index, kind="stable")
    ordered = index[order]
    fresh = np.append(True, ordered[1:] != ordered[:-1])
    starts = np.flatnonzero(fresh)
    turn = np.arange(len(index)) - np.repeat(starts, np.diff(np.append(starts, len(index))))
    return [np.sort(order[turn == number]) for number in range(int(turn.max()) + 1)]
