"""The instruments of one stack: asked when they are due, recorded, switched off where they fail."""

from __future__ import annotations

import time
import traceback
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from memlab.errors import StorageError, reason_of
from memlab.experiment.instruments import Instrument, Settings, Workload, instrument
from memlab.experiment.metrics import VALIDATION_ACCURACY
from memlab.experiment.spec import Experiment
from memlab.instruments.ledger import Ledger
from memlab.instruments.measuring import measured
from memlab.instruments.subject import Subject
from memlab.runs import aside
from memlab.runs.door import Place
from memlab.runs.instrument_notes import NOTE
from memlab.runs.table import Table, schema_place
from memlab.runs.table_writer import TableWriter
from memlab.training.evaluation import Evaluation
from memlab.training.plan import StackPlan
from memlab.training.presentations import Presentations
from memlab.training.trainer import StackTrainer
from memlab.worker.cadence import Cadence
from memlab.worker.told import Told

#: A forward pass, in forward-backward passes; and a guess where an instrument estimates nothing.
FORWARD = 1 / 3


class InstrumentPanel:
    """Measures what the experiment asks for, and writes it into the run's series.

    A table `instrument-NAME-NNN` per instrument and stack: update, epoch, and for each quantity
    `[members, *shape]`, NaN before a member's first measurement; members that have ended keep
    their last values.
    """

    def __init__(
        self,
        series: Place,
        experiment: Experiment,
        plan: StackPlan,
        trainer: StackTrainer,
        events: Told,
        ledger: Ledger | None = None,
    ) -> None:
        self._ledger = ledger
        self._series, self._plan, self._trainer, self._events = series, plan, trainer, events
        spec = experiment.instruments
        self._instruments: dict[str, Instrument] = {n: instrument(n) for n in spec.names}
        self._settings: dict[str, Settings] = {n: spec.settings_of(n) for n in spec.names}
        self._sample_seed = experiment.sample_seed
        cadences = {n: s.cadence for n, s in self._settings.items()}
        self.cadence = Cadence(
            spec.share,
            frozenset(n for n, c in cadences.items() if c == "auto"),
            {n: float(c) for n, c in cadences.items() if c != "auto"},
            frozenset(n for n, made in self._instruments.items() if made.once),
        )
        self._told: set[tuple[str, str]] = set()
        self._writers: dict[str, TableWriter] = {}
        self._last: dict[str, dict[str, np.ndarray]] = {}
        self._memory: dict[str, dict[str, Tensor]] = {n: {} for n in spec.names}

    @property
    def wants_margins(self) -> bool:
        """Whether an instrument looks at each evaluation's margins."""
        return any("margins" in made.needs for made in self._instruments.values())

    @property
    def presented(self) -> Presentations | None:
        """What has to be told of answers to training examples; None where nobody counts them."""
        return None if self._ledger is None else self._ledger.presented

    @property
    def on(self) -> bool:
        """Whether any instrument is still on."""
        return bool(self._instruments)

    def trained(self, seconds: float) -> None:
        """Tells that so much time went into training and evaluating."""
        self.cadence.training += seconds

    def measure(
        self, evaluation: Evaluation, epoch: float, seconds: float, ending: bool = False
    ) -> None:
        """Measures what is due after an evaluation that took `seconds`.

        Where members end here (`ending`) that is all that has a cadence of its own, so that they
        are measured where they end; their share of the time is not asked for.
        """
        if not self._instruments:
            return
        trainer = self._trainer
        updates = self._plan.timeline.updates
        self._estimate(seconds)
        last = trainer.update >= updates
        due = self.cadence.due(epoch, trainer.update / updates, last)
        due += self.cadence.at_an_end() if ending else []
        due += [n for n, made in self._instruments.items() if made.every_evaluation]
        subject = subject_of(trainer, evaluation, epoch, self._sample_seed)
        subject.ledger = self._ledger
        for name in [n for n in self._instruments if n in due]:
            self._one(name, subject)
        if last:
            self._tell_unmeasured()

    def _estimate(self, seconds: float) -> None:
        if self.cadence.planned:
            return
        arrays, members = self._trainer.arrays, len(self._trainer.active)
        train, validation = arrays.train.inputs.examples, arrays.validation.inputs.examples
        forwards = train + validation + arrays.test.inputs.examples
        a_pass = seconds / (forwards * members * FORWARD)
        timeline = self._plan.timeline
        examples = timeline.examples_before(timeline.updates)
        evaluations = sum(1 for _ in timeline.evaluations())
        self.cadence.planned = examples * members * a_pass + evaluations * seconds
        parameters = sum(p[0].numel() for p in self._trainer.model.parameters())
        work = Workload(train, validation, parameters, arrays.classes)
        for name, made in self._instruments.items():
            passes = made.cost(self._settings[name], work)
            self.cadence.estimate(name, passes * members * a_pass)

    def _one(self, name: str, subject: Subject) -> None:
        """Measures with one instrument; a failure switches it off and harms nothing else.

        Raises:
            StorageError: if the disk does not take it; that is no fault of the instrument.
        """
        started = time.perf_counter()
        subject.memory = self._memory[name]
        subject.notes = []
        try:
            arrays = measured(self._instruments[name], subject, self._settings[name])
        except StorageError:
            raise
        except Exception as error:
            traceback.print_exception(error)
            self._failed(name, reason_of(error))
            self._switch_off(name)
            return
        self._tell(name, subject.notes)
        if arrays:
            self._record(name, arrays, subject)
        self.cadence.measured(name, time.perf_counter() - started)

    def _tell(self, name: str, notes: Sequence[str]) -> None:
        """What a reader should know of how it is measured, each sentence once."""
        for note in dict.fromkeys(notes):
            if (name, note) not in self._told:
                self._told.add((name, note))
                stack = self._plan.index
                self._events.append(NOTE, instrument=name, stack=stack, note=note)

    def _failed(self, name: str, reason: str) -> None:
        stack = self._plan.index
        self._events.append("instrument-failed", instrument=name, stack=stack, reason=reason)

    def _tell_unmeasured(self) -> None:
        for name in [n for n in self._instruments if n not in self._last]:
            seconds = self.cadence.seconds.get(name, 0.0)
            self._failed(
                name,
                f"It was never measured: once takes about {seconds:.1g} s, more than its share of"
                f" the time (instruments.share; instruments.{name}.cadence = 1 insists).",
            )

    def _switch_off(self, name: str) -> None:
        del self._instruments[name]
        self.cadence.drop(name)

    def _record(self, name: str, arrays: Mapping[str, np.ndarray], subject: Subject) -> None:
        members = len(self._plan.members)
        last = self._last.setdefault(
            name, {k: np.full((members, *v.shape[1:]), np.nan) for k, v in arrays.items()}
        )
        for key, values in last.items():  # a run from before has the quantities of its table
            values[self._trainer.active] = arrays.get(key, np.nan)
        if name not in self._writers:
            self._writers[name] = self._open(name, {k: v.shape for k, v in last.items()})
        clock = {"update": subject.update, "epoch": subject.epoch}
        self._writers[name].append({**clock, **last})

    def _open(self, name: str, shapes: Mapping[str, tuple[int, ...]]) -> TableWriter:
        columns = [("update", "<i8"), ("epoch", "<f8")]
        place = self._place(name)
        names = [quantity.name for quantity in self._instruments[name].quantities]
        if schema_place(place).is_file():  # by another memlab, perhaps, with other quantities
            names = list(Table.open(place).columns)
        kept = [key for key in names if key in shapes]
        columns += [(key, "<f8", shapes[key]) for key in kept]  # type: ignore[misc]
        attributes = {
            "stack": self._plan.index,
            "members": self._plan.indices,
            "instrument": name,
            "quantities": kept,
        }
        return TableWriter(place, columns, attributes)

    def keep(self, positions: list[int]) -> None:
        """Follows the trainer where it goes on with some members only."""
        index = torch.tensor(positions, dtype=torch.int64)
        for memory in self._memory.values():
            for key, tensor in memory.items():
                memory[key] = tensor[index.to(tensor.device)]

    def sync(self) -> dict[str, int]:
        """Rows of each table, made to survive a power failure, for a checkpoint."""
        if self._ledger is not None:
            self._ledger.publish()
        for writer in self._writers.values():
            writer.sync()
        return {f"instrument {name}": writer.count for name, writer in self._writers.items()}

    def state(self) -> dict[str, Tensor]:
        """Tensors to keep in a checkpoint."""
        kept: dict[str, Tensor] = {}
        for name, memory in self._memory.items():
            kept |= {f"instrument.{name}.memory.{key}": t for key, t in memory.items()}
        for name, last in self._last.items():
            for key, values in last.items():
                kept[f"instrument.{name}.last.{key}"] = torch.from_numpy(values.copy())
        return kept if self._ledger is None else kept | self._ledger.state()

    def restore(
        self, tensors: dict[str, Tensor], rows: Mapping[str, int], clock: Mapping[str, Any]
    ) -> None:
        """Takes out of `tensors` what `state` put there, and cuts the tables to `rows`."""
        for full in [name for name in tensors if name.startswith("instrument.")]:
            _, name, kind, key = full.split(".", 3)
            value = tensors.pop(full)
            if name not in self._instruments:
                continue
            if kind == "memory":
                self._memory[name][key] = value.to(self._trainer.device)
            else:
                self._last.setdefault(name, {})[key] = value.numpy().copy()
        if self._ledger is not None:
            self._ledger.restore(tensors)
            self._tell_unpresented()
        self.cadence.restore(clock)
        for name in self._instruments:
            if name in self._last:
                shapes = {key: v.shape for key, v in self._last[name].items()}
                self._writers[name] = self._open(name, shapes)
                self._writers[name].truncate(rows.get(f"instrument {name}", 0))
            else:
                self._drop_table(name)

    def _tell_unpresented(self) -> None:
        if self.presented is None:
            reason = "This run is from before: forgetting is counted at its evaluations only."
            self._events.append("ledger-as-before", stack=self._plan.index, reason=reason)

    def _drop_table(self, name: str) -> None:
        """Sets aside what was measured after the checkpoint, or in a try that had none."""
        for suffix in (".rows", ".json"):
            aside.remove(self._place(name).with_suffix(suffix))

    def _place(self, name: str) -> Place:
        return self._series / f"instrument-{name}-{self._plan.index:03d}"

    def begin(self) -> None:
        """Drops what an earlier try without a checkpoint has written."""
        for name in self._instruments:
            self._drop_table(name)
        if self._ledger is not None:
            self._ledger.begin()

    def close(self) -> None:
        """Closes the tables and says what the instruments cost."""
        for writer in self._writers.values():
            writer.close()
        if self._ledger is not None:
            self._ledger.publish()
            self._ledger.close()
        if self.cadence.spent:
            self._events.append(
                "instruments-cost",
                stack=self._plan.index,
                seconds=dict(self.cadence.spent),
                training=self.cadence.training,
            )


def subject_of(
    trainer: StackTrainer, evaluation: Evaluation, epoch: float, sample_seed: int
) -> Subject:
    """The stack as it is now, for an instrument; `evaluation` is of this moment."""
    timeline = trainer.plan.timeline
    update = min(trainer.update, timeline.updates - 1)
    return Subject(
        model=trainer.model,
        loss=trainer.loss,
        arrays=trainer.arrays,
        seeds=trainer.seeds(),
        active=trainer.active,
        sample_seed=sample_seed,
        update=trainer.update,
        epoch=epoch,
        batch_size=timeline.phase(update).batch_size,
        learning_rates=torch.from_numpy(trainer.learning_rates() / trainer.loss_divisor),
        first_rates=torch.tensor(trainer.first_rates()),
        descent=trainer.descent(),
        cells=trainer.cells(),
        initial=trainer.initial,
        outcome=evaluation.train,
        validation_accuracy=evaluation.metrics[VALIDATION_ACCURACY],
    )
