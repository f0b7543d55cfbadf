"""What the bench of suspects found, as tables: of one part of it, or of several parts together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from memlab.bench.mislabelled import Found
from memlab.errors import InvalidExperiment
from memlab.estimate import Estimate, over_seeds

OURS = "memlab"
MEASURES = ("average_precision", "auroc", "first_50", "missed", "false_alarms", "seconds")
Row = dict[str, object]
Cell = tuple[str, str, float]


@dataclass(frozen=True)
class One:
    """What one method found in one replicate of one cell: data, kind of noise, rate."""

    cell: Cell
    method: str
    replicate: int
    found: Found


def tables(found: Sequence[One]) -> dict[str, object]:
    """`rows` of ours against each reference, `cells` with all measures of all methods, and `found`,
    from which `joined` makes them again."""
    rows: list[Row] = []
    cells: list[Row] = []
    for cell in dict.fromkeys(one.cell for one in found):
        methods: dict[str, dict[int, Found]] = {}
        for one in found:
            if one.cell == cell:
                methods.setdefault(one.method, {})[one.replicate] = one.found
        cells += [_cell(cell, method, of) for method, of in methods.items()]
        rows += _rows(cell, methods)
    return {"rows": rows, "cells": cells, "found": [_document(one) for one in found]}


def joined(documents: Iterable[Mapping[str, Any]]) -> dict[str, object]:
    """The tables of parts of the bench together, each as `memlab bench suspects --json` printed it.

    What several have, the same replicate of the same cell and method, is taken from the first.

    Raises:
        InvalidExperiment: if one is no such document.
    """
    parts: dict[tuple[Cell, str, int], One] = {}
    devices: dict[str, Mapping[str, Any]] = {}
    for number, document in enumerate(documents, 1):
        try:
            machine = document["machine"]
            devices.setdefault(f"{machine['device']}", machine)
            made = [_read(each) for each in document["found"]]
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidExperiment(
                f"Part {number} is nothing that `memlab bench suspects --json` printed."
            ) from error
        for one in made:
            parts.setdefault((one.cell, one.method, one.replicate), one)
    machine = dict(next(iter(devices.values()), {})) | {"device": "; ".join(devices)}
    ordered = sorted(parts.values(), key=lambda one: one.replicate)
    return {"machine": machine, **tables(ordered)}


def _document(one: One) -> Row:
    data, noise, rate = one.cell
    return {
        "data": data,
        "noise": noise,
        "rate": rate,
        "method": one.method,
        "replicate": one.replicate,
        **asdict(one.found),
    }


def _read(document: Mapping[str, Any]) -> One:
    values = {name: document[name] for name in MEASURES}
    found = Found(**{n: float("nan") if v is None else float(v) for n, v in values.items()})
    cell = (str(document["data"]), str(document["noise"]), float(document["rate"]))
    return One(cell, str(document["method"]), int(document["replicate"]), found)


def _cell(cell: Cell, method: str, found: Mapping[int, Found]) -> Row:
    data, noise, rate = cell
    measures = {
        name: over_seeds([float(getattr(one, name)) for one in found.values()]).document()
        for name in MEASURES
    }
    told = {"data": data, "noise": noise, "rate": rate, "method": method}
    return told | {"replicates": sorted(found)} | measures


def _rows(cell: Cell, found: Mapping[str, Mapping[int, Found]]) -> list[Row]:
    """Ours beside each reference, on the replicates of both: means, ratio, the difference's
    interval."""
    data, noise, rate = cell
    case = f"{data}, {noise} {rate:.0%}" if rate else f"{data}, none"
    made: list[Row] = []
    ours = found.get(OURS, {})
    for name, theirs in found.items():
        both = sorted(ours.keys() & theirs.keys())
        if name == OURS or not both or not np.isfinite(theirs[both[0]].average_precision):
            continue
        for measure, title in (("average_precision", "average precision"), ("caught", "caught")):
            pairs = [
                (float(getattr(ours[at], measure)), float(getattr(theirs[at], measure)))
                for at in both
            ]
            ratios = [a / max(b, 1e-9) for a, b in pairs]
            gain: Estimate = over_seeds([a - b for a, b in pairs])
            made.append(
                {
                    "case": f"{case}: {name}",
                    "ours": float(np.mean([a for a, _ in pairs])),
                    "reference": float(np.mean([b for _, b in pairs])),
                    "ratio": float(np.mean(ratios)),
                    "unit": title,
                    "spread": [min(ratios), max(ratios)],
                    "difference": gain.document(),
                }
            )
    return made
