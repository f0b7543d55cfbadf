"""What the app remembers between two sittings, kept in the user's settings."""

from __future__ import annotations

from dataclasses import replace

from memlab import settings
from memlab.errors import MemlabError
from memlab.settings import Settings


def recall() -> tuple[Settings, str]:
    """The settings, or the defaults and a sentence that says why they cannot be read."""
    try:
        return settings.load(), ""
    except MemlabError as error:
        return Settings(), f"{error} Until that is mended nothing is remembered."


def remember(**changes: str) -> str:
    """Saves changes to what is on disk now; a sentence where that fails. Blocking."""
    try:
        settings.save(replace(settings.load(), **changes))  # type: ignore[arg-type] # all are texts
    except MemlabError as error:
        return str(error)
    return ""
