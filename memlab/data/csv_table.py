"""csv:PATH: the user's own table of features with a column of labels, read a block at a time."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

import numpy as np

from memlab.data.class_names import named_classes
from memlab.data.data_file import check_memory, exactly, opened, size_of
from memlab.data.dataset import Raw, Request, checked_classes, dataset, users_own
from memlab.data.npz import MIN_EXAMPLES
from memlab.errors import DatasetUnavailable, InvalidDataset
from memlab.experiment.datasets import own
from memlab.text import plain

#: What the column of labels is called where nobody says; else it is the last one.
LABEL_NAMES = ("label", "target", "y", "class")
DELIMITERS = ",;\t"
MOST_FILE_BYTES = 2 << 30
MOST_COLUMNS = 20_000
LONGEST_CELL = 1 << 16
BLOCK_CELLS = 1 << 18


@dataset(own("csv:PATH"), where=users_own)
def csv_table(request: Request) -> Raw:
    """The table in the file that the request names."""
    raw = read_csv(request.path, request.spec.label)
    return checked_classes(raw, str(request.path), request.spec.whole)


def read_csv(path: Path, label: str | None = None) -> Raw:
    """The columns of numbers as `x` float32 `[rows, features]`, the column `label` as classes.

    The first line names the columns. Labels may be any text; classes are numbered in the order of
    their names, whole numbers in the order of their values.

    Raises:
        DatasetUnavailable: if there is no such file.
        InvalidDataset: naming line and column of what is no number, or what else is wrong.
    """
    if not os.path.isfile(path):
        raise DatasetUnavailable(f"There is no file {path}; csv:PATH names a table of text.")
    with opened(path) as file:
        if size_of(file) > MOST_FILE_BYTES:
            raise InvalidDataset(
                f"{path} has {size_of(file):,} bytes; a table has {MOST_FILE_BYTES:,} at most."
            )
        check_memory(str(path), 2 * size_of(file))
        raw = cast("io.RawIOBase", file)
        text = io.TextIOWrapper(io.BufferedReader(raw), encoding="utf-8-sig", newline="")
        try:
            return _read(text, path, label)
        except UnicodeDecodeError as error:
            raise InvalidDataset(f"{path} is no text in UTF-8; save it as CSV in UTF-8.") from error
        except csv.Error as error:
            raise InvalidDataset(f"{path} is no table: {plain(error, 200)}.") from error
        except OSError as error:
            raise InvalidDataset(f"{path} cannot be read: {error.strerror}.") from error


def _read(text: io.TextIOWrapper, path: Path, label: str | None) -> Raw:
    first = text.readline(LONGEST_CELL)
    delimiter, names = header(first)
    at = label_column(names, label, path)
    features = [i for i in range(len(names)) if i != at]
    blocks: list[np.ndarray] = []
    labels: list[str] = []
    reader = csv.reader(text, delimiter=delimiter)
    for lines, rows in _blocks(reader, len(names), path):
        labels += [row[at].strip() for row in rows]
        blocks.append(_numbers(rows, lines, features, names, path))
    if len(labels) < MIN_EXAMPLES:
        raise InvalidDataset(f"{path} has {len(labels)} examples; {MIN_EXAMPLES} are the least.")
    if "" in labels:
        row = labels.index("")
        raise InvalidDataset(
            f"{path}: row {row} has no label in column {plain(names[at], 60)!r}; rows count from 0."
        )
    y, classes = named_classes(np.array(labels), f"{path}: column {plain(names[at], 60)!r}")
    return Raw(path.stem, np.concatenate(blocks), y, None, None, classes)


def feature_names(path: Path, label: str | None = None) -> list[str]:
    """The columns of the table that are no labels.

    Raises:
        InvalidDataset: as `read_csv`.
    """
    with opened(path) as file:
        first = exactly(file, LONGEST_CELL, path).decode("utf-8-sig", "replace")
    _, names = header(first.splitlines()[0] if first else "")
    at = label_column(names, label, path)
    return names[:at] + names[at + 1 :]


def header(first: str) -> tuple[str, list[str]]:
    """What divides the cells of the first line, and the names in it."""
    delimiter = max(DELIMITERS, key=first.count)
    return delimiter, [cell.strip() for cell in next(csv.reader([first], delimiter=delimiter), [])]


def label_column(names: Sequence[str], label: str | None, path: Path) -> int:
    """Which of the columns has the labels: `label` if that is said.

    Raises:
        InvalidDataset: if there is none, or the columns are no names.
    """
    if len(names) < 2:
        found = f"one column, {plain(names[0], 60)!r}" if names else "no columns in its first line"
        raise InvalidDataset(f"{path} has {found}; it needs features and a label.")
    if len(names) > MOST_COLUMNS:
        raise InvalidDataset(f"{path} has {len(names):,} columns; {MOST_COLUMNS:,} are the most.")
    if all(_is_number(name) for name in names):
        raise InvalidDataset(f"{path} begins with numbers; its first line must name the columns.")
    if label is not None:
        if label not in names:
            known = ", ".join(plain(name, 40) for name in names[-8:])
            raise InvalidDataset(
                f"{path} has no column {plain(label, 60)!r}; its last columns are {known}."
            )
        return names.index(label)
    lower = [name.lower() for name in names]
    return next((lower.index(name) for name in LABEL_NAMES if name in lower), len(names) - 1)


def _blocks(
    reader: Iterator[list[str]], width: int, path: Path
) -> Iterator[tuple[list[int], list[list[str]]]]:
    """Rows with the lines that they end in, some thousands at once; empty lines are left out."""
    most = max(1, BLOCK_CELLS // width)
    lines: list[int] = []
    rows: list[list[str]] = []
    for row in reader:
        line: int = reader.line_num + 1  # type: ignore[attr-defined]
        if not row:
            continue
        if len(row) != width:
            raise InvalidDataset(
                f"{path}: line {line} has {len(row)} cells, the first line has {width}."
            )
        lines.append(line)
        rows.append(row)
        if len(rows) == most:
            yield lines, rows
            lines, rows = [], []
    if rows:
        yield lines, rows


def _numbers(
    rows: list[list[str]],
    lines: list[int],
    features: list[int],
    names: Sequence[str],
    path: Path,
) -> np.ndarray:
    try:
        with np.errstate(over="ignore"):  # told below, by its line and column
            made = np.array([[float(row[i]) for i in features] for row in rows], np.float32)
        if np.isfinite(made).all():
            return made
    except (ValueError, OverflowError):
        pass
    for line, row in zip(lines, rows, strict=True):
        for i in features:
            if (why := _wrong(row[i])) is not None:
                raise InvalidDataset(
                    f"{path}: line {line}, column {plain(names[i], 60)!r} {why}; every feature "
                    "must be a finite number: fill it in, or leave the column or the row out."
                )
    raise InvalidDataset(f"{path} has a number that is too large for 32 bits.")


def _wrong(cell: str) -> str | None:
    """What is wrong with a feature, in words."""
    if not cell.strip():
        return "is empty"
    if not _is_number(cell):
        return f"holds {plain(cell, 40)!r}"
    with np.errstate(over="ignore"):
        value = np.float32(float(cell))
    return None if np.isfinite(value) else f"holds {plain(cell.strip(), 40)}"


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
