"""A widget that remembers which regions it asks to be repainted."""

from __future__ import annotations

from typing import Any

from textual.geometry import Region


class Recording:
    """To be mixed in before the widget, and none itself; None is all of it."""

    asked: list[Region | None]

    def refresh(self, *regions: Region, **options: Any) -> Any:
        if not hasattr(self, "asked"):
            self.asked = []
        self.asked += regions or [None]
        return super().refresh(*regions, **options)
