"""What goes wrong in a recording, told as warnings; nothing of it reaches the loop."""

from __future__ import annotations

import sys
import warnings
from contextlib import suppress

from memlab.errors import reason_of
from memlab.text import plain


class Complaints:
    """Sentences for whoever trains."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def once(self, sentence: str) -> None:
        """Tells it where it was not told before."""
        if sentence not in self._said:
            self._said.add(sentence)
            self.tell(sentence)

    def tell(self, sentence: str) -> None:
        """A warning; where warnings are errors, a line on standard error."""
        text = plain(f"memlab: {sentence}", 1000)
        try:
            warnings.warn(text, RuntimeWarning, stacklevel=4)
        except Exception:
            with suppress(Exception):
                print(text, file=sys.stderr)

    def ended(self, error: Exception) -> None:
        """Tells that nothing is recorded from here on."""
        self.tell(f"Recording has ended, training goes on: {reason_of(error)}")
