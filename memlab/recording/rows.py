"""The rows of a recorded run: what has come since the last one waits here for the next.

A row is of the latest presentations: of as many as an epoch has, so that an epoch's own row is of
the whole epoch, and of no more than the last half minute, so that in a long epoch rows follow what
is learned.

What single examples were answered is `scores`; who looks at a batch, and when, is the recording.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from memlab.experiment.metrics import LEARNING_RATE, VALIDATION_ACCURACY, VALIDATION_LOSS
from memlab.recording.answers import Looked
from memlab.recording.clock import Clock
from memlab.recording.figures import Tally
from memlab.recording.given import Given
from memlab.runs.recorded_files import RunFiles
from memlab.worker.recorder import Pace, Speed

#: A row within an epoch after so many seconds.
ROW_SECONDS = 5.0
#: Of no more than so many seconds.
LOOKS_BACK = 30.0
NAN = float("nan")


class Rows:
    """Figures over all examples, a row of them at a time, and how far the loop is."""

    def __init__(self, data: Given, clock: Clock) -> None:
        self._clock, self._tally = clock, Tally(data)
        self._latest = Latest(data)
        self._pace, self._speed = Pace(), Speed()
        self._metrics: dict[str, float] = {}
        self._waiting = 0
        self._written_at = time.monotonic()
        self._validation_loss = self._validation_accuracy = NAN
        #: Whether there was a row without a single finite answer.
        self.diverged = False

    @property
    def waiting(self) -> int:
        """Answers since the last row, those that were not finite included."""
        return self._waiting

    @property
    def due(self) -> bool:
        """Whether it is time for a row within an epoch."""
        if not self._clock.in_epoch or not self._waiting:
            return False
        return time.monotonic() - self._written_at >= ROW_SECONDS

    @property
    def validation_accuracy(self) -> float:
        """The newest; NaN where nobody measured any."""
        return self._validation_accuracy

    def validated(self, loss: float | None, accuracy: float | None) -> None:
        """Takes the validation figures that rows have from here on; None for unknown."""
        self._validation_loss = NAN if loss is None else float(loss)
        self._validation_accuracy = NAN if accuracy is None else float(accuracy)

    def take(self, looked: Looked) -> None:
        """Takes answers, which wait for a row."""
        self._waiting += len(looked.answers) + looked.broken
        self._tally.take(looked.answers)

    def write(self, files: RunFiles, learning_rate: float) -> None:
        """Writes a row of what waits; raises StorageError."""
        broken = bool(self._waiting) and not self._tally.count
        figures = self._latest.with_new(self._tally, self._clock, broken)
        self._metrics = figures.metrics() | self._validation
        self._metrics[LEARNING_RATE] = learning_rate
        self._write(files, self._metrics)
        if broken and not self.diverged:
            self.diverged = True
            files.events.append("member-diverged", member=0, epoch=self._clock.now)
        self._tally.clear()
        self._waiting, self._written_at = 0, time.monotonic()

    def amend(self, files: RunFiles) -> None:
        """Writes the last row once more, with the newest validation; raises StorageError."""
        self._write(files, self._metrics | self._validation)

    @property
    def _validation(self) -> dict[str, float]:
        return {
            VALIDATION_LOSS: self._validation_loss,
            VALIDATION_ACCURACY: self._validation_accuracy,
        }

    def _write(self, files: RunFiles, metrics: dict[str, float]) -> None:
        clock = self._clock
        files.row(clock.update, clock.examples, clock.now, clock.batch_size, metrics)

    def progress(self, files: RunFiles, epochs: int) -> None:
        """Writes how far it is of so many epochs (0: nobody knows), a few times a second.

        Raises:
            StorageError: if it cannot be written.
        """
        if self._pace.due():
            clock = self._clock
            speed = self._speed.now(clock.done)
            files.progress(clock.update, clock.done, speed, clock.now, clock.total(epochs))
            self._pace.done()


@dataclass(frozen=True)
class _Piece:
    """What came for one row: when that was written, presentations in all, and their sums."""

    when: float
    presentations: int
    sums: Tally


class Latest:
    """What rows were made of, as far back as another one looks."""

    def __init__(self, data: Given) -> None:
        self._data = data
        self._kept: list[_Piece] = []
        self._seen = 0

    def with_new(self, new: Tally, clock: Clock, broken: bool) -> Tally:
        """`new` and what came before it, as far as a row looks back.

        Where `new` is `broken`, nothing is told of those before any more.
        """
        newest = _Piece(time.monotonic(), clock.examples - self._seen, Tally(self._data))
        newest.sums.add(new)
        self._seen = clock.examples
        count, kept = newest.presentations, [newest]
        for piece in reversed([] if broken else self._kept):
            if count >= clock.epoch_length or newest.when - piece.when > LOOKS_BACK:
                break
            kept.append(piece)
            count += piece.presentations
        self._kept = kept[::-1]
        found = Tally(self._data)
        for piece in kept:
            found.add(piece.sums)
        return found
