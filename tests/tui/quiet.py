"""When an app under test is at rest, told from its event loop and not from the clock alone.

Textual takes a process for idle that used little CPU for 20 ms; on a busy machine that is also a
process that was not let run. Here a wait that took longer than it should does not count.
"""

from __future__ import annotations

import asyncio
from time import monotonic, process_time

WAIT = 0.02
LATE = 0.01
IDLE = 0.001
#: However late it is, the test then goes on, and says itself what it misses.
GIVE_UP = 20.0


async def wait_until_quiet(min_sleep: float = WAIT, max_sleep: float = 1.0) -> None:
    """Until nothing is ready to run and 20 ms passed, on time, in which hardly anything ran.

    `min_sleep` and `max_sleep` are in seconds of waits that were on time.
    """
    loop = asyncio.get_running_loop()
    slept, end = 0.0, monotonic() + GIVE_UP
    while slept < max_sleep and monotonic() < end:
        began, cpu = monotonic(), process_time()
        await asyncio.sleep(WAIT)
        took = monotonic() - began
        if took > WAIT + LATE or getattr(loop, "_ready", ()):
            continue
        slept += took
        if slept >= min_sleep and process_time() - cpu < IDLE:
            return
