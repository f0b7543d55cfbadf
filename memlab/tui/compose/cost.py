"""What a run will cost, worded for the Compose screen. The estimate itself is `experiment.cost`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from memlab.errors import SettingsError
from memlab.experiment.cost import Cost, expected
from memlab.experiment.datasets import taken
from memlab.experiment.grid import member_count
from memlab.experiment.spec import Experiment
from memlab.experiment.speeds import Speeds
from memlab.runs import calibration, own_code

ASK_MEMBERS = 10_000
ASK_MINUTES = 10.0
#: Behind a time that another machine's figures stand in for.
UNMEASURED = ", uncalibrated"
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


class SpeedsReader:
    """This machine's speeds, read again when their file has changed; none where it cannot be."""

    def __init__(self) -> None:
        self._seen: tuple[str, int, int] | None = None
        self._speeds: Speeds | None = None

    def read(self, device: str) -> Speeds | None:
        """Those of `device` (`cpu` or `cuda`)."""
        try:
            state = calibration.store_file().stat()
        except (OSError, SettingsError):
            return None
        seen = (device, state.st_mtime_ns, state.st_size)
        if seen != self._seen:
            self._seen, self._speeds = seen, calibration.load_kind(device)
        return self._speeds


def note(made: Experiment, device: str, speeds: Speeds | None = None) -> CostNote:
    """What `made` costs on `device` (`cpu` or `cuda`); `speeds` were measured on this machine."""
    members = member_count(made)
    found = expected(made, device, speeds)
    networks = _count(members, "network")
    if found is None:
        whose = "the network is" if own_code.modules_of(made) else "the data are"
        lines = (networks, f"{whose} your own: time and memory show when it runs")
        return CostNote(lines, _question(members, None, device))
    rows = (
        f"{networks} · {_count(found.shapes, 'shape')} in {_count(found.stacks, 'stack')}",
        f"{_count(found.updates, 'update')} · {found.time}{'' if found.measured else UNMEASURED}",
        _room(found, device),
        _parameters(made, found),
        _noise(found),
    )
    return CostNote(tuple(filter(None, rows)), _question(members, found, device))


def _room(found: Cost, device: str) -> str:
    """Memory and disk; instruments and a GPU's libraries take more than is known beforehand."""
    memory, disk = _bytes(found.memory), _bytes(found.disk)
    more = "at least " if found.more or device == "cuda" else ""
    return f"{more}{memory} of memory · {disk} on disk"


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
