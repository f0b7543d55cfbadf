"""Copying run folders and their files: regular files only, through the door on both sides."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from memlab import disk
from memlab.errors import RunFolderError
from memlab.runs import origin
from memlab.runs.door import Place

#: Bytes on the disk that a copy leaves free.
SPARE_BYTES = 64 << 20


def copy_file(source: Place, target: Place) -> None:
    """Copies one file.

    Raises:
        RunFolderError: if the source cannot be read or is no regular file.
        StorageError: if the target cannot be written.
    """
    with source.reading() as descriptor:

        def fill(output: int) -> None:
            for data in source.chunks(descriptor):
                disk.write_all(output, data)

        target.produce(fill)


def copy_files(
    source: Place, target: Place, endings: Sequence[str], skipped: Sequence[str] = ()
) -> None:
    """Copies the files of one folder with these endings, but hidden ones and `skipped` prefixes.

    Raises:
        RunFolderError, StorageError: as `copy_file`.
    """
    for name in source.list():
        if name.endswith(tuple(endings)) and not name.startswith((".", *skipped)):
            copy_file(source / name, target / name)


def copy_run(source: Path, target: Path) -> None:
    """Copies a run's folder, wherever it lies, to the new folder `target`.

    Raises:
        RunFolderError: if anything in it is neither a folder nor a regular file, or it is larger
            than the disk has room for.
        StorageError: if it cannot be written.
    """
    files = origin.walk(Place(source))
    size = sum(info.st_size for _, info in files)
    free = shutil.disk_usage(target.parent).free
    if size > free - SPARE_BYTES:
        raise RunFolderError(
            f"{source} has {size / 1e9:,.1f} GB, and there are {free / 1e9:,.1f} GB free; free "
            "some space."
        )
    for place, _ in files:
        inside = Place(target)
        for name in place.names[:-1]:
            inside = inside / name
            inside.mkdir()
        copy_file(place, inside / place.name)
