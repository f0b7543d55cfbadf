"""Scores by retraining as findings: the summary that was kept, and the heads of the lists."""

from __future__ import annotations

import base64
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memlab.errors import RunFolderError
from memlab.reports.memorization_document import (
    GreyPicture,
    InfluencePair,
    MemorizationFindings,
    MemorizedExample,
)
from memlab.runs import retraining_store
from memlab.runs.retraining import Scores
from memlab.runs.run import Run

TOP = 20
#: The first of them have their pictures in the report.
PICTURED = 10


def memorization_findings(run: Run) -> list[MemorizationFindings]:
    """What was settled at the run's end; nothing where that was not asked for or cannot be read."""
    if not retraining_store.kept(run):
        return []
    try:
        found = retraining_store.stored(run.folder) or []
        return [
            MemorizationFindings.model_validate(
                {
                    **scores.summary,
                    "label": group.label or "all",
                    "most_memorized": most_memorized(scores, pictures),
                    "strongest_pairs": strongest_pairs(scores, pictures),
                }
            )
            for group, scores in zip(run.groups, found, strict=True)
            for pictures in [retraining_store.recorded(run, "pictures", group.index)]
        ]
    except (RunFolderError, ValueError):
        return []


def most_memorized(
    scores: Scores, pictures: NDArray[Any] | None = None, top: int = TOP
) -> list[MemorizedExample]:
    """The truths that would not be known unseen, most memorized first."""
    examples, names = scores.examples, scores.class_names
    value = np.where(np.isfinite(examples["memorization"]), examples["memorization"], -np.inf)
    value = np.where(examples["corrupted"], -np.inf, value)
    order = np.lexsort((-examples["margin_memorization"], -value))[:top]
    return [
        MemorizedExample(
            index=int(row["index"]),
            given=names[row["given"]],
            true=names[row["true"]],
            corrupted=bool(row["corrupted"]),
            memorization=float(row["memorization"]),
            ci95=(float(row["low"]), float(row["high"])),
            inside=float(row["inside"]),
            outside=float(row["outside"]),
            margin=float(row["margin_memorization"]),
            margin_standard_error=_or_none(row["margin_standard_error"]),
            neighbours=_or_none(row["neighbours"]),
            picture=_picture(pictures, int(at)) if rank < PICTURED else None,
        )
        for rank, at in enumerate(order[np.isfinite(value[order])])
        for row in [examples[at]]
    ]


def strongest_pairs(
    scores: Scores, pictures: NDArray[Any] | None = None, top: int = TOP
) -> list[InfluencePair]:
    """The pairs that are significant by correctness, those with test examples before others."""
    pairs, targets, names = scores.pairs, scores.targets, scores.class_names
    train = len(scores.examples)
    pairs = pairs[pairs["by"] & 1 > 0]
    order = np.lexsort((-np.abs(pairs["influence"]), pairs["to"] < train))
    return [
        InfluencePair(
            of=int(targets["index"][pair["of"]]),
            of_label=names[targets["given"][pair["of"]]],
            to=int(targets["index"][pair["to"]]),
            to_label=names[targets["given"][pair["to"]]],
            target="train" if pair["to"] < train else "test",
            influence=float(pair["influence"]),
            standard_error=_or_none(pair["standard_error"]),
            margin_influence=float(pair["margin_influence"]),
            margin_standard_error=_or_none(pair["margin_standard_error"]),
            of_picture=_picture(pictures, int(pair["of"])) if rank < PICTURED else None,
            to_picture=_picture(pictures, int(pair["to"])) if rank < PICTURED else None,
        )
        for rank, pair in enumerate(pairs[order[:top]])
    ]


def _picture(pictures: NDArray[Any] | None, position: int) -> GreyPicture | None:
    if pictures is None or position >= len(pictures):
        return None
    height, width = pictures.shape[1:]
    grey = base64.b64encode(np.ascontiguousarray(pictures[position]).tobytes()).decode()
    return GreyPicture(height=height, width=width, grey=grey)


def _or_none(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
