"""Hostile data (`tests.torture.data`) as a part of `make torture`: a tally a kind of file."""

from __future__ import annotations

import sys

from tests.torture.tally import Share, Tally, part_main


def run(share: Share) -> list[Tally]:
    """`share.count` files of each kind; the kinds are shared among the processes."""
    from tests.torture import data

    tallies = []
    for kind in list(data.MAKERS)[share.first :: share.step]:
        found = data.run(kind, share.count, share.seed)
        tally = Tally(f"data: {kind}", ok=found.loaded, refused=found.refused)
        for case, why in found.failures:
            tally.count("failed", f"seed {share.seed} --kind {kind} --case {case}: {why}")
        tallies.append(tally)
    return tallies


if __name__ == "__main__":
    sys.exit(part_main(run, 100))
