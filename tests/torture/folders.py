"""Hostile run folders: mutated from real ones, each opened by every viewer in a forked child.

`python -m tests.torture.folders --count 1000 --seed 0`; `--case N` repeats one.
"""

from __future__ import annotations

import gc
import hashlib
import os
import random
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from memlab.runs.origin import Registry
from tests.torture import acts, hostile, mutation, screens, viewers
from tests.torture.forked import Ended, Say, forked, scratch
from tests.torture.tally import Share, Tally, part_main

CPU_SECONDS = 2.0
ASLEEP_SECONDS = 2.0  # without using the processor or wanting it, as who waits on a pipe
LONGEST_NAME = 240  # bytes; no file system here takes more than 255
MOST_CHILDREN = 3  # after the third viewer that hangs the others of a folder are not asked
GROWTH = 300 << 20
NEIGHBOUR = "20250101-0000-neighbour-aaaa"
APP_EVERY = 33  # one folder in so many is opened by the app too: 300 of 10,000
ACT_EVERY = 5  # one in so many is also acted on, after it was looked at
#: What viewers may make in MEMLAB_HOME: nothing today.
MAY_APPEAR: tuple[str, ...] = ()


@dataclass
class Place:
    """A home with one hostile run and a good one beside, and a tree that nobody may touch."""

    top: Path
    originals: list[Path]
    home: Path = field(init=False)
    canary: Path = field(init=False)

    def __post_init__(self) -> None:
        self.home, self.canary = self.top / "home", self.top / "canary"

    def prepare(self, rng: random.Random) -> tuple[Path, str]:
        """The hostile run of a case, and what was done to it."""
        for old in (self.home, self.canary, self.top / "kept"):
            shutil.rmtree(old, ignore_errors=True)
        _plant(self.canary)
        runs = self.home / "runs"
        Registry.of(runs).settle()  # nobody was here before the registry
        shutil.copytree(self.originals[0], runs / NEIGHBOUR)
        experiment = runs / NEIGHBOUR / "experiment.toml"
        experiment.write_text(experiment.read_text().replace('"Short"', '"The neighbour"'))
        source = rng.choice(self.originals)
        folder = runs / source.name
        shutil.copytree(source, folder)
        told = mutation.mutate(rng, folder, self.canary)
        if rng.random() < 0.06:
            name = rng.choice(
                (
                    f"20260101-0000-{hostile.text(rng)[:60]}-aaaa",
                    "last",
                    "-x",
                    " ",
                    "[/x]",
                    "\udcff",
                )
            )
            name = name.replace("/", "_").replace("\0", "").replace("\ud800", "")
            renamed = runs / os.fsdecode(os.fsencode(name)[:LONGEST_NAME])
            os.rename(folder, renamed)
            folder, told = renamed, f"{told} + named {name!a}"
        return folder, f"{source.name[14:-5]}: {told}"


def _plant(canary: Path) -> None:
    (canary / "documents" / "letters").mkdir(parents=True)
    (canary / "documents" / "letter.txt").write_text("Dear Ada\n")
    (canary / "documents" / "letters" / "draft.json").write_text('{"kind": "stop"}\n')
    (canary / "bashrc").write_text("export A=1")
    (canary / "bashrc").chmod(0o600)


def snapshot(*tops: Path) -> dict[str, tuple[Any, ...]]:
    """What can be seen of every entry below: kind, mode, size, times, target, content if small."""
    return {path: entry for top in tops for path, entry in _entries(str(top)) if entry is not None}


def _entries(path: str) -> Iterator[tuple[str, tuple[Any, ...] | None]]:
    found = os.lstat(path)
    link = os.readlink(path) if stat.S_ISLNK(found.st_mode) else ""
    digest = b""
    if stat.S_ISREG(found.st_mode) and found.st_size < 4096:
        with open(path, "rb") as file:
            digest = hashlib.blake2b(file.read(), digest_size=8).digest()
    times = found.st_mtime_ns, found.st_ctime_ns
    yield path, (found.st_mode, found.st_size, found.st_ino, *times, link, digest)
    if stat.S_ISDIR(found.st_mode):
        with os.scandir(path) as entries:
            names = sorted(entry.path for entry in entries)
        for name in names:
            yield from _entries(name)


def differences(before: dict[str, Any], after: dict[str, Any], top: Path) -> list[str]:
    """What was made, changed or deleted."""
    told = []
    for path in sorted(before.keys() | after.keys()):
        name = os.path.relpath(path, top)
        if name.startswith(MAY_APPEAR):
            continue
        if before.get(path) != after.get(path):
            how = "made" if path not in before else "deleted" if path not in after else "changed"
            told.append(f"{how} {name!a}")
    return told


def try_folder(place: Place, seed: int, number: int, with_app: bool) -> tuple[str, list[str]]:
    """One case: what it is, and everything that is wrong with it."""
    rng = random.Random(f"{seed}-{number}")
    folder, told = place.prepare(rng)
    kept = place.top / "kept"
    tops = [place.home, place.canary, *([kept] if kept.exists() else [])]
    before = snapshot(*tops)
    found = _viewed(folder.name, list(viewers.VIEWERS))
    if with_app:
        found += _visited(folder.name)
    changed = differences(before, snapshot(*tops), place.top)
    found += [f"some viewer {what}" for what in changed[:5]]
    if number % ACT_EVERY == 0:
        found += [f"acts: {problem}" for problem in _acted(folder, [*tops[1:]], place)]
    return told, found


def _acted(folder: Path, outside: list[Path], place: Place) -> list[str]:
    """Complaints about commands that a guest's run refuses, and then about those on our own."""
    neighbour = folder.parent / NEIGHBOUR
    found = []
    for commands, watched in (
        (acts.STRANGE, [*outside, place.home]),
        (acts.OURS, [*outside, neighbour]),
    ):
        before = snapshot(*watched)

        def work(say: Say, commands: dict[str, tuple[str, ...]] = commands) -> None:
            acts.act(folder.name, commands, say)

        ended = forked(work, cpu_seconds=2 * CPU_SECONDS, asleep_seconds=ASLEEP_SECONDS)
        found += _told(ended)[1]
        changed = differences(before, snapshot(*watched), place.top)
        found += [f"{', '.join(commands)}: {what}" for what in changed[:5]]
    return found


def _viewed(run: str, names: list[str]) -> list[str]:
    """Complaints about all viewers; one that hangs or dies is followed by a child for the rest."""
    found: list[str] = []
    for _ in range(MOST_CHILDREN):
        if not names:
            break
        chosen = tuple(names)

        def work(say: Say, chosen: tuple[str, ...] = chosen) -> None:
            gc.disable()
            for name in chosen:
                say({"begin": name})
                printed = viewers.call(name, run)
                problems = viewers.complaints(name, printed, NEIGHBOUR)
                if printed.cpu > CPU_SECONDS:
                    problems.append(f"took {printed.cpu:.1f} s of CPU time")
                say({"end": name, "complaints": problems})

        ended = forked(work, cpu_seconds=2 * CPU_SECONDS, asleep_seconds=ASLEEP_SECONDS)
        done, problems = _told(ended)
        found += problems
        names = names[done + 1 :]
    return found


def _visited(run: str) -> list[str]:
    def work(say: Say) -> None:
        screens.visit(run, say)

    ended = forked(work, cpu_seconds=4 * CPU_SECONDS, asleep_seconds=3 * ASLEEP_SECONDS)
    return _told(ended)[1]


def _told(ended: Ended) -> tuple[int, list[str]]:
    """How many steps a child completed, and what is wrong with them and with its end."""
    found, done, begun = [], 0, "before the first"
    for said in ended.said:
        if "begin" in said:
            begun = said["begin"]
        elif "raised" in said:
            found.append(f"{begun}: raised {_last_line(said['raised'])!a}")
        else:
            done += 1
            found += [f"{said['end']}: {problem}" for problem in said["complaints"]]
    if ended.hung:
        found.append(f"{begun}: hangs")
    elif ended.signal:
        found.append(f"{begun}: died of signal {ended.signal}")
    if ended.growth > GROWTH:
        found.append(f"{begun}: memory grew by {ended.growth >> 20} MB")
    return done, found


def _last_line(trace: str) -> str:
    lines = [line for line in trace.strip().splitlines() if line.strip()]
    frames = [line.strip() for line in lines if "/memlab/" in line]
    where = frames[-1].rpartition("/memlab/")[2].replace('", line ', ":") if frames else ""
    return f"{lines[-1][:200]} at {where.split(',')[0]}" if lines else "nothing"


@contextmanager
def made_originals(kinds: str = "") -> Iterator[list[Path]]:
    """The real runs, trained by a process of its own; torch never comes into this one."""
    with scratch() as top:
        given = os.environ.get("TORTURE_ORIGINALS", "")
        if not given:
            command = [sys.executable, "-m", "tests.torture.originals", str(top), *kinds.split()]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        found = sorted((Path(given or str(top)) / "originals").iterdir())
        order = {"finished": 0}
        yield sorted(found, key=lambda p: (order.get(p.name[14:-5], 1), p.name))


def run(
    share: Share, app_every: int = APP_EVERY, originals: list[Path] | None = None
) -> list[Tally]:
    """Tries a share of the cases; tallies of the viewers, of the app and of what acts on runs."""
    if originals is None:
        with made_originals("finished failed" if share.short else "") as made:
            return run(share, app_every, made)
    tallies = {"": Tally("folders"), "app ": Tally("folders in the app")}
    tallies["acts: "] = Tally("folders acted on")
    with scratch() as top, _quiet_environment(top):
        place = Place(top, originals)
        place.prepare(random.Random(0))
        viewers.warm_up(NEIGHBOUR)
        screens.warm_up()
        acts.warm_up()
        gc.collect()
        gc.freeze()
        for number in share.numbers():
            with_app = number % app_every == 0
            told, found = try_folder(place, share.seed, number, with_app)
            tried = {"": True, "app ": with_app, "acts: ": number % ACT_EVERY == 0}
            for start, tally in tallies.items():
                if not tried[start]:
                    continue
                wrong = [f for f in found if _kind(f) == start]
                why = f"seed {share.seed} case {number}: {told} → {'; '.join(wrong[:4])}"
                tally.count("failed" if wrong else "ok", why)
    return list(tallies.values())


def _kind(problem: str) -> str:
    return next((start for start in ("app ", "acts: ") if problem.startswith(start)), "")


@contextmanager
def _quiet_environment(top: Path) -> Iterator[None]:
    """A home of the harness's own, and nothing that changes what is printed."""
    saved = dict(os.environ)
    os.environ["MEMLAB_HOME"] = str(top / "home")
    for name in ("FORCE_COLOR", "COLUMNS", "LINES", "TTY_COMPATIBLE"):
        os.environ.pop(name, None)
    nothing = os.open(os.devnull, os.O_RDONLY)
    stdin = os.dup(0)
    os.dup2(nothing, 0)
    try:
        yield
    finally:
        os.dup2(stdin, 0)
        os.close(stdin)
        os.close(nothing)
        os.environ.clear()
        os.environ.update(saved)


if __name__ == "__main__":
    sys.exit(part_main(run, 300))
