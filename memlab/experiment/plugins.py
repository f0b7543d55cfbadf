"""What third parties add: declarations behind entry points, found by name, imported when used.

A package declares them in its pyproject.toml, one line each:

    [project.entry-points."memlab.datasets"]       NAME = "module:memlab.data.dataset.Dataset"
    [project.entry-points."memlab.corruptions"]    NAME = "module:memlab.data.corruption.Corruption"
    [project.entry-points."memlab.models"]         NAME = "module:…architecture.Architecture"
    [project.entry-points."memlab.instruments"]    NAME = "module:…instruments.Instrument"
    [project.entry-points."memlab.claims"]         ID = "module:memlab.claims.claim.Claim"

Importing any of these modules must import no torch. `memlab.data.contract`,
`memlab.models.contract`, `memlab.instruments.contract` and `memlab.claims.contract` have
checks for them.
"""

from __future__ import annotations

import re
from functools import cache
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from memlab.errors import InvalidExperiment

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

DATASETS: Final = "memlab.datasets"
CORRUPTIONS: Final = "memlab.corruptions"
MODELS: Final = "memlab.models"
INSTRUMENTS: Final = "memlab.instruments"
CLAIMS: Final = "memlab.claims"
#: How a claim of ours is declared: what follows is its id.
DECLARED: Final = r'= Claim\(\n    id="([\w-]+)"'


@cache
def own_claims() -> tuple[str, ...]:
    """The ids of memlab's own claims, sorted, as their declarations in `memlab/claims` have them.

    Read from the sources and not imported: an experiment that names claims is checked before the
    app's first paint, where the import of all claims would be felt (70 ms against 1).
    """
    sources = (Path(__file__).parent.parent / "claims").glob("*.py")
    found = (re.findall(DECLARED, source.read_text("utf-8")) for source in sources)
    return tuple(sorted(chain.from_iterable(found)))


@cache
def points(group: str) -> dict[str, EntryPoint]:
    """The entry points of a group by name; of two of one name the first installed counts."""
    from importlib.metadata import entry_points  # slow, and the app's start would pay for it

    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=group):
        found.setdefault(point.name, point)
    return found


def names(group: str) -> tuple[str, ...]:
    """The names that third parties add to a group, sorted; nothing is imported."""
    return tuple(sorted(points(group)))


def load(group: str, name: str, kind: type) -> Any:
    """The declaration behind a name, of type `kind`, whose `name` (or `id`) is that name.

    Raises:
        InvalidExperiment: if it cannot be imported, or is something else.
    """
    point = points(group)[name]
    try:
        found = point.load()
    except Exception as error:  # a third party's module may raise anything
        raise InvalidExperiment(
            f"{name!r} of {group} ({point.value}) cannot be imported: {error}."
        ) from error
    own = getattr(found, "name", None) or getattr(found, "id", None)
    if not isinstance(found, kind) or own != name:
        raise InvalidExperiment(
            f"{name!r} of {group} ({point.value}) is no {kind.__name__} of that name."
        )
    return found
