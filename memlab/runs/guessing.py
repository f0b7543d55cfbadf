"""What guessing reaches on a run's data, from what the run says of them."""

from __future__ import annotations

from dataclasses import dataclass, field

from memlab.runs.event_log import Event
from memlab.strict_json import number, whole


@dataclass
class Guessing:
    """Follows a run's events; `counts` are the numbers of classes that its stacks have."""

    counts: set[int] = field(default_factory=set)
    majority: float = 0.0

    def note(self, event: Event) -> None:
        """Takes in the next event."""
        if event.type != "stack-started":
            return
        found = whole(event.data.get("classes"), 1)
        if found is not None and len(self.counts) < 2:  # two tell as much as more
            self.counts.add(found)
        self.majority = max(self.majority, number(event.data.get("majority_share"), 0, 1) or 0.0)

    @property
    def classes(self) -> int | None:
        """How many classes all stacks have; None where they differ or none has started."""
        return next(iter(self.counts)) if len(self.counts) == 1 else None

    @property
    def chance(self) -> float | None:
        """Accuracy of guessing: 1 / classes, or the share of the most frequent class if larger."""
        return None if self.classes is None else max(1 / self.classes, self.majority)
