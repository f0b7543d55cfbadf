"""`python -m memlab.bench.gpu`: all that memlab has for a GPU, tried on one, and told as Markdown.

Every part runs in a process of its own with a limit, so that one that fails or hangs costs only
itself; runs go to a folder of their own. What the parts are for is docs/gpu.md.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

import memlab
from memlab import child
from memlab.errors import MemlabError
from memlab.experiment.presets import find_all
from memlab.worker import device as devices

TOP = Path(memlab.__file__).resolve().parents[1]
#: Groups of presets that are run as they are; those of the claims run as the board.
GROUPS = ("memorization", "optimization")


@dataclass(frozen=True)
class Part:
    """A command for this Python, what it may take, and how its output becomes lines."""

    name: str
    words: tuple[str, ...]
    seconds: float
    told: Callable[[str], list[str]]


@dataclass(frozen=True)
class Found:
    """What a part came to."""

    part: str
    ok: bool
    seconds: float
    lines: list[str]


def parts(device: str) -> list[Part]:
    """All parts, the quickest first."""
    listed = []
    if (TOP / "tests").is_dir():
        pytest = ("-m", "pytest", "-q", "-m", "cuda", "-rs", "-p", "no:cacheprovider")
        where = ("-c", str(TOP / "pyproject.toml"), "--rootdir", str(TOP), str(TOP / "tests"))
        listed.append(Part("tests", (*pytest, *where), 900, _last_lines))
    on = ("--device", device)
    listed.append(Part("speeds", ("-m", "memlab.bench.gpu_speeds", *on), 600, _speeds))
    for what in ("training", "instruments"):
        listed.append(Part(f"bench {what}", ("-m", "memlab.bench", what, *on), 900, _bench))
    for preset in find_all():
        if preset.group in GROUPS:
            run = ("-m", "memlab", "run", preset.name, *on, "--yes", "--json")
            listed.append(Part(f"preset {preset.name}", run, 900, _run))
    board = ("-m", "memlab", "replicate", *on, "--format", "md")
    return [*listed, Part("board", board, 1800, str.splitlines)]


def main() -> int:
    """Runs the parts asked for; 1 where one of them failed."""
    parser = argparse.ArgumentParser(prog="python -m memlab.bench.gpu", description=__doc__)
    parser.add_argument("--device", default="cuda", help="cuda or cuda:N; cpu tries the command")
    parser.add_argument("--only", default="", help="beginnings of parts' names, by commas")
    parser.add_argument("--list", action="store_true", help="print the parts' names")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was found there too")
    options = parser.parse_args()
    chosen = _chosen(parts(options.device), options.only)
    if options.list:
        print("\n".join(part.name for part in chosen))
        return 0
    try:
        facts = machine(devices.choose(options.device))
    except MemlabError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print(f"# memlab on {facts['device']}\n")
    print("\n".join(f"- {name}: {value}" for name, value in facts.items()), flush=True)
    found = []
    with tempfile.TemporaryDirectory(prefix="memlab-gpu-", ignore_cleanup_errors=True) as home:
        for part in chosen:
            found.append(carried_out(part, home))
            print("\n".join(section(found[-1])), flush=True)
    print("\n".join(summary(found)))
    if options.json is not None:
        document = {"machine": facts, "parts": [asdict(one) for one in found]}
        options.json.write_text(json.dumps(document, indent=1), encoding="utf-8")
    return 0 if all(one.ok for one in found) else 1


def _chosen(listed: Sequence[Part], only: str) -> list[Part]:
    wanted = tuple(name.strip() for name in only.split(",") if name.strip())
    return [part for part in listed if not wanted or part.name.startswith(wanted)]


def machine(device: torch.device) -> dict[str, str]:
    """What the figures were measured on."""
    facts = {"device": devices.describe(device), "torch": torch.__version__}
    if device.type == "cuda":
        own = torch.cuda.get_device_properties(device)
        facts["memory"] = f"{own.total_memory / 1e9:.1f} GB"
        facts["capability"] = f"{own.major}.{own.minor}"
        facts["CUDA"] = str(torch.version.cuda)
    return facts


def carried_out(part: Part, home: str) -> Found:
    """Runs `part` with `home` as memlab's folder."""
    began = time.monotonic()
    environment = {**child.environment(os.environ), "MEMLAB_HOME": home}
    try:
        done = subprocess.run(
            child.command(*part.words),
            cwd=child.FOLDER,
            env=environment,
            capture_output=True,
            text=True,
            timeout=part.seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        if "memlab" in part.words:  # its worker would go on without it
            words = child.command("-m", "memlab", "stop", "last")
            subprocess.run(words, cwd=child.FOLDER, env=environment, timeout=60, check=False)
        return Found(part.name, False, part.seconds, [f"not done after {part.seconds:.0f} s"])
    seconds = time.monotonic() - began
    try:
        lines = part.told(done.stdout)
    except (ValueError, KeyError, TypeError, IndexError):
        lines = ["what it printed could not be read"]
    if done.returncode != 0:
        lines += [f"exit status {done.returncode}", *_last_lines(done.stderr)]
    return Found(part.name, done.returncode == 0, seconds, lines)


def section(found: Found) -> list[str]:
    """A part as Markdown."""
    mark = "" if found.ok else ": FAILED"
    return ["", f"## {found.part}{mark} ({found.seconds:.0f} s)", "", *found.lines]


def summary(found: Sequence[Found]) -> list[str]:
    """What came of all."""
    failed = [one.part for one in found if not one.ok]
    told = f"failed: {', '.join(failed)}" if failed else "all of them passed"
    return ["", "## Summary", "", f"{len(found)} parts, {told}."]


def _last_lines(text: str, count: int = 25) -> list[str]:
    return ["```", *text.strip().splitlines()[-count:], "```"]


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(cells)} |" for cells in (heads, ["---"] * len(heads), *rows)]


def _speeds(text: str) -> list[str]:
    return _table(
        ("case", "updates/s", "of the matrix peak", "peak, TFLOP/s"),
        [
            (
                row["case"],
                f"{row['updates_per_second']:,.0f}",
                f"{row['share_of_peak']:.1%}",
                f"{row['peak_tflops']:,.1f}",
            )
            for row in json.loads(text)
        ],
    )


def _bench(text: str) -> list[str]:
    return _table(
        ("case", "ours", "reference", "ratio", "unit"),
        [
            (
                row["case"],
                f"{row['ours']:,.4g}",
                f"{row['reference']:,.4g}",
                f"{row['ratio']:.2f}",
                row["unit"],
            )
            for row in json.loads(text)["rows"]
        ],
    )


def _run(text: str) -> list[str]:
    report = json.loads(text)
    return [f"- {report['state']} on {report['device']}", *(f"- {s}" for s in report["sentences"])]


if __name__ == "__main__":
    sys.exit(main())
