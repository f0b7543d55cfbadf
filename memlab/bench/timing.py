"""Ours beside its references: repetitions interleaved, medians, and the rows of the table."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import torch

Row = dict[str, object]
Measure = Callable[[], float]


@dataclass(frozen=True)
class Contest:
    """A case, ours and its references by name; each call is one repetition and gives a speed.

    Ours that starts a process of its own needs no repetition to warm up: `cold`.
    """

    case: str
    ours: Measure
    references: Mapping[str, Measure] = field(default_factory=dict)
    unit: str = "samples/s"
    cold: bool = False


def tell(line: str) -> None:
    """How far it is, on standard error; the document goes to standard output."""
    print(line, file=sys.stderr, flush=True)


def settle(device: torch.device) -> None:
    """Waits for the device."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def seconds(work: Callable[[], object], device: torch.device) -> float:
    """Wall seconds of `work`."""
    settle(device)
    start = time.perf_counter()
    work()
    settle(device)
    return time.perf_counter() - start


def held(contest: Contest, repetitions: int) -> list[Row]:
    """A row a reference.

    Repetitions are interleaved, so that a machine whose speed drifts slows all alike.
    """
    tell(f"{contest.case} …")
    if not contest.cold:
        contest.ours()
    for reference in contest.references.values():
        reference()
    ours: list[float] = []
    theirs: dict[str, list[float]] = {name: [] for name in contest.references}
    for _ in range(repetitions):
        ours.append(contest.ours())
        for name, reference in contest.references.items():
            theirs[name].append(reference())
    return [
        row(f"{contest.case}: {name}", ours, found, contest.unit) for name, found in theirs.items()
    ]


def row(case: str, ours: Sequence[float], theirs: Sequence[float], unit: str) -> Row:
    """Medians of both sides and of their ratio, which is above 1 where ours is better.

    In seconds and bytes less is better, in every other unit more.
    """
    less = unit in ("s", "bytes")
    pairs = zip(ours, theirs, strict=True)
    ratios = [b / a if less else a / b for a, b in pairs]
    return {
        "case": case,
        "ours": four_digits(statistics.median(ours)),
        "reference": four_digits(statistics.median(theirs)),
        "ratio": four_digits(statistics.median(ratios)),
        "unit": unit,
        "spread": [four_digits(min(ratios)), four_digits(max(ratios))],
    }


def four_digits(value: float) -> float:
    """The number to four significant digits."""
    return float(f"{value:.4g}")
