"""A worker's whole life with one run: data, queue, training, report, and every way to end."""

from __future__ import annotations

import platform
import resource
import time
import traceback
from collections.abc import Sequence

import torch
from threadpoolctl import threadpool_limits

from memlab import settings
from memlab.engines import on_ray, planner, trials
from memlab.engines.engine import Crew, Engine, Nobody, engine_of
from memlab.engines.failing import explained
from memlab.engines.on_ray import OnRay
from memlab.engines.planner import Candidate
from memlab.errors import MemlabError, RunFolderError
from memlab.experiment import grid
from memlab.experiment.spec import Experiment
from memlab.experiment.speeds import Speeds
from memlab.models import own_import
from memlab.reports import json as report_json
from memlab.runs import calibration, lifecycle, retraining_store
from memlab.runs import plan as run_plan
from memlab.runs.environment import OWN_NETWORKS
from memlab.runs.event_log import EventLog
from memlab.runs.plan import PLAN_FILE, RunPlan
from memlab.runs.queue import Turn, wait_for_turn
from memlab.runs.requests import Request
from memlab.runs.run import Run
from memlab.runs.run_folder import RunFolder
from memlab.runs.state import StateName, write_state
from memlab.training.plan import Group, StackPlan
from memlab.worker import device as devices
from memlab.worker import planning, recovery
from memlab.worker.baseline_runs import measure_baselines
from memlab.worker.calibrating import machine_of
from memlab.worker.control import Control
from memlab.worker.lines import measure_lines
from memlab.worker.material import Material
from memlab.worker.recorder import Pace, ProgressTable
from memlab.worker.shard import Work


class Stopped(Exception):
    """The run was asked to stop before it began to train."""


class Session:
    """Carries the run in `folder` as far as it will go."""

    def __init__(self, folder: RunFolder, control: Control, restart: bool = False) -> None:
        self._folder = folder
        self._control = control
        self._restart = restart
        self._events = EventLog(folder.events)
        self._device = torch.device("cpu")
        self._stop_reason = ""
        self._turn: Turn | None = None
        self._ray: OnRay | None = None
        self._deadline = float("inf")
        self._stacks: Sequence[StackPlan] = ()
        self._progress: ProgressTable | None = None
        self._pace = Pace()

    def run(self) -> int:
        """Trains; the exit status says whether the run ended as it should."""
        try:
            self._say("starting", "loading")
            self._folder.reserve()
            experiment = self._read()
            self._device = self._choose()
            work = self._prepare(experiment)
            if self._turn is None and self._ray is None:
                self._turn = self._queue(work.plan.cores)
            return self._train(work)
        except Stopped:
            self._events.append("stopped", reason="asked to stop before training began")
            self._say("interrupted", "Stopped before training began.")
            return 0
        except Exception as error:
            return self._fail(error)
        finally:
            if self._ray is not None:
                self._ray.close()
            if self._turn is not None:
                self._turn.close()
            self._folder.release()
            self._events.close()

    def _choose(self) -> torch.device:
        """Where it is to train; a cluster that it asks for is connected."""
        environment = self._folder.environment()
        device = str(environment.get("requested_device") or "auto")
        if not on_ray.wanted(self._folder):
            return devices.choose(device)
        self._say("starting", "connecting to the Ray cluster")
        self._ray = OnRay(environment, planner.cores_for(environment.get("requested_cores")))
        if self._ray.lent:
            self._turn = self._queue(self._ray.lent)
        return self._ray.device(device)

    def _read(self) -> Experiment:
        return Run(self._folder).experiment

    def _say(self, state: StateName, message: str = "", progress: float | None = None) -> None:
        write_state(self._folder.path, state, message, device=str(self._device), progress=progress)

    def _queue(self, cores: int) -> Turn:
        def stop() -> bool:
            asked = self._control.poll()
            self._control.keep(asked)
            return any(request.kind == "stop" for request in asked)

        def wait(position: int) -> None:
            others = "1 run is" if position == 1 else f"{position} runs are"
            self._say("queued", f"{others} before this one on {self._device}")

        turn = wait_for_turn(settings.data_folder(), str(self._device), stop, wait, cores)
        if turn is None:
            raise Stopped
        return turn

    def _prepare(self, experiment: Experiment) -> Work:
        """The run's data and stacks, found to be what it began with."""
        self._say("starting", "preparing the data")
        own_import.permit(lifecycle.require_code(self._folder))
        material = Material(settings.dataset_folders(), self._download)
        members = grid.members(experiment)
        groups, parameters = planning.grouped(members, material)
        own = planning.own_networks(members, material)
        if own:
            self._folder.add_environment(**{OWN_NETWORKS: own})
        plan = planning.of_run(self._folder, groups, torch.get_num_threads())
        if plan is None:
            here = self._ray is None
            plan = self._planned(groups, material) if here else self._planned_on_ray(groups)
        stacks = planning.stacks_of(groups, plan)
        recovery.check_data(self._folder, members, material)
        recovery.check(self._folder, stacks, self._events, self._restart)
        run_plan.write(self._folder.place / PLAN_FILE, plan)
        return Work(self._folder, experiment, members, stacks, parameters, material, plan)

    def _planned(self, groups: Sequence[Group], material: Material) -> RunPlan:
        """The plan of a run that begins; where candidates are tried, all cores are waited for."""
        cores = planner.cores_for(self._folder.environment().get("requested_cores"))
        machine = machine_of(self._device)
        speeds = calibration.load(machine)
        shapes = [planning.shape_of(group, material) for group in groups]

        def tried(group: Group, candidates: Sequence[Candidate]) -> Speeds:
            self._turn = self._queue(cores)
            self._say("starting", "trying which stacks and processes train this fastest")
            shape = shapes[groups.index(group)]
            calibration.note(trials.measured(group, shape, material, candidates), machine)
            return calibration.load(machine)

        return planner.chosen(groups, shapes, speeds, self._device, cores, tried)

    def _planned_on_ray(self, groups: Sequence[Group]) -> RunPlan:
        assert self._ray is not None
        return self._ray.plan(groups, self._device)

    def _train(self, work: Work) -> int:
        self._folder.add_environment(
            device=str(self._device),
            device_name=self._device_name(work.plan),
            torch=torch.__version__,
            platform=platform.platform(),
        )
        started = time.monotonic()
        seconds = work.experiment.stop.seconds
        if seconds is not None:
            self._deadline = started + seconds
        self._stacks = work.stacks
        total = sum(
            stack.timeline.examples_before(stack.timeline.updates) * len(stack.members)
            for stack in work.stacks
        )
        self._progress = ProgressTable(self._folder.series, total)
        self._events.append("worker-started", device=str(self._device), pid_hint="see state.json")
        self._say("running")
        done = self._engine(work).train()
        names = work.experiment.baselines.names
        if done and names:
            with threadpool_limits(work.plan.cores):
                done = measure_baselines(
                    self._folder, work.members, names, work.material, work.stacks, self._fitting
                )
        points = work.experiment.evaluation.line_points
        if done and points:
            done = measure_lines(
                self._folder, work.members, points, work.material, work.stacks, self._measuring
            )
        return self._end(done, time.monotonic() - started)

    def _engine(self, work: Work) -> Engine:
        if self._ray is not None:
            return self._ray.engine(work, self, self._device)
        return engine_of(work, self, self._device)

    def _device_name(self, plan: RunPlan) -> str:
        if self._ray is not None:
            return self._ray.words()
        return devices.describe(self._device, plan.processes, plan.threads)

    def append(self, type: str, /, **data: object) -> None:
        """See `Leader`."""
        self._events.append(type, **data)

    def advanced(self, stack: int, update: int, done_examples: int, last: bool) -> None:
        """See `Leader`."""
        if last or self._pace.due():
            assert self._progress is not None
            self._progress.append(self._stacks[stack], update, done_examples)
            self._pace.done()

    def between(self, crew: Crew) -> bool:
        """See `Leader`."""
        for request in self._control.poll():
            if not self._answer(request, crew):
                return False
        if time.monotonic() >= self._deadline:
            self._stop_reason = "time"
            return False
        return True

    def _measuring(self, what: str) -> bool:
        self._say("running", f"measuring {what}")
        return self.between(Nobody())

    def _fitting(self, what: str) -> bool:
        self._say("running", f"fitting baselines: {what}")
        return self.between(Nobody())

    def _answer(self, request: Request, crew: Crew) -> bool:
        if request.kind == "stop":
            self._say("stopping", "saving a checkpoint")
            self._stop_reason = str(request.arguments.get("by") or "request")
            return False
        if request.kind == "checkpoint":
            crew.save()
        if request.kind == "pause":
            crew.pause()
            self._events.append("paused")
            self._say("paused")
            answer = self._control.wait(lambda r: r.kind in ("resume", "stop"))
            if answer.kind == "stop":
                return self._answer(answer, crew)
            self._events.append("resumed")
            self._say("running")
            crew.go_on()
        return True

    def _end(self, done: bool, seconds: float) -> int:
        self._events.append("worker-ended", seconds=seconds, cpu_seconds=_processor_seconds())
        if done or self._stop_reason == "time":
            message = "" if done else "The time set by stop.seconds is over."
            if done:
                self._settle()
            self._events.append("finished", message=message)
            report_json.write(self._folder, state="finished")
            self._say("finished", message, 1.0)
            return 0
        self._events.append("stopped", reason=self._stop_reason)
        report_json.write(self._folder, state="interrupted")
        self._say("interrupted", "Stopped on request; resuming goes on from the checkpoint.")
        return 0

    def _settle(self) -> None:
        """Scores by retraining, where the run was made for them; it finishes without them too."""
        if not retraining_store.kept(Run(self._folder)):
            return
        self._say("running", "estimating memorization and influence")
        try:
            retraining_store.settle(self._folder)
        except RunFolderError as error:
            self._events.append("scores-failed", reason=str(error))

    def _download(self, done: int, total: int) -> None:
        share = f"{done / 1e6:.0f} of {total / 1e6:.0f} MB" if total else f"{done / 1e6:.0f} MB"
        self._say("starting", f"downloading {share}")

    def _fail(self, error: Exception) -> int:
        traceback.print_exception(error)
        self._folder.release()  # on a full disk, room to say why
        message, code = explained(error, self._device)
        try:
            self._events.append("failed", message=message, exit_code=code)
        except MemlabError:
            traceback.print_exc()
        try:
            self._say("failed", message)
        except MemlabError:
            traceback.print_exc()
        return 1


def _processor_seconds() -> float:
    """Of this process and of those that have trained for it."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + used.ru_utime + used.ru_stime
