"""Whether a stack fits on its GPU, said before it trains instead of in the middle."""

from __future__ import annotations

import gc
from collections.abc import Sequence

import torch

from memlab.data.corruption import Corrupted
from memlab.errors import TooLarge
from memlab.experiment.device_memory import DeviceMemory, Examples, predicted_bytes
from memlab.training.plan import StackPlan
from memlab.training.trainer import Shapes

#: A prediction is taken at its word only where it is over what is free by this much.
DOUBT = 1.5


def require(
    plan: StackPlan, parts: Sequence[Corrupted], shapes: Shapes, device: torch.device
) -> None:
    """Refuses a stack that cannot fit on `device`; says so on stdout where it may not.

    Raises:
        TooLarge: in one sentence, with what takes the memory and what would help.
    """
    if device.type != "cuda":
        return
    gc.collect()  # a stack before this one is in a cycle with its graphs
    needed = of_stack(plan, parts, shapes)
    free = _free(device)
    if needed.total <= free:
        return
    sentence = told(needed, free, len(plan.members), device)
    if needed.total > DOUBT * free:
        raise TooLarge(sentence)
    print(sentence, flush=True)


def of_stack(plan: StackPlan, parts: Sequence[Corrupted], shapes: Shapes) -> DeviceMemory:
    """The prediction for a stack with these data, one part for each member."""
    first = parts[0]
    return predicted_bytes(
        plan.members[0].experiment,
        len(plan.members),
        frozenset(phase.batch_size for phase in plan.timeline.phases),
        Examples(
            len(first.train_given),
            len(first.validation_y),
            len(first.test_y),
            shapes.image_shape,
            shapes.features,
            shapes.classes,
            len({id(part.train_x) for part in parts}),
        ),
    )


def told(needed: DeviceMemory, free: int, members: int, device: torch.device) -> str:
    """What is needed, what is free, what takes it and what would help."""
    parts = ", ".join(f"{name} {_size(size)}" for name, size in needed.parts.items())
    networks = f"{members:,} network{'s' * (members != 1)}"
    return (
        f"Training {networks} together needs about {_size(needed.total)} on {device} ({parts}),"
        f" but {_size(free)} are free: lower model.width, optimizer.batch_size or the number of"
        " members (seeds, axis values)."
    )


def _size(count: int) -> str:
    return f"{count / 1e9:,.1f} GB" if count >= 1e8 else f"{count / 1e6:,.0f} MB"


def _free(device: torch.device) -> int:
    """What the card has free, and what this process holds without using it."""
    free, _ = torch.cuda.mem_get_info(device)
    held = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return free + held
