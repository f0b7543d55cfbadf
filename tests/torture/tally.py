"""What a part tried and what came of it; the same for all parts, and across processes."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.torture.forked import die_with_parent

KEPT_FAILURES = 200
SAID_EVERY = 60.0
COLUMNS = ("tried", "ok", "refused", "failed", "lost")


@dataclass
class Tally:
    """Counts of one part. `refused` is an end in words that kept everything; `lost` did not."""

    part: str
    ok: int = 0
    refused: int = 0
    failed: int = 0
    lost: int = 0
    seconds: float = 0.0
    failures: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def tried(self) -> int:
        """All cases."""
        return self.ok + self.refused + self.failed + self.lost

    def count(self, verdict: str, why: str = "") -> None:
        """Counts one case; `why` says how to repeat it where it failed."""
        setattr(self, verdict, getattr(self, verdict) + 1)
        if verdict in ("failed", "lost"):
            print(f"{self.part}: {verdict}: {why}", file=sys.stderr, flush=True)
            if len(self.failures) < KEPT_FAILURES:
                self.failures.append(f"{verdict}: {why}")

    def add(self, other: Tally) -> None:
        """Takes over what another process counted."""
        for name in COLUMNS[1:]:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.seconds = max(self.seconds, other.seconds)
        self.failures += other.failures
        self.notes += other.notes

    def save(self, path: Path) -> None:
        """Writes it for the process that waits."""
        path.write_text(json.dumps(asdict(self)))

    @classmethod
    def load(cls, path: Path) -> Tally:
        """What `save` wrote."""
        return cls(**json.loads(path.read_text()))


def table(tallies: list[Tally]) -> str:
    """The table that `make torture` prints."""
    lines = [("part", *COLUMNS, "seconds")]
    for one in tallies:
        counts = [f"{getattr(one, name):,}" for name in COLUMNS]
        lines.append((one.part, *counts, f"{one.seconds:.0f}"))
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    )


def details(one: Tally, most: int) -> list[str]:
    """The notes and the first failures of a part."""
    lines = [f"{one.part}: {note}" for note in one.notes]
    lines += [f"{one.part}: {failure}" for failure in one.failures[:most]]
    left = one.failed + one.lost - most
    return [*lines, f"{one.part}: … and {left} more"] if left > 0 else lines


@dataclass(frozen=True)
class Share:
    """The cases that one process tries: those whose number is `first` modulo `step`.

    `short` leaves out what takes long to set up; it is for the suite.
    """

    count: int
    seed: int
    first: int = 0
    step: int = 1
    case: int | None = None
    short: bool = False

    def numbers(self) -> Iterator[int]:
        """The numbers of the cases; how far it is stands on standard error once a minute."""
        if self.case is not None:
            yield self.case
            return
        said = time.monotonic()
        for number in range(self.first, self.count, self.step):
            yield number
            if time.monotonic() - said > SAID_EVERY:
                said = time.monotonic()
                print(f"  {number:,} of {self.count:,}", file=sys.stderr, flush=True)


def part_main(run: Callable[[Share], list[Tally]], count: int) -> int:
    """The command line that parts share; 1 where anything failed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=count)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--share", default="0/1", help="I/N: every N-th case from I on")
    parser.add_argument("--case", type=int, help="this case alone")
    parser.add_argument("--short", action="store_true", help="the form in the suite")
    parser.add_argument("--out", type=Path, help="write the tallies there and print nothing")
    options = parser.parse_args()
    first, _, step = options.share.partition("/")
    began = time.monotonic()
    if options.out is not None:
        die_with_parent()
    share = Share(options.count, options.seed, int(first), int(step), options.case, options.short)
    tallies = run(share)
    for one in tallies:
        one.seconds = one.seconds or time.monotonic() - began
    if options.out is not None:
        for number, one in enumerate(tallies):
            one.save(options.out.with_suffix(f".{number}.json"))
    else:
        for one in tallies:
            print("\n".join(details(one, KEPT_FAILURES)))
        print(table(tallies))
    sys.stdout.flush()
    return int(any(one.failed or one.lost for one in tallies))
