"""What all parts of report.json are."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Part(BaseModel):
    """A part of the document: frozen; keys of newer versions are kept."""

    model_config = ConfigDict(frozen=True, extra="allow", populate_by_name=True)
