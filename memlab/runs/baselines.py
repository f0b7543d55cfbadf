"""Reading what the baselines of a run reached."""

from __future__ import annotations

import json
from typing import Any

from memlab.runs.run_folder import RunFolder


def read_baselines(folder: RunFolder) -> list[dict[str, Any]]:
    """One entry per member and baseline; none where there is no file, or no readable one.

    An entry has `member`, `name`, and the network's metrics by name (null for none), or `failed`.
    """
    try:
        rows = json.loads(folder.baselines.read_bytes())
    except (OSError, ValueError, RecursionError):
        return []
    if not isinstance(rows, list):
        return []
    return [
        row
        for row in rows
        if isinstance(row, dict)
        and isinstance(row.get("member"), int)
        and isinstance(row.get("name"), str)
    ]
