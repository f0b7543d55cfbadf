"""Reads, measures and carries on what the Scoreboard shows. For thread workers: nothing here is
quick, and every call may take as long as measuring one claim does.

Finished runs are found by their content, so that what the command line, an earlier app or this one
has trained is the same to it. Measurements are kept by the ids of the runs they were made on.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from memlab import settings
from memlab.claims import registry
from memlab.claims.batch import Batch
from memlab.claims.claim import Check, Claim, Size
from memlab.claims.finished_run import Evidence, FinishedRun
from memlab.claims.needed import FollowUps, Needed, existing, needed, presets_of
from memlab.claims.replicates import BOARD
from memlab.errors import MemlabError
from memlab.experiment.cost import estimate
from memlab.reports import scoreboard
from memlab.reports.scoreboard import CheckEntry, Entry
from memlab.reports.scoreboard_chance import adjusted
from memlab.runs import lifecycle
from memlab.runs.environment import describe
from memlab.runs.run import Run
from memlab.runs.run_folder import RunFolder
from memlab.tui.compose.cost import SpeedsReader, device_kind
from memlab.tui.scoreboard.model import UNDER_WAY, Frame, Price, RunLine, Standing

LOOK_SECONDS: Final = 5.0


@dataclass(frozen=True)
class _Seen:
    """A needed run as it is now: its folder if there is one, and what is said of it."""

    needed: Needed
    folder: RunFolder | None
    line: RunLine

    @property
    def finished(self) -> bool:
        return self.line.state == "finished"


class ScoreboardReader:
    """One scoreboard: claims, replicates, a size that may change, and the batch under way."""

    def __init__(
        self,
        runs_folder: Path,
        device: str = "auto",
        *,
        claims: Sequence[Claim] | None = None,
        replicates: Sequence[int] = BOARD,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        """Reads nothing yet.

        Args:
            claims: the default: all, third parties' among them.
            options: further keyword arguments of `lifecycle.start`.
        """
        self._runs_folder, self._device = runs_folder, device
        self._claims = tuple(registry.all_claims() if claims is None else claims)
        self._checks = registry.checks_beside(self._claims)
        self._replicates, self._options = tuple(replicates), options
        self._lock = threading.Lock()
        self._needed: dict[Size, tuple[Needed, ...]] = {}
        self._follow: dict[Size, FollowUps] = {}
        self._there: dict[str, RunFolder] = {}
        self._followed: tuple[Needed, ...] = ()
        self._looked: tuple[Size | None, float] = (None, 0.0)
        self._batch: Batch | None = None
        self._asked: set[str] = set()
        self._opened: dict[str, FinishedRun] = {}
        self._measured: dict[tuple[Size, str, tuple[str, ...]], Entry] = {}
        self._checked: dict[tuple[str, tuple[str, ...]], CheckEntry] = {}

    # --- what is asked of it

    def read(self, size: Size, budget: float) -> Frame:
        """Carries the batch on, looks at the runs and measures for at most `budget` seconds or
        one claim; the frame says whether there is more to measure."""
        with self._lock:
            going = self._batch is not None and self._batch.step()
            seen = {one.needed.preset: one for one in self._look(size)}
            until, standings, more = time.monotonic() + budget, [], False
            for claim in self._claims:
                found = self._known(claim, size, seen)
                if found is None and time.monotonic() < until:
                    found = self._measure(claim, size, seen)
                more |= found is None
                lines = tuple(seen[name].line for name in presets_of(claim) if name in seen)
                standings.append(Standing(claim, found, lines))
            entries = [one.entry for one in standings if one.entry is not None]
            checks = tuple(self._check(one, size, seen) for one in self._checks)
            return Frame(
                size, self._replicates, tuple(standings), going, more, self._launched(), checks,
                adjusted(entries),
            )  # fmt: skip

    def price(self, claims: Collection[str], size: Size) -> Price:
        """What is missing for these claims and not under way, and how long it will take here."""
        with self._lock:
            due = (*UNDER_WAY, "waiting")
            missing = [s.needed for s in self._missing(claims, size) if s.line.state not in due]
            kind = device_kind(self._device)
            speeds = SpeedsReader().read(kind)
            costs = [estimate(one.experiment, kind, speeds) for one in missing]
            known = [cost.seconds for cost in costs if cost is not None]
            members = sum(cost.members for cost in costs if cost is not None)
            return Price(len(missing), members, sum(known), kind)

    def start(self, claims: Collection[str], size: Size) -> None:
        """Starts what is missing for these claims, along with what is under way already.

        Raises:
            MemlabError: if the runs folder cannot be written.
        """
        with self._lock:
            jobs = self._batch.jobs if self._batch is not None else []
            wanted = {job.needed.content: job.needed for job in jobs if not job.over}
            wanted |= {one.needed.content: one.needed for one in self._missing(claims, size)}
            facts = {**describe(sys.argv), "requested_device": self._device}
            runs = settings.prepared(self._runs_folder)
            self._asked = {*claims, *(self._asked if any(not job.over for job in jobs) else ())}
            asked = [claim for claim in self._claims if claim.id in self._asked]
            follow = FollowUps(asked, size, self._replicates)
            self._batch = Batch(
                list(wanted.values()), runs, facts, follow=follow, options=self._options
            )
            self._looked = (None, 0.0)

    def stop(self, size: Size) -> int:
        """Asks every living run of this size and of the batch to end with a checkpoint; how many.

        Raises:
            MemlabError: if a request cannot be written.
        """
        with self._lock:
            jobs = self._batch.jobs if self._batch is not None else []
            found = [one.folder for one in self._look(size)] + [job.folder for job in jobs]
            self._batch, self._looked = None, (None, 0.0)
            living = {f.id: f for f in found if f is not None and f.state.living}
            for folder in living.values():
                lifecycle.request_stop(folder)
            return len(living)

    # --- runs

    def _missing(self, claims: Collection[str], size: Size) -> list[_Seen]:
        names = {n for claim in self._claims if claim.id in claims for n in presets_of(claim)}
        return [s for s in self._look(size) if s.needed.preset in names and not s.finished]

    def _look(self, size: Size) -> list[_Seen]:
        """The runs that the claims need at this size, looked for again every few seconds."""
        if size not in self._needed:
            self._needed[size] = needed(self._claims, size, self._replicates, self._checks)
            self._follow[size] = FollowUps(self._claims, size, self._replicates)
        looked, when = self._looked
        if looked != size or time.monotonic() - when > LOOK_SECONDS:
            self._there = existing(self._runs_folder, self._needed[size])
            self._followed = self._follow[size](self._finished(self._needed[size]))
            self._there |= existing(self._runs_folder, self._followed) if self._followed else {}
            self._looked = (size, time.monotonic())
        wanted = (*self._needed[size], *self._followed)
        jobs = {j.needed.content: j for j in self._batch.jobs} if self._batch is not None else {}
        seen = []
        for one in wanted:
            job = jobs.get(one.content)
            folder = (job.folder if job is not None else None) or self._there.get(one.content)
            if job is not None and folder is None:
                line = RunLine(one.name, "", "failed" if job.problem else "waiting", job.problem)
            else:
                line = _line(one, folder, job.problem if job is not None else "")
            seen.append(_Seen(one, folder, line))
        return seen

    def _finished(self, wanted: Sequence[Needed]) -> dict[str, RunFolder]:
        """The finished runs that are there, by preset without the size."""
        found = {one.preset: self._there.get(one.content) for one in wanted}
        return {n: f for n, f in found.items() if f is not None and f.state.state == "finished"}

    def _launched(self) -> tuple[str, ...]:
        jobs = self._batch.jobs if self._batch is not None else []
        return tuple(j.folder.id for j in jobs if j.handled and not j.reused and j.folder)

    # --- measuring

    def _known(self, claim: Claim, size: Size, seen: Mapping[str, _Seen]) -> Entry | None:
        """What was measured before, or what needs no measuring because its runs are not there."""
        if claim.measure is None or not all(self._has(name, seen) for name in claim.presets):
            problems = self._problems(size, seen)
            return scoreboard.measured(claim, Evidence({}, self._replicates), size, problems)
        return self._measured.get(self._key(claim, size, seen))

    def _has(self, preset: str, seen: Mapping[str, _Seen]) -> bool:
        return preset in seen and seen[preset].finished

    def _key(
        self, claim: Claim, size: Size, seen: Mapping[str, _Seen]
    ) -> tuple[Size, str, tuple[str, ...]]:
        runs = [seen[name].line.run_id for name in presets_of(claim) if self._has(name, seen)]
        return size, claim.id, tuple(runs)

    def _measure(self, claim: Claim, size: Size, seen: Mapping[str, _Seen]) -> Entry:
        problems = self._problems(size, seen)
        runs = self._open(presets_of(claim), seen, problems)
        made = scoreboard.measured(claim, Evidence(runs, self._replicates), size, problems)
        self._measured[self._key(claim, size, seen)] = made
        return made

    def _check(self, check: Check, size: Size, seen: Mapping[str, _Seen]) -> CheckEntry:
        """The check, once its runs are there."""
        there = all(self._has(name, seen) for name in check.presets)
        ids = tuple(seen[name].line.run_id for name in check.presets) if there else ()
        if there and (check.id, ids) in self._checked:
            return self._checked[check.id, ids]
        problems = self._problems(size, seen)
        runs = self._open(check.presets, seen, problems) if there else {}
        made = scoreboard.checked(check, Evidence(runs, self._replicates), size, problems)
        if there:
            self._checked[check.id, ids] = made
        return made

    def _open(
        self, presets: Sequence[str], seen: Mapping[str, _Seen], problems: dict[str, str]
    ) -> dict[str, FinishedRun]:
        """Those of the runs that are finished and can be read; `problems` gets why one cannot."""
        runs = {}
        for name in presets:
            folder = seen[name].folder if self._has(name, seen) else None
            if folder is None:
                continue
            try:
                if folder.id not in self._opened:
                    self._opened[folder.id] = FinishedRun(folder)
                runs[name] = self._opened[folder.id]
            except MemlabError as error:
                problems[name] = str(error)
        return runs

    def _problems(self, size: Size, seen: Mapping[str, _Seen]) -> dict[str, str]:
        """Why a run is not there, by preset."""
        told = {name: one.line.problem for name, one in seen.items() if one.line.problem}
        return self._follow[size].problems | told


def _line(one: Needed, folder: RunFolder | None, problem: str) -> RunLine:
    if folder is None:
        return RunLine(one.name)
    state = folder.state
    if not problem and state.state == "failed":
        problem = state.message or f"The run {folder.id} failed."
    if state.state == "finished":
        problem = ""
    progress = state.progress
    if state.living:
        try:
            made = Run(folder).view.progress
            progress = made.fraction if made is not None else progress
        except MemlabError:
            progress = None
    return RunLine(one.name, folder.id, state.state, problem, progress)
