"""What the bench of training trains: grids of equal networks, as experiments.

Half of the cases train only, the other half measures all data every epoch too.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from memlab.experiment.keys import key
from memlab.experiment.reading import experiment as read_experiment
from memlab.experiment.spec import Experiment

CLASSES = 10


@dataclass(frozen=True)
class Bench:
    """Where a bench runs: the device, and a folder for data and for the runs of workers."""

    device: torch.device
    folder: Path


@dataclass(frozen=True)
class Case:
    """Equal networks that differ in their seed, on digits or on `images` that are noise.

    Validation and test have the dataset's own numbers of examples, or a fifth of `examples` each.
    """

    members: int
    model: str
    width: int
    batch_size: int
    epochs: int
    evaluates: bool = False
    images: tuple[int, int, int] | None = None
    examples: int = 1000

    @property
    def name(self) -> str:
        """What the row is called."""
        shape = f"mlp 2×{self.width}" if self.model == "mlp" else f"{self.model} {self.width}"
        on = ""
        if self.images is not None:
            channels, height, width = self.images
            on = f" on {height}×{width}×{channels}"
        what = ", evaluated every epoch" if self.evaluates else ""
        return f"{self.members} × {shape}{on}, batch {self.batch_size}{what}"


#: Members, width, batch size, epochs: about a second of training on two cores.
GRIDS = ((18, 256, 128, 3), (32, 64, 32, 5), (32, 64, 128, 8), (1, 256, 128, 20))
PERCEPTRONS = tuple(
    Case(members, "mlp", width, batch, epochs, evaluates)
    for members, width, batch, epochs in GRIDS
    for evaluates in (False, True)
)
CONVOLUTIONAL = (
    Case(1, "cnn", 32, 32, 1, images=(3, 32, 32), examples=320),
    Case(1, "cnn", 32, 32, 1, True, images=(3, 32, 32), examples=320),
    Case(18, "cnn", 8, 32, 1, True, images=(1, 8, 8), examples=200),
)


def experiment_of(case: Case, folder: Path) -> Experiment:
    """The case as memlab is told it, 0.4 of the labels corrupted; `folder` is for its data."""
    dataset: dict[str, object] = {"name": "digits", "train": case.examples}
    if case.images is not None:
        few = max(2 * CLASSES, case.examples // 5)
        dataset |= {"name": f"npz:{noise(case, folder)}", "validation": few, "test": few}
    tree = {
        "dataset": dataset,
        "corruption": {"kind": "labels", "fraction": 0.4},
        "model": {"name": case.model, "width": case.width}
        | ({"depth": 2} if case.model == "mlp" else {}),
        "optimizer": {"batch_size": case.batch_size, "learning_rate": 0.1},
        "stop": {"epochs": case.epochs},
        "evaluation": {"every": 1.0 if case.evaluates else float(case.epochs)},
        "seeds": case.members,
    }
    return read_experiment(tree, "bench")


def noise(case: Case, folder: Path) -> Path:
    """A file of standard normal images with labels in turn, for a case that asks for images."""
    assert case.images is not None
    path = folder / f"noise-{'-'.join(map(str, (*case.images, case.examples)))}.npz"
    if not path.exists():
        count = 2 * case.examples + 10 * CLASSES
        x = key(0, "bench-images").standard_normal((count, *case.images), dtype=np.float32)
        np.savez(path, x=x, y=np.arange(count) % CLASSES)
    return path
