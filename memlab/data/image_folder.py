"""folder:PATH: the user's own pictures, one subfolder a class."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import BinaryIO

import numpy as np

from memlab.data.data_file import MEBIBYTE, check_memory, opened, size_of
from memlab.data.dataset import Raw, Request, checked_classes, dataset, users_own
from memlab.data.npz import MIN_EXAMPLES
from memlab.errors import DatasetUnavailable, InvalidDataset
from memlab.experiment.datasets import own

MAX_BYTES = 4 << 30
MOST_PIXELS = 1 << 24
MOST_FILE_BYTES = 64 * MEBIBYTE
#: Pillow knows fifty more, some of which start other programs.
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "PPM", "WEBP", "TIFF")


@dataset(own("folder:PATH"), where=users_own)
def image_folder(request: Request) -> Raw:
    """The pictures in the folder that the request names."""
    return checked_classes(read_folder(request.path), str(request.path), request.spec.whole)


def read_folder(path: Path) -> Raw:
    """All pictures, classes and files in the order of their names; hidden files are left out.

    Pictures are `[n, channels, height, width]` uint8, one channel where all of them are grey.

    Raises:
        DatasetUnavailable: if there is no such folder.
        InvalidDataset: naming the file or class that is wrong.
    """
    if not os.path.isdir(path):
        raise DatasetUnavailable(f"There is no folder {path}; it holds one subfolder per class.")
    classes = [entry for entry in _entries(path) if os.path.isdir(entry)]
    if len(classes) < 2:
        found = f"{len(classes)} subfolder" if classes else "no subfolders"
        raise InvalidDataset(f"{path} has {found}; it needs one per class, two at least.")
    pictures: list[np.ndarray] = []
    labels: list[int] = []
    first: Path | None = None
    for label, folder in enumerate(classes):
        files = [entry for entry in _entries(folder) if os.path.isfile(entry)]
        if not files:
            raise InvalidDataset(f"{folder} is empty; every class needs pictures.")
        for file in files:
            picture = _picture(file)
            if first is None:
                first = file
            elif picture.shape != pictures[0].shape:
                raise InvalidDataset(
                    f"{file} is {_size(picture)}, {first} is {_size(pictures[0])}; all pictures "
                    "must have one size."
                )
            pictures.append(picture)
            labels.append(label)
            # They are put together twice.
            check_memory(str(path), 3 * picture.nbytes * len(pictures))
            if picture.nbytes * len(pictures) > MAX_BYTES:
                raise InvalidDataset(f"{path} has more than 4 GB of pictures; take fewer.")
    if len(pictures) < MIN_EXAMPLES:
        raise InvalidDataset(f"{path} has {len(pictures)} pictures; {MIN_EXAMPLES} are the least.")
    x = np.stack(pictures).transpose(0, 3, 1, 2)
    if (x == x[:, :1]).all():
        x = x[:, :1]
    names = tuple(folder.name for folder in classes)
    y = np.array(labels, dtype=np.int64)
    return Raw(path.name, np.ascontiguousarray(x), y, None, None, names)


def picture_names(path: Path) -> list[str]:
    """`class/file` of each picture, in the order of `read_folder`."""
    return [
        f"{folder.name}/{file.name}"
        for folder in _entries(path)
        if os.path.isdir(folder)
        for file in _entries(folder)
        if os.path.isfile(file)
    ]


def _entries(folder: Path) -> list[Path]:
    """What is in a folder and not hidden, by name."""
    try:
        return sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    except OSError as error:
        raise DatasetUnavailable(f"{folder} cannot be read: {error.strerror}.") from error


def _picture(path: Path) -> np.ndarray:
    """`[height, width, 3]` uint8; of a picture with several frames, the first."""
    with opened(path) as file, warnings.catch_warnings():
        if size_of(file) > MOST_FILE_BYTES:
            raise InvalidDataset(
                f"{path} has {size_of(file):,} bytes; pictures have {MOST_FILE_BYTES:,} at most."
            )
        warnings.simplefilter("ignore")  # Pillow's, about what is refused here
        return _decoded(file, path)


def _decoded(file: BinaryIO, path: Path) -> np.ndarray:
    from PIL import Image

    try:
        with Image.open(file, formats=FORMATS) as image:
            width, height = image.size
            deep = image.mode.startswith(("I", "F"))
            small = 0 < width * height <= MOST_PIXELS
            picture = np.asarray(image.convert("RGB"), dtype=np.uint8) if small else None
    except Exception as error:  # a damaged picture may raise anything
        raise InvalidDataset(
            f"{path} is no readable picture; remove it or start its name with a dot."
        ) from error
    if picture is None:
        raise InvalidDataset(
            f"{path} is {width}×{height}; pictures have {MOST_PIXELS:,} pixels at most."
        )
    if deep:
        raise InvalidDataset(f"{path} has more than 8 bits per colour; save it with 8 bits.")
    return picture


def _size(picture: np.ndarray) -> str:
    return f"{picture.shape[1]}×{picture.shape[0]}"
