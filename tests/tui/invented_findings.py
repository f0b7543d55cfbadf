"""Findings with invented figures, for screens; the shape is that of report.json."""

from __future__ import annotations

import math
from typing import Any

from memlab import reports
from memlab.estimate import Estimate
from memlab.reports.findings import (
    BaselineFindings,
    ClaimFindings,
    Findings,
    InstrumentFindings,
    Measured,
    Row,
)

FRACTIONS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
SENTENCES = [
    "With 40 % of the labels replaced, the network fitted every lie, and paid with 11 "
    "points of accuracy on data it had not seen (0.87 at epoch 7, 0.76 at the end).",
    "Stopped early, it saw through 81 % of the lies: it is not a lookup table.",
]


def quantity(mean: float, half: float | None = 0.01) -> Estimate:
    return Estimate.around(mean, math.nan if half is None else half, 3)


def told(mean: float, half: float | None = 0.01) -> dict[str, Any]:
    return quantity(mean, half).document()


def row(fraction: float) -> Row:
    return Row.model_validate(
        {
            "corruption.fraction": fraction,
            "label": f"noise {fraction}",
            "members": 3,
            "finished": 3,
            "diverged": 0,
            "corruption_kind": "labels",
            "corruption_fraction": fraction,
            "epoch": 100.0,
            "train_accuracy": quantity(0.998, 0.002),
            "train_accuracy_clean": quantity(0.999, 0.001),
            "train_accuracy_corrupted": quantity(1 - fraction / 10, 0.02) if fraction else None,
            "recovered_true_labels": quantity(0.2, 0.03) if fraction else None,
            "test_accuracy": quantity(0.96 - 0.85 * fraction**1.3, 0.013),
            "best_test_accuracy": quantity(0.965 - 0.8 * fraction**3, 0.008),
            "best_epoch": quantity(21 - 10 * fraction, 3.0),
            "generalization_gap": quantity(0.038 + 0.84 * fraction**1.3, 0.02),
            "memorization_cost": quantity(0.005 + 0.3 * fraction * (1 - fraction**4), 0.02),
            "epochs_to_fit": quantity(60.0) if fraction < 0.9 else None,
        }
    )


def baseline(gap: float) -> BaselineFindings:
    """One that fits `gap` more of the training data than of the rest where all is noise."""
    rows = [
        {
            "corruption.fraction": fraction,
            "label": f"noise {fraction}",
            "train_accuracy": told(0.97),
            "train_accuracy_clean": told(0.98),
            "train_accuracy_corrupted": told(0.5 * gap) if fraction else None,
            "recovered_true_labels": told(0.9 - gap) if fraction else None,
            "test_accuracy": told(0.97 - gap * fraction),
            "generalization_gap": told(gap * fraction, 0.03),
        }
        for fraction in FRACTIONS
    ]
    return BaselineFindings(rows=rows, failed=None)


def instrument(title: str, share: float, failed: str | None = None) -> InstrumentFindings:
    """One with a scalar headline, declared last, another scalar and a class matrix."""
    names = {"between": "cosine", "classes": "cosine", "within": "cosine"}
    rows = [
        {
            "corruption.fraction": fraction,
            "label": f"noise {fraction}",
            "epoch": None if failed else 100.0,
            "between": told(-0.0002 - fraction / 10_000, 0.00004),
            "classes": {"mean": [[1.0, 0.0], [0.0, 1.0]], "n": 3},
            "within": told(12.4 - 11 * fraction, 0.3),
        }
        for fraction in FRACTIONS
    ]
    if failed:
        rows = [dict.fromkeys(names) | {"epoch": None} for _ in FRACTIONS]
    return InstrumentFindings(
        title=title,
        about=f"What {title} tells.",
        source="Fort 2019",
        quantities={name: Measured(about=name, unit=unit) for name, unit in names.items()},
        headline="within",
        rows=rows,
        seconds=1.0,
        share=None if failed else share,
        failed=failed,
    )


def claim(id: str, title: str, verdict: str, **more: Any) -> ClaimFindings:
    given = {
        "sentence": "They are.",
        "source": "a paper",
        "criterion": "as it says",
        "reason": "",
        "effect": None,
        "effect_is": None,
        "shown": "",
        "asked": "",
        "explanation": [],
    }
    return ClaimFindings.model_validate(
        {"id": id, "title": title, "verdict": verdict} | given | more
    )


def found(sides: bool = True) -> Findings:
    """A finished ladder's findings; `sides` with instruments and baselines."""
    instruments = {
        "stiffness": instrument("stiffness", 0.02),
        "gradient-noise": instrument("gradient noise", 0.101),
        "curvature": instrument("curvature", 0.0, failed="no memory"),
    }
    baselines = {"1-nn": baseline(0.85), "ridge": baseline(0.1)}
    return Findings.model_validate(
        {
            "run": "invented",
            "title": "Noise ladder",
            "question": "",
            "source": "",
            "deviations": "",
            "state": "finished",
            "state_message": "",
            "complete": True,
            "epoch": 100.0,
            "sentences": SENTENCES,
            "axes": ["corruption.fraction"],
            "seeds": [0, 1, 2],
            "members": 18,
            "diverged": 0,
            "chance": 0.1,
            "classes": 10,
            "rows": [row(fraction) for fraction in FRACTIONS],
            "instruments": instruments if sides else {},
            "baselines": baselines if sides else {},
            "claims": [
                claim(
                    "A7",
                    "Patterns are learned first",
                    "supported",
                    effect=quantity(0.1, 0.02),
                    effect_is="best − final test accuracy at p = 0.2",
                    shown="0.100 [0.080, 0.120]",
                    asked="> 0.03",
                ),
                claim(
                    "L3", "The network knows the lies", "not run", reason="the run kept no ledger"
                ),
            ],
            "device": "cpu",
            "versions": {},
            "commit": None,
            "command": "memlab",
            "started": None,
            "duration_seconds": 6.0,
            "reproduce": "memlab run here/experiment.toml",
            "problems": [],
            "experiment": {},
        }
    )


def document(sides: bool = True) -> dict[str, Any]:
    """The same as report.json has it."""
    return reports.document(found(sides))
