"""Waiting for what another process or thread brings about. Time limits here are for what hangs.

No test decides by a clock: a machine that is busy takes longer and comes to the same end.
"""

from __future__ import annotations

import time
from collections.abc import Callable

#: Longer than anything takes, however busy the machine is.
SECONDS = 180.0


def wait_for(condition: Callable[[], object], seconds: float = SECONDS) -> None:
    """Polls until `condition` holds; fails after `seconds`."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "what was waited for did not happen"
        time.sleep(0.01)
