"""The run folder of a recorded run, as whoever records it writes it, in the formats of every run.

Rows carry the attempt that wrote them and the step from which it goes on (`memlab.runs.attempts`).
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import tomli_w

from memlab import settings
from memlab.errors import RunFolderError
from memlab.experiment.metrics import METRICS
from memlab.experiment.spec import Experiment
from memlab.runs import documents, origin, run_folder
from memlab.runs.attempts import COLUMNS
from memlab.runs.columns import PROGRESS, evaluations
from memlab.runs.door import Place
from memlab.runs.environment import describe
from memlab.runs.event_log import EventLog
from memlab.runs.lock import RunLock
from memlab.runs.recorded import recorded_from
from memlab.runs.run import Run
from memlab.runs.run_folder import RunFolder
from memlab.runs.state import StateName, write_state
from memlab.runs.table import SCHEMA, Columns, rows_place, schema_place
from memlab.runs.table_writer import TableWriter

#: What of a table's attributes is the name under which its values were logged.
LOGGED: Final = "logged"
#: Different names of logged values that a run keeps; what comes after them is left out.
MOST_LOGGED = 64
LOOP = "your own loop"


@dataclass(frozen=True)
class Attempt:
    """Which attempt this is, and the step and epoch that it goes on from."""

    number: int = 1
    since: int = 0
    epoch: float = 0.0


def create(name: str, made: Experiment) -> tuple[RunFolder, RunLock]:
    """A new run, its lock held.

    Raises:
        SettingsError, StorageError: if it cannot be written.
    """
    tree = made.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    assert made.recorded is not None
    tree["recorded"] = {"by": made.recorded.by, **tree.get("recorded", {})}
    folder = settings.prepared(settings.runs_folder())
    run_folder.sweep(folder)
    return run_folder.create(folder, name, tomli_w.dumps(tree), describe(sys.argv))


def taken_up(run: str, step: int | None, examples: int) -> tuple[RunFolder, RunLock, Attempt]:
    """A recorded run that goes on from `step`, its lock held.

    Raises:
        RunFolderError: if there is none, it is no recorded run, came from elsewhere, or is of
            other data.
    """
    folder = run_folder.find(settings.runs_folder(), run)
    opened = Run(folder)
    if recorded_from(opened) != LOOP:
        raise RunFolderError(f"The run {folder.id} was not recorded by memlab.record.")
    origin.require_ours(folder, "gone on with")
    spec = opened.experiment.recorded
    if spec is not None and spec.examples not in (None, examples):
        raise RunFolderError(
            f"The run {folder.id} has {spec.examples:,} training examples and not {examples:,}: "
            "it is of other data."
        )
    lock = RunLock.take(folder.lock)
    try:
        return folder, lock, _next(opened, step)
    except BaseException:
        lock.close()
        raise


def _next(run: Run, step: int | None) -> Attempt:
    table = run.view.stacks.get("stack-000")
    if table is None or not len(table):
        return Attempt(1, 0 if step is None else step, 0.0)
    updates, epochs = table.read("update"), table.read("epoch")
    since = int(updates[-1]) if step is None else step
    before = np.flatnonzero(updates <= since)
    epoch = float(epochs[before[-1]]) if len(before) else 0.0
    return Attempt(int(table.read("attempt", len(table) - 1)[0]) + 1, since, epoch)


class RunFiles:
    """What of the folder is open while a run is recorded."""

    def __init__(self, folder: RunFolder, lock: RunLock, attempt: Attempt) -> None:
        """Opens it; raises RunFolderError, StorageError."""
        self.folder = folder
        self._lock = lock
        self.events = EventLog(folder.events)
        self.goes_on(attempt)
        columns: Columns = [*evaluations(1), *COLUMNS]
        attributes = {"stack": 0, "members": [0], "metrics": list(METRICS)}
        self._table = TableWriter(folder.stack(0), columns, attributes)
        self._progress = TableWriter(folder.series / "progress", PROGRESS)
        self._logged: dict[str, TableWriter | None] = {}
        self._instruments: dict[str, TableWriter] = {}

    def goes_on(self, attempt: Attempt) -> None:
        """What is written from now on is of that attempt."""
        self.attempt = attempt
        self._marks = {"attempt": attempt.number, "since": attempt.since}

    def say(self, state: StateName, message: str = "", **facts: Any) -> None:
        """Replaces the state."""
        write_state(self.folder.path, state, message, **facts)

    def row(
        self, update: int, examples: int, epoch: float, batch: int, metrics: Mapping[str, float]
    ) -> None:
        """A row of every metric."""
        clock = {"update": update, "examples": examples, "epoch": epoch, "batch_size": batch}
        self._table.append({**clock, **metrics, **self._marks})

    def progress(
        self, update: int, done: int, speed: float, epoch: float, total: tuple[int, float]
    ) -> None:
        """A row of progress; `total` examples and epochs are 0 where nobody knows."""
        self._progress.append(
            {
                "time": time.time(),
                "stack": 0,
                "update": update,
                "updates_total": 0,
                "done_examples": done,
                "total_examples": total[0],
                "samples_per_second": speed,
                "epoch": epoch,
                "epochs_total": total[1],
            }
        )

    def logged(self, name: str, value: float, update: int, epoch: float) -> bool:
        """A row of a value that she logs; False where there are too many for another."""
        if name not in self._logged:
            self._logged[name] = self._open_logged(name)
        writer = self._logged[name]
        if writer is not None:
            (column,) = writer.dtype.names[3:4] if writer.dtype.names else ("value",)
            writer.append({"update": update, "epoch": epoch, column: value, **self._marks})
        return writer is not None

    def _open_logged(self, name: str) -> TableWriter | None:
        title = self._logged_title(name) if len(self._logged) < MOST_LOGGED else None
        if title is None:
            return None
        quantity = title.replace("-", "_")
        return self._measurements(_logged_table(title), f"logged-{title}", {quantity: ()}, name)

    def _logged_title(self, name: str) -> str | None:
        """What its table is called; two names may differ in what a file's name cannot have."""
        plain = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")[:48].strip("-").lower() or "value"
        taken = {writer.place.name for writer in self._logged.values() if writer is not None}
        for title in (plain, *(f"{plain}-{number}" for number in range(2, MOST_LOGGED + 1))):
            place = self.folder.series / _logged_table(title)
            if rows_place(place).name not in taken and _logged_in(place) in (None, name):
                return title
        return None

    def measured(
        self, name: str, arrays: Mapping[str, np.ndarray], update: int, epoch: float
    ) -> None:
        """A row of an instrument; arrays are `[1, …]`."""
        if name not in self._instruments:
            shapes = {key: values.shape[1:] for key, values in arrays.items()}
            self._instruments[name] = self._measurements(f"instrument-{name}-000", name, shapes)
        self._instruments[name].append({"update": update, "epoch": epoch, **arrays, **self._marks})

    def _measurements(
        self,
        table: str,
        instrument: str,
        shapes: Mapping[str, tuple[int, ...]],
        logged: str | None = None,
    ) -> TableWriter:
        """`logged` is what a value was called by whoever logs it."""
        quantities: Columns = [(key, "<f8", (1, *shape)) for key, shape in shapes.items()]
        columns: Columns = [("update", "<i8"), ("epoch", "<f8"), *quantities, *COLUMNS]
        place = self.folder.series / table
        attributes = {
            "stack": 0,
            "members": [0],
            "instrument": instrument,
            "quantities": list(shapes),
        } | ({} if logged is None else {LOGGED: logged})
        return TableWriter(place, columns, attributes)

    def close(self) -> None:
        """Closes the files, then lets go of the lock."""
        writers = [self._table, self._progress, *self._instruments.values()]
        writers += [writer for writer in self._logged.values() if writer is not None]
        for each in (*writers, self.events, self._lock):
            each.close()


def has_ledger(folder: RunFolder) -> bool:
    """Whether an earlier attempt kept a ledger."""
    return (folder.examples / "stack-000" / "ledger.json").is_file()


def _logged_table(title: str) -> str:
    return f"instrument-logged-{title}-000"


def _logged_in(place: Place) -> str | None:
    """The name that an earlier attempt logged there; None where there was none."""
    try:
        name = documents.read(schema_place(place), schema=SCHEMA).get(LOGGED)
    except RunFolderError:
        return None
    return name if isinstance(name, str) else None
