"""Carrying the needed runs to their end: what is there is used, what is not is started.

On a processor each run is given one core, and as many train side by side as there are cores: many
small runs keep a machine busier so than one after the other on all of it. The longest go first,
so that none is left alone at the end. Workers queue by themselves, so that one more than can train
is kept, its imports under way. Nothing here waits or prints; `step` is called a few times a second
by whoever shows it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from memlab.claims.needed import Needed, existing
from memlab.cores import usable_cores
from memlab.errors import MemlabError
from memlab.experiment import reading
from memlab.experiment.cost import estimate
from memlab.experiment.speeds import Speeds
from memlab.runs import calibration, lifecycle
from memlab.runs.run_folder import RunFolder

#: Fact for `environment.json`: how many cores the run may have.
CORES: Final = "requested_cores"


@dataclass
class Job:
    """One needed run: its folder once there is one, whether it was there before, and its end."""

    needed: Needed
    folder: RunFolder | None = None
    reused: bool = False
    problem: str = ""
    handled: bool = False

    @property
    def finished(self) -> bool:
        """Whether its measurements are complete."""
        return not self.problem and self.folder is not None and self.state == "finished"

    @property
    def over(self) -> bool:
        """Whether nothing more is to be done about it."""
        return bool(self.problem) or (self.handled and self.finished)

    @property
    def state(self) -> str:
        """The run's state, `waiting` before it is started."""
        return "waiting" if self.folder is None else self.folder.state.state


class Batch:
    """The runs that some claims need."""

    def __init__(
        self,
        wanted: Sequence[Needed],
        runs_folder: Path,
        environment: Mapping[str, object],
        *,
        again: bool = False,
        follow: Callable[[Mapping[str, RunFolder]], Sequence[Needed]] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        """Looks for what is there; starts nothing.

        Args:
            environment: facts for `environment.json`, `requested_device` among them.
            again: run everything anew, whatever is there.
            follow: from the finished runs by preset to the runs that they decide.
            options: further keyword arguments for `lifecycle.start` and `resume`.
        """
        self._runs_folder, self._again, self._follow = runs_folder, again, follow
        self._environment = environment
        self._options = options or {}
        self._alone = len(wanted) == 1
        self._at_once = 1 + usable_cores()
        self._followed: set[str] = set()
        self._prices: dict[str, float] = {}
        self.jobs: list[Job] = []
        self._add(wanted)
        self._add_followers()

    def _add(self, wanted: Sequence[Needed]) -> None:
        """What is not among the jobs yet, with the run that is there."""
        known = {job.needed.content for job in self.jobs}
        new = [one for one in wanted if one.content not in known]
        found = {} if self._again else existing(self._runs_folder, new)
        for one in new:
            job = Job(one, found.get(one.content))
            job.reused = job.handled = job.finished
            self.jobs.append(job)

    def _add_followers(self) -> None:
        """The runs that those which have ended meanwhile decide."""
        if self._follow is None:
            return
        folders = self.folders
        if folders.keys() != self._followed:
            self._followed = set(folders)
            self._add(self._follow(folders))

    def refuse(self, preset: str, problem: str) -> None:
        """Marks a run as one that cannot be: its data are not there, say."""
        for job in self.jobs:
            if job.needed.preset == preset:
                job.problem = problem

    def step(self) -> bool:
        """Starts what is due; whether there is more to wait for."""
        living = 0
        for job in self._longest_first:
            if job.over:
                continue
            if job.handled and job.folder is not None and job.folder.state.final:
                state = job.folder.state
                if state.state != "finished":
                    job.problem = state.message or f"The run {job.folder.id} is {state.state}."
                continue
            if not job.handled and living < self._at_once:
                self._begin(job)
            living += job.handled and not job.problem
        self._add_followers()
        return any(not job.over for job in self.jobs)

    @property
    def _longest_first(self) -> list[Job]:
        return sorted(self.jobs, key=lambda job: self._seconds(job.needed), reverse=True)

    def _seconds(self, one: Needed) -> float:
        if one.content not in self._prices:
            found = estimate(one.experiment, speeds=self._speeds)
            self._prices[one.content] = found.seconds if found is not None else 0.0
        return self._prices[one.content]

    @cached_property
    def _speeds(self) -> Speeds:
        return calibration.load()

    def _begin(self, job: Job) -> None:
        job.handled = True
        try:
            if job.folder is None:
                job.folder = self._start(job.needed)
            elif not job.folder.state.living and job.folder.state.state != "finished":
                lifecycle.resume(job.folder, **self._options)
        except MemlabError as error:
            job.problem = str(error)

    def _start(self, one: Needed) -> RunFolder:
        told = {"preset": one.preset, "size": one.size, "content": one.content}
        facts = {**self._environment, "preset": one.name, "replication": told}
        if not self._alone:
            facts[CORES] = 1
        return lifecycle.start(
            reading.to_toml(one.experiment),
            one.name,
            self._runs_folder,
            environment=facts,
            **self._options,
        )

    def stop(self) -> None:
        """Asks what lives of it to save a checkpoint and end."""
        for job in self.jobs:
            if job.handled and not job.over and job.folder is not None and job.folder.state.living:
                with suppress(MemlabError):  # it has ended meanwhile
                    lifecycle.request_stop(job.folder)

    @property
    def folders(self) -> dict[str, RunFolder]:
        """Finished runs by preset without the size."""
        return {job.needed.preset: job.folder for job in self.jobs if job.finished and job.folder}
