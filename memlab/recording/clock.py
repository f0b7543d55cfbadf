"""Where a recorded loop is: its steps, presentations and epochs, on top of an earlier attempt's."""

from __future__ import annotations

from memlab.runs.recorded_files import Attempt


class Clock:
    """Counts what a loop over `training_examples` examples tells; knows no time of day."""

    def __init__(self, training_examples: int) -> None:
        self.attempt = Attempt()
        self.update = self.examples = self.batch_size = 0
        #: Epochs that have ended, and presentations since.
        self.epoch = self.in_epoch = 0
        self._training_examples = self._expected = training_examples

    def go_on(self, attempt: Attempt) -> None:
        """Stands where the attempt begins."""
        self.attempt = attempt
        self.update, self.epoch = attempt.since, int(attempt.epoch + 1e-9)

    def step(self, count: int) -> None:
        """A batch of `count` examples was presented."""
        self.update += 1
        self.examples += count
        self.in_epoch += count
        self.batch_size = count

    def turn(self) -> None:
        """An epoch has ended; the next is expected to be as long."""
        self.epoch += 1
        if self.in_epoch:
            self._expected = self.in_epoch
        self.in_epoch = 0

    @property
    def steps(self) -> int:
        """Steps of this attempt."""
        return self.update - self.attempt.since

    @property
    def now(self) -> float:
        """The epoch at this moment, fractions of it included."""
        if not self.in_epoch:
            return float(self.epoch)
        return self.epoch + min(self.in_epoch / max(1, self._expected), 0.999)

    @property
    def epoch_length(self) -> int:
        """Presentations of an epoch: of the last one that ended, before that of all examples."""
        return self._expected

    @property
    def under_way(self) -> int:
        """The epoch that the newest presentations are in, counted from 1."""
        return self.epoch + 1 if self.in_epoch else max(1, self.epoch)

    @property
    def done(self) -> int:
        """Presentations, those of the attempts before included."""
        return round(self.attempt.epoch * self._training_examples) + self.examples

    def total(self, epochs: int) -> tuple[int, float]:
        """Presentations and epochs of a loop of so many epochs."""
        return self._training_examples * epochs, float(epochs)
