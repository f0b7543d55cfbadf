"""Two boards of disjoint replicates beside each other, as Markdown: do they agree?

memlab replicate --replicates 200-207 --json > one.json
memlab replicate --replicates 208-215 --json > other.json
python tests/measure/boards.py one.json other.json > docs/two-boards.md
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

DECIDED = ("supported", "not supported")


def page(one: dict[str, Any], other: dict[str, Any]) -> Iterator[str]:
    """The lines: what differs first, then all claims."""
    pairs = list(zip(one["claims"], other["claims"], strict=True))
    unlike = [pair for pair in pairs if pair[0]["verdict"] != pair[1]["verdict"]]
    against = [pair for pair in unlike if all(claim["verdict"] in DECIDED for claim in pair)]
    boards = f"{_range(one)} and {_range(other)}"
    yield f"# Two boards, replicates {boards}"
    yield ""
    yield (
        f"The same {len(pairs)} claims, size {one['size']}, from cold on networks, seeds and splits"
        f" that have nothing in common: {len(pairs) - len(unlike)} verdicts are the same,"
        f" {len(unlike)} are not, and {len(against)} are decided one way here and the other way"
        " there."
    )
    for title, chosen in (("Not the same", unlike), ("All", pairs)):
        yield from ("", f"## {title}", "")
        yield f"| | claim | asked | {_range(one)} | effect | {_range(other)} | effect |"
        yield "|---|---|---|---|---|---|---|"
        yield from (_row(*pair) for pair in chosen)


def _row(one: dict[str, Any], other: dict[str, Any]) -> str:
    cells = [one["id"], one["title"], one["rule"] or ""]
    for claim in (one, other):
        verdict = claim["verdict"]
        cells += [f"**{verdict}**" if verdict == "supported" else verdict, _effect(claim)]
    return "| " + " | ".join(cells) + " |"


def _effect(claim: dict[str, Any]) -> str:
    effect = claim["effect"]
    if effect is None:
        return "–"
    low, high = effect["ci95"]
    return f"{effect['mean']:.4g} [{low:.4g}, {high:.4g}]".replace("-", "−")


def _range(board: dict[str, Any]) -> str:
    first, last = board["replicates"][0], board["replicates"][-1]
    return f"{first} to {last}"


if __name__ == "__main__":
    boards = [json.loads(Path(name).read_text(encoding="utf-8")) for name in sys.argv[1:3]]
    print("\n".join(page(*boards)))
