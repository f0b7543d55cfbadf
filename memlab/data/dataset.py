"""What a dataset is: its raw arrays, and its declaration, which enters it into the registry.

The sources themselves are one file per family (`digits.py`, `torchvision_sets.py`, …); finding
and loading by name is `registry.py`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from memlab.errors import InvalidDataset
from memlab.experiment.datasets import Facts, Shape
from memlab.experiment.datasets import Sizes as Sizes  # third parties declare with it
from memlab.experiment.material_spec import DatasetSpec

IntArray = npt.NDArray[np.int64]
Inputs = npt.NDArray[np.uint8] | npt.NDArray[np.float32]
#: Called with the bytes done and the bytes in total.
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Raw:
    """A dataset as its files have it, unscaled.

    `x` is uint8 or float32, `[N, C, H, W]` for images, else `[N, features]`; `y` int64 `[N]`,
    0 … classes − 1. `test_x` and `test_y` are the official test set where there is one. `deal`
    gives the parts' rows where a split by class will not do: from their sizes and a generator,
    disjoint int64 arrays of those sizes; it raises InvalidExperiment where it cannot.
    """

    name: str
    x: Inputs
    y: IntArray
    test_x: Inputs | None
    test_y: IntArray | None
    class_names: tuple[str, ...]
    deal: Callable[[Sequence[int], np.random.Generator], list[IntArray]] | None = None

    @property
    def shape(self) -> Shape:
        """Shape of one example: (channels, height, width) or (features,)."""
        return tuple(int(side) for side in self.x.shape[1:])

    @property
    def classes(self) -> int:
        """How many classes there are."""
        return len(self.class_names)


@dataclass(frozen=True)
class Request:
    """What `load` is asked for, with the effects that it may use.

    `download` tells whether files that are on no folder may be fetched into the first of them.
    """

    spec: DatasetSpec
    folders: Sequence[Path] = ()
    download: bool = False
    progress: Progress | None = None

    @property
    def path(self) -> Path:
        """The path of `npz:PATH` and `folder:PATH`."""
        # Unlike Path.expanduser, this leaves the home of an unknown user as it is written.
        return Path(os.path.expanduser(self.spec.name.partition(":")[2]))


def _always(folders: Sequence[Path]) -> str | None:
    return "part of memlab"


def users_own(folders: Sequence[Path]) -> str | None:
    """Where `npz:PATH` and `folder:PATH` are found, in words."""
    return "where PATH says"


def _nothing(folders: Sequence[Path], progress: Progress | None) -> str:
    return "needs no download"


@dataclass(frozen=True)
class Dataset(Facts):
    """The declaration of a dataset: its facts, and what loads it.

    `where(folders)` says where it is found now, None where it is not; `fetch(folders, progress)`
    brings it to the first folder and `verify(folders)` checks it, both answering in words.
    """

    load: Callable[[Request], Raw]
    _: KW_ONLY
    where: Callable[[Sequence[Path]], str | None] = _always
    fetch: Callable[[Sequence[Path], Progress | None], str] = _nothing
    verify: Callable[[Sequence[Path]], str] | None = field(default=None)


#: All declared datasets by name; filled when the families' files are imported.
DATASETS: dict[str, Dataset] = {}


def dataset(
    facts: Facts, *, where: Callable[[Sequence[Path]], str | None] = _always
) -> Callable[[Callable[[Request], Raw]], Callable[[Request], Raw]]:
    """Function decorator: declares the dataset of these facts that the function loads."""

    def add(load: Callable[[Request], Raw]) -> Callable[[Request], Raw]:
        declare(loaded_by(facts, load, where=where))
        return load

    return add


def loaded_by(facts: Facts, load: Callable[[Request], Raw], **effects: Any) -> Dataset:
    """The declaration with these facts; `effects` are the fields that `Dataset` adds."""
    known = {each.name: getattr(facts, each.name) for each in fields(Facts)}
    return Dataset(**known, load=load, **effects)


def declare(made: Dataset) -> Dataset:
    """Enters a declaration into the registry."""
    DATASETS[made.name] = made
    return made


def checked_classes(raw: Raw, what: str, whole: bool = False) -> Raw:
    """The dataset, once every class is known to have enough examples to be split.

    With `whole` it is not split, and any number will do.

    Raises:
        InvalidDataset: naming the class, where it has fewer than one per part.
    """
    if whole:
        return raw
    least = 3 if raw.test_y is None else 2
    counts = np.bincount(raw.y, minlength=raw.classes)
    for label, count in enumerate(counts):
        if count < least:
            raise InvalidDataset(
                f"{what}: class {raw.class_names[label]!r} has {count} example"
                f"{'' if count == 1 else 's'}; each class needs at least {least}, so that train, "
                "validation and test can have one."
            )
    return raw
