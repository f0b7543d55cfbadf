"""The instruments of a recorded run, in a share of its time.

Nobody knows how long her training will last: each instrument has a part of what was trained so
far, which grows with the root of its cost as in `memlab.worker.cadence`, and is due whenever its
part has grown by what it costs.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from memlab.errors import StorageError, reason_of
from memlab.experiment.instruments import Instrument, Workload, instrument
from memlab.experiment.measuring_spec import InstrumentsSpec
from memlab.recording.untouched import random_states
from memlab.runs.instrument_notes import NOTE
from memlab.runs.recorded_files import RunFiles
from memlab.worker.cadence import Cadence

LEDGER = "ledger"


class OpenCadence(Cadence):
    """What is due where the end of training is not known; `training` has to be told."""

    def now_due(self) -> list[str]:
        """The instruments whose part of the time so far has room for one more measurement.

        One that has not measured yet comes as soon as the whole share allows it, the cheapest
        first: what it costs is a guess until then.
        """
        budget = self.share * self.training
        fresh = [name for name in self.auto if not self.turns.get(name)]
        if fresh:
            left = budget - sum(self.spent.get(name, 0.0) for name in self.auto)
            first = min(fresh, key=lambda name: self.seconds.get(name, 0.0))
            return [first] if self.seconds.get(first, 0.0) <= left else []
        costs = {name: max(self.seconds.get(name, 0.0), 1e-9) for name in self.auto}
        roots = sum(math.sqrt(cost) for cost in costs.values())
        return [
            name
            for name, cost in costs.items()
            if self.spent.get(name, 0.0) + cost <= budget * math.sqrt(cost) / roots
        ]


class Panel:
    """Asks the instruments that are due; one that fails is off, and nothing else."""

    def __init__(self, spec: InstrumentsSpec, truth_known: bool) -> None:
        self.spec, self.truth_known = spec, truth_known
        names = spec.names
        self._ledger = LEDGER in names
        self._made: dict[str, Instrument] = {n: instrument(n) for n in names if n != LEDGER}
        self._memory: dict[str, dict[str, Any]] = {name: {} for name in self._made}
        self._cadence = OpenCadence(spec.share, frozenset(self._made), {})
        self._began = time.perf_counter()
        self._estimated = False
        self._said: set[tuple[str, str]] = set()

    def follow(
        self,
        files: RunFiles,
        clock: tuple[int, float],
        shares: dict[str, float] | None,
        examples: int,
        work: Workload,
        subject: Callable[[], Any] | None,
        last: bool = False,
    ) -> None:
        """Records what the ledger knows, and measures what is due.

        Args:
            clock: step and epoch.
            shares: of the ledger, where an epoch has ended.
            examples: presentations so far, from which the time of a pass is known.
            subject: gives the network and its data as they are now; None where there are none.
        """
        if shares is not None and self._ledger:
            row = {name: np.array([value]) for name, value in shares.items()}
            files.measured(LEDGER, row, *clock)
        if subject is None or not self._made:
            return
        spent = sum(self._cadence.spent.values())
        self._cadence.training = time.perf_counter() - self._began - spent
        if not self._estimated and examples:
            self._estimated = True
            a_pass = self._cadence.training / examples
            for name, made in self._made.items():
                cost = made.cost(self.spec.settings_of(name), work)
                self._cadence.estimate(name, cost * a_pass)
        due = self._cadence._closing() if last else self._cadence.now_due()
        if due:
            self._measure(files, clock, due, subject)

    def _measure(
        self,
        files: RunFiles,
        clock: tuple[int, float],
        due: list[str],
        subject: Callable[[], Any],
    ) -> None:
        from memlab.instruments.measuring import measured

        began = time.perf_counter()
        with random_states():
            try:
                seen = subject()
            except Exception as error:
                for name in list(self._made):
                    self._off(files, name, reason_of(error))
                return
            making = (time.perf_counter() - began) / len(due)
            for name in [n for n in self._made if n in due]:
                started = time.perf_counter()
                seen.memory, seen.notes = self._memory[name], []
                try:
                    found = measured(self._made[name], seen, self.spec.settings_of(name))
                    found = {key: value for key, value in found.items() if self._told(key)}
                    if found:
                        files.measured(name, found, *clock)
                    self._tell(files, name, seen.notes)
                except StorageError:
                    raise
                except Exception as error:
                    self._off(files, name, reason_of(error))
                    continue
                finally:
                    seconds = making + time.perf_counter() - started
                    self._cadence.measured(name, seconds)

    def _told(self, quantity: str) -> bool:
        """Whether it is known what that is of: nothing is of clean labels if nobody said which."""
        return self.truth_known or not {"clean", "corrupted"}.intersection(quantity.split("_"))

    def _tell(self, files: RunFiles, name: str, notes: Sequence[str]) -> None:
        """What a reader should know of how it is measured, each sentence once."""
        for note in dict.fromkeys(notes):
            if (name, note) not in self._said:
                self._said.add((name, note))
                files.events.append(NOTE, instrument=name, stack=0, note=note)

    def _off(self, files: RunFiles, name: str, reason: str) -> None:
        del self._made[name]
        self._cadence.drop(name)
        files.events.append("instrument-failed", instrument=name, stack=0, reason=reason)

    @property
    def unmeasured(self) -> list[str]:
        """The instruments that had no time for a first measurement."""
        return [name for name in self._made if not self._cadence.turns.get(name)]

    def close(self, files: RunFiles) -> None:
        """Says what they cost."""
        if self._cadence.spent:
            spent, training = dict(self._cadence.spent), self._cadence.training
            files.events.append("instruments-cost", stack=0, seconds=spent, training=training)
