"""The instruments of a recorded run, in a share of its time."""

from __future__ import annotations

from typing import Any

from memlab.recording.files import RunFiles


class Panel:
    """Asks the instruments that are due; one that fails is off, and nothing else."""

    def __init__(self, names: tuple[str, ...], share: float) -> None:
        self.names, self._share = names, share

    def measure(
        self, recording: Any, files: RunFiles, update: int, epoch: float, within: bool
    ) -> None:
        """Measures what is due; `within` an epoch, or at its end."""

    def close(self, files: RunFiles) -> None:
        """Says what they cost."""
