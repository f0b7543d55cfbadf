"""Reading what the baselines of a run reached."""

from __future__ import annotations

from typing import Any

from memlab.runs.run_folder import RunFolder
from memlab.strict_json import loads, whole


def read_baselines(folder: RunFolder) -> list[dict[str, Any]]:
    """One entry per member and baseline; none where there is no file, or no readable one.

    An entry has `member`, `name`, and the network's metrics by name (null for none), or `failed`.
    """
    try:
        rows = loads(folder.baselines.read_bytes())
    except (OSError, ValueError):
        return []
    if not isinstance(rows, list):
        return []
    return [
        row
        for row in rows
        if isinstance(row, dict)
        and whole(row.get("member"), 0) is not None
        and isinstance(row.get("name"), str)
    ]
