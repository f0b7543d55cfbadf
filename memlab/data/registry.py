"""Datasets by name: listed, loaded, fetched and verified."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TypedDict

from memlab.data.dataset import DATASETS, Dataset, Progress, Raw, Request, declare
from memlab.errors import InvalidDataset, InvalidExperiment
from memlab.experiment import plugins
from memlab.experiment.datasets import NAMES, OWN, OWN_DATA
from memlab.experiment.material_spec import DatasetSpec
from memlab.spelling import closest, did_you_mean

#: Importing a family declares its datasets.
FAMILIES = tuple(
    import_module(f"memlab.data.{family}")
    for family in dict.fromkeys(each.family for each in (*OWN, *OWN_DATA))
)


class Listed(TypedDict):
    """One line of `memlab data list`; `default` are train, validation and test examples."""

    name: str
    about: str
    classes: int | None
    shape: list[int] | None
    examples: int | None
    test_examples: int | None
    default: list[int | None]
    download_bytes: int
    found: bool
    where: str | None


def find(name: str) -> Dataset:
    """The declaration of `name`, which may be `npz:PATH` or `folder:PATH`.

    Raises:
        InvalidExperiment: if there is none, with the nearest valid name.
    """
    prefix, colon, path = name.partition(":")
    wanted = f"{prefix}:PATH" if colon and path else name
    if wanted in DATASETS:
        return DATASETS[wanted]
    if name in plugins.names(plugins.DATASETS):
        return declare(plugins.load(plugins.DATASETS, name, Dataset))
    hint = did_you_mean(closest(name, DATASETS), f". Known: {', '.join(DATASETS)}.")
    raise InvalidExperiment(f"There is no dataset {name!r}{hint}")


def load(
    spec: DatasetSpec,
    folders: Sequence[Path] = (),
    download: bool = False,
    progress: Progress | None = None,
) -> Raw:
    """The dataset that `spec` names, from the first of `folders` that has it.

    What no folder has is fetched into the first one if `download`; `progress` is told the bytes
    done and the bytes in total.

    Raises:
        DatasetUnavailable: if it is not there and cannot be fetched.
        InvalidDataset: if it is damaged or not what training needs.
        StorageError: if it cannot be written.
    """
    try:
        return find(spec.name).load(Request(spec, tuple(folders), download, progress))
    except MemoryError as error:
        raise InvalidDataset(
            f"{spec.name} does not fit into memory; use fewer examples."
        ) from error


def listing(folders: Sequence[Path] = ()) -> list[Listed]:
    """All datasets, the user's own last, and whether each is found now."""
    rows = []
    for known in sorted(DATASETS.values(), key=_rank):
        where = known.where(folders)
        sizes = known.sizes
        rows.append(
            Listed(
                name=known.name,
                about=known.about,
                classes=known.classes,
                shape=None if known.shape is None else list(known.shape),
                examples=known.examples,
                test_examples=known.test_examples,
                default=[sizes.train, sizes.validation, sizes.test],
                download_bytes=known.download_bytes,
                found=where is not None,
                where=where,
            )
        )
    return rows


def _rank(known: Dataset) -> int:
    return NAMES.index(known.name) if known.name in NAMES else len(NAMES)


def fetch(name: str, folders: Sequence[Path], progress: Progress | None = None) -> str:
    """Brings the dataset into the first of `folders` where it is in none; says where it is.

    Raises:
        InvalidExperiment, DatasetUnavailable, StorageError: if that cannot be done.
    """
    return find(name).fetch(folders, progress)


def verify(name: str, folders: Sequence[Path] = ()) -> str:
    """Reads the dataset and checks its files; what was found, in words.

    Raises:
        DatasetUnavailable: if it is not there.
        InvalidDataset: if it is damaged or not what training needs.
    """
    known = find(name)
    if known.verify is not None:
        return known.verify(folders)
    raw = known.load(Request(DatasetSpec(name=name), folders))
    test = "" if raw.test_y is None else f" + {len(raw.test_y):,}"
    return f"{name}: {len(raw.y):,}{test} examples of {raw.classes} classes read"
