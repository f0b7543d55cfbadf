"""What a recovery would cut off is kept beside first, as `NAME.before-resume`.

The file only grows: each cut adds what it took. Rows and events carry their numbers, so that what
was there before each resume can be told apart.
"""

from __future__ import annotations

import os

from memlab import disk
from memlab.atomic import storing, taken_back
from memlab.runs.door import Place

SUFFIX = ".before-resume"


def keep(place: Place, descriptor: int, start: int) -> None:
    """Adds the bytes of the open file from `start` on to what is kept beside.

    Raises:
        RunFolderError: if they cannot be read.
        StorageError: if they cannot be kept.
    """
    if os.fstat(descriptor).st_size <= start:
        return
    beside = place.beside(place.name + SUFFIX)
    kept = beside.append_descriptor()
    try:
        with storing(beside.path), taken_back(kept, os.fstat(kept).st_size):
            for data in place.chunks(descriptor, start):
                disk.write_all(kept, data)
            disk.sync(kept)
    finally:
        os.close(kept)


def cut(place: Place, descriptor: int, size: int) -> None:
    """Cuts the open file to `size` bytes; what goes is kept beside. Raises as `keep`."""
    if os.fstat(descriptor).st_size > size:
        keep(place, descriptor, size)
        with storing(place.path):
            disk.truncate(descriptor, size)


def remove(place: Place) -> None:
    """Removes a file, its content kept beside. Raises as `keep`."""
    if place.is_file():
        with place.reading() as descriptor:
            keep(place, descriptor, 0)
    place.unlink()


def move(place: Place) -> Place:
    """Gives a file or folder the first free name of `NAME.before-resume`, `…-2`, `…-3`.

    Raises:
        StorageError: if it cannot be renamed.
    """
    number = 1
    while True:
        target = place.beside(place.name + SUFFIX + (f"-{number}" if number > 1 else ""))
        if target.info() is None:
            place.rename(target.name)
            return target
        number += 1
