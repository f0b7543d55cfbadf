"""Load: many runs, members, viewers and launches; memory, descriptors and an idle app's CPU time.

What is measured on a screen is measured in a real pseudo-terminal, with the terminal of
`make measure`. Times are the best of a few tries, because machines are busy.
"""

from __future__ import annotations

import itertools
import json
import multiprocessing
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tests.measure import screens
from tests.measure.screens import MANY, Terminal
from tests.torture.forked import forked, scratch
from tests.torture.tally import Share, Tally, part_main
from tests.tui.synthetic_run import SyntheticRun, start

DAY_UPDATES = 24 * 3600 * 4
FLAT = 300.0  # MB that memory may seem to grow in a day, from the slope over the updates
NOISE = 2.0  # MB that a slope must have seen to count
FIRST_ROWS = 0.3  # seconds from the key to the first painted rows of the library
SETTLING = 45  # looks of 2 s at most, until an app rests
IDLE = 1.0  # per cent of a core
SIZE = (120, 40)
NEWEST = "Newest of all"
SMALL = """
title = "{title}"
[dataset]
name = "digits"
train = 200
[model]
name = "mlp"
width = 16
depth = 1
[stop]
epochs = 2
"""
Check = Callable[["Scale", Path], Iterator[tuple[bool, str]]]


@dataclass(frozen=True)
class Scale:
    """How much of everything."""

    runs: int = 1000
    seeds: int = 400  # times five corrupted fractions
    viewers: int = 10
    launches: int = 10
    updates: int = 10_000
    idle_seconds: float = 20.0
    tries: int = 5


SAMPLE = Scale(updates=3000, idle_seconds=10.0, tries=3)
SHORT = Scale(runs=60, seeds=40, viewers=4, launches=2, updates=60, idle_seconds=3.0, tries=1)


def library(scale: Scale, home: Path) -> Iterator[tuple[bool, str]]:
    """Many runs: first rows in the app, the command line, and the CPU time of the idle app."""
    _plant(home / "runs", scale.runs)
    taken, used, idle, leaked = [], [], 100.0, 0
    for number in range(scale.tries):
        with _app([sys.executable, "-m", "memlab"], home) as terminal:
            terminal.until(b"earning rate")
            terminal.read(0.5)
            began, cpu = time.perf_counter(), terminal.cpu
            os.write(terminal.master, b"4")
            terminal.until(NEWEST.encode())
            taken.append(time.perf_counter() - began)
            used.append(terminal.cpu - cpu)
            if number == scale.tries - 1:
                idle, leaked = _idle(terminal, scale.idle_seconds)
    yield (
        min(taken) <= FIRST_ROWS,
        f"{scale.runs:,} runs: first rows after {min(taken):.2f} s, {min(used):.2f} s of CPU time "
        f"(≤ {FIRST_ROWS})",
    )
    yield idle < IDLE, f"library of {scale.runs:,} runs, idle: {idle:.2f} % of a core (< {IDLE:g})"
    yield leaked <= 0, f"library of {scale.runs:,} runs, idle: {leaked:+d} descriptors"


def _plant(runs: Path, count: int) -> None:
    """So many runs of 101 epochs; copies of one, the newest with a title of its own."""
    first = start(runs, epochs=100)
    first.grow(101)
    first.end("finished")
    text = (first.folder.path / "experiment.toml").read_text()
    for number in range(1, count):
        name = f"20250101-{number // 60 % 24:02d}{number % 60:02d}-load-{number:04d}"
        shutil.copytree(first.folder.path, runs / name)
    (first.folder.path / "experiment.toml").write_text(text.replace("Noise ladder", NEWEST))


def _idle(terminal: Terminal, seconds: float) -> tuple[float, int]:
    """Per cent of a core that an app takes while nothing happens, and descriptors it opened.

    A library that still reads its runs is not idle; it is given a while.
    """
    for _ in range(SETTLING):
        used = terminal.cpu
        terminal.read(2.0)
        if terminal.cpu - used <= 0.06:
            break
    before, used, began = _descriptors(terminal), terminal.cpu, time.perf_counter()
    terminal.read(seconds)
    share = (terminal.cpu - used) / (time.perf_counter() - began) * 100
    return share, _descriptors(terminal) - before


def _descriptors(terminal: Terminal) -> int:
    return len(os.listdir(f"/proc/{terminal.process.pid}/fd"))


@contextmanager
def _app(command: list[str], home: Path) -> Iterator[Terminal]:
    terminal = Terminal(command, SIZE, home)
    try:
        yield terminal
    finally:
        terminal.close()


def members(scale: Scale, home: Path) -> Iterator[tuple[bool, str]]:
    """Many members in one run: its report, in time and memory."""
    run = start(home / "runs", MANY.replace("seeds = 400", f"seeds = {scale.seeds}"))
    run.grow(30)
    run.end("finished")
    os.environ["MEMLAB_HOME"] = str(home)

    def work(say: Callable[[Any], None]) -> None:
        from tests.torture import viewers

        for name in ("runs", "report text", "watch"):
            printed = viewers.call(name, run.folder.id)
            wrong = viewers.complaints(name, printed, run.folder.id)
            say({"name": name, "seconds": printed.cpu, "wrong": wrong})

    ended = forked(work, cpu_seconds=60, asleep_seconds=60)
    for said in ended.said:
        told = said.get("wrong", [said.get("raised")])
        yield not told, f"{5 * scale.seeds:,} members, {said.get('name')}: {told or 'ok'}"
    if len(ended.said) < 3:
        yield False, f"{5 * scale.seeds:,} members: {ended}"
    growth = ended.growth >> 20
    yield growth <= 300, f"{5 * scale.seeds:,} members: memory +{growth} MB (≤ 300)"


def viewers_at_once(scale: Scale, home: Path) -> Iterator[tuple[bool, str]]:
    """Several viewers on one growing run: all come to the same end."""
    run = start(home / "runs", epochs=60)
    os.environ["MEMLAB_HOME"] = str(home)
    context = multiprocessing.get_context("fork")
    files = [home / f"viewer-{number}.json" for number in range(scale.viewers)]
    watching = [
        context.Process(target=_watch, args=(run.folder.id, run.lock.descriptor, file))
        for file in files
    ]
    for process in watching:
        process.start()
    for _ in range(60):
        run.grow(1)
        time.sleep(0.05)
    run.end("finished")
    for process in watching:
        process.join(60)
        if process.is_alive():
            process.kill()
    seen = [json.loads(file.read_text()) if file.exists() else None for file in files]
    good = [one for one in seen if one is not None and not one["wrong"] and one["status"] == 0]
    same = len({one["output"] for one in good}) == 1
    wrong = next((one["wrong"] for one in seen if one and one["wrong"]), "")
    yield (
        len(good) == scale.viewers and same,
        f"{len(good)} of {scale.viewers} viewers saw the run to its end, alike: {same} {wrong}",
    )


def _watch(run: str, lock: int, file: Path) -> None:
    from tests.torture import viewers

    os.close(lock)  # a viewer does not hold it
    printed = viewers.call("watch", run)
    wrong = viewers.complaints("watch", printed, run)
    document = {"status": printed.status, "output": printed.output.decode(), "wrong": wrong}
    file.write_text(json.dumps(document))
    os._exit(0)


def launches_at_once(scale: Scale, home: Path) -> Iterator[tuple[bool, str]]:
    """Several launches at once on one device: all train to the end, one after the other."""
    from memlab.experiment import reading
    from memlab.runs.run_folder import list_runs

    os.environ |= {"MEMLAB_HOME": str(home), "OMP_NUM_THREADS": "1"}
    (home / "runs").mkdir(exist_ok=True)
    context = multiprocessing.get_context("fork")
    launching = []
    for number in range(scale.launches):
        text = SMALL.format(title=f"Launch {number}")
        toml = reading.to_toml(reading.experiment(reading.from_toml(text, "load"), "load"))
        launching.append(context.Process(target=_launch, args=(toml, home / "runs")))
    for process in launching:
        process.start()
    for process in launching:
        process.join(60)
    end = time.monotonic() + 60 + 30 * scale.launches
    while time.monotonic() < end:
        runs = [r for r in list_runs(home / "runs") if r.experiment_toml().find("Launch ") > 0]
        if len(runs) == scale.launches and not any(run.state.living for run in runs):
            break
        time.sleep(0.2)
    states = [run.state.state for run in runs]
    yield states == ["finished"] * scale.launches, f"{scale.launches} launches: {sorted(states)}"
    overlapping = _overlaps([_span(run.events) for run in runs])
    yield not overlapping, f"{scale.launches} launches: {overlapping} trained at the same time"


def _launch(toml: str, runs: Path) -> None:
    from memlab.runs import lifecycle

    lifecycle.start(toml, "launch", runs, environment={"requested_device": "cpu"})
    os._exit(0)


def _span(events: Any) -> tuple[float, float]:
    from memlab.runs.event_log import EventReader

    found = {event.type: event.time for event in EventReader(events).read()}
    return found.get("worker-started", 0.0), found.get("worker-ended", 0.0)


def _overlaps(spans: list[tuple[float, float]]) -> int:
    ordered = sorted(spans)
    return sum(later[0] < earlier[1] for earlier, later in itertools.pairwise(ordered))


def watching(scale: Scale, home: Path) -> Iterator[tuple[bool, str]]:
    """A viewer over many updates: memory by its slope in a day, descriptors; then idle."""
    run = start(home / "runs", epochs=scale.updates + 200)
    run.grow(100)
    command = [
        sys.executable,
        str(screens.__file__),
        "--child",
        run.folder.id,
        "--interval",
        "0.01",
    ]
    with _app(command, home) as terminal:
        terminal.until(b"running")
        samples, before, after = _followed(terminal, run, scale.updates)
    run.end("finished")
    settled = samples[len(samples) // 2 :]
    slope = float(np.polyfit(np.arange(len(settled)), settled, 1)[0])
    day = slope * DAY_UPDATES
    yield (
        day <= FLAT or slope * len(settled) < NOISE,
        f"{scale.updates:,} updates: {samples[-1]:.0f} MB, {day:+.0f} MB in 24 hours (≤ {FLAT:g})",
    )
    yield after <= before, f"{scale.updates:,} updates: {after - before:+d} descriptors"
    with _app([*command[:-1], "0.25"], home) as terminal:
        terminal.until(b"finished")
        idle, leaked = _idle(terminal, scale.idle_seconds)
    yield idle < IDLE, f"watch of a finished run, idle: {idle:.2f} % of a core (< {IDLE:g})"
    yield leaked <= 0, f"watch of a finished run, idle: {leaked:+d} descriptors"


def _followed(terminal: Terminal, run: SyntheticRun, updates: int) -> tuple[list[float], int, int]:
    """Megabytes after each update, and descriptors near the start and at the end."""
    samples, before = [], 0
    for update in range(updates):
        run.grow(1)
        terminal.read(0.01)
        samples.append(terminal.memory)
        if update == updates // 10:
            before = _settled_descriptors(terminal)
    return samples, before, _settled_descriptors(terminal)


def _settled_descriptors(terminal: Terminal) -> int:
    """The fewest of some looks: a reader has a file open now and then."""
    counts = []
    for _ in range(10):
        terminal.read(0.05)
        counts.append(_descriptors(terminal))
    return min(counts)


CHECKS: tuple[Check, ...] = (library, members, viewers_at_once, launches_at_once, watching)


def tried(scale: Scale, checks: tuple[Check, ...] = CHECKS) -> Tally:
    """Runs the checks, each in a home of its own."""
    tally = Tally("load")
    saved = dict(os.environ)
    for check in checks:
        with scratch() as home:
            try:
                for holds, told in check(scale, home):
                    tally.count("ok" if holds else "failed", f"{check.__name__}: {told}")
                    tally.notes.append(told)
            except (Exception, SystemExit) as error:
                tally.count("failed", f"{check.__name__}: {type(error).__name__}: {error!s:.500}")
            finally:
                os.environ.clear()
                os.environ.update(saved)
    return tally


def run(share: Share) -> list[Tally]:
    """All checks, by the first process alone; a count of 1 is the sample, above it the whole.

    The short form leaves out what measures time, which a busy suite has no business to do.
    """
    if share.first:
        return []
    if share.short:
        return [tried(SHORT, (members, viewers_at_once))]
    return [tried(Scale() if share.count > 1 else SAMPLE)]


if __name__ == "__main__":
    sys.exit(part_main(run, 1))
