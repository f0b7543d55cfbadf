"""What the API gives back: numpy arrays with labels, converted to pandas or polars when asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from memlab.errors import PackageMissing
from memlab.text import plain

if TYPE_CHECKING:
    from memlab.experiment.grid import Member

SHOWN_ROWS = 20
STYLE = "border-collapse:collapse;color:inherit;background:transparent"


@dataclass(frozen=True, eq=False)
class Table:
    """Named columns of one length, each [rows]; missing numbers are NaN, missing texts None."""

    columns: Mapping[str, NDArray[Any]]

    @classmethod
    def of(cls, rows: Sequence[Mapping[str, object]]) -> Table:
        """The rows as columns, in the order of their keys; what a row lacks is missing."""
        names = dict.fromkeys(name for row in rows for name in row)
        return cls({name: _column([row.get(name) for row in rows]) for name in names})

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.columns[name]

    def __iter__(self) -> Iterator[dict[str, object]]:
        """The rows, each as a dictionary of Python's own numbers and texts."""
        lists = [column.tolist() for column in self.columns.values()]
        for values in zip(*lists, strict=True):
            yield dict(zip(self.columns, values, strict=True))

    def to_pandas(self) -> Any:
        """A `pandas.DataFrame` of the same columns.

        Raises:
            PackageMissing: without pandas (an ImportError too), with what to install.
        """
        return package("pandas", "to_pandas").DataFrame(dict(self.columns))

    def to_polars(self) -> Any:
        """A `polars.DataFrame` of the same columns; raises as `to_pandas`."""
        lists = {
            name: column.tolist() if column.dtype == object else column
            for name, column in self.columns.items()
        }
        return package("polars", "to_polars").DataFrame(lists)

    def __repr__(self) -> str:
        return f"<Table of {len(self)} rows: {plain(', '.join(self.columns), 400)}>"

    def _repr_html_(self) -> str:
        return "".join(_html(self))


@dataclass(frozen=True, eq=False)
class Series:
    """One metric, or one quantity of an instrument, of every network at its evaluations.

    `epochs` [evaluations], `updates` [members, evaluations], `values` [members, evaluations], with
    more dimensions for a quantity that has some; NaN where a member was not evaluated. `members`
    say which axis values and seed each row has.
    """

    name: str
    epochs: NDArray[np.float64]
    updates: NDArray[np.float64]
    values: NDArray[np.float64]
    members: tuple[Member, ...]

    def table(self) -> Table:
        """One row a member and evaluation: its labels, epoch, update, and the value if it is one.

        A quantity of more dimensions has one column for each of its numbers, `NAME[2,0]`.
        """
        return Table(labels(self.members, self.epochs, self.updates) | self._flat())

    def _flat(self) -> dict[str, NDArray[Any]]:
        flat = self.values.reshape(self.epochs.size * len(self.members), *self.values.shape[2:])
        if flat.ndim == 1:
            return {self.name: flat}
        return {
            f"{self.name}[{','.join(map(str, at))}]": flat[(slice(None), *at)]
            for at in np.ndindex(*flat.shape[1:])
        }

    def to_pandas(self) -> Any:
        """The `table` as a `pandas.DataFrame`."""
        return self.table().to_pandas()

    def to_polars(self) -> Any:
        """The `table` as a `polars.DataFrame`."""
        return self.table().to_polars()

    def __repr__(self) -> str:
        shape = " × ".join(map(str, self.values.shape))
        return f"<Series {plain(self.name)}: {shape} (members × evaluations)>"

    def _repr_html_(self) -> str:
        return self.table()._repr_html_()


def labels(
    members: Sequence[Member], epochs: NDArray[np.float64], updates: NDArray[np.float64]
) -> dict[str, NDArray[Any]]:
    """The first columns of a table of members × evaluations, member by member."""
    rows = [
        {"member": member.index, "seed": member.seed} | cell_of(member.axis_values)
        for member in members
    ]
    by_member = Table.of(rows).columns
    made = {name: np.repeat(column, len(epochs)) for name, column in by_member.items()}
    return made | {"epoch": np.tile(epochs, len(members)), "update": updates.reshape(-1)}


def cell_of(values: Mapping[str, object]) -> dict[str, object]:
    """Axis values as cells: a table or a list as its label."""
    from memlab.experiment import grid

    scalar = (bool, int, float, str, type(None))
    return {
        name: value if isinstance(value, scalar) else grid.show(value)
        for name, value in values.items()
    }


def package(name: str, what: str) -> ModuleType:
    """The package, or PackageMissing with how to get it."""
    try:
        return import_module(name)
    except ImportError as error:
        raise PackageMissing(
            f"{what} needs {name}, which is not installed: `pip install {name}`."
        ) from error


def _column(values: Sequence[object]) -> NDArray[Any]:
    known = [value for value in values if value is not None]
    kinds = {type(value) for value in known}
    if kinds == {bool} and len(known) == len(values):
        return np.array(values, np.bool_)
    if kinds == {int} and len(known) == len(values):
        return np.array(values, np.int64)
    if kinds <= {int, float}:
        return np.array([np.nan if value is None else value for value in values], np.float64)
    made = np.empty(len(values), object)
    made[:] = list(values)
    return made


def _html(table: Table) -> Iterator[str]:
    yield f'<table style="{STYLE}"><thead><tr>'
    yield from (f"<th>{escape(plain(name))}</th>" for name in table.columns)
    yield "</tr></thead><tbody>"
    for number, row in enumerate(table):
        if number == SHOWN_ROWS:
            more = len(table) - SHOWN_ROWS
            yield f'<tr><td colspan="{len(table.columns)}">… {more:,} more rows</td></tr>'
            break
        yield f"<tr>{''.join(f'<td>{escape(_shown(value))}</td>' for value in row.values())}</tr>"
    yield "</tbody></table>"


def _shown(value: object) -> str:
    if value is None or value != value:
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else plain(value)
