"""What is planted for the claims of Arpit and of Fort: effects in the claims' own runs, and none
in their controls'. Functions of (experiment, t, p, jitter) to values by name, as in `synthetic`."""

from __future__ import annotations

import numpy as np

STIFFNESS = ("within", "between", "slope", "critical_length")
UNROLLED = ("gini", "off_diagonal", "gini_until", "off_diagonal_until", "sample_loss", "updates")
INSTRUMENTS = {
    "agreement": {"stiffness": STIFFNESS, "tangent-kernel": ("within", "between")},
    "kinds": {"critical-samples": ("ratio",)},
    "length": {"stiffness": ("critical_length",)},
    "overfit": {"stiffness": ("within_unseen", "between_unseen")},
    "overfit-more": {"stiffness": ("within_unseen", "between_unseen")},
    "unrolled": {"unrolled-sensitivity": UNROLLED},
    "unrolled-fit": {"unrolled-sensitivity": UNROLLED},
}


def falling(t):
    return {"train_loss": 2.3 * np.exp(-7 * t)}


def _agreement(e, t, p, jitter):
    learned = (1 - p) * ((0.6 + 10 * jitter) * t + 0.03 * (t > 0))
    return {
        "within": 0.2 + 0.05 * (1 - p) + learned + jitter,
        "between": 0.1 + jitter + 0 * t,
        "slope": -0.2 - learned + jitter,
        "critical_length": 1.0 + jitter + 0 * t,
        **falling(t),
    }


def _kinds(e, t, p, jitter):
    return {"ratio": 0.2 + 0.6 * p + jitter + 0 * t, **falling(t)}


def _length(e, t, p, jitter):
    place = np.log10(e.optimizer.learning_rate)
    loss = 2.3 * np.exp(-(20 + 10 * place) * t)
    return {"critical_length": 1.0 - 0.2 * place + jitter * (1 + 10 * t), "train_loss": loss}


def _overfit(e, t, p, jitter):
    fall = 0.3 if (e.dataset.train or 0) < 1000 else 0.0
    return {
        "within_unseen": 0.5 - (fall + 5 * jitter) * t,
        "between_unseen": -0.1 + jitter + 0 * t,
        "validation_loss": 1 + (t - 0.3) ** 2,
        **falling(t),
    }


def _unrolled(e, t, p, jitter):
    settings = e.instruments.settings_of("unrolled-sensitivity")
    moments = np.arange(1, settings.moments + 1) * settings.updates // settings.moments
    loss = 2.3 * np.exp(-moments / (100.0 if p else 30.0))
    rows = np.ones((len(t), 1))
    gini, off = 0.3 + 0.2 * (1 - p) + jitter, 0.7 + 0.1 * (1 - p) + jitter
    return {
        "gini": gini + 0 * t,
        "off_diagonal": off + 0 * t,
        "gini_until": rows * (gini + 0 * moments),
        "off_diagonal_until": rows * (off + 0 * moments),
        "sample_loss": rows * loss,
        "updates": rows * moments,
    }


def _epochs(e, t, p, jitter):
    more = np.log((e.dataset.train or 600) / 150)
    fit = 0.1 * np.exp(0.7 * more) if p else 0.04 if e.model.depth == 2 else 0.07
    return {"train_accuracy": np.where(t >= fit + jitter, 1.0, 0.9)}


def _capacity(e, t, p, jitter):
    steep = 0.3 if e.corruption.kind == "inputs" else 0.1
    logit = -1 + (steep + 5 * jitter) * np.log2((e.model.width or 8) / 8)
    return {"validation_accuracy": np.full(len(t), 1 / (1 + np.exp(-logit)))}


def _gaussian(e, t, p, jitter):
    return {
        name: np.full(len(t), 0.1 + jitter) for name in ("validation_accuracy", "test_accuracy")
    }


def _matched(e, t, p, jitter):
    own = e.regularization
    strength = 2.5 * own.dropout + 100 * own.weight_decay
    memorized, learned = 1.0 - 0.85 * strength, 0.72 if own.dropout else 0.66
    real = np.full(len(t), learned + jitter)
    fit = memorized if p else 1.0
    return {"train_accuracy": np.minimum(fit, 3 * t), "validation_accuracy": real}


def vectors(preset, e, draw):
    """Of a world without any effect: the moments of an unrolled training, all alike."""
    if preset not in ("unrolled", "unrolled-fit"):
        return {}
    made = _unrolled(e, np.linspace(0, 1, 61), 1.0, 0.0)
    noise = {name: draw.normal(0, 0.02, (1, 1)) for name in ("gini_until", "off_diagonal_until")}
    return {name: made[name] + noise.get(name, 0.0) for name in UNROLLED[2:]}


SPECIAL = {
    "agreement": _agreement,
    "capacity": _capacity,
    "capacity-fewer": _capacity,
    "examples": _epochs,
    "examples-shallow": _epochs,
    "kinds": _kinds,
    "ladder-gaussian": _gaussian,
    "length": _length,
    "matched": _matched,
    "overfit": _overfit,
    "overfit-more": _overfit,
    "unrolled": _unrolled,
    "unrolled-fit": _unrolled,
    "width": _epochs,
    "width-shallow": _epochs,
}
