"""Presets: experiments in TOML, shipped with memlab or the user's own, grouped by folder."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from memlab.errors import InvalidExperiment
from memlab.experiment import reading
from memlab.experiment.spec import Experiment
from memlab.spelling import closest, did_you_mean

DEFAULT_PRESET = "noise-ladder"


@dataclass(frozen=True)
class Preset:
    """A preset's file; its content is read when it is asked for."""

    name: str
    group: str
    path: Path

    @cached_property
    def tree(self) -> reading.Tree:
        """The file as plain data."""
        return reading.read_file(self.path)

    @property
    def title(self) -> str:
        """The preset's title, its name where it has none."""
        return str(self.tree.get("title") or self.name)

    @property
    def replicates(self) -> bool:
        """Whether it stands behind a claim: `memlab replicate` runs those, dozens of them."""
        return "replication" in self.path.parent.parts

    def experiment(self, settings: Sequence[str] = ()) -> Experiment:
        """The validated experiment, with `--set` settings applied."""
        return reading.experiment(self.tree, self.path.name, settings)


def shipped_folder() -> Path:
    """Where the presets are: beside the code when installed, at the top of a checkout."""
    inside = Path(__file__).resolve().parents[1] / "presets"
    return inside if inside.is_dir() else Path(__file__).resolve().parents[2] / "presets"


def find_all(own_folder: Path | None = None) -> tuple[Preset, ...]:
    """All presets: the shipped ones by group and name, then the user's own."""
    shipped = shipped_folder()
    found = [
        Preset(path.stem, path.parent.name if path.parent != shipped else "", path)
        for path in sorted(shipped.rglob("*.toml"))
    ]
    order = {"memorization": 0, "optimization": 1, "data": 2, "gpu": 3}
    found.sort(
        key=lambda preset: (order.get(preset.group, 9), preset.name != DEFAULT_PRESET, preset.name)
    )
    return (*found, *(in_folder(own_folder, "my experiments") if own_folder is not None else ()))


def in_folder(folder: Path, group: str) -> tuple[Preset, ...]:
    """The presets right in a folder, by name; none where it is not there."""
    return tuple(Preset(path.stem, group, path) for path in sorted(folder.glob("*.toml")))


def find(name_or_path: str, own_folder: Path | None = None) -> Preset:
    """The preset of that name, the user's own before a shipped one, or the file at that path.

    Raises:
        InvalidExperiment: if there is neither, with the nearest name.
    """
    if name_or_path.endswith(".toml") or "/" in name_or_path:
        path = Path(os.path.expanduser(name_or_path))
        if not path.is_file():
            raise InvalidExperiment(f"There is no file {name_or_path}.")
        return Preset(path.stem, "", path.resolve())
    presets = find_all(own_folder)
    for preset in reversed(presets):
        if preset.name == name_or_path:
            return preset
    names = [preset.name for preset in presets]
    hint = did_you_mean(closest(name_or_path, names, cutoff=0.4), ".")
    raise InvalidExperiment(f"There is no preset {name_or_path!r}{hint} Known: {', '.join(names)}.")
