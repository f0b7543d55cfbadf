"""The JSON objects of a run folder: bounded in size, with a schema version, whoever wrote them."""

from __future__ import annotations

from typing import Any

from memlab import strict_json
from memlab.errors import RunFolderError
from memlab.runs.door import Place

SCHEMA_KEY = "schema"
#: Of the small documents: state, environment, requests, descriptions of tables and ledgers.
SMALL_BYTES = 16 << 20
#: Of the large ones: the report, what baselines reached.
LARGE_BYTES = 64 << 20


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
        document = strict_json.loads(data)
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
