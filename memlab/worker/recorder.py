"""What a worker writes while it trains: evaluation rows, progress, and what is being memorized."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import numpy as np

from memlab.experiment.metrics import METRICS
from memlab.runs.columns import PROGRESS, evaluations
from memlab.runs.door import Place
from memlab.runs.table import Columns
from memlab.runs.table_writer import TableWriter
from memlab.training.plan import StackPlan

#: At most so many newly fitted lies are kept per member and evaluation, for the screen.
SHOWN = 6
PROGRESS_SECONDS = (0.25, 1.0)


class EvaluationTable:
    """`series/stack-NNN`: one row an evaluation, `[members]` of each metric, no clock in it."""

    def __init__(self, series: Place, plan: StackPlan) -> None:
        columns = evaluations(len(plan.members))
        self.name = f"stack-{plan.index:03d}"
        attributes = {"stack": plan.index, "members": plan.indices, "metrics": list(METRICS)}
        self.writer = TableWriter(series / self.name, columns, attributes)

    def append(
        self,
        update: int,
        examples: int,
        epoch: float,
        batch_size: int,
        metrics: Mapping[str, np.ndarray],
    ) -> None:
        """Writes one evaluation; each metric is `[members]`, NaN where it does not exist."""
        clock = {"update": update, "examples": examples, "epoch": epoch, "batch_size": batch_size}
        self.writer.append({**clock, **metrics})


class MemorizedTable:
    """`series/memorized-NNN`: lies that a member of the stack has just fitted, with their pictures.

    `picture` gives their height and width; it is asked, and a file made, when there is a row.
    """

    def __init__(self, series: Place, stack: int, picture: Callable[[], tuple[int, int]]) -> None:
        self.name = f"memorized-{stack:03d}"
        self._place = series / self.name
        self._stack = stack
        self._picture = picture
        self._writer: TableWriter | None = None

    @property
    def count(self) -> int:
        """How many rows it has."""
        return 0 if self._writer is None else self._writer.count

    def _opened(self) -> TableWriter:
        if self._writer is None:
            columns: Columns = [
                ("epoch", "<f8"),
                ("member", "<i8"),
                ("index", "<i8"),
                ("given", "<i4"),
                ("true", "<i4"),
                ("picture", "|u1", self._picture()),
            ]
            self._writer = TableWriter(self._place, columns, {"stack": self._stack})
        return self._writer

    def keep(self, rows: int) -> None:
        """Goes on after the first `rows`; what is beyond them is set aside.

        Raises:
            RunFolderError: if they are not all there.
        """
        if rows:
            self._opened().require(rows)
        if rows or self._place.with_suffix(".rows").info() is not None:
            self._opened().truncate(rows)

    def sync(self) -> None:
        """Makes the rows survive a power failure."""
        if self._writer is not None:
            self._writer.sync()

    def close(self) -> None:
        """Closes the file."""
        if self._writer is not None:
            self._writer.close()

    def append(
        self,
        epoch: float,
        member: int,
        fresh: np.ndarray,
        index: np.ndarray,
        labels: tuple[np.ndarray, np.ndarray],
        pictures: np.ndarray,
    ) -> None:
        """Writes up to `SHOWN` of the examples `fresh` (positions in the training set).

        `index`, the given and true `labels` and the uint8 `pictures` are per training example.
        """
        given, true = labels
        for position in fresh[np.linspace(0, len(fresh) - 1, min(SHOWN, len(fresh))).astype(int)]:
            self._opened().append(
                {
                    "epoch": epoch,
                    "member": member,
                    "index": int(index[position]),
                    "given": int(given[position]),
                    "true": int(true[position]),
                    "picture": pictures[position],
                }
            )


class Pace:
    """When a row of progress is due: four times a second at first, once a second after a minute."""

    def __init__(self) -> None:
        self._started = self._last = time.monotonic()

    def due(self) -> bool:
        """Whether it is time for a row."""
        now = time.monotonic()
        quick, slow = PROGRESS_SECONDS
        return now - self._last >= (quick if now - self._started < 60 else slow)

    def done(self) -> None:
        """A row was written now."""
        self._last = time.monotonic()


class Speed:
    """Examples a second, smoothed over the rows of progress."""

    def __init__(self) -> None:
        self._last = time.monotonic()
        self._done_at_last = -1
        self._rate = float("nan")

    def now(self, done_examples: int) -> float:
        """The speed up to this moment, NaN at first; `done_examples` are those so far."""
        now = time.monotonic()
        elapsed = now - self._last
        if self._done_at_last >= 0 and elapsed > 0.02:
            fresh = (done_examples - self._done_at_last) / elapsed
            known = np.isfinite(self._rate)
            self._rate = 0.7 * self._rate + 0.3 * fresh if known else fresh
        self._last, self._done_at_last = now, done_examples
        return self._rate


class ProgressTable:
    """`series/progress`: where the run stands, a few times a second at most."""

    def __init__(self, series: Place, total_examples: int) -> None:
        self.writer = TableWriter(series / "progress", PROGRESS)
        self.total = total_examples
        self._speed = Speed()

    def append(self, plan: StackPlan, update: int, done_examples: int) -> None:
        """Writes a row; `done_examples` counts members × examples over all stacks."""
        timeline = plan.timeline
        self.writer.append(
            {
                "time": time.time(),
                "stack": plan.index,
                "update": update,
                "updates_total": timeline.updates,
                "done_examples": done_examples,
                "total_examples": self.total,
                "samples_per_second": self._speed.now(done_examples),
                "epoch": timeline.examples_before(update) / timeline.train_examples,
                "epochs_total": timeline.epochs,
            }
        )
