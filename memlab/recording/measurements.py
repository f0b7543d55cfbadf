"""What the instruments of a recording are asked, and shown: the panel decides which are due."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from memlab.experiment.instruments import Workload
from memlab.experiment.measuring_spec import InstrumentsSpec
from memlab.recording import described
from memlab.recording.clock import Clock
from memlab.recording.given import Given
from memlab.recording.moment import Moments
from memlab.recording.panel import Panel
from memlab.recording.validating import Validation
from memlab.runs.recorded_files import RunFiles


class Measurements:
    """Shows the network of a loop, as it is, to the instruments that are due."""

    def __init__(
        self,
        model: Any,
        data: Given,
        validation: Validation | None,
        optimizer: Any,
        spec: InstrumentsSpec,
        clock: Clock,
    ) -> None:
        self._model, self._data, self._clock = model, data, clock
        self._panel = Panel(spec, data.corrupted is not None)
        self._moments: Moments | None = None
        if data.has_inputs:
            self._moments = Moments(model, data, validation, optimizer)

    def follow(self, optimizer: Any) -> None:
        """From now on the network descends by this optimizer."""
        if self._moments is not None:
            self._moments.optimizer = optimizer

    def take(
        self,
        files: RunFiles,
        classes: int,
        validation: int,
        shares: dict[str, float] | None,
        last: bool = False,
    ) -> None:
        """Measures what is due, or what is to be measured at the end.

        Args:
            classes: how many there are, 0 while nobody knows.
            validation: how many examples of it there are.
            shares: of the ledger, where an epoch has ended.

        Raises:
            StorageError: if a row cannot be written.
        """
        parameters = described.parameters_of(self._model)
        work = Workload(self._data.examples, validation, parameters, max(1, classes))
        clock = self._clock
        at = (clock.update, clock.now)
        self._panel.follow(files, at, shares, clock.examples, work, self._subject, last)

    @property
    def _subject(self) -> Callable[[], Any] | None:
        """What gives the instruments something to look at; None where there are no inputs."""
        moments, clock = self._moments, self._clock
        if moments is None:
            return None
        return lambda: moments.now(clock.update, clock.now, clock.batch_size)

    def missed(self, names: set[str]) -> set[str]:
        """Those of the instruments `names` that had no time for a single measurement."""
        return names.intersection(self._panel.unmeasured)

    def close(self, files: RunFiles) -> None:
        """Says what the instruments cost; raises StorageError."""
        self._panel.close(files)
