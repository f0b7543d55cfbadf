"""JSON documents with one value, or one key, replaced by what no program wrote there."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from typing import Any

ODD: tuple[object, ...] = (
    float("nan"), float("inf"), -float("inf"), 1e15, 1e300, -1e300, 5e-324, 10**400, -(10**400),
    2**63, -1, 0, 0.5, True, None, "", "[/x]\x1b]52;c;aGk=\x07\u202e\ud800", "1e9", [], [[]],
    ["a", 1, None], {}, {"mean": 1e300, "ci95": [float("nan"), 10**400], "n": 0}, 
    {"a": {"b": [{}]}},
)  # fmt: skip
GONE = object()


def mutated(document: Any, dice: random.Random, changes: int = 1) -> Any:
    """A copy with so many random places changed."""
    made = copy.deepcopy(document)
    for _ in range(changes):
        places = list(_places(made))
        if not places:
            return dice.choice(ODD)
        holder, key = dice.choice(places)
        value = dice.choice((*ODD, GONE, 30))
        if value is GONE:
            del holder[key]
        elif value == 30 and isinstance(holder, list):
            holder *= 30
        else:
            holder[key] = copy.deepcopy(value)
    return made


def _places(document: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(document, dict | list):
        keys = list(document) if isinstance(document, dict) else range(len(document))
        for key in keys:
            yield document, key
            yield from _places(document[key])
