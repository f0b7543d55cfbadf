"""Checkpoints: safetensors with everything needed to go on, written atomically, thinned by age."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from memlab.errors import RunFolderError
from memlab.runs.door import Missing, Place
from memlab.runs.run_folder import CHECKPOINT, checkpoint_name

SCHEMA = 1
MOST_BYTES, MOST_HEADER_BYTES = 1 << 36, 100_000_000


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


def place_of(folder: Place, stack: int, update: int) -> Place:
    """The file of a checkpoint."""
    return folder / checkpoint_name(stack, update)


def save(folder: Place, progress: Progress, tensors: dict[str, Tensor]) -> Place:
    """Writes one checkpoint; whole or not at all.

    Raises:
        StorageError: if the disk is full, the folder gone or not writable.
    """
    place = place_of(folder, progress.stack, progress.update)
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    about = {
        "schema": str(SCHEMA),
        "progress": json.dumps(asdict(progress)),
        "crc32": str(_checksum(plain)),
    }
    place.replace(safetensors.torch.save(plain, about))
    return place


def load(place: Place) -> tuple[Progress, dict[str, Tensor]]:
    """A checkpoint's progress and tensors.

    Raises:
        RunFolderError: if the file is missing or damaged, or of a newer version.
    """
    return parsed(place.read(MOST_BYTES), place)


def parsed(data: bytes, place: Place) -> tuple[Progress, dict[str, Tensor]]:
    """As `load`, of the bytes that lie or are to lie at `place`; nothing in them is unpickled.

    Raises:
        RunFolderError: if they are damaged or of a newer version.
    """
    try:
        about = _about(data)
        schema = int(about.get("schema", 1))
        if schema > SCHEMA:
            raise RunFolderError(
                f"The checkpoint {place} was written by a newer memlab (schema {schema}, this one "
                f"reads up to {SCHEMA}); update memlab to go on from it."
            )
        progress = Progress(**json.loads(about["progress"]))
        tensors = safetensors.torch.load(data)
    except (SafetensorError, KeyError, ValueError, TypeError, RecursionError) as error:
        raise RunFolderError(f"The checkpoint {place} is damaged: {error}.") from error
    if "crc32" in about and about["crc32"] != str(_checksum(tensors)):
        raise RunFolderError(f"The checkpoint {place} is damaged: its checksum does not hold.")
    return progress, tensors


def _about(data: bytes) -> dict[str, str]:
    """The texts in the header of a safetensors file."""
    length = int.from_bytes(data[:8], "little")
    if not 0 < length <= min(len(data) - 8, MOST_HEADER_BYTES):
        raise ValueError("it has no header")
    header = json.loads(data[8 : 8 + length])
    about = header["__metadata__"]
    if not isinstance(about, dict) or not all(isinstance(text, str) for text in about.values()):
        raise ValueError("its header does not say what it is")
    return about


def _checksum(tensors: Mapping[str, Tensor]) -> int:
    """CRC-32 of all values, in the order of the names."""
    found = 0
    for name in sorted(tensors):
        flat = tensors[name].reshape(-1)
        if flat.numel():
            found = zlib.crc32(flat.view(torch.uint8).numpy().data, found)
    return found


def found(folder: Place, stack: int) -> list[tuple[int, Place]]:
    """(update, place) of a stack's checkpoints, oldest first.

    Raises:
        RunFolderError: if the folder cannot be read, or is a link.
    """
    try:
        names = folder.list()
    except Missing:
        return []
    matches = ((CHECKPOINT.fullmatch(name), folder / name) for name in names)
    return sorted(
        ((int(m[2]), place) for m, place in matches if m and int(m[1]) == stack),
        key=lambda entry: entry[0],
    )


def newest(folder: Place, stack: int) -> tuple[Progress, dict[str, Tensor]] | None:
    """The newest checkpoint of a stack; None where there is none.

    Raises:
        RunFolderError: if it cannot be read; an older one does not take its place.
    """
    present = found(folder, stack)
    return load(present[-1][1]) if present else None


def thin(folder: Place, stack: int, keep: int) -> list[Place]:
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
        _, place = present.pop(position)
        place.unlink()
        removed.append(place)
    return removed
