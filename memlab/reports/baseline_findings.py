"""What the baselines reached: per axis value over seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from memlab.estimate import over_seeds
from memlab.experiment.grid import Group
from memlab.experiment.metrics import (
    RECOVERED_TRUE_LABELS,
    TEST_ACCURACY,
    TRAIN_ACCURACY,
    TRAIN_ACCURACY_CLEAN,
    TRAIN_ACCURACY_CORRUPTED,
)
from memlab.reports.findings import BaselineFindings
from memlab.strict_json import number
from memlab.text import plain

QUANTITIES = (
    TRAIN_ACCURACY,
    TRAIN_ACCURACY_CLEAN,
    TRAIN_ACCURACY_CORRUPTED,
    RECOVERED_TRUE_LABELS,
    TEST_ACCURACY,
)
GAP = "generalization_gap"


def baseline_findings(
    entries: Sequence[Mapping[str, Any]],
    groups: Sequence[Group],
    axis_values: Sequence[Mapping[str, object]],
) -> dict[str, BaselineFindings]:
    """The findings of each baseline by its name, from `runs.baselines.read_baselines`.

    `axis_values` are those of the report's rows, one per group.
    """
    found: dict[str, BaselineFindings] = {}
    for name in dict.fromkeys(str(entry["name"]) for entry in entries):
        mine = {int(e["member"]): e for e in entries if e["name"] == name}
        rows = [
            {**values, "label": group.label or "all", **_reached(mine, group.members)}
            for group, values in zip(groups, axis_values, strict=True)
        ]
        failed = next((plain(e["failed"]) for e in mine.values() if "failed" in e), None)
        found[name] = BaselineFindings(rows=rows, failed=failed)
    return found


def _reached(entries: Mapping[int, Mapping[str, Any]], members: Sequence[int]) -> dict[str, Any]:
    row: dict[str, Any] = {}
    found = [entries[member] for member in members if member in entries]
    for name in (*QUANTITIES, GAP):
        values = [_gap(entry) if name == GAP else entry.get(name) for entry in found]
        made = over_seeds(known for v in values if (known := number(v, -1, 1)) is not None)
        row[name] = made.document() if made.n else None
    return row


def _gap(entry: Mapping[str, Any]) -> float | None:
    """Train minus test accuracy of one member; None where either is not there."""
    train, test = number(entry.get(TRAIN_ACCURACY)), number(entry.get(TEST_ACCURACY))
    return train - test if train is not None and test is not None else None
