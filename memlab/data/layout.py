"""How datasets are laid out on disk: found, downloaded where they are missing, and verified.

What is in their files is `torchvision_sets.py`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from memlab.data.archive import unpack
from memlab.data.dataset import Progress, Raw, Request
from memlab.data.download import download, is_published, md5_of
from memlab.data.published import published
from memlab.errors import DatasetUnavailable, InvalidDataset


@dataclass(frozen=True)
class Layout:
    """How torchvision lays a dataset out below its root.

    `class_name` is torchvision's class; `places` are folders below a root, the first one the one
    to download to, `elsewhere` folders of their own; `files` all have to be there, gzipped or not
    where `gzipped`; `archive` is the folder within the published archive, if it is one.
    """

    class_name: str
    places: tuple[str, ...]
    files: tuple[str, ...]
    download_bytes: int
    gzipped: bool = False
    archive: str | None = None
    elsewhere: tuple[Path, ...] = ()

    def candidates(self, folders: Sequence[Path]) -> list[Path]:
        """The folders to look in."""
        below = [folder / place for folder in folders for place in self.places]
        return [*below, *self.elsewhere]

    def file(self, place: Path, name: str) -> Path | None:
        """The file of this name in `place`, plain or gzipped."""
        names = (name, f"{name}.gz") if self.gzipped else (name,)
        return next((place / n for n in names if os.path.isfile(place / n)), None)

    def find(self, folders: Sequence[Path]) -> Path | None:
        """The first folder that has all the files."""
        for place in self.candidates(folders):
            if all(self.file(place, name) is not None for name in self.files):
                return place
        return None

    def path(self, place: Path, name: str) -> Path:
        """The file of this name in a folder that has it."""
        found = self.file(place, name)
        return place / name if found is None else found


def fetch(layout: Layout, folders: Sequence[Path], progress: Progress | None) -> str:
    """Downloads into the first of `folders` what is in none of them, and says where it is.

    Raises:
        DatasetUnavailable, StorageError: if that cannot be done.
    """
    place = layout.find(folders)
    if place is not None:
        return f"{layout.class_name} is already in {place}"
    if not folders:
        raise _unavailable(layout, folders, "there is no folder to download it to")
    place = folders[0] / layout.places[0]
    done = 0
    try:
        listed = published(layout.class_name)
        for file in listed.files:
            path = (folders[0] if layout.archive else place) / file.name
            if not is_published(path, file):
                path = download(file, path.parent, progress, done, layout.download_bytes)
            done += path.stat().st_size
            if layout.archive is not None:
                unpack(path, layout.archive, listed.members, place)
                path.unlink(missing_ok=True)
    except DatasetUnavailable as error:
        raise _unavailable(layout, folders, f"downloading it failed: {error}") from error
    return f"{layout.class_name} was downloaded to {place}"


def verify(layout: Layout, folders: Sequence[Path], load: Callable[[Path], Raw]) -> str:
    """Compares the files with the published checksums, and reads all of them.

    Raises:
        DatasetUnavailable: if it is not on disk.
        InvalidDataset: if a file is damaged.
    """
    place = layout.find(folders)
    if place is None:
        raise _unavailable(layout, folders, "`memlab data fetch` downloads it")
    raw = load(place)
    listed = published(layout.class_name)
    sums = listed.members or {file.name: file.md5 for file in listed.files}
    other = []
    for name in layout.files:
        path = layout.path(place, name)
        if md5_of(path) != sums.get(path.name):
            if not layout.gzipped:
                raise InvalidDataset(f"{path} has another checksum than the published file.")
            other.append(path.name)
    count = f"{len(raw.y):,} + {len(raw.test_y) if raw.test_y is not None else 0:,} examples"
    if other:
        return f"{place}: {count} read; packed differently from the published {', '.join(other)}"
    return f"{place}: {count} read; checksums as published"


def _unavailable(layout: Layout, folders: Sequence[Path], reason: str) -> DatasetUnavailable:
    places = layout.candidates(folders)
    looked = ", ".join(str(place) for place in places) or "no folder at all"
    ending = "[.gz]" if layout.gzipped else ""
    return DatasetUnavailable(
        f"{layout.class_name} is not on disk (looked for {layout.files[0]}{ending} and "
        f"{len(layout.files) - 1} more in {looked}), and {reason.rstrip('.')}; copy its files to "
        f"{places[0] if places else 'a folder'}, or name a folder in torchvision's layout under "
        "dataset_folders in the settings."
    )


def load(layout: Layout, read: Callable[[Path], Raw], request: Request) -> Raw:
    """The dataset from where it is, downloaded first where it is nowhere and that is allowed.

    Raises:
        DatasetUnavailable, InvalidDataset, StorageError: if it is not there, damaged, not storable.
    """
    place = layout.find(request.folders)
    if place is None and not request.download:
        size = f"{layout.download_bytes / 1e6:.0f} MB"
        raise _unavailable(
            layout, request.folders, f"it is downloaded ({size}) only when a run starts"
        )
    if place is None:
        fetch(layout, request.folders, request.progress)
        place = layout.find(request.folders)
    if place is None:
        raise _unavailable(layout, request.folders, "what was downloaded is gone again")
    return read(place)
