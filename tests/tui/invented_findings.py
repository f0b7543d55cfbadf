"""Findings with invented figures, for screens; the shape is that of report.json."""

from __future__ import annotations

from typing import Any

FRACTIONS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


def quantity(mean: float | None, half: float | None = 0.01) -> dict[str, Any]:
    return {"mean": mean, "ci95": half if mean is not None else None, "n": 3 if mean else 0}


def document() -> dict[str, Any]:
    rows = []
    for index, fraction in enumerate(FRACTIONS):
        lies = quantity(1.0 - fraction / 10, 0.02) if fraction else quantity(None)
        rows.append(
            {
                "corruption.fraction": fraction,
                "members": [3 * index, 3 * index + 1, 3 * index + 2],
                "train_accuracy": quantity(0.998, 0.002),
                "train_accuracy_clean": quantity(0.999, 0.001),
                "train_accuracy_corrupted": lies,
                "recovered_true_labels": quantity(0.2, 0.03) if fraction else quantity(None),
                "test_accuracy": quantity(0.96 - 0.85 * fraction**1.3, 0.013),
                "best_test_accuracy": quantity(0.965 - 0.8 * fraction**3, 0.008),
                "best_epoch": quantity(21 - 10 * fraction, 3.0),
                "generalization_gap": quantity(0.038 + 0.84 * fraction**1.3, 0.02),
                "memorization_cost": quantity(0.005 + 0.3 * fraction * (1 - fraction**4), 0.02),
                "epochs_to_fit": quantity(60.0) if fraction < 0.9 else quantity(None),
            }
        )
    return {
        "rows": rows,
        "sentences": [
            "With 40 % of the labels replaced, the network fitted every lie, and paid with 11 "
            "points of accuracy on data it had not seen (0.87 at epoch 7, 0.76 at the end).",
            "Stopped early, it saw through 81 % of the lies: it is not a lookup table.",
        ],
    }
