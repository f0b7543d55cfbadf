"""A run of a committee that judged a small data file, invented: no training, all files real."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from memlab.experiment import reading
from memlab.runs import run_folder
from memlab.runs.committee_sums import CommitteeHeader
from memlab.runs.run import Run
from memlab.runs.run_folder import RunFolder
from memlab.runs.state import write_state

EXAMPLES, CLASSES, SIDE = 48, 4, 8
TRUE = np.arange(EXAMPLES) % CLASSES
#: Rows with a wrong label, the most suspicious first, and what they were given.
WRONG = (13, 6, 31, 40)
GIVEN = TRUE.copy()
GIVEN[list(WRONG)] = (TRUE[list(WRONG)] + 1) % CLASSES


def pictures() -> np.ndarray:
    """uint8 `[examples, 8, 8]`: a bright quarter for each class, a little different each time."""
    noise = np.random.default_rng(0).integers(0, 60, (EXAMPLES, SIDE, SIDE))
    made = noise.astype(np.uint8)
    for row, label in enumerate(TRUE):
        top, left = divmod(int(label), 2)
        made[row, 4 * top : 4 * top + 4, 4 * left : 4 * left + 4] += 180
    return made


def features(count: int) -> np.ndarray:
    """float32 `[examples, count]`, classes apart in the first columns."""
    made = np.random.default_rng(1).normal(0, 0.2, (EXAMPLES, count))
    made[:, 0] += TRUE
    made[:, 1] -= 100 * TRUE
    return made.astype(np.float32)


def signals() -> np.ndarray:
    """float32 `[examples, 40]`: a wave for each class, a little different each time."""
    phase = TRUE[:, None] * np.pi / 2 + np.linspace(0, 0.4, EXAMPLES)[:, None]
    return np.sin(np.linspace(0, 2 * np.pi, 40) + phase).astype(np.float32)


@dataclass(frozen=True)
class Judged:
    """The run, and the file that it judged."""

    folder: RunFolder
    data: Path

    @property
    def run(self) -> Run:
        return Run(self.folder)


def judged(
    home: Path,
    x: np.ndarray | None = None,
    names: Sequence[str] = (),
    test: bool = False,
    dataset: str = "",
    classes: int = CLASSES,
) -> Judged:
    """A finished run in `home`, whose data are `photos.npz` there unless `dataset` names others."""
    data = home / "photos.npz"
    if not dataset:
        made = pictures() if x is None else x
        labels = np.array(names)[GIVEN] if names else GIVEN
        arrays = {"x": made, "y": labels}
        if test:
            right = np.array(names)[TRUE] if names else TRUE
            arrays |= {"x_test": made[:12], "y_test": right[:12]}
        np.savez(data, **arrays)
    name = dataset or f"npz:{data}"
    tree = {
        "title": "Suspects: photos",
        "dataset": {"name": name, "whole": True, "subset": 0.7, "scaling": "standardize"},
        "model": {"name": "mlp", "width": 8, "depth": 1},
        "optimizer": {"learning_rate": 0.1, "batch_size": 10},
        "stop": {"epochs": 2},
        "evaluation": {"outcomes": True},
        "corruption": {"shared": True},
        "seeds": 10,
    }
    toml = reading.to_toml(reading.experiment(tree, "test"))
    folder, lock = run_folder.create(home / "runs", "suspects", toml, {})
    write_state(folder.path, "finished")
    lock.close()
    _sums(folder, name, tuple(names) or tuple(map(str, range(classes))))
    return Judged(folder, data)


def _sums(folder: RunFolder, dataset: str, names: tuple[str, ...]) -> None:
    """Ten networks, three of which did not see each example, and are right about the wrong ones."""
    header = CommitteeHeader(
        stack=0,
        dataset=dataset,
        members=tuple(range(10)),
        examples=EXAMPLES,
        class_names=names,
        best_epoch=2.0,
        files=None,
        known_truth=False,
        fake=False,
        neighbours=False,
    )
    rows = np.arange(EXAMPLES)
    sure = np.full(EXAMPLES, 0.91)
    sure[list(WRONG)] = 0.97 - 0.01 * np.arange(len(WRONG))
    probabilities = np.repeat(((1 - sure) / (len(names) - 1))[:, None], len(names), axis=1)
    probabilities[rows, TRUE] = sure
    votes = np.zeros((EXAMPLES, len(names)), int)
    votes[rows, TRUE] = 3
    right = np.where(GIVEN == TRUE, 4.0, -4.0) - np.linspace(0, 0.1, EXAMPLES)
    networks = np.repeat([[7], [3]], EXAMPLES, axis=1)
    values = {
        "index": rows,
        "given": GIVEN,
        "true": GIVEN,
        "networks": networks,
        "margins": networks * right,
        "probabilities": networks[:, :, None] * probabilities,
        "votes": votes,
    }
    place = folder.path / "examples" / "stack-000"
    place.mkdir(parents=True, exist_ok=True)
    for name, (dtype, shape) in header.arrays().items():
        np.save(place / f"committee-{name}.npy", np.asarray(values[name], dtype).reshape(shape))
    (place / "committee.json").write_text(json.dumps(header.document()))
