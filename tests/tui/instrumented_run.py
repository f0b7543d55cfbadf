"""A synthetic run whose instruments have measured, written as a worker writes them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from synthetic_run import LADDER, SyntheticRun, start

from memlab.experiment.instruments import instrument
from memlab.instruments.ledger_store import LedgerFacts, LedgerStore
from memlab.runs.ledger import stack_folder
from memlab.runs.table_writer import TableWriter

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
