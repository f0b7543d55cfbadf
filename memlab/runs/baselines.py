"""Reading what the baselines of a run reached."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from memlab import strict_json
from memlab.errors import RunFolderError
from memlab.runs import documents
from memlab.runs.run_folder import RunFolder
from memlab.strict_json import whole

SCHEMA = 1


def read_baselines(folder: RunFolder) -> list[dict[str, Any]]:
    """One entry per member and baseline; none where there is no file, or no readable one.

    An entry has `member`, `name`, and the network's metrics by name (null for none), or `failed`.
    """
    try:
        data = folder.baselines.read(documents.LARGE_BYTES)
        document = strict_json.loads(data)
    except (RunFolderError, ValueError):
        return []
    if isinstance(document, dict) and document.get(documents.SCHEMA_KEY) == SCHEMA:
        document = document.get("rows")
    rows = document if isinstance(document, list) else []
    return [
        row
        for row in rows
        if isinstance(row, dict)
        and whole(row.get("member"), 0) is not None
        and isinstance(row.get("name"), str)
    ]


def write_baselines(folder: RunFolder, rows: Sequence[dict[str, Any]]) -> None:
    """Replaces what the baselines of the run reached.

    Raises:
        StorageError: if the file cannot be written.
    """
    document = {documents.SCHEMA_KEY: SCHEMA, "rows": list(rows)}
    folder.baselines.replace(json.dumps(document).encode())
