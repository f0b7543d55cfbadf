"""A synthetic run whose instruments have measured, written as a worker writes them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from synthetic_run import LADDER, SyntheticRun, start

from memlab.experiment.instruments import instrument
from memlab.instruments.ledger_store import LedgerFacts, LedgerStore
from memlab.runs.ledger import stack_folder
from memlab.runs.table_writer import TableWriter

BASELINES = {"1-nn": 1.0, "k-nn": 0.1, "ridge": 0.05}  # share of the lies that they fit
ON = '[instruments]\non = ["default", "spectrum"]\n'
SIZES = {
    "class": 10,
    "loss of class": 10,
    "input of class": 10,
    "bin": 8,
    "radius": 3,
    "eigenvalue": 1,
    "end": 2,
    "point": 512,
}
LEDGER_EXAMPLES = 4
Values = dict[str, np.ndarray]


def instrumented(runs: Path, text: str = LADDER, on: str = ON) -> SyntheticRun:
    """A living run with instruments on that have not measured."""
    return start(runs, text + on)


def members_of(run: SyntheticRun) -> int:
    """How many networks it has."""
    return int(run.table.dtype["train_loss"].shape[0])


def measure(
    run: SyntheticRun, name: str, epochs: Sequence[float] = (10.0,), **given: np.ndarray
) -> None:
    """Rows of an instrument's table; what is not `given` ([epochs, members, *shape]) is zero."""
    members = members_of(run)
    quantities = {}
    for quantity in instrument(name).quantities:
        quantile = 7 if name == "margins" else 5
        shape = tuple(SIZES.get(axis, quantile) for axis in quantity.shape)
        quantities[quantity.name] = (members, *shape)
    columns = [("update", "<i8"), ("epoch", "<f8")]
    columns += [(key, "<f8", shape) for key, shape in quantities.items()]  # type: ignore[misc]
    attributes = {
        "stack": 0,
        "members": list(range(members)),
        "instrument": name,
        "quantities": list(quantities),
    }
    with TableWriter(run.folder.series / f"instrument-{name}-000", columns, attributes) as table:
        for row, epoch in enumerate(epochs):
            values = {key: np.zeros(shape) for key, shape in quantities.items()}
            values |= {key: rows[row] for key, rows in given.items()}
            table.append({"update": row, "epoch": epoch, **values})


def ledger(run: SyntheticRun, predicted: Sequence[Sequence[int]]) -> None:
    """A ledger of four examples: given 8 7 6 5, true 3 7 6 5, the first one corrupted.

    `predicted` is what every member said at epochs 0, 1, 2 …: [epochs][examples].
    """
    members = members_of(run)
    given = np.array([[8, 7, 6, 5]] * members)
    facts = LedgerFacts(
        stack=0,
        dataset="digits",
        members=list(range(members)),
        class_names=[str(number) for number in range(10)],
        index=np.arange(LEDGER_EXAMPLES),
        true=np.array([3, 7, 6, 5]),
        given=given,
        corrupted=given != np.array([3, 7, 6, 5]),
        pictures=np.arange(4, dtype=np.uint8)[:, None, None] * np.ones((1, 8, 8), np.uint8),
        evaluations=16,
    )
    store = LedgerStore(stack_folder(run.folder, 0), facts)
    for epoch, said in enumerate(predicted):
        shape = (members, LEDGER_EXAMPLES)
        loss = np.zeros(shape, np.float16)
        tiled = np.tile(np.array(said, store.header.predicted_dtype), (members, 1))
        store.append(epoch, float(epoch), {"loss": loss, "margin": loss, "predicted": tiled})
    store.close()


def ladder(runs: Path) -> SyntheticRun:
    """A living noise ladder at epoch 64 whose instruments have measured and whose curvature failed.

    Its baselines have been fitted too, which a real run does last.
    """
    fitted = f"[baselines]\non = {json.dumps(list(BASELINES))}\n"
    run = instrumented(runs, LADDER + fitted)
    run.grow(64)
    noise = np.random.default_rng(1)
    fractions = np.repeat(np.linspace(0.0, 1.0, 6), 3)
    epochs = np.arange(0.0, 64.0, 4.0)
    jitter = noise.normal(0.0, 0.01, (len(epochs), len(fractions)))
    falling = np.exp(-epochs / 20)[:, None] * np.ones_like(fractions) + jitter
    within = 0.3 + 0.4 * falling - 0.2 * fractions
    classes = np.full((len(epochs), len(fractions), 10, 10), -0.04)
    classes[:, :, range(10), range(10)] = within[:, :, None]
    measure(run, "stiffness", epochs, within=within, between=-0.03 + jitter, classes=classes)
    scale = 60.0 + 90.0 * fractions * (1.0 - falling)
    measure(run, "gradient-noise", epochs, noise_scale=scale, trace=1e-5 * (1.0 + falling))
    corrupted = np.where(fractions > 0, 2.0 - 4.0 * falling, np.nan)
    measure(run, "margins", epochs, clean=6.0 - 5.0 * falling, corrupted=corrupted)
    grid = np.linspace(-1.0, 9.0, 512) * np.ones((1, len(fractions), 1))
    measure(run, "spectrum", (60.0,), grid=grid, density=np.exp(-np.abs(grid)))
    ledger(run, [[8, 7, 0, 5], [3, 7, 0, 0], [3, 7, 6, 0], [8, 2, 6, 0]])
    run.log.append("instrument-failed", instrument="curvature", stack=0, reason="no memory")
    seconds = {"stiffness": 1.0, "gradient-noise": 0.5, "margins": 0.1, "spectrum": 3.2}
    run.log.append("instruments-cost", stack=0, seconds=seconds, training=50.0)
    run.folder.baselines.path.write_text(json.dumps(_reached(fractions, noise)), encoding="utf-8")
    return run


def _reached(fractions: np.ndarray, noise: np.random.Generator) -> list[dict[str, object]]:
    """What baselines that fit a share of the lies reach on each member's data."""
    rows: list[dict[str, object]] = []
    for name, fits in BASELINES.items():
        for member, fraction in enumerate(fractions.tolist()):
            unseen = 0.97 - (0.3 + 0.6 * fits) * fraction + float(noise.normal(0.0, 0.005))
            rows.append(
                {
                    "member": member,
                    "name": name,
                    "train_accuracy": 1.0 - (1.0 - fits) * fraction,
                    "train_accuracy_clean": 1.0 - (0.05 - 0.05 * fits) * fraction,
                    "train_accuracy_corrupted": fits if fraction else None,
                    "recovered_true_labels": (1.0 - fits) * 0.95 if fraction else None,
                    "test_accuracy": max(0.1, unseen),
                }
            )
    return rows
