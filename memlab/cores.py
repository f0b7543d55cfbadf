"""How many processor cores this process may keep busy: what the kernel lends, not what is built in.

`taskset` and cpusets narrow the affinity; a container's quota (cgroup v2 `cpu.max`, v1
`cpu.cfs_quota_us`) limits the time on whatever cores there are.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
OWN = Path("/proc/self/cgroup")
STAT = Path("/proc/stat")


def usable_cores(cgroups: Path = CGROUPS, own: Path = OWN) -> int:
    """Cores that this process may use at once, at least 1: the affinity's, or the quota's if less.

    A quota of a part of a core counts whole: two and a half are three threads' worth.
    """
    quota = cpu_quota(cgroups, own)
    return max(1, min(_affinity(), math.ceil(quota - 1e-9) if quota is not None else _affinity()))


def cpu_quota(cgroups: Path = CGROUPS, own: Path = OWN) -> float | None:
    """Processor seconds a second that this process' control groups allow; None for no limit.

    The least of the group's own and of all above it.
    """
    found = [quota for folder in _folders(cgroups, own) if (quota := _quota(folder)) is not None]
    return min(found, default=None)


def waited_seconds() -> float:
    """Seconds that this process' threads were ready to run while others had the cores.

    Of all threads that live; 0 where the kernel does not tell.
    """
    total = 0
    try:
        for task in os.listdir("/proc/self/task"):
            words = _read(Path("/proc/self/task") / task / "schedstat").split()
            total += int(words[1]) if len(words) > 1 else 0
    except (OSError, ValueError):
        return 0.0
    return total / 1e9


def idle_seconds(stat: Path = STAT) -> float | None:
    """Seconds since the start of the machine that this process' cores had nothing to do, summed.

    None where the kernel does not tell.
    """
    own = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else frozenset()
    ticks = [
        int(words[4])
        for words in map(str.split, _read(stat).splitlines())
        if len(words) > 4 and words[0][3:].isdigit() and int(words[0][3:]) in own
    ]
    return sum(ticks) / os.sysconf("SC_CLK_TCK") if ticks else None


def _affinity() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _folders(cgroups: Path, own: Path) -> Iterator[Path]:
    """The folders of this process' group and of those above it, v2 and v1."""
    for line in _read(own).splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers and "cpu" not in controllers.split(","):
            continue
        roots = [cgroups / controllers, cgroups / "cpu"] if controllers else [cgroups]
        parts = [part for part in path.split("/") if part not in ("", "..")]
        for root in roots:
            for depth in range(len(parts) + 1):
                yield root.joinpath(*parts[:depth])
    yield cgroups  # in a container, its own group may be mounted as the root
    yield cgroups / "cpu"


def _quota(folder: Path) -> float | None:
    words = _read(folder / "cpu.max").split()
    if not words:
        words = (
            _read(folder / "cpu.cfs_quota_us").split() + _read(folder / "cpu.cfs_period_us").split()
        )
    try:
        quota, period = (float(word) for word in words[:2])
    except ValueError:  # "max", nothing, or a kernel of another age
        return None
    return quota / period if quota > 0 and period > 0 else None


def _read(path: Path) -> str:
    try:
        return path.read_text("ascii", "replace")[:65_536]
    except OSError:
        return ""
