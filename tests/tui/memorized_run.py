"""A finished run of many networks on subsets, with invented outcomes in files as a worker's."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from synthetic_run import SyntheticRun, _digit, start

from memlab.runs import npy, retraining_store
from memlab.runs.outcomes import HEADER_FILE, OutcomeHeader

NETWORKS, TRAIN, TEST, TRACED, EVALUATIONS = 60, 30, 10, 6, 9
TEXT = f"""
title = "Who is memorized"
seeds = {NETWORKS}
[dataset]
name = "digits"
subset = 0.7
train = {TRAIN}
test = {TEST}
[corruption]
kind = "labels"
fraction = 0.2
shared = true
[stop]
epochs = 8
[evaluation]
every = 1
parts = ["train", "test"]
outcomes = true
"""


def memorized(runs: Path, features: int = 64, picture: bool = True) -> SyntheticRun:
    """30 digits 3 and 8, of which every fifth is a lie that is memorized, and 10 to test.

    `features` values are kept of each, and pictures or none.
    """
    run = start(runs, TEXT, epochs=8)
    run.grow(9, pictures=0)
    header = OutcomeHeader(
        stack=0,
        dataset="digits",
        members=tuple(range(NETWORKS)),
        traced=tuple(range(TRACED)),
        evaluations=EVALUATIONS,
        train=TRAIN,
        test=TEST,
        class_names=("three", "eight"),
        same=True,
        neighbours=True,
        picture=(8, 8) if picture else None,
        features=features,
        nearest=8,
        votes=True,
    )
    arrays = _arrays(header)
    folder = run.folder.examples / "stack-000"
    folder.parent.mkdir()
    folder.mkdir()
    for name, (dtype, shape) in header.arrays().items():
        npy.replace(folder / f"outcomes-{name}.npy", arrays[name].astype(dtype).reshape(shape))
    (folder / HEADER_FILE).replace((json.dumps(header.document()) + "\n").encode())
    run.end("finished")
    retraining_store.settle(run.folder)
    return run


def _arrays(header: OutcomeHeader) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(7)
    examples = TRAIN + TEST
    own = np.stack([rng.permutation(TRAIN) < round(0.7 * TRAIN) for _ in range(NETWORKS)])
    lies = np.arange(TRAIN) % 5 == 0
    margin = rng.normal(4.0, 1.0, (NETWORKS, examples))
    margin[:, :TRAIN] += np.where(lies, np.where(own, -1.0, -9.0), 0.0)
    margin[:, TRAIN + 3 :] += np.where(own[:, 4], 0.0, -7.0)[:, None]  # 4 helps the last seven
    true = np.arange(examples) % 2
    given = np.where(np.append(lies, np.zeros(TEST, bool)), 1 - true, true)
    seen = np.linspace(0.1, 1.0, EVALUATIONS)[:, None, None]
    pixels = np.stack([_digit((3, 8)[label], rng) for label in true])
    flat = pixels.reshape(examples, -1).astype(float)
    apart = np.square(flat[:, None] - flat[None, :TRAIN]).sum(-1)
    apart[np.arange(TRAIN), np.arange(TRAIN)] = np.inf
    votes = np.zeros((examples, 2), int)
    votes[np.arange(examples), true] = 15
    votes[np.arange(examples), 1 - true] = 3
    return {
        "index": np.arange(examples) + 100,
        "given": given,
        "true": true,
        "corrupted": lies,
        "own": np.packbits(own, axis=1),
        "correct": np.packbits(margin > 0, axis=1),
        "margin": margin,
        "epoch": np.arange(EVALUATIONS),
        "trace": margin[None, :TRACED] * seen,
        "neighbours": np.where(lies, 0.2, 0.9),
        "pictures": pixels,
        "values": flat[:, 20 : 20 + header.features] / 50 if header.features < 40 else flat / 50,
        "nearest": apart.argsort(1)[:, ::-1][:, -8:],
        "votes": votes,
    }
