"""The presets as the Compose screen lists them, each with what was typed over it.

Moving to another preset and back loses nothing: every preset keeps its draft.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from textual.content import Content

from memlab import settings
from memlab.errors import MemlabError
from memlab.experiment import presets
from memlab.experiment.presets import DEFAULT_PRESET, Preset
from memlab.text import slug
from memlab.tui.compose.form import Draft

GIVEN = "from a run"
INDENT = "\u00a0\u00a0"
CURSOR = "▸\u00a0"


@dataclass(frozen=True)
class Entry:
    """A line of the list; headings have no key. `problem` is why it cannot be read."""

    key: str
    title: str
    name: str = ""
    problem: str = ""


class Shelf:
    """All presets in order, the drafts of those looked at, and which is current."""

    def __init__(self, given: dict[str, Any] | None = None) -> None:
        self._found: dict[str, Preset] = {
            f"{preset.group or 'other'}/{preset.name}": preset
            for preset in presets.find_all(_own_folder())
            if not preset.replicates
        }
        self._drafts: dict[str, Draft] = {}
        self._given = given
        self.entries = self._entries()
        self.current = self.first

    def with_given(self, tree: dict[str, Any] | None) -> Shelf:
        """A shelf that has the experiment of a run on top."""
        made = Shelf(tree)
        made._drafts = {key: draft for key, draft in self._drafts.items() if key != GIVEN}
        return made

    @property
    def first(self) -> str:
        """Key of the uppermost entry."""
        return next(entry.key for entry in self.entries if entry.key)

    @property
    def entry(self) -> Entry:
        """The current entry."""
        return next(entry for entry in self.entries if entry.key == self.current)

    @property
    def valid(self) -> bool:
        """Whether the current entry could be read."""
        return self.current in self._drafts

    @property
    def draft(self) -> Draft:
        """The current entry's draft."""
        return self._drafts[self.current]

    @draft.setter
    def draft(self, draft: Draft) -> None:
        self._drafts[self.current] = draft

    @property
    def heading(self) -> str:
        """Title of the current experiment."""
        return self.entry.title + (" *" if self.draft.changed else "")

    def key_of(self, name: str) -> str:
        """Key of the preset of that name, one's own before a shipped one, else the default's."""
        for wanted in (name, DEFAULT_PRESET):
            for entry in reversed(self.entries):
                if entry.key and entry.name == wanted:
                    return entry.key
        return self.first

    def label(self, entry: Entry, here: bool = False) -> Content:
        """The entry's line with its mark: ▸ the cursor, * changed, ! cannot be read."""
        if not entry.key:
            return Content(entry.title)
        draft = self._drafts.get(entry.key)
        changed = " *" if draft is not None and draft.changed else ""
        mark = CURSOR if here else INDENT
        return Content(f"{mark}{entry.title}{' !' if entry.problem else changed}")

    def choose(self, key: str) -> str:
        """Makes an entry current; why it cannot be read, or nothing."""
        self.current = key
        entry = self.entry
        if not entry.problem and key not in self._drafts:
            tree = self._given if key == GIVEN and self._given else self._found[key].tree
            self._drafts[key] = Draft(entry.name, tree)
        return entry.problem

    def forget(self) -> None:
        """Drops what was typed over the current entry."""
        if self.valid:
            self.draft = Draft(self.draft.name, self.draft.base)

    def _entries(self) -> tuple[Entry, ...]:
        made: list[Entry] = []
        if self._given is not None:
            title = str(self._given.get("title") or "experiment")
            made += [Entry("", GIVEN), Entry(GIVEN, title, slug(title, "experiment"))]
        group = None
        for key, preset in self._found.items():
            if preset.group != group:
                group = preset.group
                made.append(Entry("", group or "other"))
            try:
                made.append(Entry(key, preset.title, preset.name))
            except MemlabError as error:
                made.append(Entry(key, preset.name, preset.name, str(error)))
        if "my experiments" not in {entry.title for entry in made}:
            made.append(Entry("", "my experiments"))
            made.append(Entry("", f"{INDENT}none yet, s saves one"))
        return tuple(made)


def _own_folder() -> Any:
    try:
        return settings.presets_folder()
    except MemlabError:
        return None
