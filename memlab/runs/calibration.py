"""The store of measured speeds: one JSON file in the data folder, a part for each machine.

The preview's times and the planner's choices come from it. `memlab doctor --calibrate` and an idle
standby fill it, every finished run adds its own figures. A file that is damaged or of another
schema is as if there was none: it is measured anew and written over.
"""

from __future__ import annotations

import errno
import os
import platform
import stat
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

from pydantic import ValidationError

from memlab import settings, strict_json
from memlab.atomic import write_atomically
from memlab.cores import usable_cores
from memlab.errors import InvalidExperiment
from memlab.experiment.architecture import ImageShape, count
from memlab.experiment.material_spec import ModelSpec
from memlab.experiment.speeds import Measured, Shape, Source, Speeds, joined

SCHEMA_VERSION = 1
MOST_BYTES = 4 << 20
MOST_MACHINES = 16
MOST_ENTRIES = 600
MOST_SECONDS = 1e6
MOST_TEXT = 200
MOST_MEMORY = 1 << 40
CPU = "cpu"


@dataclass(frozen=True)
class Machine:
    """What speeds hold for: `device` is `cpu`, or the name of a GPU."""

    processor: str
    cores: int
    device: str
    torch: str


def this_machine(device: str = CPU) -> Machine:
    """This machine, as this process may use it; torch is not imported."""
    try:
        torch = metadata.version("torch")
    except metadata.PackageNotFoundError:
        torch = ""
    return Machine(_processor()[:MOST_TEXT], usable_cores(), device[:MOST_TEXT], torch)


def store_file() -> Path:
    """Where the store is. Raises SettingsError where MEMLAB_HOME is no folder."""
    return settings.data_folder() / "calibration.json"


def load(machine: Machine | None = None, path: Path | None = None) -> Speeds:
    """What was measured on `machine` (else this one's processor); empty where nothing was."""
    machine = machine or this_machine()
    return _read(path or store_file()).get(machine) or Speeds(machine.cores)


def load_kind(kind: str, path: Path | None = None) -> Speeds:
    """As `load`, for `cpu`, or for `cuda`: the GPU of this machine that was measured last."""
    own = this_machine()
    if kind == CPU:
        return load(own, path)
    for machine in reversed(_read(path or store_file())):
        same = (machine.processor, machine.cores, machine.torch) == (
            own.processor,
            own.cores,
            own.torch,
        )
        if same and machine.device != CPU:
            return load(machine, path)
    return Speeds(own.cores)


def note(
    new: Sequence[Measured],
    machine: Machine,
    path: Path | None = None,
    worker_bytes: int | None = None,
) -> None:
    """Adds measurements, in the place of older ones of the same kind.

    `worker_bytes` is the resident set of a worker with nothing to train, where it was measured. Of
    two processes that write at once, the later one's stays.

    Raises:
        StorageError, SettingsError: if it cannot be written.
    """
    path = path or store_file()
    machines = _read(path)
    before = machines.pop(machine, Speeds(machine.cores))
    entries = joined(before.measured, new, MOST_ENTRIES)
    machines[machine] = Speeds(machine.cores, entries, worker_bytes or before.worker_bytes)
    kept = list(machines.items())[-MOST_MACHINES:]
    document = {
        "schema": SCHEMA_VERSION,
        "machines": [
            asdict(one)
            | {"worker_bytes": speeds.worker_bytes}
            | {"measured": [_written(entry) for entry in speeds.measured]}
            for one, speeds in kept
        ],
    }
    settings.prepared(path.parent)
    write_atomically(path, strict_json.dumps(document).encode())


def _written(entry: Measured) -> dict[str, object]:
    shape = entry.shape
    return {
        "model": shape.model.model_dump(mode="json", exclude_defaults=True),
        "image": None if shape.image is None else list(shape.image),
        **{name: getattr(shape, name) for name in _SHAPE},
        **{name: getattr(entry, name) for name in _ENTRY},
    }


_SHAPE = ("features", "classes", "batch_size", "optimizer", "loss", "extra")
_ENTRY = ("members", "threads", "processes", "update_seconds", "example_seconds", "source")


def _read(path: Path) -> dict[Machine, Speeds]:
    """Everything that the file holds and that makes sense, the machine used last at the end."""
    try:
        document = strict_json.loads(_bytes(path))
    except (OSError, ValueError):
        return {}
    if not isinstance(document, dict) or document.get("schema") != SCHEMA_VERSION:
        return {}
    machines = document.get("machines")
    found: dict[Machine, Speeds] = {}
    for tree in machines[-MOST_MACHINES:] if isinstance(machines, list) else ():
        machine = _machine(tree) if isinstance(tree, dict) else None
        if machine is not None:
            entries = tree.get("measured")
            listed = entries[-MOST_ENTRIES:] if isinstance(entries, list) else ()
            made = (_measured(entry) for entry in listed if isinstance(entry, dict))
            worker_bytes = strict_json.whole(tree.get("worker_bytes"), 1, MOST_MEMORY)
            known = tuple(entry for entry in made if entry is not None)
            found[machine] = Speeds(machine.cores, known, worker_bytes)
    return found


def _bytes(path: Path) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "it is no regular file")
        data = b""
        while len(data) <= MOST_BYTES and (piece := os.read(descriptor, MOST_BYTES)):
            data += piece
    finally:
        os.close(descriptor)
    if len(data) > MOST_BYTES:
        raise ValueError(f"more than {MOST_BYTES:,} bytes")
    return data


def _machine(tree: Mapping[str, object]) -> Machine | None:
    processor, device, torch = (_text(tree.get(name)) for name in ("processor", "device", "torch"))
    cores = strict_json.whole(tree.get("cores"), 1, 1 << 20)
    if processor is None or device is None or torch is None or cores is None:
        return None
    return Machine(processor, cores, device, torch)


def _measured(tree: Mapping[str, object]) -> Measured | None:
    shape = _shape(tree)
    members, threads, processes = (
        strict_json.whole(tree.get(name), 1, 1 << 20)
        for name in ("members", "threads", "processes")
    )
    if shape is None or members is None or threads is None or processes is None:
        return None
    update, example = (
        strict_json.number(tree.get(name), 1e-12, MOST_SECONDS)
        for name in ("update_seconds", "example_seconds")
    )
    source: Source = "run" if tree.get("source") == "run" else "calibration"
    return Measured(shape, members, threads, processes, update, example, source)


def _shape(tree: Mapping[str, object]) -> Shape | None:
    features, classes, batch_size = (
        strict_json.whole(tree.get(name), 1, 1 << 30)
        for name in ("features", "classes", "batch_size")
    )
    optimizer, loss, extra = (_text(tree.get(name)) for name in ("optimizer", "loss", "extra"))
    if features is None or classes is None or batch_size is None:
        return None
    if optimizer is None or loss is None or extra is None:
        return None
    try:
        model = ModelSpec.model_validate(tree.get("model"))
        image = _image(tree.get("image"))
        count(model, image, features, classes)
    except (ValidationError, InvalidExperiment, ValueError):
        return None
    return Shape(model, image, features, classes, batch_size, optimizer, loss, extra)


def _image(value: object) -> ImageShape | None:
    if value is None:
        return None
    sides = (
        [strict_json.whole(side, 1, 1 << 16) for side in value] if isinstance(value, list) else []
    )
    channels, height, width = sides  # of another length: ValueError
    if channels is None or height is None or width is None:
        raise ValueError("no shape")
    return channels, height, width


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and len(value) <= MOST_TEXT else None


def _processor() -> str:
    """The processor's model: `AMD EPYC (25/17)` where Linux says so, else what Python knows."""
    facts: dict[str, str] = {}
    with suppress(OSError), open("/proc/cpuinfo", encoding="ascii", errors="replace") as lines:
        for line in lines:
            name, colon, value = line.partition(":")
            if not colon:
                break
            facts[name.strip()] = value.strip()
    name = facts.get("model name") or platform.processor() or platform.machine()
    own = [facts[key] for key in ("cpu family", "model") if key in facts]
    return f"{name} ({'/'.join(own)})" if own else name
