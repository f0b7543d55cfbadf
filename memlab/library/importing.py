"""Logs that are there already, made into a run to look at: TensorBoard's, and tables.

A log may come from a stranger: what is read of it is bounded, and what is no log is one sentence.
"""

from __future__ import annotations

import csv
import io
import math
import re
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from contextlib import suppress
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
from memlab.runs.attempts import MOST_ATTEMPTS
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


#: Values by their names, each a list of (step, value).
Pass = dict[str, list[tuple[float, float]]]


@dataclass
class Log:
    """Passes over the steps, none of which goes back; `axis` is what the steps are.

    A pass after the first is an attempt that went on from before its own first step; `back` are the
    lines at which these begin.
    """

    passes: list[Pass] = field(default_factory=lambda: [{}])
    axis: Literal["epoch", "step"] = "step"
    back: list[int] = field(default_factory=list)

    @property
    def names(self) -> tuple[str, ...]:
        """What has values, in the order of the log."""
        return tuple(dict.fromkeys(name for part in self.passes for name in part))


@dataclass(frozen=True)
class Imported:
    """The run that was made, what it shows as a metric, and what it keeps under its own name.

    `back` are the lines of the table at which a later attempt begins.
    """

    folder: RunFolder
    metrics: tuple[str, ...]
    logged: tuple[str, ...]
    left_out: tuple[str, ...]
    back: tuple[int, ...] = ()


def imported(kind: Kind, path: Path, name: str | None = None) -> Imported:
    """Makes a run of the log at `path`.

    Raises:
        InvalidDataset: if it is none, or has no numbers.
        SettingsError, StorageError: if the run cannot be written.
    """
    log = read_csv(path) if kind == "csv" else read_tensorboard(path)
    if not log.names:
        raise InvalidDataset(f"{plain(path)} has no numbers to show.")
    metrics: dict[str, str] = {}
    for title in log.names:
        known = NAMES.get(_bare(title))
        if known is not None and known not in metrics:
            metrics[known] = title
    others = [title for title in log.names if title not in metrics.values()]
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
    return Imported(
        folder, shown, tuple(others[:MOST_LOGGED]), tuple(others[MOST_LOGGED:]), (*log.back,)
    )


def _has(part: str, metrics: Iterable[str]) -> bool:
    return any(metric.startswith(part) for metric in metrics)


def _write(files: RunFiles, log: Log, metrics: Mapping[str, str], others: list[str]) -> None:
    """A row for each step of any metric; a metric keeps its last value where it has no new one.

    What earlier attempts left behind stays in the files; `last` forgets it.
    """
    wholes = {metric: _whole(metric, title, log) for metric, title in metrics.items()}
    numbers = _numbers(log)
    branch: dict[str, list[tuple[float, float]]] = {metric: [] for metric in metrics}
    for attempt, part in enumerate(log.passes, 1):
        steps = {step for series in part.values() for step, _ in series}
        if attempt > 1 and steps:
            _go_back(files, branch, attempt, numbers[min(steps)], min(steps))
        last = dict.fromkeys(METRICS, math.nan)
        last |= {metric: known[-1][1] for metric, known in branch.items() if known}
        values = {m: dict(part.get(title, ())) for m, title in metrics.items()}
        for step in _thinned(sorted({step for found in values.values() for step in found}), log):
            for metric, found in values.items():
                last[metric] = found[step] / wholes[metric] if step in found else last[metric]
            files.row(numbers[step], 0, step, 0, last)
        for metric, found in values.items():
            branch[metric] += [(step, found[step] / wholes[metric]) for step in sorted(found)]
        for title in others:
            logged = dict(part.get(title, ()))
            for step in _thinned(sorted(logged), log):
                files.logged(title, logged[step], numbers[step], step)


def _go_back(
    files: RunFiles,
    branch: Mapping[str, list[tuple[float, float]]],
    attempt: int,
    number: int,
    first: float,
) -> None:
    """What follows is of that attempt, whose first row is of step `first`, the `number`th."""
    files.goes_on(Attempt(attempt, number - 1))
    for known in branch.values():
        del known[bisect_left(known, (first, -math.inf)) :]


def _numbers(log: Log) -> dict[float, int]:
    """The whole number by which a table knows each step: itself, or its place among parts."""
    steps = sorted({step for part in log.passes for found in part.values() for step, _ in found})
    if all(step.is_integer() for step in steps):
        return {step: int(step) for step in steps}
    return {step: place for place, step in enumerate(steps)}


def _whole(metric: str, title: str, log: Log) -> float:
    """What the values are divided by: accuracies in percent become shares."""
    if metric not in PERCENT:
        return 1.0
    highest = max(value for part in log.passes for _, value in part.get(title, [(0.0, 0.0)]))
    return 100.0 if 1.5 < highest <= 100.0 else 1.0


def _thinned(steps: list[float], log: Log) -> list[float]:
    """Every 2nd, 3rd … step and the last, so that all passes together keep `KEPT_ROWS`."""
    stride = -(-len(steps) * len(log.passes) // KEPT_ROWS)
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
    before, onward = 0.0, 0
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
        if step < before:
            log.back.append(number + 2)
            log.passes.append({})
        onward += step > before
        before = step
        for place, cell in enumerate(row):
            value = _number(cell)
            if place != at and value is not None and math.isfinite(value):
                log.passes[-1].setdefault(names[place], []).append((step, value))
    if len(log.back) > min(onward, MOST_ATTEMPTS - 1):
        raise InvalidDataset(
            f"{plain(path)}, line {log.back[0]}: the step goes back, as it does {len(log.back):,} "
            f"times: sort the table by {names[at or 0]}."
        )
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

    What `add_scalars(TAG, {KEY: …})` has written into folders beside them is called TAG/KEY.

    Raises:
        InvalidDataset: if there is none, or it is damaged from its beginning.
    """
    files, inner = [path], list[Path]()
    if path.is_dir():
        files = _event_files(path)
        folders = sorted(path.iterdir())
        inner = [each for each in folders if each.is_dir() and not each.is_symlink()]
        if not files:
            names = ", ".join(plain(each.name) for each in inner[:4])
            more = f" It has folders: give one of {names}." if inner else ""
            raise InvalidDataset(f"{plain(path)} holds no event file of TensorBoard.{more}")
    log = Log()
    (found,) = log.passes
    for file in files:
        _add(found, file, "")
    for folder in inner[:MOST_COLUMNS]:
        with suppress(InvalidDataset):  # what else lies there is nobody's concern
            for file in _event_files(folder):
                _add(found, file, folder.name)
    epochs = next((title for title in found if _bare(title) in EPOCHS), None)
    if epochs is not None:
        _against_epochs(log, epochs)
    return log


def _add(found: Pass, file: Path, folder: str) -> None:
    for tag, step, value in tensorboard_events.scalars(_content(file), plain(file)):
        title = _titled(tag, folder)
        if title and (len(found) < MOST_COLUMNS or title in found):
            found.setdefault(title, []).append((float(step), value))


def _event_files(folder: Path) -> list[Path]:
    return sorted(each for each in folder.iterdir() if "tfevents" in each.name)


def _titled(tag: str, folder: str) -> str:
    """What a scalar is called; empty for one of a folder that is not of `add_scalars`."""
    before = f"{tag.replace('/', '_')}_"
    if not folder:
        return tag
    return f"{tag}/{plain(folder.removeprefix(before))}" if folder.startswith(before) else ""


def _against_epochs(log: Log, title: str) -> None:
    """Puts the values at epochs where the log says which epoch each step is in."""
    (found,) = log.passes
    known = sorted(found.pop(title))
    steps, epochs = np.array(known).T
    if len(steps) < 2 or (np.diff(epochs) < 0).any():
        return
    log.axis = "epoch"
    for name, series in found.items():
        found[name] = [(float(np.interp(s, steps, epochs)), value) for s, value in series]
