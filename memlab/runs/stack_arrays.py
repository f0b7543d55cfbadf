"""What one stack leaves in `examples/stack-NNN`: a header, and the arrays that it describes.

Ledger, outcomes and a committee's sums are kept this way; what their headers say is theirs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from memlab.errors import RunFolderError
from memlab.runs import documents
from memlab.runs.door import Missing, Place
from memlab.runs.npy import mapped
from memlab.runs.run_folder import RunFolder

STACK_NAME = re.compile(r"stack-\d{3,9}")


class Describes(Protocol):
    """A header that says which arrays lie beside it."""

    def arrays(self) -> Mapping[str, tuple[np.dtype[Any], tuple[int, ...]]]:
        """Dtype and shape by name."""
        ...


Header = TypeVar("Header", bound=Describes)


def stack_places(folder: RunFolder, header: str) -> list[Place]:
    """The folders of the stacks that have the file `header`, in the order of their numbers."""
    try:
        names = folder.examples.list()
    except Missing:
        return []
    places = (folder.examples / name for name in sorted(names) if STACK_NAME.fullmatch(name))
    return [place for place in places if (place / header).is_file()]


def read_header(
    place: Place, schema: int, of: Callable[[dict[str, Any]], Header], what: str
) -> Header:
    """The header in that file, made by `of` from its document.

    Raises:
        Missing: if there is none.
        RunFolderError: if it does not describe `what`, cannot be read, or is of a newer version.
    """
    document = documents.read(place, documents.LARGE_BYTES, schema)
    try:
        return of(document)
    except (ValueError, TypeError, KeyError, IndexError, OverflowError) as error:
        raise RunFolderError(f"{place} does not describe {what}; it is damaged.") from error


def read_arrays(folder: Place, header: Describes, prefix: str = "") -> dict[str, NDArray[Any]]:
    """The arrays that the header describes, read-only maps of the files `{prefix}{name}.npy`.

    Raises:
        RunFolderError: if one is missing, torn, or another array than that.
    """
    return {
        name: mapped(folder / f"{prefix}{name}.npy", dtype, shape)
        for name, (dtype, shape) in header.arrays().items()
    }


def require_within(place: Place, values: NDArray[Any], low: int, end: int | None) -> None:
    """Lets values from `low` to below `end` pass.

    Raises:
        RunFolderError: if there are others in the file at `place`.
    """
    if int(values.min()) < low or (end is not None and int(values.max()) >= end):
        raise RunFolderError(f"{place} is damaged: it has values out of bounds.")
