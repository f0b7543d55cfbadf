"""JSON from files that may be anybody's, and JSON that every reader takes.

Numbers are finite and of at most 64 bits on both ways: what is not becomes null, so that no
reader meets NaN, 1e400 or an integer of a thousand digits. What the documents mean, and what is
allowed in which place, is known to their readers; `number` and `whole` help them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping

MOST_DIGITS = 20
MOST = 2**63
DEEPEST = 64  # lists and objects inside each other
TOO_DEEP = f"nested more than {DEEPEST} deep"


def loads(text: str | bytes) -> object:
    """The document; numbers that are not finite or too long are None.

    Raises:
        ValueError: if it is not JSON, not UTF-8, or nested too deeply.
    """
    try:
        made = json.loads(text, parse_int=_integer, parse_float=_finite, parse_constant=_nothing)
    except RecursionError as error:
        raise ValueError(TOO_DEEP) from error
    _check_depth(made)
    return made


def dumps(document: object, indent: int | None = None) -> str:
    """Strict JSON in ASCII, so that no character of it steers a terminal; None for no number."""
    text = json.dumps(tamed(document), indent=indent, allow_nan=False)
    return text.replace("\x7f", "\\u007f")


def tamed(document: object) -> object:
    """The document with None for numbers that are not finite or too long.

    >>> tamed({"a": [float("nan"), 10**400, 1.5]})
    {'a': [None, None, 1.5]}
    """
    if isinstance(document, float):
        return document if math.isfinite(document) else None
    if isinstance(document, int):
        return document if abs(document) <= MOST else None
    if isinstance(document, Mapping):
        return {key: tamed(value) for key, value in document.items()}
    if isinstance(document, list | tuple):
        return [tamed(value) for value in document]
    return document


def number(value: object, low: float = -math.inf, high: float = math.inf) -> float | None:
    """A finite number in [low, high]; None for anything else, booleans too.

    >>> number(10**400), number("1"), number(2, 0, 1), number(2)
    (None, None, None, 2.0)
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) and low <= found <= high else None


def numbers(values: Iterable[float]) -> list[float | None]:
    """The values as plain numbers; None for those that are not finite."""
    return [number(float(value)) for value in values]


def whole(value: object, low: int = -MOST, high: int = MOST) -> int | None:
    """A whole number in [low, high]; None for anything else, booleans too."""
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if low <= value <= high else None


def _check_depth(document: object) -> None:
    """Refuses what could exhaust the stack of whoever walks through it."""
    level = [document]
    for _ in range(DEEPEST + 1):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return
    raise ValueError(TOO_DEEP)


def _integer(text: str) -> int | None:
    found = int(text) if len(text) <= MOST_DIGITS else None
    return found if found is not None and abs(found) <= MOST else None


def _finite(text: str) -> float | None:
    found = float(text)
    return found if math.isfinite(found) else None


def _nothing(_text: str) -> None:
    return None
