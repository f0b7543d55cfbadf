"""Logs that are there already, made into a run to look at: TensorBoard's, and tables.

A log may come from a stranger: what is read of it is bounded, and what is no log is one sentence.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

import numpy as np

from memlab.errors import InvalidDataset, RunFolderError
from memlab.experiment.metrics import (
    LEARNING_RATE,
    METRICS,
    TEST_ACCURACY,
    TEST_LOSS,
    TRAIN_ACCURACY,
    TRAIN_LOSS,
    VALIDATION_ACCURACY,
    VALIDATION_LOSS,
)
from memlab.experiment.reading import validate
from memlab.library import tensorboard_events
from memlab.runs.door import Missing, Place
from memlab.runs.recorded_files import MOST_LOGGED, Attempt, RunFiles, create
from memlab.runs.run_folder import RunFolder
from memlab.text import plain

Kind = Literal["tensorboard", "csv"]
MOST_BYTES, MOST_ROWS, MOST_COLUMNS = 64 << 20, 1_000_000, 256
#: Rows of a run that is made; of a longer log every 2nd, 3rd … is kept, and the last.
KEPT_ROWS: Final = 20_000
STEPS: Final = ("step", "steps", "globalstep", "iteration", "iter", "update", "batch")
EPOCHS: Final = ("epoch", "epochs")
#: What a metric is called elsewhere, without case and signs.
NAMES: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        ("loss", "trainloss", "trainingloss", "losstrain", "trainepochloss"), TRAIN_LOSS
    ),
    **dict.fromkeys(
        ("accuracy", "acc", "trainacc", "trainaccuracy", "trainingaccuracy", "accuracytrain"),
        TRAIN_ACCURACY,
    ),
    **dict.fromkeys(
        ("valloss", "validloss", "validationloss", "evalloss", "lossval", "lossvalidation"),
        VALIDATION_LOSS,
    ),
    **dict.fromkeys(
        ("valacc", "valaccuracy", "validacc", "validationaccuracy", "evalaccuracy", "accuracyval"),
        VALIDATION_ACCURACY,
    ),
    **dict.fromkeys(("testloss", "losstest"), TEST_LOSS),
    **dict.fromkeys(("testacc", "testaccuracy", "accuracytest"), TEST_ACCURACY),
    **dict.fromkeys(("lr", "learningrate", "trainlearningrate", "trainlr"), LEARNING_RATE),
}
PERCENT: Final = (TRAIN_ACCURACY, VALIDATION_ACCURACY, TEST_ACCURACY)


@dataclass
class Log:
    """Values by their names, each a list of (step, value); `axis` is what the steps are."""

    series: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    axis: Literal["epoch", "step"] = "step"


@dataclass(frozen=True)
class Imported:
    """The run that was made, what it shows as a metric, and what it keeps under its own name."""

    folder: RunFolder
    metrics: tuple[str, ...]
    logged: tuple[str, ...]
    left_out: tuple[str, ...]


def imported(kind: Kind, path: Path, name: str | None = None) -> Imported:
    """Makes a run of the log at `path`.

    Raises:
        InvalidDataset: if it is none, or has no numbers.
        SettingsError, StorageError: if the run cannot be written.
    """
    log = read_csv(path) if kind == "csv" else read_tensorboard(path)
    if not log.series:
        raise InvalidDataset(f"{plain(path)} has no numbers to show.")
    metrics: dict[str, str] = {}
    for title in log.series:
        known = NAMES.get(_bare(title))
        if known is not None and known not in metrics:
            metrics[known] = title
    others = [title for title in log.series if title not in metrics.values()]
    parts = [part for part in ("train", "validation", "test") if _has(part, metrics)]
    tree = {
        "title": plain(name or path.stem or path.name, 80),
        "recorded": {"by": kind, "axis": log.axis},
        "evaluation": {"parts": parts if {"train", "test"} & {*parts} else ["train", *parts]},
    }
    folder, lock = create(name or path.stem or kind, validate(tree, "the import"))
    files = RunFiles(folder, lock, Attempt())
    try:
        _write(files, log, metrics, others[:MOST_LOGGED])
        files.events.append("finished", message="")
        files.say("finished", "", progress=1.0)
    except BaseException as error:
        files.say("failed", f"The import ended: {type(error).__name__}.")
        raise
    finally:
        files.close()
    shown = tuple(metric for metric in METRICS if metric in metrics)
    return Imported(folder, shown, tuple(others[:MOST_LOGGED]), tuple(others[MOST_LOGGED:]))


def _has(part: str, metrics: Iterable[str]) -> bool:
    return any(metric.startswith(part) for metric in metrics)


def _write(files: RunFiles, log: Log, metrics: Mapping[str, str], others: list[str]) -> None:
    """A row for each step of any metric; a metric keeps its last value where it has no new one."""
    values = {metric: _clean(metric, log.series[title]) for metric, title in metrics.items()}
    last = dict.fromkeys(METRICS, math.nan)
    for step in _thinned(sorted({step for found in values.values() for step in found})):
        for metric, found in values.items():
            last[metric] = found.get(step, last[metric])
        files.row(round(step), 0, step, 0, last)
    for title in others:
        found = dict(log.series[title])
        for step in _thinned(sorted(found)):
            files.logged(title, found[step], round(step), step)


def _clean(metric: str, series: list[tuple[float, float]]) -> dict[float, float]:
    """The last value of each step; accuracies in percent become shares."""
    found = dict(series)
    if metric in PERCENT and 1.5 < max(found.values(), default=0.0) <= 100.0:
        return {step: value / 100 for step, value in found.items()}
    return found


def _thinned(steps: list[float]) -> list[float]:
    stride = -(-len(steps) // KEPT_ROWS)
    kept = steps[:: max(1, stride)]
    return kept if not steps or kept[-1] == steps[-1] else [*kept, steps[-1]]


def _bare(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _content(path: Path) -> bytes:
    """The bytes of a regular file, no link followed.

    Raises:
        InvalidDataset: if it cannot be read, or is too long.
    """
    try:
        return Place(path.absolute().parent, (path.name,)).read(MOST_BYTES)
    except Missing:
        raise InvalidDataset(f"There is no file {plain(path)}.") from None
    except RunFolderError as error:
        raise InvalidDataset(str(error)) from error


# --- tables


def read_csv(path: Path) -> Log:
    """A table with a line of names, in which every other cell is a number or empty.

    Raises:
        InvalidDataset: with what is wrong and where.
    """
    try:
        text = _content(path).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidDataset(f"{plain(path)} is not UTF-8 text.") from None
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    try:
        rows = csv.reader(io.StringIO(text), delimiter=delimiter)
        names = [plain(name.strip(), 80) for name in next(rows, [])]
        return _table(path, names, rows)
    except csv.Error as error:
        raise InvalidDataset(f"{plain(path)} is no table: {error}.") from error


def _table(path: Path, names: list[str], rows: Iterable[list[str]]) -> Log:
    if not 2 <= len(names) <= MOST_COLUMNS or len(set(names)) != len(names):
        raise InvalidDataset(
            f"{plain(path)} has {len(names)} columns in its first line; it takes 2 to "
            f"{MOST_COLUMNS} of different names."
        )
    log = Log()
    at, log.axis = _axis(names)
    for number, row in enumerate(rows):
        if number >= MOST_ROWS:
            raise InvalidDataset(f"{plain(path)} has more than {MOST_ROWS:,} rows.")
        if not any(cell.strip() for cell in row):
            continue
        if len(row) != len(names):
            raise InvalidDataset(
                f"{plain(path)}, line {number + 2}: {len(row)} cells and {len(names)} names."
            )
        step = _number(row[at]) if at is not None else float(number + 1)
        if step is None or not 0 <= step <= 1e15:
            raise InvalidDataset(
                f"{plain(path)}, line {number + 2}: {plain(row[at or 0], 40)!r} is no step."
            )
        for place, cell in enumerate(row):
            value = _number(cell)
            if place != at and value is not None and math.isfinite(value):
                log.series.setdefault(names[place], []).append((step, value))
    return log


def _axis(names: list[str]) -> tuple[int | None, Literal["epoch", "step"]]:
    """Which column the others stand against, and what it is; None: the number of the row."""
    bare = [_bare(name) for name in names]
    for wanted, axis in ((EPOCHS, "epoch"), (STEPS, "step")):
        for place, name in enumerate(bare):
            if name in wanted:
                return place, "epoch" if axis == "epoch" else "step"
    return None, "step"


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None


# --- TensorBoard


def read_tensorboard(path: Path) -> Log:
    """The scalars of an event file, or of all that lie in a folder.

    Raises:
        InvalidDataset: if there is none, or it is damaged from its beginning.
    """
    files = [path]
    if path.is_dir():
        found = sorted(each.name for each in path.iterdir() if "tfevents" in each.name)
        inner = sorted(each.name for each in path.iterdir() if each.is_dir())
        if not found:
            more = f" It has folders: give one of {', '.join(map(plain, inner[:4]))}."
            raise InvalidDataset(
                f"{plain(path)} holds no event file of TensorBoard.{more if inner else ''}"
            )
        files = [path / name for name in found]
    log = Log()
    for file in files:
        for tag, step, value in tensorboard_events.scalars(_content(file), plain(file)):
            if len(log.series) < MOST_COLUMNS or tag in log.series:
                log.series.setdefault(tag, []).append((float(step), value))
    epochs = next((title for title in log.series if _bare(title) in EPOCHS), None)
    if epochs is not None:
        _against_epochs(log, epochs)
    return log


def _against_epochs(log: Log, title: str) -> None:
    """Puts the values at epochs where the log says which epoch each step is in."""
    known = sorted(log.series.pop(title))
    steps, epochs = np.array(known).T
    if len(steps) < 2 or (np.diff(epochs) < 0).any():
        return
    log.axis = "epoch"
    for name, series in log.series.items():
        log.series[name] = [(float(np.interp(s, steps, epochs)), value) for s, value in series]
