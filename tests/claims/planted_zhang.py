"""The effects of the claims of `zhang` and `lookup` as `synthetic.planted` has them, by cell."""

from __future__ import annotations

import numpy as np

ROWS = 61


def _until(t, share, before=0.9):
    return np.where(t >= share, 1.0, before)


def _gaussian(e, t, p, jitter):
    return {"test_accuracy": np.full(ROWS, 0.1 + jitter), "train_accuracy": _until(t, 0.5)}


def _slowdown(e, t, p, jitter):
    return {"train_accuracy": _until(t, 0.3 + jitter if p else 0.1)}


def _narrow(e, t, p, jitter):
    full = (e.dataset.train or 0) > 200 and p
    return {"train_accuracy": np.full(ROWS, 0.5) if full else _until(t, 0.2 if p else 0.05)}


def _inputs(e, t, p, jitter):
    kept = {"none": 0.95, "pixel-shuffle": 0.7, "pixel-random": 0.2}
    level = kept.get(e.corruption.kind, 0.1)
    return {"test_accuracy": np.full(ROWS, level + jitter), "train_accuracy": np.minimum(1, 4 * t)}


def _true(e, t, p, jitter):
    own = e.regularization
    best = 0.97 if own.dropout == 0.3 or own.weight_decay == 0.001 else 0.95
    real = np.full(ROWS, best - 0.01 * (own.dropout + own.weight_decay) + jitter)
    return {"validation_accuracy": real, "test_accuracy": real}


def _random(e, t, p, jitter):
    own = e.regularization
    strong = own.dropout > 0.5 or own.weight_decay > 0.01
    return {"train_accuracy": np.full(ROWS, 0.5 + jitter if strong else 1.0)}


def _smallest(e, t, p, jitter):
    needed = (e.dataset.train or 0) / 20 * np.exp(5 * jitter) if p else 4.0
    return {"train_accuracy": np.full(ROWS, min(1.0, (e.model.width or 1) / needed))}


def _representation(e, t, p, jitter):
    known = {"last": 0.93 if p < 0.5 else 0.6, "random": 0.80, "inputs": 0.75}
    return {name: np.full(ROWS, level + jitter / 3) for name, level in known.items()}


def _descent(e, t, p, jitter):
    units = e.model.width or 1
    hump = 0.12 * np.exp(-4 * np.log(units / 20) ** 2) if p else 0.0
    return {"test_accuracy": np.full(ROWS, 0.85 + 0.02 * np.log(units / 8) - hump + jitter)}


PLANTED = {
    "double-descent": _descent,
    "representation": _representation,
    "ladder-gaussian": _gaussian,
    "slowdown": _slowdown,
    "slowdown-narrow": _narrow,
    "inputs": _inputs,
    "explicit-true": _true,
    "explicit-random": _random,
    "smallest": _smallest,
}
