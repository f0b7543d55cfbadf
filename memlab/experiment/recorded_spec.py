"""What is known of a run that memlab recorded and did not train: a loop of one's own, or a log.

Such an experiment is a description only: nothing here can train it again.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field

from memlab.experiment.section import Count, Fraction, Section

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
