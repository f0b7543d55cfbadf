"""What a stack records of examples beside their ledger: outcomes, and a committee's votes."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from memlab.data.corruption import Corrupted
from memlab.experiment.spec import Experiment
from memlab.runs.ledger import stack_folder
from memlab.runs.run_folder import RunFolder
from memlab.training.evaluation import Evaluation
from memlab.training.plan import StackPlan
from memlab.training.trainer import StackTrainer
from memlab.worker.committee import CommitteeRecorder, committee_recorder
from memlab.worker.material import Material
from memlab.worker.outcomes import OutcomeRecorder


class ExampleRecords:
    """Both recorders of a stack, each where the experiment asks for it."""

    def __init__(
        self,
        folder: RunFolder,
        experiment: Experiment,
        plan: StackPlan,
        material: Material,
        parts: Sequence[Corrupted],
        device: torch.device,
    ) -> None:
        self._home = stack_folder(folder, plan.index)
        self._traces = dict(plan.timeline.traces())
        self._early = plan.timeline.early()
        self._outcomes: OutcomeRecorder | None = None
        if experiment.evaluation.outcomes:
            splits = material.splits(plan.members[0])
            self._outcomes = OutcomeRecorder(self._home, plan, parts, splits)
        self._committee: CommitteeRecorder | None = committee_recorder(
            plan, material, parts, device
        )

    @property
    def wants_outcomes(self) -> bool:
        """Whether evaluations are to have margins of training and test set."""
        return self._outcomes is not None

    @property
    def wants_sides(self) -> bool:
        """Whether evaluations are to have probabilities in the members' samples and out of them."""
        return self._committee is not None

    def look(self, trainer: StackTrainer) -> None:
        """Looks at the members before the trainer's next update, where that is due."""
        if self._outcomes is None:
            return
        if trainer.update in self._traces:
            self._outcomes.trace(trainer, self._traces[trainer.update])
        if trainer.update == self._early:
            self._outcomes.look(trainer)

    def take(
        self, evaluation: Evaluation, epoch: float, active: list[int], ending: list[int]
    ) -> None:
        """Takes an evaluation of the `active` members; those at the positions `ending` end."""
        if self._outcomes is not None:
            self._outcomes.take(evaluation, epoch, active, ending)
        if self._committee is not None:
            self._committee.take(evaluation, epoch, active)

    def publish(self, trainer: StackTrainer) -> None:
        """Writes what all networks of the stack said; raises StorageError."""
        if self._outcomes is not None:
            self._outcomes.publish(trainer)
        if self._committee is not None:
            self._committee.publish(self._home)

    def state(self, done: bool) -> dict[str, Tensor]:
        """What a checkpoint keeps."""
        found: dict[str, Tensor] = {}
        if self._outcomes is not None:
            found |= self._outcomes.state(done)
        if self._committee is not None:
            found |= self._committee.state(done)
        return found

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Takes out of `tensors` what `state` put there."""
        if self._outcomes is not None:
            self._outcomes.restore(tensors)
        if self._committee is not None:
            self._committee.restore(tensors)
