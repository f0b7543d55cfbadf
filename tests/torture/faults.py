"""Faults at every step: a run's k-th change of the disk fails, and then the run is resumed.

What it has recorded in the end is bit for bit that of the run that nothing happened to, or the
resume is refused in a sentence with everything still there.
"""

from __future__ import annotations

import gc
import json
import os
import random
import shutil
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.torture import training
from tests.torture.forked import RAISED, Ended, Say, forked, scratch
from tests.torture.layer import CRASHES, ERRORS, Layer
from tests.torture.tally import Share, Tally, part_main

SECONDS = 60.0
SCENARIOS = ("run", "fork")
DIED = "Its process ended"


@dataclass(frozen=True)
class Case:
    """`fault` befalls operation `at` of a `scenario`."""

    scenario: str
    fault: str
    at: int


class Bench:
    """A home with a finished run to fork from, and what each scenario records undisturbed."""

    def __init__(self, home: Path, scenarios: tuple[str, ...] = SCENARIOS) -> None:
        self.runs = home / "runs"
        self.runs.mkdir(parents=True)
        os.environ["MEMLAB_HOME"] = str(home)
        self.toml = training.experiment_toml()
        self.source = self.runs / "none"
        self.operations: dict[str, list[str]] = {}
        self.expected: dict[str, dict[str, bytes]] = {}
        self._known: set[str] = set()
        for name in scenarios:
            self._rehearse(name)

    def _rehearse(self, scenario: str) -> None:
        if scenario == "fork" and not self.source.exists():
            self._rehearse("run")
        ended = self._begun(Case(scenario, "none", 0))
        path = self._new()
        if path is None or _state(path)["state"] != "finished":
            raise RuntimeError(f"the undisturbed {scenario} did not finish: {ended}")
        self.operations[scenario] = ended.said[-1]["log"]
        self.expected[scenario] = recorded(path)
        if scenario == "run":
            self.source = path
            self._known.add(path.name)
        else:
            shutil.rmtree(path)

    def cases(self, seed: int) -> list[Case]:
        """All there are, crash and error in turn; every operation has one of each before any
        has a second, in an order that the seed decides.
        """
        rng = random.Random(seed)
        points = [(name, at) for name, log in self.operations.items() for at in range(len(log))]
        found = []
        for turn in range(len(ERRORS)):
            rng.shuffle(points)
            for name, at in points:
                crash = CRASHES[(at + turn) % len(CRASHES)]
                error = ERRORS[(at // 2 + turn) % len(ERRORS)]
                kinds = (crash, error) if turn < len(CRASHES) else (error,)
                found += [Case(name, kind, at + 1) for kind in kinds]
        return found

    def try_case(self, case: Case) -> tuple[str, str]:
        """(verdict, why) of one case; nothing of it stays."""
        try:
            return self._judged(case)
        finally:
            for name in set(os.listdir(self.runs)) - self._known:
                shutil.rmtree(self.runs / name, ignore_errors=True)

    def _judged(self, case: Case) -> tuple[str, str]:
        ended = self._begun(case)
        if wrong := _unexpected(ended, case):
            return "failed", wrong
        path = self._new()
        refusal = next((said["refused"] for said in ended.said if "refused" in said), "")
        if path is None:
            return _without_run(case, refusal)
        before = contents(path)
        first = _state(path)
        reason_lost = case.fault in ERRORS and first["message"].startswith(DIED)
        after = _resumed(path)
        if after.hung or after.signal or after.status:
            return "lost", f"the resume ended so: {_end(after)}"
        last = after.said[-1]
        if last["state"] == "finished":
            differing = differences(self.expected[case.scenario], recorded(path))
            if differing:
                return "lost", f"not as undisturbed: {', '.join(differing[:4])}"
            if reason_lost:
                return "failed", f"the reason of the end is not told: {first['message']}"
            return "ok", ""
        words = last.get("refused") or last["message"]
        gone = missing(before, contents(path))
        if gone:
            return "lost", f"refused ({words!a}) and gone: {', '.join(gone[:4])}"
        return ("refused", words) if words else ("failed", f"no word: {last}")

    def _begun(self, case: Case) -> Ended:
        """The run, started with the fault before it, to its end."""

        def work(say: Say) -> None:
            layer = Layer(self.runs, case.at, case.fault)
            layer.install()
            _in_words(say, lambda: self._start(case.scenario))
            say({"log": layer.log if not case.at else []})

        return forked(work, cpu_seconds=SECONDS, asleep_seconds=SECONDS, data_limit=None)

    def _start(self, scenario: str) -> None:
        if scenario == "run":
            training.start(self.runs, self.toml, "short")
        else:
            training.start_fork(self.source, self.runs)

    def _new(self) -> Path | None:
        """The run that a case has made."""
        fresh = sorted(set(os.listdir(self.runs)) - self._known)
        found = [name for name in fresh if not name.startswith(".")]
        return self.runs / found[0] if found else None


def _in_words(say: Say, work: Any) -> None:
    """Runs `work`; an error for people is said."""
    from memlab.errors import MemlabError

    try:
        work()
    except MemlabError as error:
        say({"refused": str(error)})


def _resumed(path: Path) -> Ended:
    """The run gone on with, without faults; the last thing said is its state."""

    def work(say: Say) -> None:
        refused: list[Any] = []
        if _state(path)["state"] != "finished":
            _in_words(refused.append, lambda: training.resume(path))
        say({**_state(path), **(refused[0] if refused else {})})

    return forked(work, cpu_seconds=SECONDS, asleep_seconds=SECONDS, data_limit=None)


def _state(path: Path) -> dict[str, str]:
    from memlab.runs.run_folder import RunFolder

    state = RunFolder(path).state
    return {"state": state.state, "message": state.message}


def _unexpected(ended: Ended, case: Case) -> str:
    killed = ended.signal == signal.SIGKILL and case.fault in CRASHES
    return "" if killed or not (ended.hung or ended.signal or ended.status) else _end(ended)


def _end(ended: Ended) -> str:
    if ended.status == RAISED:
        lines = ended.said[-1]["raised"].strip().splitlines()
        where = [line.strip() for line in lines if "/memlab/" in line]
        return f"raised {lines[-1]} ({where[-1] if where else ''})"
    return "hung" if ended.hung else f"signal {ended.signal}, status {ended.status}"


def _without_run(case: Case, refusal: str) -> tuple[str, str]:
    if case.fault in CRASHES:
        return "ok", ""
    return ("refused", refusal) if refusal else ("failed", "no run and no word")


def recorded(path: Path) -> dict[str, bytes]:
    """What a run has measured: rows of its tables, arrays of its examples, its last tensors."""
    from safetensors.numpy import load_file

    found = {
        str(file.relative_to(path)): file.read_bytes()
        for pattern in ("series/*.rows", "examples/**/*.npy")
        for file in path.glob(pattern)
        if not file.name.startswith(("progress", "."))
    }
    newest = {p.name[:9]: p for p in sorted((path / "checkpoints").glob("stack-*.safetensors"))}
    for file in newest.values():
        for name, tensor in load_file(file).items():
            found[f"{file.name}/{name}"] = tensor.tobytes()
    return found


def contents(path: Path) -> dict[str, bytes]:
    """Every file that holds something recorded; torn rows are none."""
    found = {}
    for folder in ("series", "examples", "checkpoints"):
        for file in (path / folder).rglob("*"):
            if file.is_file() and not file.name.startswith((".", "progress")):
                data = file.read_bytes()
                if file.suffix == ".rows":
                    data = data[: len(data) - len(data) % _row_bytes(file)]
                found[str(file.relative_to(path))] = data
    return found


def _row_bytes(file: Path) -> int:
    from memlab.runs.table import dtype_from

    try:
        document = json.loads(file.with_suffix(".json").read_bytes())
        return int(dtype_from(document["dtype"]).itemsize)
    except (OSError, ValueError, KeyError, TypeError):
        return 1


def differences(expected: Mapping[str, bytes], found: Mapping[str, bytes]) -> list[str]:
    """The names whose contents are not those expected."""
    return sorted(n for n in expected.keys() | found.keys() if expected.get(n) != found.get(n))


def missing(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> list[str]:
    """What was there and is now neither in its place, nor grown, nor kept beside."""
    now = list(after.values())
    return [name for name, data in before.items() if not any(n.startswith(data) for n in now)]


@contextmanager
def bench(scenarios: tuple[str, ...] = SCENARIOS) -> Iterator[Bench]:
    """A bench in a temporary folder, in a process that has torch imported."""
    saved = dict(os.environ)
    training.warm_up()
    gc.collect()
    gc.freeze()
    try:
        with scratch() as top:
            yield Bench(top / "home", scenarios)
    finally:
        os.environ.clear()
        os.environ.update(saved)


def run(share: Share) -> list[Tally]:
    """Tries a share of the cases; two tallies, of crashes and of errors."""
    crashes, errors = Tally("crash points"), Tally("disk errors")
    with bench(SCENARIOS[:1] if share.short else SCENARIOS) as made:
        cases = made.cases(share.seed)
        for number in share.numbers():
            if number >= len(cases):
                break
            case = cases[number]
            verdict, why = made.try_case(case)
            at = f"{case.fault} at {case.at} of {case.scenario}"
            operation = made.operations[case.scenario][case.at - 1]
            tally = crashes if case.fault in CRASHES else errors
            told = f"seed {share.seed} case {number}: {at} ({operation}) → {why}"
            tally.count(verdict, told)
        points = ", ".join(f"{len(log)} of a {name}" for name, log in made.operations.items())
        crashes.notes.append(f"operations: {points}")
    return [crashes, errors]


if __name__ == "__main__":
    os._exit(part_main(run, 40))  # torch's teardown prints what it leaked
