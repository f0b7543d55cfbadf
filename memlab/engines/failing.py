"""Why training could not go on, for people."""

from __future__ import annotations

import torch

from memlab.errors import MemlabError

MEMORY = ("out of memory", "can't allocate")


def explained(error: BaseException, device: torch.device) -> tuple[str, int]:
    """A sentence, and the exit status that goes with it."""
    if isinstance(error, MemlabError):
        return str(error), error.exit_code
    short = isinstance(error, (torch.cuda.OutOfMemoryError, MemoryError))
    if short or any(words in str(error).lower() for words in MEMORY):
        return (
            f"Out of memory on {device}: lower model.width, optimizer.batch_size or the number of "
            "members (seeds, axis values), and run it again.",
            1,
        )
    return f"The worker failed: {type(error).__name__}: {error}", 1
