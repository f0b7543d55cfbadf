"""How a stack's numbers lie in memory: a choice that changes the last bits, so a plan records it.

`contiguous` is how everything lay when memlab had no plans, and what a run without one keeps.
"""

from __future__ import annotations

from memlab.experiment.architecture import needs_images
from memlab.experiment.material_spec import ModelSpec
from memlab.runs.plan import CHANNELS_LAST, CONTIGUOUS, PADDED, Layout
from memlab.training.fused import supported

__all__ = ["CHANNELS_LAST", "CONTIGUOUS", "PADDED", "Layout", "layouts"]


def layouts(spec: ModelSpec) -> tuple[Layout, ...]:
    """The layouts that make a difference to a resolved `spec`, the one to expect most of first."""
    if needs_images(spec.name):
        return CHANNELS_LAST, CONTIGUOUS
    if supported(spec):
        return PADDED, CONTIGUOUS
    return (CONTIGUOUS,)
