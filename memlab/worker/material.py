"""A run's data: loaded once, split once per dataset description, corrupted once per member."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from memlab.data.corruption import Corrupted, corrupt
from memlab.data.dataset import Raw, Request
from memlab.data.image_folder import picture_names
from memlab.data.registry import load
from memlab.data.split import Splits, left_out, split
from memlab.data.thumbnails import thumbnails
from memlab.experiment import datasets
from memlab.experiment.grid import Member
from memlab.experiment.material_spec import DatasetSpec
from memlab.experiment.subset import subset_mask
from memlab.training.trainer import Shapes

#: What descriptions of older runs do not have: left out of the name where it is as it was.
LATER: Final = (
    "whole", "label", "bits", "degree", "modulus", "split_per_seed", "fresh"
)  # fmt: skip


def source(spec: DatasetSpec) -> str:
    """What a split depends on, as a name: all but which examples members are trained on."""
    fields = type(spec).model_fields
    as_before = {name for name in LATER if getattr(spec, name) == fields[name].default}
    return spec.model_dump_json(exclude={"subset", "without", *as_before})


@dataclass(frozen=True, eq=False)
class Packed:
    """The data of a run, to be trained where its files are not; both by the dataset's description.

    `files` names each training example's file where the dataset is a folder of them.
    """

    splits: Mapping[str, Splits]
    files: Mapping[str, Sequence[str] | None]


class Material:
    """Data of a run's members, kept by what it depends on."""

    def __init__(
        self,
        folders: Sequence[Path],
        progress: Callable[[int, int], None],
        packed: Packed | None = None,
    ) -> None:
        self._folders = folders
        self._progress = progress
        self._splits: dict[str, Splits] = {} if packed is None else dict(packed.splits)
        self._files = {} if packed is None else dict(packed.files)
        self._raw: tuple[DatasetSpec, Raw] | None = None
        self._corrupted: dict[str, Corrupted] = {}
        self._pictures: dict[int, np.ndarray] = {}

    def splits(self, member: Member) -> Splits:
        """The member's split, downloading its dataset where it is not on disk."""
        spec = member.experiment.dataset
        name = source(spec)
        if name not in self._splits:
            self._splits[name] = split(self._load(spec), spec)
        return self._splits[name]

    def _load(self, spec: DatasetSpec) -> Raw:
        """The dataset as its files have it; the last one is kept for the splits that follow."""
        known = datasets.facts(spec.name)
        made = spec.fresh or (known is not None and known.made_to is not None)
        pool = spec if made else spec.model_copy(update={"split_seed": 0})
        if self._raw is None or self._raw[0] != pool:
            self._raw = None  # never two at once
            raw = load(spec, self._folders, download=True, progress=self._progress)
            self._raw = pool, raw
        return self._raw[1]

    def corrupted(self, member: Member) -> Corrupted:
        """The member's data, corrupted by its own seed or by the one that all share.

        Only the mask of its own examples differs between members that see the same.
        """
        dataset = member.experiment.dataset
        share, of = dataset.subset, dataset.fake_class if dataset.whole else 0
        whole = self._whole(member)
        if not dataset.partial:
            return whole
        name = f"{id(whole)}|{share!r}|{member.seed}|{dataset.without}"
        if name not in self._corrupted:
            without = left_out(self.splits(member), dataset) if dataset.without else None
            own = subset_mask(share, len(whole.train_true), member.seed, of, without)
            self._corrupted[name] = replace(whole, own=own)
        return self._corrupted[name]

    def _whole(self, member: Member) -> Corrupted:
        spec = member.experiment.corruption
        seed = member.experiment.corruption_seed(member.seed)
        clean = spec.kind == "none"
        name = "|".join(
            (
                source(member.experiment.dataset),
                "none" if clean else spec.model_dump_json(),
                "" if clean else str(seed),
            )
        )
        if name not in self._corrupted:
            self._corrupted[name] = corrupt(self.splits(member), spec, seed)
        return self._corrupted[name]

    def pictures(self, member: Member) -> np.ndarray:
        """Thumbnails of the member's training examples as it sees them, uint8 `[n, h, w]`."""
        inputs = self.corrupted(member).train_x
        if id(inputs) not in self._pictures:
            self._pictures[id(inputs)] = thumbnails(inputs, self.splits(member).image_shape)
        return self._pictures[id(inputs)]

    def files(self, member: Member) -> Sequence[str] | None:
        """Names of the training examples' files, where the dataset is a folder of them."""
        spec = member.experiment.dataset
        name = source(spec)
        if name not in self._files:
            index = self.splits(member).train.index
            known = picture_names(Request(spec).path) if spec.name.startswith("folder:") else None
            self._files[name] = None if known is None else [known[at] for at in index]
        return self._files[name]

    def packed(self, members: Sequence[Member]) -> Packed:
        """All that the members need, for a `Material` on another machine."""
        for member in members:
            self.splits(member)
            self.files(member)
        return Packed(dict(self._splits), dict(self._files))

    def forget(self) -> None:
        """Lets go of the corrupted data of a finished stack; splits stay."""
        self._raw = None
        self._corrupted.clear()
        self._pictures.clear()

    def shapes(self, member: Member) -> Shapes:
        """What the member's model needs to know of its data."""
        splits = self.splits(member)
        features = int(splits.train.x[0].size)
        return Shapes(splits.image_shape, features, splits.classes)
