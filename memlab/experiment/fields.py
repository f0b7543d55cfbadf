"""What a person is told of each field of the experiment, read from the field's own declaration.

Words that pydantic has no place for stand beside it, by `memlab.experiment.section.words`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic.fields import FieldInfo

from memlab.experiment.spec import SECTIONS, Experiment, field_names


@dataclass(frozen=True)
class Declared:
    """A field: `label` in a form, `head` over a column, `title` where there is room.

    `unit` is empty where it has none; `choices` are the names that it may take, if it is a choice.
    """

    name: str
    help: str
    label: str
    head: str
    title: str
    unit: str
    default: object
    choices: tuple[str, ...]
    switch: bool


@cache
def declared(name: str) -> Declared:
    """The field of this dotted name, or `seeds`; KeyError where there is none."""
    info = _info(name)
    extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    own = {key: str(extra.get(key) or "") for key in ("head", "title", "symbol", "unit")}
    title = info.title or name.rpartition(".")[2].replace("_", " ")
    listed = extra.get("choices")
    return Declared(
        name=name,
        help=info.description or "",
        label=f"{own['symbol']} {title}".strip(),
        head=own["head"],
        title=own["title"] or own["head"],
        unit=own["unit"],
        default=info.get_default(call_default_factory=True),
        choices=tuple(map(str, listed))
        if isinstance(listed, list)
        else tuple(arg for arg in _literals(info.annotation) if isinstance(arg, str)),
        switch=info.annotation is bool,
    )


def all_declared() -> tuple[Declared, ...]:
    """Every field of every section, in the order of the declaration."""
    return tuple(
        declared(f"{section}.{leaf}")
        for section in SECTIONS
        for leaf in type(getattr(Experiment(), section)).model_fields
    )


def heads(short: dict[str, str]) -> dict[str, str]:
    """What stands over the values of each axis: its own word, else its short name's."""
    known = set(field_names())
    return {
        name: (declared(name).head if name in known else "") or leaf.replace("_", " ")
        for name, leaf in short.items()
    }


def _info(name: str) -> FieldInfo:
    section, _, leaf = name.partition(".")
    if section not in SECTIONS:
        return Experiment.model_fields[section]
    annotation = Experiment.model_fields[section].annotation
    assert annotation is not None
    found: FieldInfo = annotation.model_fields[leaf]
    return found


def _literals(annotation: Any) -> tuple[Any, ...]:
    arguments: tuple[Any, ...] = getattr(annotation, "__args__", ())
    if any(isinstance(arg, str) for arg in arguments):
        return arguments
    return tuple(found for arg in arguments for found in _literals(arg))
