"""JSON from a run folder: bounded in size, depth and numbers, whoever wrote it.

Numbers are finite, whole ones have at most 18 digits; names of versions are in `SCHEMA_KEY`.
"""

from __future__ import annotations

import json
import math
from typing import Any

from memlab.errors import RunFolderError
from memlab.runs.door import Place

SCHEMA_KEY = "schema"
DIGITS = 18
#: Of the small documents: state, environment, requests, descriptions of tables and ledgers.
SMALL_BYTES = 16 << 20
#: Of the large ones: the report, what baselines reached.
LARGE_BYTES = 64 << 20


def parse(data: bytes | str) -> Any:
    """What the JSON says.

    Raises:
        ValueError: if it is none, nested too deeply, or has a number that is not finite or has
            more than 18 digits before the point.
    """
    try:
        return json.loads(data, parse_int=_whole, parse_float=_finite, parse_constant=_constant)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _whole(text: str) -> int:
    if len(text) > DIGITS + 1:
        raise ValueError(f"a number has {len(text)} digits")
    return int(text)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:20]} is too large a number")
    return value


def _constant(text: str) -> float:
    raise ValueError(f"{text} is no number")


def read(place: Place, most: int = SMALL_BYTES, schema: int | None = None) -> dict[str, Any]:
    """The object in the file at `place`, without its schema version.

    Args:
        schema: the newest version that is understood; a file without one is of version 1.

    Raises:
        Missing: if there is no file.
        RunFolderError: if it cannot be read, is damaged or was written by a newer memlab.
    """
    data = place.read(most)
    try:
        document = parse(data)
    except ValueError as error:
        raise RunFolderError(f"{place} is damaged: {error}.") from error
    if not isinstance(document, dict):
        raise RunFolderError(f"{place} is damaged: it holds no object.")
    if schema is not None:
        version = document.pop(SCHEMA_KEY, 1)
        if isinstance(version, bool) or not isinstance(version, int) or version < 1:
            raise RunFolderError(f"{place} is damaged: its schema version is no number.")
        if version > schema:
            raise RunFolderError(
                f"{place} was written by a newer memlab (schema {version}, this one reads up to "
                f"{schema}); update memlab to open it."
            )
    return document
