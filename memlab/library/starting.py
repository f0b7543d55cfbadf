"""From a preset or a file to a run with a detached worker, as `memlab run` begins it.

Everything that can be refused is refused before a run is made.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from memlab import settings
from memlab.errors import DeviceUnavailable, InvalidExperiment
from memlab.experiment.recorded import SOURCES
from memlab.library.consent import Consent, agreed
from memlab.runs import plan as plans
from memlab.runs.plan import RunPlan
from memlab.runs.run_folder import RunFolder

if TYPE_CHECKING:
    from memlab.experiment.spec import Experiment
    from memlab.runs.own_code import Code


@dataclass(frozen=True)
class Where:
    """The engine that trains, and a folder that all machines of its cluster see, if any."""

    engine: str = "processes"
    shared: str | None = None

    def facts(self) -> dict[str, object]:
        """As the environment of a run has it."""
        return {"requested_engine": self.engine, "shared_folder": self.shared}


@dataclass(frozen=True)
class Start:
    """A run that may be begun: its experiment, what it is called, and where it is to train."""

    name: str
    experiment: Experiment
    device: str
    plan: RunPlan | None = None
    where: Where = Where()
    code: Sequence[Code] = ()

    def begin(
        self,
        facts: dict[str, object],
        fill: Callable[[RunFolder], object] | None = None,
    ) -> RunFolder:
        """Makes the run and gives it a worker; `facts` go into its environment.

        Raises:
            SettingsError, StorageError: if the folder cannot be written.
            TrainingFailed: if no worker can be started; the run is there, as failed.
        """
        from memlab.experiment import reading
        from memlab.runs import lifecycle
        from memlab.runs.environment import describe

        def filled(folder: RunFolder) -> None:
            if self.plan is not None:
                plans.write(folder.place / plans.PLAN_FILE, self.plan)
            if fill is not None:
                fill(folder)

        return lifecycle.start(
            reading.to_toml(self.experiment),
            self.name,
            settings.prepared(settings.runs_folder()),
            environment={
                **describe(sys.argv),
                "requested_device": self.device,
                **self.where.facts(),
                **facts,
            },
            fill=filled,
            code=self.code,
        )


def experiment_of(
    preset_or_file: str | os.PathLike[str], changes: Sequence[str]
) -> tuple[str, Experiment]:
    """The name and the experiment of a preset or a file, with `key=value` settings.

    Raises:
        InvalidExperiment: if there is none, or it cannot be run so.
    """
    from memlab.experiment import presets, reading

    wanted = os.fspath(preset_or_file)
    if not isinstance(preset_or_file, str):
        wanted = os.path.abspath(wanted)
    preset = presets.find(wanted, settings.presets_folder())
    return preset.name, reading.with_absolute_paths(preset.experiment(changes), Path.cwd())


def checked(
    name: str,
    experiment: Experiment,
    device: str | None,
    plan: str | os.PathLike[str] | None = None,
    where: Where | None = None,
    consent: Consent | None = None,
    code: Sequence[Code] = (),
) -> Start:
    """A start whose device, data and plan are known to be possible.

    Args:
        plan: the plan.json of another run of the same networks, to be trained as they were.
        consent: to the code that the experiment names; none by default.
        code: what of it was agreed to before, for another run.

    Raises:
        DeviceUnavailable, InvalidExperiment, InvalidDataset, DatasetUnavailable: in a sentence.
    """
    from memlab.data import preflight
    from memlab.experiment.grid import member_count

    if experiment.recorded is not None:
        raise InvalidExperiment(
            f"{name} describes a run that was recorded from {SOURCES[experiment.recorded.by]}; "
            "there is nothing in it that memlab could train.",
            "recorded",
        )
    chosen = checked_device(device)
    code = code or agreed(experiment, consent or Consent())
    if code:
        stays_here(where)
    preflight.check(experiment, settings.dataset_folders())
    planned = None
    if plan is not None:
        planned = plans.read_file(Path(plan))
        members = member_count(experiment)
        if not plans.covers(planned, range(members)):
            raise InvalidExperiment(f"{plan} is not a plan for {members:,} networks.")
    return Start(name, experiment, chosen, planned, where or Where(), code)


def stays_here(where: Where | None) -> None:
    """Refuses to train a network of the user's own elsewhere; raises InvalidExperiment."""
    if where is not None and where.engine != "processes":
        raise InvalidExperiment(
            "A network of your own trains on this machine: its code is not sent to a cluster; leave"
            " --on out.",
            "model.name",
        )


def checked_where(on: str | None, shared: str | os.PathLike[str] | None = None) -> Where:
    """Where a run is to train; whether Ray and its cluster are there is known to the worker.

    Raises:
        InvalidExperiment: if that can be nowhere.
    """
    engine = on or "processes"
    if not re.fullmatch(r"processes|ray|ray://[A-Za-z0-9.\-\[\]:]{1,200}:\d{1,5}", engine):
        raise InvalidExperiment(
            f"{engine!r} is no engine; use processes, ray or ray://HOST:PORT.", "on"
        )
    if shared is None:
        return Where(engine)
    folder = Path(shared).expanduser().absolute()
    if engine == "processes" or not folder.is_dir():
        why = "is for --on ray" if engine == "processes" else "is no folder"
        raise InvalidExperiment(f"--shared {folder} {why}.", "shared")
    return Where(engine, str(folder))


def checked_device(device: str | None) -> str:
    """The device, the settings' where that is None; the worker knows what is there.

    Raises:
        DeviceUnavailable: if it can be none.
    """
    chosen = device or settings.load().device
    if not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", chosen):
        raise DeviceUnavailable(f"{chosen!r} is no device; use auto, cpu, cuda or cuda:N.")
    return chosen


def fork_of(source: RunFolder, at: float, changes: Sequence[str], device: str | None) -> RunFolder:
    """Begins a run that is `source` up to epoch `at` and goes on with other settings.

    Raises:
        RunFolderError: if it came from elsewhere or cannot be read.
        InvalidExperiment, DeviceUnavailable: if it cannot be forked so.
        StorageError, TrainingFailed: as `Start.begin`.
    """
    from memlab.runs import forking, lifecycle

    chosen = checked_device(device)
    code = lifecycle.require_code(source)
    made = forking.forked(source, at, changes)
    name = f"{source.environment().get('preset') or 'run'}-fork"
    return Start(name, made, chosen, code=code).begin(
        {"forked_from": source.id}, lambda folder: forking.inherit(source, made, folder)
    )
