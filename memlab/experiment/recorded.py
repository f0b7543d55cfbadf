"""What a recorded run is called, by whoever reads its experiment as plain data; imports nothing.

The section itself is `recorded_spec.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

#: Key of the section in `experiment.toml`; only recorded runs have it.
KEY: Final = "recorded"
#: Where the figures come from, in words.
SOURCES: Final = {"loop": "your own loop", "tensorboard": "tensorboard", "csv": "csv"}


def source_of(tree: Mapping[str, Any]) -> str | None:
    """Where a recorded run's figures come from, of an experiment as plain data; None for others."""
    section = tree.get(KEY)
    if not isinstance(section, Mapping):
        return None
    return SOURCES.get(str(section.get("by", "loop")), SOURCES["loop"])


def axis_of(tree: Mapping[str, Any]) -> str:
    """What figures stand against: `epoch`, or the `step` of a log that knows no epochs."""
    section = tree.get(KEY)
    return "step" if isinstance(section, Mapping) and section.get("axis") == "step" else "epoch"


def words(recorded: Mapping[str, Any]) -> list[str]:
    """What was trained, in short parts: `ResNet`, `1,437 examples`, `AdamW η 0.001`."""
    parts = [str(recorded.get("network") or SOURCES.get(str(recorded.get("by")), ""))]
    examples, rate = recorded.get("examples"), recorded.get("learning_rate")
    parts += [f"{examples:,} examples"] if isinstance(examples, int) else []
    optimizer = str(recorded.get("optimizer") or "")
    if isinstance(rate, int | float):
        optimizer = f"{optimizer} η {rate:g}".strip()
    return [part for part in (*parts, optimizer) if part]
