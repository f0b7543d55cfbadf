"""What is known of a run that memlab recorded and did not train: a loop of one's own, or a log.

Such an experiment is a description only: nothing here can train it again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from memlab.experiment.section import Count, Fraction, Section

#: Key of the section in `experiment.toml`; only recorded runs have it.
KEY: Final = "recorded"
#: Where the figures come from, in words.
SOURCES: Final = {"loop": "your own loop", "tensorboard": "tensorboard", "csv": "csv"}
LONGEST: Final = 80  # characters of a name

Name = Annotated[str, Field(max_length=LONGEST)]


class RecordedSpec(Section):
    """A recorded run: who trained it, and what the recorder was told or could see."""

    by: Literal["loop", "tensorboard", "csv"] = Field(
        default="loop", description="Where the figures come from: memlab.record, or a log"
    )
    network: Name = Field(default="", description="Class of the network")
    parameters: Count | None = Field(default=None, description="Trainable parameters")
    optimizer: Name = Field(default="", description="Class of the optimizer")
    learning_rate: Annotated[float, Field(ge=0.0, le=1e9)] | None = Field(
        default=None, description="Learning rate at the start"
    )
    examples: Count | None = Field(default=None, description="Training examples")
    validation: Count | None = Field(default=None, description="Validation examples")
    classes: Count | None = Field(default=None, description="Classes")
    corrupted: Fraction | None = Field(
        default=None, description="Share of the training labels that are wrong, where it was said"
    )
    ledger: bool = Field(default=False, description="Whether single examples are followed")
    axis: Literal["epoch", "step"] = Field(
        default="epoch", description="What the figures stand against"
    )


def source_of(tree: Mapping[str, Any]) -> str | None:
    """Where a recorded run's figures come from, of an experiment as plain data; None for others."""
    section = tree.get(KEY)
    if not isinstance(section, Mapping):
        return None
    return SOURCES.get(str(section.get("by", "loop")), SOURCES["loop"])


def words(recorded: Mapping[str, Any]) -> list[str]:
    """What was trained, in short parts: `ResNet`, `1,437 examples`, `AdamW η 0.001`."""
    parts = [str(recorded.get("network") or SOURCES.get(str(recorded.get("by")), ""))]
    examples, rate = recorded.get("examples"), recorded.get("learning_rate")
    parts += [f"{examples:,} examples"] if isinstance(examples, int) else []
    optimizer = str(recorded.get("optimizer") or "")
    if isinstance(rate, int | float):
        optimizer = f"{optimizer} η {rate:g}".strip()
    return [part for part in (*parts, optimizer) if part]
