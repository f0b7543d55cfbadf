"""Outcomes of networks with subsets of their own, as a worker writes them, with chosen effects.

Where they are `planted`, an example of difficulty d is right in all networks that have it and in a
share 1 − d of the others; half of the test examples are right only in networks that have the one
hard example that lies beside them.
"""

from __future__ import annotations

import json

import numpy as np

from memlab.experiment import grid
from memlab.experiment.spec import Experiment
from memlab.runs import npy
from memlab.runs.outcomes import HEADER_FILE, OutcomeHeader
from memlab.runs.run_folder import RunFolder

NETWORKS, TRAIN, TEST, EPOCHS = 80, 200, 60, 20


def fewer(made: Experiment) -> Experiment:
    """The experiment with as many networks a replicate as are written here."""
    return made.model_copy(update={"seeds": NETWORKS}) if made.evaluation.outcomes else made


def write(folder: RunFolder, preset: str, made: Experiment, planted: bool) -> None:
    """The outcomes of each combination of axis values, a stack each, where any are kept."""
    if not made.evaluation.outcomes:
        return
    for group in grid.groups(made):
        cell = grid.with_values(made, group.axis_values)
        _stack(folder, preset, cell, group, planted)


def _stack(folder, preset, cell, group, planted):
    draw = np.random.default_rng([5, group.index])
    kind, examples = cell.corruption.kind, TRAIN + TEST
    true = np.arange(examples) % 10
    given = true.copy()
    if kind.startswith("labels"):
        lies = draw.random(TRAIN) < (0.9 if kind == "labels" else cell.corruption.fraction)
        given[:TRAIN] = (true[:TRAIN] + lies * draw.integers(1, 10, TRAIN)) % 10
    own = draw.random((NETWORKS, TRAIN)) < cell.dataset.subset
    values = draw.normal(size=(examples, 4)) + 5 * np.eye(10)[true][:, :4]
    hard = draw.random(TRAIN) ** 3
    partner = draw.permutation(TRAIN)[:TEST]
    given[TRAIN:], values[TRAIN:] = given[partner], values[partner] + 0.01
    right = draw.random((NETWORKS, examples)) < 0.5
    margin = draw.normal(0, 1, (NETWORKS, examples))
    learned = draw.integers(1, EPOCHS, TRAIN)
    if planted:
        right, margin, learned = _planted(preset, cell, (own, given, true, hard, partner), draw)
    traced = tuple(group.members[:12])
    trace = np.where(np.arange(EPOCHS + 1)[:, None] >= learned, 1.0, -1.0)[:, None].repeat(12, 1)
    header = OutcomeHeader(
        stack=group.index, dataset="digits", members=tuple(group.members), traced=traced,
        evaluations=EPOCHS + 1, train=TRAIN, test=TEST, class_names=tuple("0123456789"),
        same=True, neighbours=True, features=4, early=True,
    )  # fmt: skip
    arrays = {
        "index": np.arange(examples),
        "given": given,
        "true": true,
        "corrupted": given[:TRAIN] != true[:TRAIN],
        "own": np.packbits(own, axis=1),
        "correct": np.packbits(right, axis=1),
        "early": np.packbits(draw.random((NETWORKS, examples)) < 0.5, axis=1),
        "margin": margin,
        "epoch": np.arange(EPOCHS + 1.0),
        "trace": np.concatenate([trace, np.ones((EPOCHS + 1, 12, TEST))], axis=2),
        "neighbours": draw.random(TRAIN),
        "values": values,
    }
    place = folder.examples / f"stack-{group.index:03d}"
    place.parent.path.mkdir(exist_ok=True)
    place.mkdir()
    for name, (dtype, _) in header.arrays().items():
        npy.replace(place / f"outcomes-{name}.npy", arrays[name].astype(dtype))
    (place / HEADER_FILE).replace((json.dumps(header.document()) + "\n").encode())


def _planted(preset, cell, data, draw):
    own, given, true, hard, partner = data
    kind, lies = cell.corruption.kind, given[:TRAIN] != true[:TRAIN]
    if kind == "inputs-class":
        hard = np.zeros(TRAIN)
    if kind == "labels-other":
        hard = np.where(lies, 1.0, 0.05)
    if kind == "labels":
        hard = np.ones(TRAIN)
    chance = np.where(own, 1.0, 1.0 - hard)
    known = np.concatenate([chance, own[:, partner]], axis=1)
    right = draw.random(known.shape) < known
    learned = np.clip(np.ceil(EPOCHS * hard), 1, EPOCHS - 1).astype(int)
    if kind == "inputs":
        learned = draw.integers(1, EPOCHS, TRAIN)
    leaks = hard > 0.5 if not preset.endswith("early") else np.zeros(TRAIN, bool)
    apart = np.where(leaks, np.where(own, 8.0, -8.0), 8.0)
    margin = np.concatenate([apart, np.zeros((len(own), TEST))], axis=1)
    return right, margin + draw.normal(0, 1, margin.shape), learned
