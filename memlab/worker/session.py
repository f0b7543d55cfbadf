"""A worker's whole life with one run: queue, data, stacks, report, and every way to end."""

from __future__ import annotations

import platform
import time
import traceback
from collections.abc import Sequence

import torch

from memlab import settings
from memlab.errors import MemlabError
from memlab.experiment import grid
from memlab.experiment.grid import Member
from memlab.experiment.spec import Experiment
from memlab.reports import json as report_json
from memlab.runs.event_log import EventLog
from memlab.runs.queue import Turn, wait_for_turn
from memlab.runs.requests import Request
from memlab.runs.run import Run
from memlab.runs.run_folder import RunFolder
from memlab.runs.state import StateName, write_state
from memlab.training.plan import StackPlan
from memlab.worker import device as devices
from memlab.worker import recovery
from memlab.worker.baseline_runs import measure_baselines
from memlab.worker.calibrating import note_run
from memlab.worker.control import Control
from memlab.worker.material import Material
from memlab.worker.planning import stacks_of
from memlab.worker.recorder import MemorizedTable, ProgressTable
from memlab.worker.stack_run import StackRun, Tables
from memlab.worker.stack_time import StackTime


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
        self._current: StackRun | None = None
        self._deadline = float("inf")
        self._parameters: list[int] = []
        self._took: list[StackTime] = []

    def run(self) -> int:
        """Trains; the exit status says whether the run ended as it should."""
        try:
            self._say("starting", "loading")
            self._folder.reserve()
            experiment = self._read()
            self._device = devices.choose(
                str(self._folder.environment().get("requested_device") or "auto")
            )
            turn = self._queue()
            with turn:
                return self._train(experiment)
        except Stopped:
            self._events.append("stopped", reason="asked to stop before training began")
            self._say("interrupted", "Stopped before training began.")
            return 0
        except MemlabError as error:
            return self._fail(str(error), error)
        except (torch.cuda.OutOfMemoryError, MemoryError) as error:
            return self._fail(_out_of_memory(self._device), error)
        except Exception as error:
            if "out of memory" in str(error).lower() or "can't allocate" in str(error).lower():
                return self._fail(_out_of_memory(self._device), error)
            return self._fail(f"The worker failed: {type(error).__name__}: {error}", error)
        finally:
            self._folder.release()
            self._events.close()

    def _read(self) -> Experiment:
        return Run(self._folder).experiment

    def _say(self, state: StateName, message: str = "", progress: float | None = None) -> None:
        write_state(self._folder.path, state, message, device=str(self._device), progress=progress)

    def _queue(self) -> Turn:
        def stop() -> bool:
            asked = self._control.poll()
            self._control.keep(asked)
            return any(request.kind == "stop" for request in asked)

        def wait(position: int) -> None:
            others = "1 run is" if position == 1 else f"{position} runs are"
            self._say("queued", f"{others} before this one on {self._device}")

        turn = wait_for_turn(settings.data_folder(), str(self._device), stop, wait)
        if turn is None:
            raise Stopped
        return turn

    def _train(self, experiment: Experiment) -> int:
        self._say("starting", "preparing the data")
        self._folder.add_environment(
            device=str(self._device),
            device_name=devices.describe(self._device),
            torch=torch.__version__,
            platform=platform.platform(),
        )
        started = time.monotonic()
        if experiment.stop.seconds is not None:
            self._deadline = started + experiment.stop.seconds
        folders = settings.dataset_folders()
        material = Material(folders, self._download)
        members = grid.members(experiment)
        stacks, self._parameters = stacks_of(members, material)
        total = sum(p.timeline.examples_before(p.timeline.updates) * len(p.members) for p in stacks)
        recovery.check_data(self._folder, members, material)
        recovery.check(self._folder, stacks, self._events, self._restart)
        picture = material.pictures(members[0]).shape[1:]
        material.forget()
        tables = Tables(
            MemorizedTable(self._folder.series, (int(picture[0]), int(picture[1]))),
            ProgressTable(self._folder.series, total),
        )
        self._events.append("worker-started", device=str(self._device), pid_hint="see state.json")
        self._say("running")
        done = self._all_stacks(experiment, members, stacks, material, tables)
        if done and experiment.baselines.names:
            names = experiment.baselines.names
            done = measure_baselines(self._folder, members, names, material, self._fitting)
        return self._end(done, time.monotonic() - started)

    def _all_stacks(
        self,
        experiment: Experiment,
        members: Sequence[Member],
        stacks: Sequence[StackPlan],
        material: Material,
        tables: Tables,
    ) -> bool:
        shown = frozenset(group.members[0] for group in grid.groups(experiment))
        offset = 0
        for stack in stacks:
            self._announce(experiment, stack, material)
            run = StackRun(
                self._folder,
                experiment,
                stack,
                material,
                self._events,
                tables,
                self._device,
                shown,
            )
            run.offset = offset
            self._current = run
            finished = run.run(self._between)
            self._took.append(run.clock.time())
            run.close()
            offset = run.done_before()
            if tables.memorized is not None:
                tables.kept = tables.memorized.writer.count
            self._current = None
            material.forget()
            if not finished:
                return False
        return True

    def _announce(self, experiment: Experiment, stack: StackPlan, material: Material) -> None:
        first = stack.members[0]
        self._events.append(
            "stack-started",
            stack=stack.index,
            members=stack.indices,
            width=len(stack.members),
            updates=stack.timeline.updates,
            train_examples=stack.timeline.train_examples,
            classes=material.shapes(first).classes,
            class_names=list(material.splits(first).class_names),
            parameters=self._parameters[first.index],
        )
        parts = {member.index: material.corrupted(member) for member in stack.members}
        for group in grid.groups(experiment):
            mine = [parts[index] for index in group.members if index in parts]
            if mine:
                drawn = sum(float(part.drawn.mean()) for part in mine) / len(mine)
                changed = sum(float(part.corrupted.mean()) for part in mine) / len(mine)
                self._events.append("corruption", group=group.index, drawn=drawn, changed=changed)

    def _between(self) -> bool:
        """Answers requests between updates; False to stop here, with a checkpoint."""
        for request in self._control.poll():
            if not self._answer(request):
                return False
        if time.monotonic() >= self._deadline:
            self._stop_reason = "time"
            self._save()
            return False
        return True

    def _fitting(self, what: str) -> bool:
        self._say("running", f"fitting baselines: {what}")
        return self._between()

    def _answer(self, request: Request) -> bool:
        if request.kind == "stop":
            self._say("stopping", "saving a checkpoint")
            self._stop_reason = str(request.arguments.get("by") or "request")
            self._save()
            return False
        if request.kind == "checkpoint":
            self._save()
        if request.kind == "pause":
            self._save()
            self._events.append("paused")
            self._say("paused")
            answer = self._control.wait(lambda r: r.kind in ("resume", "stop"))
            if answer.kind == "stop":
                return self._answer(answer)
            self._events.append("resumed")
            self._say("running")
        return True

    def _save(self) -> None:
        if self._current is not None:
            self._current.save()

    def _end(self, done: bool, seconds: float) -> int:
        self._events.append("worker-ended", seconds=seconds, cpu_seconds=time.process_time())
        if done or self._stop_reason == "time":
            message = "" if done else "The time set by stop.seconds is over."
            self._events.append("finished", message=message)
            report_json.write(self._folder, state="finished")
            note_run(self._took, self._device)
            self._say("finished", message, 1.0)
            return 0
        self._events.append("stopped", reason=self._stop_reason)
        report_json.write(self._folder, state="interrupted")
        self._say("interrupted", "Stopped on request; resuming goes on from the checkpoint.")
        return 0

    def _download(self, done: int, total: int) -> None:
        share = f"{done / 1e6:.0f} of {total / 1e6:.0f} MB" if total else f"{done / 1e6:.0f} MB"
        self._say("starting", f"downloading {share}")

    def _fail(self, message: str, error: BaseException) -> int:
        traceback.print_exception(error)
        self._folder.release()  # on a full disk, room to say why
        try:
            code = error.exit_code if isinstance(error, MemlabError) else 1
            self._events.append("failed", message=message, exit_code=code)
        except MemlabError:
            traceback.print_exc()
        try:
            self._say("failed", message)
        except MemlabError:
            traceback.print_exc()
        return 1


def _out_of_memory(device: torch.device) -> str:
    return (
        f"Out of memory on {device}: lower model.width, optimizer.batch_size or the number of "
        "members (seeds, axis values), and run it again."
    )
