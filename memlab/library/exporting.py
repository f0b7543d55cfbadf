"""What a run measured, as the bytes of a file for other programs."""

from __future__ import annotations

import csv
import io
import math
import zipfile
from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from memlab.library.reading import quantities
from memlab.library.results import Table, package
from memlab.library.run import Run
from memlab.text import plain


def as_csv(run: Run) -> bytes:
    """A row for each network and evaluation, a column for each metric; what is missing is empty."""
    table = run.measurements()
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(map(plain, table.columns))
    for row in table:
        writer.writerow(map(_cell, row.values()))
    return text.getvalue().encode()


def _cell(value: object) -> object:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return plain(value) if isinstance(value, str) else value


def as_parquet(run: Run) -> bytes:
    """The rows of `as_csv` as Parquet.

    Raises:
        PackageMissing: where pyarrow is not installed.
    """
    arrow = package("pyarrow", "Parquet")
    writer = package("pyarrow.parquet", "Parquet")
    data = io.BytesIO()
    writer.write_table(arrow.table(_lists(run.measurements())), data)
    return data.getvalue()


def _lists(table: Table) -> dict[str, object]:
    return {
        name: column.tolist() if column.dtype == object else column
        for name, column in table.columns.items()
    }


def as_npz(run: Run) -> bytes:
    """Arrays: each metric [members, evaluations] with `epoch` and `update`, and the labels.

    An instrument's quantity `NAME.QUANTITY` [members, measurements, …] has a `NAME.QUANTITY.epoch`
    of its own; an axis is `axis.FIELD` [members].
    """
    rows = run.measurements()
    shape = len(run.members), -1
    arrays = {name: _text(column).reshape(shape) for name, column in rows.columns.items()}
    fields = set(run.experiment.axes) | {"member", "seed"}
    made = {
        (name if name in ("member", "seed") else f"axis.{name}"): arrays.pop(name)[:, 0]
        for name in list(arrays)
        if name in fields
    }
    made["epoch"] = arrays.pop("epoch")[0]
    made |= arrays
    for name in quantities(run):
        found = run.series(name)
        made |= {name: found.values, f"{name}.epoch": found.epochs}
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in made.items():  # as np.savez, which a metric called `file` would break
            with archive.open(f"{plain(name)}.npy", "w", force_zip64=True) as file:
                np.lib.format.write_array(file, array, allow_pickle=False)
    return data.getvalue()


def _text(column: np.ndarray) -> np.ndarray:
    """A column without objects, which only pickle could write."""
    if column.dtype != object:
        return column
    return np.array([plain("" if value is None else value) for value in column])


#: By the name that `memlab export --to` takes.
FORMATS: Final[Mapping[str, Callable[[Run], bytes]]] = {
    "csv": as_csv,
    "parquet": as_parquet,
    "npz": as_npz,
}
