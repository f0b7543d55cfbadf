"""A tiny experiment on digits, and real workers that train it."""

from __future__ import annotations

from pathlib import Path

from memlab.experiment import reading
from memlab.runs import lifecycle
from memlab.runs.run_folder import RunFolder
from tests.patience import SECONDS, wait_for

TINY = """
title = "Tiny"
question = "Does it run?"
seeds = 1
[corruption]
kind = "labels"
[model]
name = "mlp"
width = 16
depth = 1
[optimizer]
batch_size = 64
[stop]
epochs = {epochs}
[axes]
"corruption.fraction" = [0.0, 0.5]
"""


def tiny(epochs: int) -> str:
    """An experiment of two networks of 16 units on digits."""
    return TINY.format(epochs=epochs)


def launched(home: Path, epochs: int) -> RunFolder:
    """The tiny experiment with a real worker, started without an app."""
    made = reading.experiment(reading.from_toml(tiny(epochs), "test"), "test")
    (home / "runs").mkdir(exist_ok=True)
    return lifecycle.start(reading.to_toml(made), "tiny", home / "runs")


def ended(folder: RunFolder, seconds: float = SECONDS) -> RunFolder:
    """Waits until no worker holds the run."""
    wait_for(lambda: not folder.state.living, seconds)
    return folder
