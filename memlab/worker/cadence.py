"""When instruments measure: every so many epochs, or as often as their share of time allows.

With `auto`, the whole set gets a share of the training time, split so that an instrument's part
grows with the root of its cost: that makes the sum of the gaps between measurements least. What is
due follows the clock; what is measured never does.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

#: Of the planned training time, how much budget is lent at the start, so that the first
#: epochs, in which most happens, are seen.
LEAD = 0.08


@dataclass
class Cadence:
    """Decides what is due; `auto` and `every` (epochs) hold the instruments by name.

    `seconds` is what a measurement is expected to take, `spent` what all of them took, `training`
    the seconds of training so far and `planned` those of the whole run, all without instruments.
    """

    share: float
    auto: frozenset[str]
    every: Mapping[str, float]
    seconds: dict[str, float] = field(default_factory=dict)
    spent: dict[str, float] = field(default_factory=dict)
    due_at: dict[str, float] = field(default_factory=dict)
    training: float = 0.0
    planned: float = 0.0

    def estimate(self, name: str, seconds: float) -> None:
        """Tells the expected seconds of a first measurement; later ones are known."""
        self.seconds.setdefault(name, seconds)

    def measured(self, name: str, seconds: float) -> None:
        """Tells what a measurement took."""
        known = self.spent.get(name, 0.0) > 0
        before = self.seconds.get(name, seconds)
        self.seconds[name] = 0.5 * (before + seconds) if known else seconds
        self.spent[name] = self.spent.get(name, 0.0) + seconds

    def drop(self, name: str) -> None:
        """Forgets an instrument that was switched off; what it spent still counts."""
        self.auto -= {name}
        self.every = {n: every for n, every in self.every.items() if n != name}

    def due(self, epoch: float, fraction: float, last: bool) -> list[str]:
        """What to measure at `epoch`, when `fraction` of the training is done."""
        found = []
        for name, every in self.every.items():
            if last or epoch >= self.due_at.get(name, 0.0) - 1e-9:
                self.due_at[name] = (math.floor(epoch / every + 1e-9) + 1) * every
                found.append(name)
        return found + self._affordable(fraction, last)

    def _affordable(self, fraction: float, last: bool) -> list[str]:
        total = self.training / fraction if fraction > 0 else self.planned
        roots = {name: math.sqrt(max(self.seconds.get(name, 0.0), 1e-9)) for name in self.auto}
        whole = sum(roots.values())
        found: list[str] = []
        pool = self.share * (self.training if last else total)
        for name in sorted(self.auto, key=lambda n: self.seconds.get(n, 0.0)):
            cost, spent = self.seconds.get(name, 0.0), self.spent.get(name, 0.0)
            part = self.share * roots[name] / whole
            if last:
                planned = sum(self.seconds.get(n, 0.0) for n in found)
                fits = sum(self.spent.values()) + planned + cost <= pool
            else:
                fits = spent + cost <= part * (self.training + LEAD * total)
                fits = fits and spent + 2 * cost <= part * total
            if fits:
                found.append(name)
        return found

    @property
    def spent_share(self) -> float:
        """Seconds of all instruments as a share of the training time so far."""
        total = sum(self.spent.values())
        return total / self.training if self.training > 0 else 0.0

    def state(self) -> dict[str, dict[str, float] | float]:
        """What to keep in a checkpoint; JSON."""
        return {
            "seconds": dict(self.seconds),
            "spent": dict(self.spent),
            "due_at": dict(self.due_at),
            "training": self.training,
        }

    def restore(self, state: Mapping[str, dict[str, float] | float]) -> None:
        """Takes back what `state` gave."""
        for name in ("seconds", "spent", "due_at"):
            kept = state[name]
            assert isinstance(kept, dict)
            setattr(self, name, dict(kept))
        training = state["training"]
        assert isinstance(training, int | float)
        self.training = float(training)
