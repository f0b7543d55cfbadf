"""A recording: what a training loop calls, and what becomes of it.

Whatever goes wrong in here ends the recording, is told once as a warning, and never reaches the
loop that is recorded. What has come and is not written yet waits in `answers`, `rows` and `scores`.
"""

from __future__ import annotations

import atexit
import functools
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from memlab.errors import MemlabError, reason_of
from memlab.experiment.measuring_spec import InstrumentsSpec
from memlab.recording import described
from memlab.recording.answers import Looked, Window, is_soft
from memlab.recording.clock import Clock
from memlab.recording.complaints import Complaints
from memlab.recording.given import Given
from memlab.recording.indexed import indexed
from memlab.recording.measurements import Measurements
from memlab.recording.passages import ended
from memlab.recording.rows import Rows
from memlab.recording.scores import Scores
from memlab.recording.validating import Validation
from memlab.runs.lock import RunLock
from memlab.runs.recorded_files import MOST_LOGGED, RunFiles, create, taken_up
from memlab.runs.run_folder import RunFolder
from memlab.text import plain

if TYPE_CHECKING:
    from memlab.library.results import Table

#: So many batches are compared with the training labels of their indices.
COMPARED = 16

Method = TypeVar("Method", bound=Callable[..., None])


def _harmless(method: Method) -> Method:
    """What the method raises ends the recording, and nothing else."""

    @functools.wraps(method)
    def called(self: Recording, *args: Any, **kwargs: Any) -> None:
        if self._off or os.getpid() != self._process:
            return
        try:
            method(self, *args, **kwargs)
        except Exception as error:
            self._give_up(error)

    return cast("Method", called)


class Recording:
    """One network's training, as its loop tells of it; `memlab.record` makes it."""

    def __init__(
        self,
        model: Any,
        data: Given,
        validation: Validation | None,
        optimizer: Any,
        instruments: InstrumentsSpec,
        epochs: int | None,
        class_names: Sequence[str],
    ) -> None:
        self._model, self._data, self._validation = model, data, validation
        self._optimizer, self._epochs_total = optimizer, epochs
        self._class_names = class_names
        self._process = os.getpid()
        self._off = True
        self._complaints = Complaints()
        self._files: RunFiles | None = None
        self._folder: RunFolder | None = None
        self._spec = instruments
        self._window = Window()
        self._clock = clock = Clock(data.examples)
        self._rows, self._scores = Rows(data, clock), Scores(data, clock, epochs, class_names)
        self._measurements = Measurements(model, data, validation, optimizer, instruments, clock)
        self._indexed: tuple[Any, Any] = (None, None)
        self._classes = 0
        self._ended_by_batches = False
        #: The instruments that were asked for by name; of others nobody waits for a figure.
        self.named: set[str] = set()

    @property
    def id(self) -> str:
        """The run's name; empty where nothing is recorded."""
        return "" if self._folder is None else self._folder.id

    @property
    def path(self) -> Path | None:
        """The run's folder; None where nothing is recorded."""
        return None if self._folder is None else self._folder.path

    # --- what a loop calls

    @_harmless
    def step(self, logits: Any, labels: Any = None, index: Any = None) -> None:
        """Takes the answers of a batch; nothing is computed anew, and nothing of it is kept.

        Args:
            logits: `[batch, classes]`, or `[batch]` for two classes; what has `logits` is fine.
            labels: class numbers `[batch]`; not needed where `train` has them and `index` is given.
            index: which training examples these are, `[batch]`; without it there is no ledger.
        """
        known = index is not None and self._data.labels is not None
        compared = self._clock.steps < COMPARED and not is_soft(labels)
        count = self._window.take(logits, labels if compared or not known else None, index)
        if index is not None and self._window.misfit:
            self.miss(
                f"An index is to have one number for each of the {count} examples of its batch; "
                "without that a batch is left out of the ledger."
            )
        self._clock.step(count)
        if self._window.due:
            self._look()

    @_harmless
    def epoch(
        self, validation_accuracy: float | None = None, validation_loss: float | None = None
    ) -> None:
        """Ends an epoch: a row of figures, validation, and what is due of the instruments.

        Args:
            validation_accuracy, validation_loss: where the loop has measured them itself.
        """
        self._look()
        told = validation_accuracy is not None or validation_loss is not None
        if self._ended_by_batches and not self._clock.in_epoch and not self._rows.waiting:
            self._ended_by_batches = False
            if told:
                self._amend(validation_accuracy, validation_loss)
            return
        self._ended_by_batches = False
        self._clock.turn()
        if told:
            self._rows.validated(validation_loss, validation_accuracy)
        elif self._validation is not None:
            self._validate()
        self._scores.judge(self._rows.validation_accuracy)
        self._scores.turn()
        self._row()
        self._scores.publish_if_due()

    def _amend(self, accuracy: float | None, loss: float | None) -> None:
        """The epoch that `batches` has ended, with what the loop measured after it."""
        self._rows.validated(loss, accuracy)
        self._scores.judge(self._rows.validation_accuracy)
        self._rows.amend(self._open())

    def batches(self, loader: Any) -> Iterator[Any]:
        """The loader's batches with each example's index; an epoch ends where they end.

        `for x, y, index in run.batches(loader)` is `memlab.indexed(loader)` and `run.epoch()`; a
        `run.epoch(validation_accuracy=…)` right after it tells of the same epoch.

        Raises:
            InvalidDataset: as `memlab.indexed`.
        """
        if self._indexed[0] is not loader:
            self._indexed = loader, indexed(loader)
        yield from self._indexed[1]
        self.epoch()
        self._ended_by_batches = True

    @_harmless
    def log(self, **values: Any) -> None:
        """Keeps values of her own, each a number or a tensor of one: `run.log(grad_norm=norm)`."""
        files = self._open()
        for name, value in values.items():
            try:
                figure = float(value)
            except (TypeError, ValueError, RuntimeError):
                self.miss(f"run.log keeps numbers, and {name} is {type(value).__name__}.")
                continue
            if not files.logged(name, figure, self._clock.update, self._clock.now):
                self.miss(f"run.log keeps the first {MOST_LOGGED} names that it is given.")

    @_harmless
    def miss(self, sentence: str) -> None:
        """Warns once of what does not come; whatever else is told is recorded."""
        self._complaints.once(sentence)

    def follow(self, optimizer: Any) -> None:
        """From now on the learning rate is that of this optimizer."""
        if self._optimizer is not optimizer:
            self._optimizer = optimizer
            self._measurements.follow(optimizer)

    def suspects(self, score: str = "aum-until-best") -> Table:
        """The training examples, most surely mislabelled first; see `memlab.Run.suspects`.

        Works within the loop and after it. Empty, with a warning, where nothing was recorded of
        single examples: no batch came with its index, or no logits were finite.
        """
        from memlab.library.results import Table
        from memlab.library.run import Run

        self._settle()
        if self._folder is None:
            return Table.of([])
        try:
            return Run(self._folder).suspects(score)
        except MemlabError as error:
            self._complaints.tell(str(error))
            return Table.of([])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close(error)

    def close(self, error: BaseException | None = None) -> None:
        """Ends the recording; `error` is what ended the loop, if anything did."""
        if not self._off and os.getpid() == self._process:
            self._end(error)
            self._off = True
            atexit.unregister(self._left_open)

    # --- beginning and end

    def begin(self, name: str, network: str, resume: str | None, step: int | None) -> None:
        """Makes the run, or takes one up.

        Raises:
            RunFolderError: if the run to go on with cannot be.
        """
        try:
            self._begin(name, network, resume, step)
            self._off = False
        except MemlabError as error:
            if resume is not None:
                raise
            self._complaints.ended(error)
        except Exception as error:
            self._complaints.ended(error)

    def _begin(self, name: str, network: str, resume: str | None, step: int | None) -> None:
        if resume is None:
            made = described.experiment(
                name,
                network,
                self._model,
                self._data,
                self._validation,
                self._optimizer,
                self._spec,
                self._epochs_total,
            )
            folder, lock = create(name, made)
        else:
            folder, lock, attempt = taken_up(resume, step, self._data.examples)
            self._clock.go_on(attempt)
        try:
            self._announce(folder, lock)
        except BaseException:
            lock.close()
            raise

    def _announce(self, folder: RunFolder, lock: RunLock) -> None:
        attempt = self._clock.attempt
        self._files, self._folder = RunFiles(folder, lock, attempt), folder
        device = described.device_name(self._model)
        folder.add_environment(device=device, torch=described.torch_version())
        number, since = attempt.number, attempt.since
        self._files.events.append("worker-started", device=device, attempt=number, since=since)
        self._files.say("running", device=device)
        atexit.register(self._left_open)
        with suppress(Exception):
            print(f"memlab records {self.id}: `memlab watch {self.id}`", file=sys.stderr)

    def _left_open(self) -> None:
        """Ends a recording without `with` and without `close`, as the script has ended."""
        self.close(getattr(sys, "last_value", None))

    @_harmless
    def _end(self, error: BaseException | None) -> None:
        self._look()
        if self._rows.waiting:
            self._row()
        self._scores.publish()
        files = self._open()
        if self._classes and not self._rows.diverged and error is None:
            self._measure(last=True)
        for name in self._measurements.missed(self.named):
            self.miss(
                f"{name} was asked for and not measured: its share of the training time was too "
                "short for it. A larger share, fewer examples of its own, or longer training gives "
                "it room."
            )
        self._measurements.close(files)
        ended(files, error, self._clock.now)
        self._scores.close()
        files.close()

    @_harmless
    def _settle(self) -> None:
        """What waits goes on disk."""
        self._look()
        self._scores.publish()

    def _open(self) -> RunFiles:
        assert self._files is not None
        return self._files

    # --- figures

    def _look(self) -> None:
        """Looks at what waits, and writes what is due."""
        began = time.monotonic()
        looked = self._window.look(self._data.labels)
        if looked is not None:
            self._take(looked)
        self._rows.progress(self._open(), self._epochs_total or 0)
        self._window.cost = time.monotonic() - began
        if self._rows.due:
            self._row()
            self._scores.publish_if_due()

    def _take(self, looked: Looked) -> None:
        if not self._classes:
            self._meet(looked)
        self._rows.take(looked)
        bad = self._scores.take(self._open(), looked, self._classes)
        if bad:
            self.miss(
                "Indices came that are no training example (0 to "
                f"{self._data.examples - 1:,}); such answers are left out of the ledger."
            )
        if looked.unlike:
            self.miss(
                f"{looked.unlike:,} labels of the first batches are not those that train has at "
                "their indices, so that what is said of single examples may be of others: an index "
                "counts in train."
            )

    def _meet(self, looked: Looked) -> None:
        """The first answers tell how many classes there are."""
        self._classes = looked.classes
        files, data = self._open(), self._data
        facts = described.sizes(self._model, data, looked.classes, self._class_names)
        files.events.append("stack-started", stack=0, members=[0], width=1, **facts)
        if data.corrupted is not None:
            share = float(data.corrupted.mean())
            files.events.append("corruption", group=0, drawn=share, changed=share)

    def _row(self) -> None:
        self._rows.write(self._open(), described.learning_rate(self._optimizer))
        if not self._rows.diverged:
            self._measure()

    def _measure(self, last: bool = False) -> None:
        shares = None if self._clock.in_epoch or last else self._scores.shares()
        validation = 0 if self._validation is None else len(self._validation)
        self._measurements.take(self._open(), self._classes, validation, shares, last)

    def _validate(self) -> None:
        assert self._validation is not None
        try:
            self._rows.validated(*self._validation.measure(self._model))
        except Exception as error:
            self._validation = None
            self._rows.validated(None, None)
            self._complaints.tell(f"Validation is off: {reason_of(error)}")

    # --- when something goes wrong

    def _give_up(self, error: Exception) -> None:
        self._off = True
        self._window = Window()
        self._complaints.ended(error)
        files = self._files
        if files is None:
            return
        message = plain(f"The recorder gave up: {reason_of(error)}", 400)
        with suppress(Exception):
            files.folder.release()
        with suppress(Exception):
            files.events.append("failed", message=message, exit_code=1)
        with suppress(Exception):
            files.say("failed", message)
        with suppress(Exception):
            files.close()
