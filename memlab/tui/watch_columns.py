"""The columns of the Watch screen's table, wide and narrow. Pure."""

from __future__ import annotations

from memlab.tui.widgets.columns import Column

COLUMNS = ("value", "truth", "lies", "recovered", "unseen", "best", "gap", "spark")
NARROW = ("value", "lies", "unseen", "gap", "spark")


def columns(title: str, narrow: bool, sparkline: int = 24) -> list[Column]:
    """The columns for a width, in order; their keys are of `COLUMNS`."""
    every = {
        "value": Column("value", title, sortable=False),
        "truth": Column("truth", "truth fitted", 12, priority=3),
        "lies": Column("lies", "lies fitted", 12),
        "recovered": Column("recovered", "lies seen through", 17, priority=2),
        "unseen": Column("unseen", "unseen now", 12),
        "best": Column("best", "best @ epoch", 13, priority=1),
        "gap": Column("gap", "gap", 12),
        "spark": Column("spark", "validation, so far", sparkline, sortable=False, priority=4),
    }
    return [every[key] for key in (NARROW if narrow else COLUMNS)]
