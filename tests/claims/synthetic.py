"""Run folders of the replication's presets with figures that are chosen, as a worker writes them.

`planted` is a world in which every claim holds, `flat` one in which no cell differs from another.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from unittest import mock

import numpy as np

from memlab import disk
from memlab.claims.needed import content_of, replicated
from memlab.experiment import grid, presets, reading
from memlab.experiment.spec import Experiment
from memlab.runs import run_folder
from memlab.runs.event_log import EventLog
from memlab.runs.run_folder import RunFolder
from memlab.runs.state import write_state
from memlab.runs.table_writer import TableWriter
from tests.claims import synthetic_arpit_fort, written_outcomes
from tests.claims.planted_zhang import PLANTED

ROWS = 61
METRICS = (
    "train_accuracy",
    "train_accuracy_corrupted",
    "train_loss",
    "validation_loss",
    "validation_accuracy",
    "test_accuracy",
)
INSTRUMENTS = {
    **{
        name: {"curvature": ("sharpness",)}
        for name in (
            *("catapult", "minima", "minima-squared", "descent", "breakdown", "cycles", "dose"),
            "edge",
        )
    },
    "fisher": {"fisher": ("trace",)},
    "sharpening": {"curvature": ("sharpness", "rescaled")},
    "early": {
        "gradient-covariance": ("largest", "relative_trace", "condition"),
    },
    "representation": {"probes": ("last", "random", "inputs")},
    **synthetic_arpit_fort.INSTRUMENTS,
}  # fmt: skip
World = Callable[[str, Experiment, np.random.Generator], dict[str, np.ndarray]]


def flat(preset: str, e: Experiment, draw: np.random.Generator) -> dict[str, np.ndarray]:
    """Nothing but noise between seeds: all cells are alike."""
    t = np.linspace(0, 1, ROWS)
    quantities = {q for names in INSTRUMENTS.get(preset, {}).values() for q in names}
    made = {name: 0.5 + draw.normal(0, 0.02, ROWS) for name in (*METRICS, *quantities)}
    return (
        made
        | synthetic_arpit_fort.vectors(preset, e, draw)
        | {"train_accuracy": np.minimum(0.6, t) + draw.normal(0, 0.01, ROWS)}
    )


def planted(preset: str, e: Experiment, draw: np.random.Generator) -> dict[str, np.ndarray]:
    """Every claim's effect, a little noise on top."""
    t, kind = np.linspace(0, 1, ROWS), e.corruption.kind
    p = 0.0 if kind == "none" else e.corruption.fraction
    jitter = draw.normal(0, 0.002)
    fit = np.minimum(1.0, t / (0.1 + 0.4 * p))
    lies = np.clip((t - 0.4) / 0.3, 0, 1)
    unseen = 0.9 - 0.8 * p + 0.35 * min(p, 1 - p) * 2 * (1 - lies) + jitter
    made = {
        "train_accuracy": fit,
        "train_accuracy_corrupted": lies,
        "train_loss": 2.3 * (1 - fit),
        "validation_loss": 2.3 - 2 * unseen,
        "validation_accuracy": unseen,
        "test_accuracy": unseen,
    }
    return made | SPECIAL.get(preset, lambda e, t, p, jitter: {})(e, t, p, jitter)


def _ratio(e, t, p, jitter):
    if e.corruption.kind == "labels+inputs":
        return {"validation_accuracy": np.full(ROWS, 0.1 + jitter)}
    place = np.log(e.optimizer.learning_rate)
    return {"validation_accuracy": np.full(ROWS, 0.8 + 0.05 * place + jitter)}


def _schedules(e, t, p, jitter):
    few = e.schedule.kind == "decay-rate" and e.optimizer.batch_size > 8
    level = 0.7 if e.schedule.kind == "constant" or few else 0.8
    return {"test_accuracy": np.where(t > 0, level + jitter, 0.1)}


def _batch(e, t, p, jitter):
    best = np.log(e.optimizer.learning_rate * (e.dataset.train or 0))
    off = np.log(e.optimizer.batch_size) - best
    return {
        "test_accuracy": np.full(ROWS, 0.9 - 0.02 * off**2 + jitter / 10),
        "train_loss": np.full(ROWS, 1 / e.optimizer.batch_size),
    }


def _minima(e, t, p, jitter):
    ratio = e.optimizer.learning_rate / e.optimizer.batch_size
    return {"sharpness": np.full(ROWS, np.exp(-np.log(ratio) + 5 * jitter)), **_falling(t)}


def _descent(e, t, p, jitter):
    return {"sharpness": np.full(ROWS, 5 + jitter), "train_loss": 2.3 * np.exp(-8 * t)}


def _breakdown(e, t, p, jitter):
    far = 2.0 if e.optimizer.batch_size > 64 else 1.0
    made = _minima(e, t, p, jitter)
    return made | {"sharpness": made["sharpness"] / far}


def _cycles(e, t, p, jitter):
    large = e.optimizer.batch_size > 8
    return {"sharpness": np.full(ROWS, (4.0 if large else 1.0) * np.exp(5 * jitter)), **_falling(t)}


def _falling(t):
    return {"train_loss": 2.3 * np.exp(-7 * t)}


def _early(e, t, p, jitter):
    rate, bump = e.optimizer.learning_rate, np.exp(-20 * (t - 0.3) ** 2)
    grown = (1 + bump) * (1 + jitter)
    return {
        "largest": grown * rate**-0.3,
        "relative_trace": 5 * grown * rate**0.2,
        "condition": 0.1 * grown * rate**0.2,
        **_falling(t),
    }


def _sharpening(e, t, p, jitter):
    bump = np.exp(-20 * (t - 0.3) ** 2)
    return {"sharpness": 2 + (10 + jitter) * bump, "rescaled": 2 + jitter + t, **_falling(t)}


def _edge(e, t, p, jitter):
    sharp = np.minimum(8 + np.minimum(25, 90 * t), 2 / e.optimizer.learning_rate)
    return {"sharpness": sharp * (1.02 + jitter + 0.001 * np.cos(50 * t)), **_falling(t)}


def _catapult(e, t, p, jitter):
    large = (e.optimizer.learning_rate_of_sharpness or 0) > 2
    peak = 1 + (2 + jitter) * large * np.exp(-200 * (t - 0.1) ** 2)
    return {
        "sharpness": 5 * (1 - 0.6 * large * t) * (1 + jitter),
        "train_loss": 0.6 * peak * np.exp(-3 * t),
    }


def _fisher(e, t, p, jitter):
    return {"trace": (1 + 50 * t) * e.optimizer.learning_rate**-0.4 * (1 + jitter), **_falling(t)}


def _penalty(e, t, p, jitter):
    own = e.regularization
    gain = 0.05 * (own.fisher_penalty > 0 and own.fisher_from == 0)
    return {"test_accuracy": np.full(ROWS, 0.5 + gain + jitter), "train_loss": 2.3 * np.exp(-9 * t)}


def _dose(e, t, p, jitter):
    early = e.schedule.kind == "step"
    return {"sharpness": np.full(ROWS, (4.0 if early else 6.0) + 5 * jitter), **_falling(t)}


SPECIAL = {
    "breakdown": _breakdown,
    "cycles": _cycles,
    "early": _early,
    "edge": _edge,
    "catapult": _catapult,
    "dose": _dose,
    "fisher": _fisher,
    "fisher-penalty": _penalty,
    "sharpening": _sharpening,
    "descent": _descent,
    "minima-squared": _minima,
    "ratio": _ratio,
    "schedules": _schedules,
    "schedules-adam": _schedules,
    "batch": _batch,
    "minima": _minima,
    **synthetic_arpit_fort.SPECIAL,
    **PLANTED,
}


def write(
    home: Path,
    preset: str,
    world: World,
    seeds: list[int],
    told: bool = True,
    claims: list[str] | None = None,
) -> RunFolder:
    """A finished run of `preset` at laptop size in the folder `home`; `claims`: others than its."""
    found = presets.find(f"{preset}-laptop")
    tree = replicated(found.tree, seeds)
    made = reading.experiment(tree if claims is None else tree | {"claims": claims}, found.name)
    return write_experiment(home, preset, written_outcomes.fewer(made), world, told)


def write_experiment(
    home: Path, preset: str, made: Experiment, world: World, told: bool = True
) -> RunFolder:
    """A finished run of that experiment, as one of `preset`."""
    name = f"{preset}-laptop"
    facts: dict[str, object] = {"preset": name}
    if told:
        facts["replication"] = {"preset": preset, "content": content_of(made)}
    folder, lock = run_folder.create(home, name, reading.to_toml(made), facts)
    members = grid.members(made)
    values = [world(preset, m.experiment, np.random.default_rng([9, m.index])) for m in members]
    # Nobody cuts the power here: syncing would take as long as all else.
    with mock.patch.object(disk, "sync"), lock, EventLog(folder.events) as log:
        log.append("stack-started", stack=0, train_examples=1000, classes=10)
        _tables(folder, preset, made, members, values)
        written_outcomes.write(folder, preset, made, world is planted)
        log.append("worker-ended", seconds=2.0)
        write_state(folder.path, "finished", device="cpu")
    return folder


def _tables(folder, preset, made, members, values):
    from memlab.experiment.schedule import Timeline

    updates = np.array([Timeline(m.experiment, 1000).updates for m in members])
    for stack, count in enumerate(sorted(set(updates))):
        part = [m for m, n in enumerate(updates) if n == count]
        mine = {name: np.array([values[m][name] for m in part]) for name in values[0]}
        _table(folder.stack(stack), made, part, {n: mine[n] for n in METRICS}, count)
        for name, quantities in INSTRUMENTS.get(preset, {}).items():
            path = folder.series / f"instrument-{name}-{stack:03d}"
            _table(path, made, part, {n: mine[n] for n in quantities}, count)


def _table(path, made, part, values, updates):
    clock = [("update", "<i8"), ("epoch", "<f8")]
    columns = [*clock, *((n, "<f8", (len(part), *v.shape[2:])) for n, v in values.items())]
    writer = TableWriter(path, columns, {"members": part})
    for row in range(ROWS):
        share = row / (ROWS - 1)
        at = {"update": round(updates * share), "epoch": made.stop.epochs * share}
        writer.append({**at, **{name: own[:, row] for name, own in values.items()}})
    writer.close()


def write_ledgers(run: RunFolder, known: float, examples: int = 200, chance: float = 0.5) -> None:
    """Ledgers of a run of the easy examples: `known` of the real ones are right in all networks,
    all others with a probability of `chance`."""
    from memlab.instruments.ledger_store import LedgerFacts, LedgerStore, unlearned
    from memlab.runs.ledger import MEMBERS

    made = reading.experiment(reading.from_toml(run.experiment_toml(), "test"), "test")
    for stack, group in enumerate(grid.groups(made)):
        cell = grid.with_values(made, group.axis_values)
        draw = np.random.default_rng([13, stack])
        kind, count = cell.corruption.kind, len(group.members)
        true = np.arange(examples) % 10
        given = draw.integers(0, 10, examples) if kind == "labels" else true
        facts = LedgerFacts(
            stack=stack,
            dataset="digits",
            members=list(group.members),
            class_names=[str(c) for c in range(10)],
            index=np.arange(examples) + 1000 * cell.dataset.split_seed,
            true=true,
            given=[given] * count,
            corrupted=[np.full(examples, kind != "none")] * count,
            evaluations=1,
        )
        right = draw.random((count, examples)) < chance
        if kind == "none":
            right[:, : round(known * examples)] = True
        store = LedgerStore(run.examples / f"stack-{stack:03d}", facts)
        progress = np.zeros(count, MEMBERS)
        progress["evaluations"] = 1
        predicted = np.where(right, given, (given + 1) % 10)
        zero = np.zeros(predicted.shape)
        store.append(0, 1.0, {"loss": zero, "margin": zero, "predicted": predicted})
        store.replace("scores", unlearned(count, examples))
        store.replace("members", progress)
        store.close()
