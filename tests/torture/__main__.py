"""`make torture` and `make torture-full`: all parts, one after the other, each on all cores.

`python -m tests.torture --parts folders,faults --seed 3 --folders 500`; a part whose module is not
there is left out with a word. Ends with 1 if anything failed or was lost.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.torture.tally import Tally, details, table

SHOWN = 12


@dataclass(frozen=True)
class Part:
    """A part, and how many cases the sample and the whole have."""

    name: str
    sample: int
    full: int
    module: str = ""


#: The sample takes ten minutes on two cores. Faults are crashes and errors in turn; the whole has
#: one of each at every operation of a run and of a fork. Data are counted for each kind of file.
#: Of load there is the sample or the whole.
PARTS = (
    Part("folders", 1200, 10_000),
    Part("data", 300, 5_000, "data_part"),
    Part("faults", 300, 1_400),
    Part("load", 1, 2),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the parts, prints the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("--parts", default=",".join(part.name for part in PARTS))
    parser.add_argument("--full", action="store_true", help="the counts of the whole")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    for part in PARTS:
        parser.add_argument(f"--{part.name}", type=int, help="how many cases")
    options = parser.parse_args(argv)
    chosen = options.parts.split(",")
    tallies: list[Tally] = []
    for part in PARTS:
        if part.name not in chosen:
            continue
        count = getattr(options, part.name) or (part.full if options.full else part.sample)
        found = _tried(part, count, options.seed, options.jobs)
        for one in found:
            print("\n".join(details(one, SHOWN)), flush=True)
        tallies += found
    print(table(tallies))
    bad = sum(one.failed + one.lost for one in tallies)
    print(f"seed {options.seed}: {bad} failed or lost" if bad else f"seed {options.seed}: clean")
    return int(bad > 0)


def _tried(part: Part, count: int, seed: int, jobs: int) -> list[Tally]:
    """The tallies of a part, of all its processes together."""
    name = part.name
    if importlib.util.find_spec(f"tests.torture.{name}") is None:
        return [Tally(name, notes=["there is no such part yet"])]
    began = time.monotonic()
    print(f"{name}: {count:,} cases …", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory(prefix="torture-") as top:
        shares = [Path(top) / f"{number}.json" for number in range(jobs)]
        processes = [
            subprocess.Popen(_command(part.module or name, count, seed, f"{number}/{jobs}", share))
            for number, share in enumerate(shares)
        ]
        try:
            codes = [process.wait() for process in processes]
        finally:
            for process in processes:
                process.kill()
        joined: dict[str, Tally] = {}
        silent = []
        for number, share in enumerate(shares):
            told = sorted(share.parent.glob(f"{share.stem}.*.json"))
            if not told and codes[number]:  # one that had no cases says nothing, and ends with 0
                silent.append(f"{number}/{jobs} with {codes[number]}")
            for path in told:
                one = Tally.load(path)
                joined.setdefault(one.part, Tally(one.part)).add(one)
    if silent or any(code not in (0, 1) for code in codes):
        broken = joined.setdefault(name, Tally(name))
        why = f"without a word ended {', '.join(silent)}" if silent else f"ended with {codes}"
        broken.count("failed", f"a process of this part: {why}")
    for one in joined.values():
        one.seconds = time.monotonic() - began
        one.notes = list(dict.fromkeys(one.notes))
    return list(joined.values())


def _command(module: str, count: int, seed: int, share: str, out: Path) -> list[str]:
    cases = ["--count", str(count), "--seed", str(seed), "--share", share, "--out", str(out)]
    return [sys.executable, "-m", f"tests.torture.{module}", *cases]


if __name__ == "__main__":
    sys.exit(main())
