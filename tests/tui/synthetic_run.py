"""Run folders with invented but plausible figures, written as a worker writes them."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from memlab.experiment.grid import members
from memlab.experiment.reading import experiment, from_toml, to_toml
from memlab.experiment.spec import Experiment
from memlab.runs import run_folder
from memlab.runs.event_log import EventLog
from memlab.runs.lock import RunLock
from memlab.runs.run_folder import RunFolder
from memlab.runs.state import write_state
from memlab.runs.table_writer import TableWriter

METRICS = (
    "train_loss",
    "train_loss_clean",
    "train_loss_corrupted",
    "train_accuracy",
    "train_accuracy_clean",
    "train_accuracy_corrupted",
    "recovered_true_labels",
    "validation_loss",
    "validation_accuracy",
    "test_loss",
    "test_accuracy",
    "learning_rate",
)
LADDER = """
title = "Noise ladder"
question = "Can a network learn from data where four labels in ten are lies?"
seeds = 3
[dataset]
name = "digits"
train = 1000
[corruption]
kind = "labels"
[stop]
epochs = 100
[axes]
"corruption.fraction" = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
"""


@dataclass
class SyntheticRun:
    """A run that its owner lets grow epoch by epoch; its lock is held until `end`."""

    folder: RunFolder
    lock: RunLock
    made: Experiment
    epochs: int
    table: TableWriter
    progress: TableWriter
    memorized: TableWriter
    log: EventLog
    epoch: int = -1
    noise: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))

    def state(self, name: str, message: str = "") -> None:
        write_state(self.folder.path, name, message, device="cpu")  # type: ignore[arg-type]

    def grow(self, epochs: int = 1, pictures: int = 2) -> None:
        """Writes the rows of the next epochs."""
        cells = members(self.made)
        fractions = np.array([cell.experiment.corruption.fraction for cell in cells])
        for _ in range(epochs):
            self.epoch += 1
            done = self.epoch * 1000
            values = curves(self.epoch / self.epochs * 100, fractions, self.noise)
            self.table.append(
                {
                    "update": done // 128,
                    "examples": done,
                    "epoch": float(self.epoch),
                    "batch_size": 128,
                    **values,
                }
            )
            total = self.epochs * 1000 * len(cells)
            self.progress.append(
                {
                    "time": time.time(),
                    "stack": 0,
                    "update": done // 128,
                    "updates_total": self.epochs * 1000 // 128,
                    "done_examples": done * len(cells),
                    "total_examples": total,
                    "samples_per_second": 71300.0 + 100 * (self.epoch % 7),
                    "epoch": float(self.epoch),
                    "epochs_total": float(self.epochs),
                }
            )
            for picture in range(pictures if fractions.any() else 0):
                self._memorize(picture, fractions)

    def _memorize(self, picture: int, fractions: np.ndarray) -> None:
        true, given = self.noise.choice(10, 2, replace=False)
        self.memorized.append(
            {
                "epoch": float(self.epoch),
                "member": int(self.noise.choice(np.flatnonzero(fractions > 0))),
                "index": self.memorized.count,
                "given": int(given),
                "true": int(true),
                "picture": _digit(int(true), self.noise),
            }
        )

    def end(self, name: str = "finished", message: str = "") -> None:
        """Ends in this state and lets go of the lock."""
        self.log.append(name, **({"message": message} if message else {}))
        if name != "interrupted":
            self.state(name, message)
        self.lock.close()
        for writer in (self.table, self.progress, self.memorized, self.log):
            writer.close()


def start(
    runs: Path, text: str = LADDER, epochs: int = 100, state: str = "running", name: str = ""
) -> SyntheticRun:
    """A new living run without rows."""
    made = experiment(from_toml(text, "test"), "test")
    folder, lock = run_folder.create(
        runs, name or made.title, to_toml(made), {"device": "cpu", "command": "memlab"}
    )
    folder.release()
    cells = members(made)
    columns = [("update", "i8"), ("examples", "i8"), ("epoch", "f8"), ("batch_size", "i8")]
    wide = [(metric, "f8", (len(cells),)) for metric in METRICS]
    table = TableWriter(
        folder.stack(0),
        [*columns, *wide],
        {"members": list(range(len(cells))), "metrics": list(METRICS)},
    )
    whole = ("stack", "update", "updates_total", "done_examples", "total_examples")
    rates = ("samples_per_second", "epoch", "epochs_total")
    progress = TableWriter(
        folder.series / "progress",
        [("time", "f8"), *((n, "i8") for n in whole), *((n, "f8") for n in rates)],
    )
    memorized = TableWriter(
        folder.series / "memorized",
        [
            ("epoch", "f8"),
            *((n, "i8") for n in ("member", "index")),
            *((n, "i4") for n in ("given", "true")),
            ("picture", "u1", (8, 8)),
        ],
    )
    log = EventLog(folder.events)
    log.append("worker-started")
    log.append("stack-started", stack=0, members=list(range(len(cells))), width=len(cells))
    run = SyntheticRun(folder, lock, made, epochs, table, progress, memorized, log)
    run.state(state)
    return run


def curves(
    epoch: float, fractions: np.ndarray, noise: np.random.Generator
) -> dict[str, np.ndarray]:
    """All metrics at an epoch of 100, [members], for members with these corrupted fractions."""
    jitter = noise.normal(0, 0.006, (4, len(fractions)))
    t = epoch
    truth = np.clip(0.1 + 0.9 * (1 - np.exp(-t / (2 + 12 * fractions**2))) + jitter[0], 0, 1)
    lies = 0.1 + 0.88 / (1 + np.exp(-(t - 32 - 15 * fractions) / 9)) + jitter[1]
    early = 0.85 * (1 - np.exp(-t / 3)) * (1 - 0.9 * fractions**3)
    recovered = 0.1 + early * (1 - 0.9 / (1 + np.exp(-(t - 32 - 15 * fractions) / 9))) + jitter[2]
    validation = 0.1 + 0.86 * (1 - np.exp(-t / (2 + 4 * fractions)))
    validation = validation * (1 - 0.9 * fractions**4)
    drop = 0.55 * fractions * (1 - fractions**4) / (1 + np.exp(-(t - 30) / 10))
    validation = np.clip(validation - drop + jitter[3], 0, 1)
    dirty = np.where(fractions > 0, 1.0, np.nan)
    lies, recovered = np.clip(lies, 0, 1) * dirty, np.clip(recovered, 0, 1) * dirty
    share = 0.9 * fractions
    train = truth * (1 - share) + np.nan_to_num(lies) * share
    return {
        "train_loss": -np.log(train + 0.01),
        "train_loss_clean": -np.log(truth + 0.01) + 0.01,
        "train_loss_corrupted": -np.log(lies + 0.01) + 0.01,
        "train_accuracy": train,
        "train_accuracy_clean": truth,
        "train_accuracy_corrupted": lies,
        "recovered_true_labels": recovered,
        "validation_loss": -np.log(validation + 0.01) * (1 + t / 100),
        "validation_accuracy": validation,
        "test_loss": -np.log(validation + 0.01) * (1 + t / 100),
        "test_accuracy": np.clip(validation - 0.01, 0, 1),
        "learning_rate": np.full(len(fractions), 0.1),
    }


def _digit(label: int, noise: np.random.Generator) -> np.ndarray:
    """Something like a digit of 8 × 8 grey pixels."""
    from sklearn.datasets import load_digits

    global _DIGITS
    if _DIGITS is None:
        loaded = load_digits()
        _DIGITS = (loaded.images, loaded.target)
    images, target = _DIGITS
    rows = np.flatnonzero(target == label)
    return (images[noise.choice(rows)] * 15.9).astype(np.uint8)


_DIGITS: tuple[np.ndarray, np.ndarray] | None = None
