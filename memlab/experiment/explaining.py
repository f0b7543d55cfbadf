"""What is wrong with an experiment, in words: a validation's errors as sentences.

Each names the key, the value, what would be right and, for a misspelt name, the nearest valid one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from memlab.experiment.section import FieldError, UnknownNameError
from memlab.experiment.spec import SECTIONS, Experiment, field_names
from memlab.spelling import closest_field, did_you_mean

LONGEST_SHOWN = 120
_QUOTES = "'\""


def explain(error: ValidationError, where: str) -> str:
    """The first two errors of a failed validation, as sentences."""
    details = _one_each(error.errors())
    sentences = [f"{where}: {sentence(detail)}" for detail in details[:2]]
    if len(details) > 2:
        sentences.append(f"({len(details) - 2} more.)")
    return " ".join(sentences)


def by_field(error: ValidationError) -> dict[str, str]:
    """A sentence for each field that failed, without its name; the empty name is the whole."""
    found: dict[str, str] = {}
    for detail in _one_each(error.errors()):
        name = _field_of(detail)
        found.setdefault(name, _without_name(sentence(detail), name))
    return found


def _field_of(detail: ErrorDetails) -> str:
    """The field that an error is about, `seeds` among them; empty where it is about no single one.

    One of a section says itself which (`FieldError`); one of an item of a list stands in its field.
    """
    path, cause = _path(detail), detail.get("ctx", {}).get("error")
    if isinstance(cause, FieldError):
        path = [*path[:1], cause.leaf]
    known = (*field_names(), "seeds")
    return next((name for name in (".".join(path[:2]), *path[:1]) if name in known), "")


def _without_name(text: str, name: str) -> str:
    for start in (f"{name} = ", f"{name}: ", f"{name.partition('.')[0]}: "):
        text = text.removeprefix(start)
    return text


def _one_each(details: Sequence[ErrorDetails]) -> list[ErrorDetails]:
    """One error per field: a field of several types reports one for each of them."""
    first: dict[tuple[str, ...], ErrorDetails] = {}
    for detail in details:
        first.setdefault(tuple(_path(detail)), detail)
    return list(first.values())


def _path(detail: ErrorDetails) -> list[str]:
    parts = [str(part) for part in detail["loc"]]
    return [part for part in parts if not part.startswith(("constrained", "list[", "function"))]


def sentence(detail: ErrorDetails) -> str:
    """One validation error as a sentence: the key, the value, and what would be right."""
    path = _path(detail)
    key = ".".join(_printable(part) for part in path) or "the experiment"
    context = detail.get("ctx", {})
    value = _shown(detail.get("input"))
    if detail["type"] == "extra_forbidden":
        known = _siblings(path)
        return f"{_shown('.'.join(path))} is not a known key{nearest(path[-1], known) or '.'}"
    cause = context.get("error")
    if isinstance(cause, UnknownNameError):
        name = _shown(cause.name)
        if not cause.known:
            return f"{key}: {name} is unknown; this version knows none yet."
        single = tuple(n for n in cause.known if "+" not in n)
        known = cause.known if "+" in cause.name else single
        near = nearest(cause.name, cause.known) or "."
        return f"{key} = {name} is unknown{near} Known: {', '.join(known)}."
    if detail["type"] == "literal_error":
        names = tuple(re.findall(r"'([^']*)'", str(context.get("expected", ""))))
        return (
            f"{key} = {value} is unknown{nearest(value.strip(_QUOTES), names) or '.'} "
            f"Known: {', '.join(names)}."
        )
    if detail["type"] == "value_error":
        return f"{key}: {cause}."
    reason = detail["msg"].replace("Input should be", "it should be")
    return f"{key} = {value}: {reason[0].lower() + reason[1:]}."


def _shown(value: object) -> str:
    """A value as Python writes it, cut to a length that a sentence bears."""
    text = repr(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"


def _printable(text: str) -> str:
    return text[:LONGEST_SHOWN] if text.isprintable() else _shown(text)


def _siblings(path: Sequence[str]) -> tuple[str, ...]:
    if len(path) > 1 and path[0] in SECTIONS:
        prefix = path[0] + "."
        return tuple(n.removeprefix(prefix) for n in field_names() if n.startswith(prefix))
    return tuple(Experiment.model_fields)


def nearest(name: str, known: Iterable[str]) -> str:
    """A question for the name that was meant; empty where none is near."""
    return did_you_mean(closest_field(name, known))
