"""The scores of single examples in a recording: when their ledger begins, and goes on disk."""

from __future__ import annotations

import time
from collections.abc import Sequence

from memlab.recording.answers import Looked
from memlab.recording.clock import Clock
from memlab.recording.example_ledger import AnswerLedger
from memlab.recording.given import Given
from memlab.recording.passages import begun
from memlab.runs.recorded_files import RunFiles

#: On disk at most for this share of the time.
PUBLISHING = 0.01


class Scores:
    """A ledger from the first answer on whose example is known; until then there is nothing."""

    def __init__(
        self, data: Given, clock: Clock, epochs: int | None, class_names: Sequence[str]
    ) -> None:
        self._data, self._clock = data, clock
        self._epochs, self._class_names = epochs, class_names
        self._ledger: AnswerLedger | None = None
        self._published_at = time.monotonic()
        self._publishing = 0.0

    def take(self, files: RunFiles, looked: Looked, classes: int) -> int:
        """Takes answers; how many had an index that is no example.

        Raises:
            RunFolderError, StorageError: if the ledger cannot begin.
        """
        at = looked.answers.index
        if self._ledger is None and ((at >= 0) & (at < self._data.examples)).any():
            attempt = self._clock.attempt
            self._ledger = begun(
                files, self._data, classes, self._epochs, self._class_names, attempt
            )
        if self._ledger is None:
            return looked.outside
        epoch = float(self._clock.under_way)
        return looked.outside + self._ledger.take(looked.answers, epoch)

    def judge(self, validation_accuracy: float) -> None:
        """Keeps the scores of the epoch that has ended, where it is the best so far."""
        if self._ledger is not None:
            self._ledger.judge(float(self._clock.epoch), validation_accuracy)

    def turn(self) -> None:
        """Keeps the history of the epoch that has ended; raises StorageError."""
        if self._ledger is not None:
            self._ledger.turn(float(self._clock.epoch))

    def shares(self) -> dict[str, float] | None:
        """What is learned and forgotten, as `AnswerLedger.shares`; None without a ledger."""
        return None if self._ledger is None else self._ledger.shares()

    def publish_if_due(self) -> None:
        """Publishes where that takes no more than its share of the time; raises StorageError."""
        since = time.monotonic() - self._published_at
        if self._publishing <= PUBLISHING * since:
            self.publish()

    def publish(self) -> None:
        """Puts them on disk as they are; raises StorageError."""
        if self._ledger is None:
            return
        began = time.monotonic()
        self._ledger.publish()
        self._published_at = time.monotonic()
        self._publishing = self._published_at - began

    def close(self) -> None:
        """Closes the files."""
        if self._ledger is not None:
            self._ledger.close()
