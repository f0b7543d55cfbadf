"""When instruments measure: every so many epochs, or as often as their share of time allows.

With `auto`, the whole set gets a share of the training time, split so that an instrument's part
grows with the root of its cost: that makes the sum of the gaps between measurements least. Turns
are closer together at the start, where most happens, and one is kept for the end. What is
due follows the clock; what is measured never does.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

#: Share of the training from which on its speed is known; before, it is guessed.
KNOWN = 0.02


@dataclass
class Cadence:
    """Decides what is due; `auto` and `every` (epochs) hold the instruments by name.

    Those of `once` have a single turn, the first that their part of the time allows. `seconds` is
    what a measurement is expected to take, `spent` what all of them took, `training` the seconds of
    training so far and `planned` those of the whole run, all without instruments.
    """

    share: float
    auto: frozenset[str]
    every: Mapping[str, float]
    once: frozenset[str] = frozenset()
    seconds: dict[str, float] = field(default_factory=dict)
    spent: dict[str, float] = field(default_factory=dict)
    turns: dict[str, int] = field(default_factory=dict)
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
        self.turns[name] = self.turns.get(name, 0) + 1

    def drop(self, name: str) -> None:
        """Forgets an instrument that was switched off; what it spent still counts."""
        self.auto -= {name}
        self.every = {n: every for n, every in self.every.items() if n != name}

    def due(self, epoch: float, fraction: float, last: bool) -> list[str]:
        """What to measure at `epoch`, when `fraction` of the training is done."""
        found = []
        for name, every in self.every.items():
            if self._over(name):
                continue
            if last or epoch >= self.due_at.get(name, 0.0) - 1e-9:
                self.due_at[name] = (math.floor(epoch / every + 1e-9) + 1) * every
                found.append(name)
        return found + (self._closing() if last else self._planned(fraction))

    def at_an_end(self) -> list[str]:
        """What is measured where members end before the others; no turn of it is used up."""
        return [name for name in self.every if not self._over(name)]

    def _over(self, name: str) -> bool:
        """Whether its only turn is behind it."""
        return name in self.once and self.turns.get(name, 0) > 0

    def _planned(self, fraction: float) -> list[str]:
        """Those whose next turn has come: n turns are spaced as squares, closer at the start."""
        # With n turns of cost c the gap between two is 1 ÷ n of the run. The sum of all
        # instruments' gaps is least, for Σ n·c = budget, where each n is proportional to 1 ÷ √c:
        # its part n·c of the budget is then proportional to √c. Of n turns, number k (from 0)
        # comes at the share (k ÷ (n − 1))² of the run.
        total = self.training / fraction if fraction > KNOWN else self.planned
        over = {n for n in self.auto if self._over(n)}
        budget = self.share * total - sum(self.spent.get(n, 0.0) for n in over)
        costs = {n: max(self.seconds.get(n, 0.0), 1e-9) for n in self.auto - over}
        costs = {n: cost for n, cost in costs.items() if cost <= budget}
        roots = sum(math.sqrt(cost) for cost in costs.values())
        found = []
        for name, cost in costs.items():
            part = budget * math.sqrt(cost) / roots
            turns = int(part / cost)
            if name in self.once:
                found += [name] if turns else []
                continue
            taken = self.turns.get(name, 0)
            fits = self.spent.get(name, 0.0) + 2 * cost <= part  # one is kept for the end
            if turns > 1 and fits and fraction >= (taken / (turns - 1)) ** 2 - 1e-9:
                found.append(name)
        return found

    def _closing(self) -> list[str]:
        """The last turn: the cheapest first, as long as the share allows."""
        left = self.share * self.training - sum(self.spent.get(n, 0.0) for n in self.auto)
        found = []
        waiting = (name for name in self.auto if not self._over(name))
        for name in sorted(waiting, key=lambda n: self.seconds.get(n, 0.0)):
            left -= self.seconds.get(name, 0.0)
            if left >= 0:
                found.append(name)
        return found

    @property
    def spent_share(self) -> float:
        """Seconds of all instruments as a share of the training time so far."""
        total = sum(self.spent.values())
        return total / self.training if self.training > 0 else 0.0

    def state(self) -> dict[str, Any]:
        """What to keep in a checkpoint; JSON."""
        return {
            "seconds": dict(self.seconds),
            "spent": dict(self.spent),
            "turns": dict(self.turns),
            "due_at": dict(self.due_at),
            "training": self.training,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Takes back what `state` gave."""
        for name in ("seconds", "spent", "turns", "due_at"):
            setattr(self, name, dict(state[name]))
        self.training = float(state["training"])
