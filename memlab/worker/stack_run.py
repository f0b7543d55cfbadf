"""One stack of a run: trained, evaluated, recorded, checkpointed, and taken up again."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import torch

from memlab.experiment.metrics import METRICS
from memlab.experiment.spec import Experiment
from memlab.runs.door import Place
from memlab.runs.run_folder import RunFolder
from memlab.strict_json import numbers
from memlab.training import checkpoint
from memlab.training.arrays import StackArrays
from memlab.training.checkpoint import Progress
from memlab.training.evaluation import Evaluation
from memlab.training.layouts import CONTIGUOUS, Layout
from memlab.training.plan import StackPlan
from memlab.training.trainer import StackTrainer
from memlab.worker import device as devices
from memlab.worker import memory
from memlab.worker.example_ledger import example_ledger
from memlab.worker.example_records import ExampleRecords
from memlab.worker.initial_sharpness import initial_sharpness
from memlab.worker.instruments import InstrumentPanel
from memlab.worker.material import Material
from memlab.worker.memorized import MemorizedStream
from memlab.worker.recorder import EvaluationTable, MemorizedTable, Pace
from memlab.worker.stack_time import StackClock
from memlab.worker.stopping import StopRules
from memlab.worker.told import Told


class StackRun:
    """Carries one stack from its newest checkpoint, or the start, to its end."""

    def __init__(
        self,
        folder: RunFolder,
        experiment: Experiment,
        plan: StackPlan,
        material: Material,
        told: Told,
        device: torch.device,
        shown: frozenset[int],
        layout: Layout = CONTIGUOUS,
    ) -> None:
        self.plan = plan
        self.done = False
        #: Examples that whoever trains this stack has behind it in stacks before this one.
        self.before = 0
        self._checkpoints = folder.checkpoints
        self._experiment = experiment
        self._told = told
        self._pace = Pace()
        devices.compute_in(plan.members[0].experiment.training.precision)
        parts = [material.corrupted(member) for member in plan.members]
        shapes = material.shapes(plan.members[0])
        memory.require(plan, parts, shapes, device)
        arrays = StackArrays.of(parts, shapes.classes, device)
        self.trainer = StackTrainer(plan, arrays, shapes, device, layout=layout)
        self._table = EvaluationTable(folder.series, plan)
        self._rules = StopRules(plan.members[0].experiment.stop, len(plan.members))
        self._evaluations = dict(plan.timeline.evaluations())
        self._epoch = 0.0
        self._evaluated = -1
        self._finished: dict[int, dict[str, object]] = {}
        self._last = {name: np.full(len(plan.members), np.nan) for name in METRICS}
        self._saved_at = time.monotonic()
        ledger = example_ledger(folder, experiment, plan, material, parts, device)
        self.instruments = InstrumentPanel(
            folder.series, experiment, plan, self.trainer, told, ledger
        )
        if self.instruments.presented is not None:
            self.trainer.tell(self.instruments.presented)
        self._clock = time.perf_counter()
        self.clock = StackClock(self.trainer)
        self._shown = [i for i, member in enumerate(plan.members) if member.index in shown]
        self._stream = MemorizedStream(material, plan, self._shown, parts)
        self._memorized = MemorizedTable(folder.series, plan.index, self._stream.picture)
        self._examples = ExampleRecords(folder, experiment, plan, material, parts, device)
        self._resume()
        if self.trainer.wants_sharpness:
            self.trainer.take_sharpness(initial_sharpness(self.trainer))

    @property
    def done_examples(self) -> int:
        """Members × examples so far, those `before` too; finished members count whole."""
        total = self.plan.timeline.examples_before(self.plan.timeline.updates)
        ended = len(self.plan.members) - len(self.trainer.active)
        return self.before + ended * total + len(self.trainer.active) * self.trainer.examples

    def run(self, between: Callable[[], bool]) -> bool:
        """Trains to the end; `between` is called between updates and says whether to go on.

        Returns whether the stack is done.
        """
        while not self.done:
            if self.trainer.update in self._evaluations and self._evaluated != self.trainer.update:
                self._evaluate()
                continue
            self._examples.look(self.trainer)
            asked = time.perf_counter()
            if not between():
                return False
            began = time.perf_counter()
            self._clock += began - asked
            self.trainer.step()
            self.clock.updated(time.perf_counter() - began)
            if self._pace.due():
                self._progress()
            self._save_if_due()
        self._progress(last=True)
        return True

    def _progress(self, last: bool = False) -> None:
        self._told.progress(self.plan.index, self.trainer.update, self.done_examples, last)
        self._pace.done()

    def _evaluate(self) -> None:
        trainer = self.trainer
        self._epoch = self._evaluations[trainer.update]
        self._evaluated = trainer.update
        started = time.perf_counter()
        evaluation = trainer.evaluate(
            self.instruments.wants_margins,
            self._examples.wants_outcomes,
            self._examples.wants_sides,
        )
        seconds = time.perf_counter() - started
        self.clock.evaluated(seconds)
        diverged = trainer.diverged()
        current = {name: np.asarray(values) for name, values in evaluation.metrics.items()}
        for position in np.flatnonzero(diverged >= 0):
            for values in current.values():
                values[position] = np.nan
        for name, values in current.items():
            values[np.isnan(values)] = np.nan  # one NaN of the many, so that files compare equal
            self._last[name][trainer.active] = values
        batch = self.plan.timeline.phase(trainer.update).batch_size
        self._table.append(trainer.update, trainer.examples, self._epoch, batch, self._last)
        self._record_memorized(evaluation)
        due = self._rules.due(trainer.active, current, diverged, self._epoch)
        self._measure(evaluation, seconds, ending=bool(due))
        last = trainer.update >= self.plan.timeline.updates
        ending = range(len(trainer.active)) if last else due
        self._examples.take(evaluation, self._epoch, trainer.active, list(ending))
        self._finish(due, diverged)
        if self.done or last:
            self._end()
        else:
            self._save_if_due(evaluated=True)

    def _measure(self, evaluation: Evaluation, seconds: float, ending: bool) -> None:
        if not self.instruments.on:
            return
        self.instruments.trained(time.perf_counter() - self._clock)
        self.instruments.measure(evaluation, self._epoch, seconds, ending)
        self._clock = time.perf_counter()

    def _record_memorized(self, evaluation: Evaluation) -> None:
        if evaluation.repeated is None:
            return
        positions = {member: at for at, member in enumerate(self.trainer.active)}
        for member in self._shown:
            if member in positions:
                repeated = evaluation.repeated[positions[member]].cpu().numpy()
                self._stream.record(self._memorized, self._epoch, member, repeated)

    def _finish(self, due: dict[int, str], diverged: np.ndarray) -> None:
        if not due:
            return
        trainer = self.trainer
        for position, reason in due.items():
            member = trainer.active[position]
            index = self.plan.members[member].index
            self._finished[member] = {"epoch": self._epoch, "reason": reason}
            kind = "member-diverged" if reason == "diverged" else "member-finished"
            update = int(diverged[position]) if reason == "diverged" else trainer.update
            self._told.append(kind, member=index, update=update, epoch=self._epoch, reason=reason)
        keep = [p for p in range(len(trainer.active)) if p not in due]
        self.done = not keep
        if keep:
            trainer.keep(keep)
            self.instruments.keep(keep)

    def _end(self) -> None:
        for member in self.trainer.active:
            if member not in self._finished:
                index = self.plan.members[member].index
                self._told.append(
                    "member-finished",
                    member=index,
                    update=self.trainer.update,
                    epoch=self._epoch,
                    reason="all epochs done",
                )
        self._examples.publish(self.trainer)
        self.done = True
        self.save()

    def _save_if_due(self, evaluated: bool = False) -> None:
        seconds = self._experiment.checkpoints.every_seconds
        if seconds == 0.0 and not evaluated:
            return
        if time.monotonic() - self._saved_at >= seconds:
            self.save()

    def save(self) -> Place:
        """Writes a checkpoint of this moment and thins the older ones."""
        self._table.writer.sync()
        rows = {self._table.name: self._table.writer.count, **self.instruments.sync()}
        self._memorized.sync()
        if self._memorized.count:
            rows[self._memorized.name] = self._memorized.count
        progress = Progress(
            stack=self.plan.index,
            update=self.trainer.update,
            epoch=self._epoch,
            done=self.done,
            active=list(self.trainer.active),
            optimizer_steps=self.trainer.steps,
            rows=rows,
            finished={str(member): ended for member, ended in self._finished.items()},
            last={name: numbers(values) for name, values in self._last.items()},
            trackers={
                "rules": self._rules.state(),
                "evaluated": self._evaluated,
                "instruments": self.instruments.cadence.state(),
            },
        )
        tensors = {**self.trainer.state(), **self._stream.state(), **self.instruments.state()}
        tensors |= self._examples.state(self.done)
        place = checkpoint.save(self._checkpoints, progress, tensors)
        checkpoint.thin(self._checkpoints, self.plan.index, self._experiment.checkpoints.keep)
        self._saved_at = time.monotonic()
        self._told.append(
            "checkpoint", stack=self.plan.index, update=self.trainer.update, file=place.name
        )
        return place

    def _resume(self) -> None:
        found = checkpoint.newest(self._checkpoints, self.plan.index)
        if found is None:
            self._table.writer.truncate(0)
            self.instruments.begin()
            self._memorized.keep(0)
            return
        progress, tensors = found
        self._table.writer.require(progress.rows[self._table.name])
        self._memorized.keep(progress.rows.get(self._memorized.name, 0))
        self._table.writer.truncate(progress.rows[self._table.name])
        self._stream.restore(tensors)
        self._examples.restore(tensors)
        self.instruments.restore(tensors, progress.rows, progress.trackers["instruments"])
        self.trainer.restore(tensors, progress.update, progress.active, progress.optimizer_steps)
        self._finished = {int(member): ended for member, ended in progress.finished.items()}
        for name, values in progress.last.items():
            self._last[name] = np.array([np.nan if v is None else v for v in values])
        self._rules.restore(progress.trackers["rules"])
        self._evaluated = int(progress.trackers["evaluated"])
        self._epoch, self.done = progress.epoch, progress.done

    def close(self) -> None:
        """Closes the stack's tables; what comes after it computes in float32."""
        devices.compute_in("float32")
        self._table.writer.close()
        self._memorized.close()
        self.instruments.close()
