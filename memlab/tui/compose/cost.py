"""What a run will cost, worded for the Compose screen. The estimate itself is `experiment.cost`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from memlab.experiment.cost import Cost, estimate
from memlab.experiment.datasets import taken
from memlab.experiment.grid import member_count
from memlab.experiment.spec import Experiment

ASK_MEMBERS = 10_000
ASK_MINUTES = 10.0
NVIDIA = (Path("/dev/nvidiactl"), Path("/dev/dxg"))


@dataclass(frozen=True)
class CostNote:
    """Lines for the preview panel, and a question where the run is to be confirmed first."""

    lines: tuple[str, ...]
    question: str = ""


def device_kind(chosen: str) -> str:
    """`cpu` or `cuda`, as `auto` will most likely choose on this machine, without torch."""
    if chosen.startswith("cuda"):
        return "cuda"
    found = chosen == "auto" and any(path.exists() for path in NVIDIA)
    return "cuda" if found else "cpu"


def note(made: Experiment, device: str, speeds: Mapping[str, float] | None = None) -> CostNote:
    """What `made` costs on `device` (`cpu` or `cuda`); `speeds` were measured on this machine."""
    members = member_count(made)
    found = estimate(made, device, (speeds or {}).get(device))
    networks = _count(members, "network")
    if found is None:
        lines = (networks, "its data are the user's own: time and memory show when it runs")
        return CostNote(lines, _question(members, None, device))
    rows = (
        f"{networks} · {_count(found.shapes, 'shape')} in {_count(found.stacks, 'stack')}",
        f"{_count(found.updates, 'update')} · {_bytes(found.memory)} · {found.time}",
        _parameters(made, found),
        _noise(found),
    )
    return CostNote(tuple(filter(None, rows)), _question(members, found, device))


def _parameters(made: Experiment, found: Cost) -> str:
    data = taken(made.dataset)
    each = "parameters" if found.shapes == 1 else "parameters at most"
    if data is None or "dataset.train" in made.axes:
        return f"{found.parameters:,} {each}"
    return f"{found.parameters:,} {each} · {_three(found.parameters / data.train)} per example"


def _noise(found: Cost) -> str:
    if found.ratio is None or found.noise_scale is None:
        return ""
    return f"η/S {_three(found.ratio)} · noise scale {_three(found.noise_scale)}"


def _question(members: int, found: Cost | None, device: str) -> str:
    if members > ASK_MEMBERS:
        return f"This trains {members:,} networks."
    if found is not None and found.minutes > ASK_MINUTES:
        where = "the GPU" if device == "cuda" else "this machine's processor"
        return f"On {where} this takes {found.time}."
    return ""


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def _three(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def _bytes(number: int) -> str:
    size, units = number / 1e6, ("MB", "GB", "TB")
    for unit in units:
        if size < 1000 or unit == units[-1]:
            return f"{size:.1f} {unit}" if size < 10 else f"{size:,.0f} {unit}"
        size /= 1000
    raise AssertionError(number)
