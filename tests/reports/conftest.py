"""Synthetic run folders, written as a worker writes them, with figures that are chosen."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from memlab.estimate import Estimate
from memlab.experiment import grid
from memlab.experiment.reading import experiment, from_toml, to_toml
from memlab.reports.findings import Findings, Row
from memlab.runs import run_folder
from memlab.runs.event_log import EventLog
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
title = "Ladder <of> *noise*"
question = "What do | lies cost?"
source = "Zhang 2017"
seeds = 3
[dataset]
train = 1000
[corruption]
kind = "labels"
[stop]
epochs = 20
[axes]
"corruption.fraction" = [0.0, 0.4, 1.0]
"""


@dataclass
class Made:
    """What to write: a run in a state, its members in one stack or several."""

    folder: RunFolder
    values: dict[str, np.ndarray]
    events: list[tuple[str, dict[str, object]]] = field(default_factory=list)


def curves(fractions: Sequence[float], seeds: int, epochs: int) -> dict[str, np.ndarray]:
    """All metrics, [evaluations, members]: truth first, then lies, unseen rises and falls."""
    f = np.repeat(np.asarray(fractions, float), seeds)
    jitter = np.tile(np.linspace(-0.01, 0.01, seeds), len(fractions))
    t = np.arange(epochs + 1)[:, None]
    truth = np.minimum(1.0, 0.1 + 0.3 * t) * np.ones_like(f)
    lies = np.clip((t - 3) / 10, 0, 1) * np.where(f > 0, 1, np.nan)
    recovered = np.clip(np.minimum(0.9, 0.1 + 0.3 * t) * (1 - lies) * (1 - 0.9 * (f == 1)), 0, 1)
    peak = np.minimum(0.9, 0.1 + 0.3 * t) - 0.5 * f * np.clip((t - 5) / 10, 0, 1) + jitter
    test = np.where(f == 1, 0.1 + jitter, peak)
    train = truth * (1 - f) + np.nan_to_num(lies) * f
    made = {name: np.zeros_like(train) for name in METRICS}
    return made | {
        "train_loss": 1 - train,
        "test_loss": 2 - test,
        "train_accuracy": train,
        "train_accuracy_clean": np.where(f < 1, truth, np.nan),
        "train_accuracy_corrupted": lies,
        "recovered_true_labels": recovered,
        "validation_accuracy": test - 0.001,
        "test_accuracy": test,
    }


def write_run(
    home: Path,
    text: str = LADDER,
    values: Mapping[str, np.ndarray] | None = None,
    state: str = "finished",
    message: str = "",
    diverged: Sequence[int] = (),
    stacks: int = 1,
    epochs: int = 20,
    environment: Mapping[str, object] | None = None,
) -> RunFolder:
    """A run folder whose lock is free; `values` by metric are [evaluations, members]."""
    made = experiment(from_toml(text, "test"), "test")
    facts = {"memlab": "0.1.0", "python": "3.11", "command": ["memlab", "run", "x"]}
    folder, lock = run_folder.create(home, "ladder", to_toml(made), environment or facts)
    cells = grid.members(made)
    fractions = [g.axis_values.get("corruption.fraction", 0.4) for g in grid.groups(made)]
    shown = dict(values if values is not None else curves(fractions, len(made.seed_list), epochs))
    for member in diverged:
        for metric in shown.values():
            metric[2:, member] = np.nan
    with lock, EventLog(folder.events) as log:
        log.append("worker-started", device="cpu")
        parts = np.array_split(np.arange(len(cells)), stacks)
        for index, part in enumerate(parts):
            log.append(
                "stack-started",
                stack=index,
                members=part.tolist(),
                width=len(part),
                train_examples=1000,
                classes=10,
                parameters=85002,
            )
            _write_stack(folder, index, part, shown)
        for group, fraction in enumerate(fractions):
            changed = 0.9 * float(fraction)
            log.append("corruption", group=group, drawn=fraction, changed=changed)
        for member in range(len(cells)):
            kind = "member-diverged" if member in diverged else "member-finished"
            if state == "finished" or member in diverged:
                log.append(kind, member=member, update=1, epoch=2.0, reason="test")
        log.append("worker-ended", seconds=1.0)
        write_state(folder.path, state, message, device="cpu")
    return folder


def _write_stack(
    folder: RunFolder, index: int, part: np.ndarray, values: Mapping[str, np.ndarray]
) -> None:
    columns = [("update", "<i8"), ("examples", "<i8"), ("epoch", "<f8"), ("batch_size", "<i8")]
    wide = [(name, "<f8", (len(part),)) for name in METRICS]
    attributes = {"stack": index, "members": part.tolist(), "metrics": list(METRICS)}
    writer = TableWriter(folder.stack(index), [*columns, *wide], attributes)
    for row in range(len(values["test_accuracy"])):
        clock = {"update": 8 * row, "examples": 1000 * row, "epoch": float(row), "batch_size": 128}
        writer.append({**clock, **{name: values[name][row, part] for name in METRICS}})
    writer.close()


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., RunFolder]:
    """Writes a synthetic run."""
    return lambda *args, **options: write_run(tmp_path, *args, **options)


def q(mean: float | None, half: float | None = 0.01, n: int = 3) -> Estimate | None:
    """An estimate; None for None."""
    if mean is None:
        return None
    return Estimate.around(mean, math.nan if half is None else half, n)


def row(axis: Mapping[str, object], kind: str = "labels", **values: object) -> Row:
    """A row of a synthetic finding; its fraction is the axis' or 0.4."""
    fraction = values.pop("fraction", axis.get("corruption.fraction", 0.4))
    common = {"label": str(dict(axis)), "members": 3, "finished": 3, "diverged": 0}
    settings = {"corruption_kind": kind, "corruption_fraction": fraction}
    return Row.model_validate({**axis, **common, **settings, **values})


def findings(rows: Sequence[Row], axes: Sequence[str], **changes: object) -> Findings:
    """Synthetic findings of a finished run with ten classes."""
    values: dict[str, object] = {
        "run": "r", "title": "", "question": "", "source": "", "deviations": "",
        "state": "finished", "state_message": "", "complete": True, "epoch": 20.0,
        "sentences": [], "axes": list(axes), "seeds": [0, 1, 2], "members": 3 * len(rows),
        "diverged": 0, "chance": 0.1, "classes": 10, "rows": list(rows), "device": "cpu",
        "versions": {}, "commit": None, "command": "", "started": None,
        "duration_seconds": None, "reproduce": "memlab run x", "problems": [], "experiment": {},
    }  # fmt: skip
    return Findings.model_validate(values | changes)
