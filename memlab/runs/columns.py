"""The columns of the tables that every run has: evaluations of a stack, and progress."""

from __future__ import annotations

from typing import Final

from memlab.experiment.metrics import METRICS
from memlab.runs.table import Columns

#: `series/progress`: where a run stands.
PROGRESS: Final[Columns] = (
    ("time", "<f8"),
    ("stack", "<i8"),
    ("update", "<i8"),
    ("updates_total", "<i8"),
    ("done_examples", "<i8"),
    ("total_examples", "<i8"),
    ("samples_per_second", "<f8"),
    ("epoch", "<f8"),
    ("epochs_total", "<f8"),
)


def evaluations(members: int) -> Columns:
    """`series/stack-NNN` of a stack of `members`: a clock, and each metric `[members]`."""
    return [
        ("update", "<i8"),
        ("examples", "<i8"),
        ("epoch", "<f8"),
        ("batch_size", "<i8"),
        *((name, "<f8", (members,)) for name in METRICS),
    ]
