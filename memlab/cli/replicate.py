"""`memlab replicate [CLAIM or PAPER…]`: runs what the claims need and prints the scoreboard."""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from memlab.claims.replicates import BOARD, FIRST_OF_BOARD
from memlab.cli import stopping
from memlab.cli.control import settle_older
from memlab.cli.interruption import Interrupted, Interruptions
from memlab.cli.output import console, page, print_json, say
from memlab.errors import InvalidExperiment, MemlabError

if TYPE_CHECKING:
    from memlab.claims.batch import Batch, Job
    from memlab.reports.scoreboard import Scoreboard

LOOK_SECONDS = 0.2


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument(
        "claims", nargs="*", metavar="CLAIM_OR_PAPER", help="such as Z1 or zhang (default: all)"
    )
    parser.add_argument(
        "--size", choices=("laptop", "full", "paper"), default="laptop", help="default: laptop"
    )
    parser.add_argument(
        "--replicates",
        "--seeds",
        dest="replicates",
        default=str(len(BOARD)),
        metavar="N",
        help=f"how many from {FIRST_OF_BOARD} on, or which: 10, 100-109 or 7,8,9 (default: 8)",
    )
    parser.add_argument(
        "--format", choices=("text", "md", "html", "json"), default="text", help="default: text"
    )
    parser.add_argument("--json", action="store_true", help="the same as --format json")
    parser.add_argument("--again", action="store_true", help="run everything anew")
    parser.add_argument("--device", help="auto, cpu, cuda or cuda:N (default: the settings', auto)")


def replicates_from(text: str) -> tuple[int, ...]:
    """`8` is 200 to 207, `100-109` and `7,8,9` are those.

    Raises:
        InvalidExperiment: if it is none of these.
    """
    text = text.strip()
    if re.fullmatch(r"\d{1,4}", text) and int(text) > 0:
        return tuple(range(FIRST_OF_BOARD, FIRST_OF_BOARD + int(text)))
    span = re.fullmatch(r"(\d{1,9})-(\d{1,9})", text)
    if span and int(span[1]) <= int(span[2]) < int(span[1]) + 10_000:
        return tuple(range(int(span[1]), int(span[2]) + 1))
    if re.fullmatch(r"\d{1,9}(,\d{1,9})+", text):
        found = tuple(int(part) for part in text.split(","))
        if len(set(found)) == len(found):
            return found
    raise InvalidExperiment(
        f"--replicates {text!r} is no number of replicates; use 8, 100-109 or 7,8,9."
    )


def run(options: argparse.Namespace) -> int:
    """Starts or reuses the runs, follows them, measures and prints; 1 where a run failed."""
    from memlab import settings
    from memlab.claims import registry
    from memlab.claims.batch import Batch
    from memlab.claims.needed import FollowUps, needed
    from memlab.library.starting import checked_device
    from memlab.reports import scoreboard
    from memlab.runs.environment import describe

    claims = registry.chosen(options.claims)
    replicates = replicates_from(options.replicates)
    checks = registry.checks_beside(claims)
    device = options.device or settings.load().device
    checked_device(device)
    environment = {**describe(sys.argv), "requested_device": device}
    wanted = needed(claims, options.size, replicates, checks)
    settle_older()
    runs = settings.prepared(settings.runs_folder())
    follow = FollowUps(claims, options.size, replicates)
    batch = Batch(wanted, runs, environment, again=options.again, follow=follow)
    _check_data(batch)
    with Interruptions() as signals:
        try:
            try:
                signals.release()
                _follow(batch, signals)
            except Interrupted as first:
                return _interrupted(batch, first)
        except Interrupted as again:
            say("The runs are still stopping; `memlab runs` shows them.")
            return again.exit_code
    board = scoreboard.build(
        claims,
        options.size,
        replicates,
        batch.folders,
        checks=checks,
        problems=follow.problems
        | {job.needed.preset: job.problem for job in batch.jobs if job.problem},
        facts=_facts(environment, batch),
    )
    _print(board, "json" if options.json else options.format)
    return 1 if any(job.problem for job in batch.jobs) else 0


def _check_data(batch: Batch) -> None:
    """Refuses runs whose data are not there or do not fit, before anything is started."""
    from memlab.cli.data import folders
    from memlab.data import preflight

    for job in batch.jobs:
        if not job.over:
            try:
                preflight.check(job.needed.experiment, folders())
            except MemlabError as error:
                batch.refuse(job.needed.preset, str(error))


def _follow(batch: Batch, signals: Interruptions) -> None:
    """Progress on standard error until every run is over."""
    reused = sum(job.reused for job in batch.jobs)
    if batch.jobs:
        say(f"{len(batch.jobs)} runs, {reused} of them finished before.")
    output = console(error=True)
    told: dict[str, str] = {}
    if not output.is_terminal:
        while _step(batch, signals):
            _tell(batch.jobs, told)
            time.sleep(LOOK_SECONDS)
        _tell(batch.jobs, told)
        return
    from rich.progress import BarColumn, Progress, TaskID, TextColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=None),
        TextColumn("{task.percentage:>3.0f} %", markup=False),
        TextColumn("{task.fields[state]}", markup=False),
    )
    with Progress(*columns, console=output, transient=True, refresh_per_second=5) as bar:
        tasks: dict[str, TaskID] = {}
        going = True
        while going:
            going = _step(batch, signals)
            for job in batch.jobs:
                name = job.needed.name
                if name not in tasks:
                    tasks[name] = bar.add_task(name, total=1.0, state="")
                bar.update(tasks[name], completed=_done(job), state=_state(job))
            time.sleep(LOOK_SECONDS)


def _step(batch: Batch, signals: Interruptions) -> bool:
    """`batch.step`, which no signal cuts in two: a run that it starts is known and told."""
    with signals.held():
        before = {id(job.folder) for job in batch.jobs}
        going = batch.step()
        for job in batch.jobs:
            if job.folder is not None and id(job.folder) not in before:
                say(f"{job.needed.name}  run {job.folder.id}")
    return going


def _done(job: Job) -> float:
    """How far a run is, in [0, 1]."""
    if job.over or job.folder is None:
        return 1.0 if job.finished else 0.0
    from memlab.runs.run import Run

    try:
        progress = Run(job.folder).view.progress
    except MemlabError:
        return 0.0
    return progress.fraction if progress is not None else 0.0


def _state(job: Job) -> str:
    return "there already" if job.reused else "failed" if job.problem else job.state


def _tell(jobs: Sequence[Job], told: dict[str, str]) -> None:
    """A line at each new state, for pipes and log files."""
    for job in jobs:
        state = _state(job)
        if state != "waiting" and told.get(job.needed.name) != state:
            told[job.needed.name] = state
            say(f"{job.needed.name}  {state}{f': {job.problem}' if job.problem else ''}")


def _interrupted(batch: Batch, asked: Interrupted) -> int:
    """Stops what lives of it, or leaves it running where the terminal is gone."""
    with suppress(OSError):
        if asked.hung_up:
            say("The runs that were started go on; the same command takes them up.")
            return asked.exit_code
    batch.stop()
    with suppress(OSError):
        say("Stopping, with checkpoints …")
        mine = [job.folder for job in batch.jobs if job.handled and job.folder is not None]
        end = time.monotonic() + stopping.WAIT_SECONDS
        gone = [stopping.ended(folder, max(0.0, end - time.monotonic())) for folder in mine]
        if all(gone):
            say("Stopped. The same command goes on from here.")
    return asked.exit_code


def _facts(environment: dict[str, object], batch: Batch) -> dict[str, str]:
    """Machine, device, date and versions, as the scoreboard states them."""
    first = next((job.folder for job in batch.jobs if job.finished and job.folder), None)
    there = first.environment() if first is not None else {}
    packages = environment.get("packages")
    versions = packages if isinstance(packages, dict) else {}
    told = [("memlab", environment.get("memlab")), ("python", environment.get("python"))]
    told += [(name, versions.get(name)) for name in ("torch", "numpy", "scikit-learn")]
    return {
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "machine": f"{environment.get('system')}",
        "device": str(there.get("device_name") or there.get("device") or "none used"),
        "versions": ", ".join(f"{name} {value}" for name, value in told if value),
        "commit": str(environment.get("commit") or "not a checkout"),
        "command": _command(),
    }


def _command() -> str:
    return " ".join(("memlab", *sys.argv[1:])) if Path(sys.argv[0]).name else "memlab replicate"


def _print(board: Scoreboard, kind: str) -> None:
    from memlab.reports.scoreboard_page import blocks

    if kind == "json":
        from memlab.reports.scoreboard_document import document

        print_json(document(board))
    elif kind == "md":
        from memlab.reports.renderers import markdown

        page(markdown.page(blocks(board)))
    elif kind == "html":
        from memlab.reports.renderers import html

        page(html.page(blocks(board)))
    else:
        from memlab.reports.renderers.console import ConsolePage

        console().print(ConsolePage(blocks(board)))
