"""What all parts of an experiment are: frozen, closed to unknown keys; and the types they share."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Rate = Annotated[float, Field(ge=0.0, lt=1.0)]
Count = Annotated[int, Field(ge=1, le=1_000_000_000)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]


class UnknownNameError(ValueError):
    """A name that is not among the known ones; `reading.py` adds the nearest valid one."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        super().__init__(f"{name!r} is not a known name")
        self.name = name
        self.known = known


class FieldError(ValueError):
    """What is wrong between several fields of a section, told of the one to mend."""

    def __init__(self, leaf: str, sentence: str) -> None:
        super().__init__(sentence)
        self.leaf = leaf


def words(head: str = "", title: str = "", symbol: str = "", unit: str = "") -> JsonDict:
    """What a field is called, for its declaration: `json_schema_extra=words(unit="s")`.

    `head` stands over a column of its values, `title` over a table; `symbol` goes before its name.
    """
    named = {"head": head, "title": title, "symbol": symbol, "unit": unit}
    return {key: text for key, text in named.items() if text}


class Section(BaseModel):
    """A part of the experiment: frozen, and closed to keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
