"""Code of the user's own that an experiment names: where it lies, and whether it is as it was.

A name in an experiment imports nothing. Whoever starts a run finds the module's file without
importing it (`find`), and the registry outside the run's folder keeps where it lay and its hash;
the worker permits what is there and imports that alone (`memlab.models.own_import`), with nothing
on its path but the module's root. A run from elsewhere has no such entry.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from memlab.errors import InvalidExperiment
from memlab.experiment import own_network

if TYPE_CHECKING:
    from memlab.experiment.spec import Experiment

MOST_BYTES = 1 << 24
ALLOW = "--allow-code"


@dataclass(frozen=True)
class Code:
    """A module's file below its root, the folder that is on the path; `hash` is of its content."""

    module: str
    root: str
    file: str
    hash: str


def modules_of(experiment: Experiment) -> tuple[str, ...]:
    """The modules that an experiment names, its axes included, sorted."""
    names: list[object] = [experiment.model.name, *experiment.axes.get("model.name", ())]
    for table in experiment.axes.get("model", ()):
        names.append(table.get("name") if isinstance(table, Mapping) else None)
    own = [name for name in names if isinstance(name, str) and own_network.is_own(name)]
    return tuple(sorted({own_network.address(name).module for name in own}))


def search_path(*first: Path) -> list[Path]:
    """Where modules are looked for: `first`, then PYTHONPATH and what is installed."""
    listed = [part for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part]
    installed = [p for p in sys.path if p and os.path.isdir(p) and p not in listed]
    found = [*first, *map(Path, listed), *map(Path, installed)]
    return list(dict.fromkeys(Path(os.path.abspath(path)) for path in found))


def find(module: str, folders: Sequence[Path]) -> Code:
    """The module's file in the first of `folders` that has it; nothing is imported.

    Raises:
        InvalidExperiment: if there is none, or it cannot be read.
    """
    parts = module.split(".")
    for root in folders:
        base = root.joinpath(*parts)
        for file in (base / "__init__.py", base.with_name(f"{base.name}.py")):
            if file.is_file():
                return Code(module, str(root), str(file), _hash(file))
    looked = folders[0] if folders else "no folder"
    raise InvalidExperiment(
        f"There is no module {module}: no {'/'.join(parts)}.py in {looked}, on PYTHONPATH or among"
        " what is installed. Start memlab in the folder that holds it.",
        "model.name",
    )


def _hash(file: Path) -> str:
    try:
        with open(file, "rb") as stream:
            content = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise InvalidExperiment(
            f"{file} cannot be read: {error.strerror}.", "model.name"
        ) from error
    if len(content) > MOST_BYTES:
        raise InvalidExperiment(f"{file} is too large for a module.", "model.name")
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def changed(code: Code) -> str:
    """What is no longer as it was recorded, in words; empty where all is."""
    file = Path(code.file)
    if not file.is_file():
        return f"{file} is gone"
    return "" if _hash(file) == code.hash else f"{file} has changed since the run began"


def check(modules: Iterable[str], known: Mapping[str, Code], run: str) -> None:
    """That all of `modules` may be imported by the run of that id, and are as they were.

    Raises:
        InvalidExperiment: naming the first that is not.
    """
    for module in modules:
        code = known.get(module)
        why = f"nobody here has agreed that {module} is imported" if code is None else changed(code)
        if why:
            raise InvalidExperiment(
                f"{run} names code of its own, and {why}. If it is to go on with {module} as that"
                f" is now, say {ALLOW} {module}.",
                "model.name",
            )


def as_document(codes: Iterable[Code]) -> list[dict[str, object]]:
    """For a file of JSON; `from_document` reads it."""
    return [asdict(code) for code in codes]


def from_document(document: object) -> tuple[Code, ...]:
    """What of a document is code, the rest left out."""
    found = []
    for entry in document if isinstance(document, list) else ():
        if isinstance(entry, dict):
            values = {name: entry.get(name) for name in Code.__dataclass_fields__}
            if all(isinstance(value, str) for value in values.values()):
                found.append(Code(**{name: str(value) for name, value in values.items()}))
    return tuple(found)
