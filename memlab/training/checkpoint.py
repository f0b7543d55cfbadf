"""Checkpoints: safetensors with everything needed to go on, written atomically, thinned by age."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import safetensors.torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from memlab.atomic import write_atomically
from memlab.errors import RunFolderError
from memlab.runs.run_folder import CHECKPOINT


@dataclass(frozen=True)
class Progress:
    """Where a stack stands; tensors are beside it in the same file.

    `rows` are the rows written to the run's tables, `finished` maps a member's position to why and
    at which epoch it ended, `last` holds its metrics, `trackers` what the stop rules remember.
    """

    stack: int
    update: int
    epoch: float
    done: bool
    active: list[int]
    optimizer_steps: int
    rows: dict[str, int]
    finished: dict[str, dict[str, Any]] = field(default_factory=dict)
    last: dict[str, list[float | None]] = field(default_factory=dict)
    trackers: dict[str, Any] = field(default_factory=dict)


def path_of(folder: Path, stack: int, update: int) -> Path:
    """The file of a checkpoint."""
    return folder / f"stack-{stack:03d}-update-{update:09d}.safetensors"


def save(folder: Path, progress: Progress, tensors: dict[str, Tensor]) -> Path:
    """Writes one checkpoint; whole or not at all.

    Raises:
        StorageError: if the disk is full, the folder gone or not writable.
    """
    path = path_of(folder, progress.stack, progress.update)
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    content = safetensors.torch.save(plain, {"progress": json.dumps(asdict(progress))})
    write_atomically(path, content)
    return path


def load(path: Path) -> tuple[Progress, dict[str, Tensor]]:
    """A checkpoint's progress and tensors.

    Raises:
        RunFolderError: if the file is damaged.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            progress = Progress(**json.loads(metadata["progress"]))
            return progress, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, KeyError, ValueError, TypeError) as error:
        raise RunFolderError(f"The checkpoint {path} is damaged: {error}.") from error


def found(folder: Path, stack: int) -> list[tuple[int, Path]]:
    """(update, path) of a stack's checkpoints, oldest first."""
    matches = ((CHECKPOINT.fullmatch(p.name), p) for p in folder.glob("stack-*.safetensors"))
    return sorted((int(m[2]), p) for m, p in matches if m and int(m[1]) == stack)


def newest(folder: Path, stack: int) -> tuple[Progress, dict[str, Tensor]] | None:
    """The newest readable checkpoint of a stack; damaged ones are passed over."""
    for _, path in reversed(found(folder, stack)):
        try:
            return load(path)
        except RunFolderError:
            continue
    return None


def thin(folder: Path, stack: int, keep: int) -> list[Path]:
    """Removes old checkpoints of a stack down to `keep`, the newest always kept.

    Of the others those stay whose updates are spread most evenly on a logarithmic scale: the one
    that is nearest to its older neighbour, by ratio of updates, goes first.
    """
    present = found(folder, stack)
    removed = []
    while len(present) > keep:
        if len(present) == 2 or keep == 1:
            position = 0
        else:
            ratios = [
                (present[i][0] + 1) / (present[i - 1][0] + 1) for i in range(1, len(present) - 1)
            ]
            position = 1 + ratios.index(min(ratios))
        _, path = present.pop(position)
        path.unlink(missing_ok=True)
        removed.append(path)
    return removed
