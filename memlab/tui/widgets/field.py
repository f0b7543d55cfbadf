"""Fields of a form and how they lie below each other: headings, rows, errors. No widget."""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["text", "choice", "bool"]
LineKind = Literal["heading", "field", "error", "more"]


@dataclass(frozen=True)
class Field:
    """One row of a form. `default` is the preset's value; `axis` counts the values of an axis.

    `advanced` rows hide until their section is opened further; a changed or invalid one shows.
    `paths` are choices that a path follows, with how its file ends ("" for a folder), None for what
    is typed and is no path; `notes` are
    said beside choices.
    """

    key: str
    label: str
    section: str
    value: str
    default: str
    kind: Kind = "text"
    choices: tuple[str, ...] = ()
    help: str = ""
    error: str = ""
    advanced: bool = False
    unit: str = ""
    axis: int = 0
    paths: Mapping[str, str | None] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)

    @property
    def changed(self) -> bool:
        """Whether it differs from the preset."""
        return self.value != self.default

    @property
    def options(self) -> tuple[str, ...]:
        """The values to choose from, in order."""
        return ("no", "yes") if self.kind == "bool" and not self.choices else self.choices


@dataclass(frozen=True)
class Line:
    """One line of the form; `name` is a field's key or a section's name."""

    kind: LineKind
    name: str
    text: str = ""

    @property
    def stops(self) -> bool:
        """Whether the cursor stops here."""
        return self.kind != "error"


def arrange(
    fields: Sequence[Field], closed: Collection[str], opened: Collection[str], width: int = 72
) -> list[Line]:
    """The lines from top to bottom; `closed` sections show a heading, `opened` ones everything.

    Errors are wrapped to `width` cells.
    """
    sections: dict[str, list[Field]] = {}
    for each in fields:
        sections.setdefault(each.section, []).append(each)
    lines: list[Line] = []
    for section, members in sections.items():
        if section:
            lines.append(Line("heading", section, _summary(members)))
        if section in closed:
            continue
        hidden = 0
        for each in members:
            all_advanced = all(member.advanced for member in members)
            quiet = each.advanced and not (each.changed or each.error)
            if quiet and not all_advanced and section not in opened:
                hidden += 1
                continue
            lines.append(Line("field", each.key))
            if each.error:
                wrapped = textwrap.wrap(each.error, max(8, width))
                lines += [Line("error", each.key, text) for text in wrapped]
        if hidden or section in opened:
            lines.append(Line("more", section, f"{hidden} more" if hidden else "fewer"))
    return lines


def closed_at_first(fields: Sequence[Field]) -> set[str]:
    """Sections that have nothing but advanced fields."""
    sections = {each.section for each in fields}
    return sections - {each.section for each in fields if not each.advanced} - {""}


def _summary(members: Sequence[Field]) -> str:
    changed = sum(each.changed for each in members)
    wrong = sum(bool(each.error) for each in members)
    notes = [f"{changed} changed"] if changed else []
    notes += [f"! {wrong} to mend"] if wrong else []
    return ", ".join(notes)
