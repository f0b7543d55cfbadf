"""What a run was made with, as far as it can be known without importing torch."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path

import memlab
from memlab import child
from memlab.text import plain

#: How networks of the user's own are computed, by address and settings; a run's worker tells it.
OWN_NETWORKS = "own_networks"
MOST_NETWORKS = 20
PACKAGES = ("numpy", "scipy", "torch", "torchvision", "scikit-learn", "pydantic")


def describe(command: Sequence[str]) -> dict[str, object]:
    """Versions, machine, commit of a checkout and the command, for `environment.json`."""
    return {
        "memlab": memlab.__version__,
        "python": platform.python_version(),
        "packages": {name: version for name in PACKAGES if (version := _version(name))},
        "machine": platform.machine(),
        "system": platform.platform(),
        "host": platform.node(),
        "executable": child.PYTHON,
        "command": list(command),
        "commit": commit(),
    }


def own_networks(environment: Mapping[str, object]) -> dict[str, str]:
    """What the worker told of networks of the user's own, as text to be shown; empty without."""
    found = environment.get(OWN_NETWORKS)
    items = list(found.items()) if isinstance(found, Mapping) else []
    return {plain(name): plain(how) for name, how in items[:MOST_NETWORKS]}


def commit() -> str | None:
    """The commit of the checkout that this code runs from, `+` where it has changes."""
    top = Path(memlab.__file__).resolve().parents[1]
    if not (top / ".git").exists():
        return None
    try:
        head = _git(top, "rev-parse", "HEAD")
        return head + ("+" if _git(top, "status", "--porcelain", "-uno") else "")
    except (OSError, subprocess.SubprocessError):
        return None


def _git(top: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=top, capture_output=True, text=True, timeout=5, check=True
    )
    return done.stdout.strip()


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
