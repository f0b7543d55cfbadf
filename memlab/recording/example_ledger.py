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
from memlab.instruments.symmetric import row_blocks
from memlab.recording.answers import NOBODY, Answers
from memlab.recording.given import Given
from memlab.runs.door import Place
from memlab.runs.ledger import MEMBERS, PRESENTED, LedgerHistory

#: Epochs that the history has room for where nobody says how many there will be.
UNKNOWN_EPOCHS = 256
#: What is kept of each example, side by side: an answer reads and writes one line of memory.
SEEN, RIGHT, FIRST, GOOD, FORGOTTEN, PREDICTED, MARGIN, LOSS, MARGIN_SUM, LOSS_SUM = range(10)
KEPT = LOSS_SUM + 1
HALF = float(np.finfo(np.float16).max)
#: Answers that are taken together: what is kept of them stays near the processor meanwhile.
TOGETHER = 2048
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
        self._state = np.zeros((count, KEPT))
        self._state[:, [FIRST, GOOD]] = np.inf
        self._state[:, [MARGIN, LOSS]] = np.nan
        self._state[:, PREDICTED] = -1
        self._best_sum, self._best_seen = np.zeros(count), np.zeros(count)
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
            for few in row_blocks(len(index) if isinstance(at, slice) else len(at), TOGETHER):
                some = slice(*few) if isinstance(at, slice) else at[slice(*few)]
                self._note(index[some], answers, some, epoch)
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
        state = self._state[index]
        right = answers.predicted[at] == self._labels[index]
        before = state[:, RIGHT] > 0
        first, good = state[:, FIRST], state[:, GOOD]
        first[right & np.isinf(first)] = epoch
        good[right & ~before] = epoch
        good[~right] = np.inf
        state[:, FORGOTTEN] += before & ~right
        state[:, RIGHT] = right
        state[:, PREDICTED] = answers.predicted[at]
        state[:, MARGIN] = answers.margin[at]
        state[:, LOSS] = answers.loss[at]
        state[:, MARGIN_SUM] += state[:, MARGIN]
        state[:, LOSS_SUM] += state[:, LOSS]
        state[:, SEEN] += 1
        self._state[index] = state

    def judge(self, epoch: float, validation_accuracy: float) -> None:
        """Keeps the sums of this moment where it is the best epoch so far."""
        if validation_accuracy > self._best[1]:
            self._best = (epoch, validation_accuracy)
            self._best_sum = self._state[:, MARGIN_SUM].copy()
            self._best_seen = self._state[:, SEEN].copy()

    def turn(self, epoch: float) -> None:
        """Ends an epoch: keeps its row of the history.

        Raises:
            StorageError: if the history cannot be written.
        """
        row = round(epoch) - 1
        if row >= 0 and self._store.keeps(row):
            dtype = self._store.header.predicted_dtype
            nobody = np.iinfo(dtype).max
            answered = self._state[:, PREDICTED]
            predicted = np.where(answered < 0, nobody, answered).astype(dtype)
            values = {
                "loss": np.clip(self._state[:, LOSS], -HALF, HALF).astype(np.float16)[None],
                "margin": np.clip(self._state[:, MARGIN], -HALF, HALF).astype(np.float16)[None],
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
            self.turn(epoch)
        return True

    def publish(self) -> None:
        """Puts the scores as they are now on disk, each file replaced as a whole.

        Raises:
            StorageError: if they cannot be written.
        """
        state = self._state
        seen = state[:, SEEN]
        scores = unlearned(1, self._count)
        scores["first_learned"], scores["learned_for_good"] = state[:, FIRST], state[:, GOOD]
        scores["forgetting"], scores["predicted"] = state[:, FORGOTTEN], state[:, PREDICTED]
        scores["aum"] = _mean(state[:, MARGIN_SUM], seen)
        chosen = np.isfinite(self._best[0])
        best = self._best_seen if chosen else seen
        best_sum = self._best_sum if chosen else state[:, MARGIN_SUM]
        scores["aum_best"] = np.where(best > 0, _mean(best_sum, best), scores["aum"][0])
        scores["mean_loss"] = _mean(state[:, LOSS_SUM], seen)
        members = np.zeros(1, MEMBERS)
        members["evaluations"] = max(self._epochs, int(seen.any()))
        members["best_epoch"] = self._best[0]
        members["best_validation_accuracy"] = (
            self._best[1] if np.isfinite(self._best[1]) else np.nan
        )
        shown = np.zeros((1, self._count), PRESENTED)
        shown["learned"] = np.isfinite(state[:, FIRST])
        shown["forgetting"] = state[:, FORGOTTEN]
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
        state = self._state
        seen = max(1, int((state[:, SEEN] > 0).sum()))
        learned, right = np.isfinite(state[:, FIRST]), state[:, RIGHT] > 0
        events = float(state[learned, FORGOTTEN].mean()) if learned.any() else float("nan")
        return {
            "learned": float(learned.sum()) / seen,
            "known": float(right.sum()) / seen,
            "forgotten": float((learned & ~right).sum()) / seen,
            "forgetting": events,
            "forgetting_sampled": events,
        }

    def close(self) -> None:
        """Closes the files."""
        self._store.close()


def _mean(total: NDArray[np.float64], count: NDArray[np.float64]) -> NDArray[np.float64]:
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
