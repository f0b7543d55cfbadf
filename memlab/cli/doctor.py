"""`memlab doctor`: what this machine has, and what is missing."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys

from memlab import child
from memlab.cli.output import add_row, console, print_json
from memlab.errors import MemlabError

PATIENCE_SECONDS = 120.0
#: Exit status of a calibration that other processes disturbed.
BUSY = 3
#: Runs in a process of its own, so that the command line never imports torch.
PROBE = """
import json, torch
cuda = torch.cuda.is_available()
names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())] if cuda else []
print(json.dumps({"torch": torch.__version__, "cuda": names, "threads": torch.get_num_threads()}))
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--calibrate", action="store_true", help="measure how fast this machine trains (10 s)"
    )
    parser.add_argument(
        "--on", metavar="ENGINE", help="ray or ray://HOST:PORT: every node of that cluster too"
    )


def run(options: argparse.Namespace) -> int:
    """Checks everything; 1 where something that memlab needs is missing."""
    measured = _calibrate() if options.calibrate else []
    checks = [*_versions(), *_device(), *measured, *_speeds(), *_folders(), *_data(), *_terminal()]
    checks += _cluster(options.on)
    if options.json:
        print_json([{"check": n, "ok": ok, "finding": text} for n, ok, text in checks])
    else:
        from rich.table import Table

        table = Table(box=None, pad_edge=False, show_header=False)
        for name, ok, text in checks:
            add_row(table, "✓" if ok else "✗", name, text)
        console().print(table)
    return 0 if all(ok for _, ok, _ in checks) else 1


Check = tuple[str, bool, str]


def _versions() -> list[Check]:
    from memlab.runs.environment import describe

    facts = describe(sys.argv)
    packages = facts.get("packages")
    listed = packages if isinstance(packages, dict) else {}
    words = ", ".join(f"{name} {version}" for name, version in listed.items())
    return [("memlab", True, f"{facts['memlab']}, Python {facts['python']}, {words}")]


def _device() -> list[Check]:
    try:
        done = child.run(["-c", PROBE], seconds=PATIENCE_SECONDS)
        done.check_returncode()
        found = json.loads(done.stdout)
    except (subprocess.SubprocessError, ValueError, OSError) as error:
        return [("device", False, f"torch does not work here: {error}")]
    gpus = ", ".join(found["cuda"]) or "no CUDA device; the CPU does"
    return [("device", True, f"torch {found['torch']}, {found['threads']} threads, {gpus}")]


def _cluster(engine: str | None) -> list[Check]:
    """A Ray cluster and its nodes, asked by a process that may import Ray."""
    from memlab.library.starting import checked_where

    where = checked_where(engine).engine
    if where == "processes":
        return []
    try:
        done = child.run(["-m", "memlab.engines.ray_doctor", where], seconds=2 * PATIENCE_SECONDS)
        return [(str(n), ok is True, str(text)) for n, ok, text in json.loads(done.stdout)]
    except subprocess.TimeoutExpired:
        return [("cluster", False, f"{where} does not answer.")]
    except (ValueError, TypeError, OSError):
        return [("cluster", False, f"{where} could not be asked: {done.stderr[-300:].strip()}")]


def _calibrate() -> list[Check]:
    try:
        done = child.run(["-m", "memlab.worker.calibrating"], seconds=PATIENCE_SECONDS)
    except (subprocess.SubprocessError, OSError) as error:
        return [("calibration", False, f"it could not be done: {error}")]
    if done.returncode == BUSY:
        busy = "other processes had the cores meanwhile; try again when they are idle"
        return [("calibration", True, f"{done.stdout.strip()}: {busy}")]
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["it ended without a word"]
        return [("calibration", False, lines[-1])]
    return [("calibration", True, done.stdout.strip())]


def _speeds() -> list[Check]:
    """What previews and plans reckon with, on this machine as this process may use it."""
    from memlab.runs import calibration

    machine = calibration.this_machine()
    cores = f"{machine.cores} usable core{'' if machine.cores == 1 else 's'}"
    try:
        speeds = calibration.load(machine)
    except MemlabError as error:
        return [("speeds", False, str(error))]
    if not speeds.measured:
        words = "not measured yet: `memlab doctor --calibrate` does it, and the app while it waits"
        return [("speeds", True, f"{machine.processor}, {cores}: {words}")]
    runs = sum(one.source == "run" for one in speeds.measured)
    counts = f"{len(speeds.measured)} measurements, {runs} of them by runs"
    checks = [("speeds", True, f"{machine.processor}, {cores}: {counts}")]
    best = ", ".join(f"{name} {speed / 1e9:,.0f}" for name, speed in speeds.fastest().items())
    unit = "thousand million multiply-adds a second"
    return [*checks, ("", True, f"{best} {unit}")] if best else checks


def _folders() -> list[Check]:
    from memlab import settings

    checks: list[Check] = []
    for name, ask in (
        ("runs", settings.runs_folder),
        ("datasets", settings.datasets_folder),
        ("own presets", settings.presets_folder),
    ):
        try:
            checks.append((name, True, str(settings.prepared(ask()))))
        except MemlabError as error:
            checks.append((name, False, str(error)))
    try:
        settings.load()
        checks.append(("settings", True, str(settings.settings_file())))
    except MemlabError as error:
        checks.append(("settings", False, str(error)))
    return checks


def _data() -> list[Check]:
    from memlab.cli.data import folders
    from memlab.data.registry import listing

    present = [str(row["name"]) for row in listing(folders()) if row["found"]]
    return [("data found", True, ", ".join(present))]


def _terminal() -> list[Check]:
    if not sys.stdout.isatty():
        return [("terminal", True, "none: the app needs one, `memlab run` does not")]
    size = os.get_terminal_size()
    fits = size.columns >= 80 and size.lines >= 24
    term = os.environ.get("TERM", "")
    colours = "24-bit colour" if os.environ.get("COLORTERM") in ("truecolor", "24bit") else term
    if os.environ.get("NO_COLOR"):
        colours = "NO_COLOR"
    inside = "tmux" if os.environ.get("TMUX") else "screen" if os.environ.get("STY") else ""
    words = f"{size.columns}×{size.lines}, {colours} {inside}".rstrip()
    return [("terminal", fits, words if fits else f"{words}: the app needs 80×24")]
