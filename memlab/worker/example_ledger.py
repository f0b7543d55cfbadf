"""The ledger of a stack's examples, made from the run's data."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from memlab.data.corruption import Corrupted
from memlab.experiment.spec import Experiment
from memlab.instruments.ledger import Ledger
from memlab.instruments.ledger_store import LedgerFacts
from memlab.runs.ledger import stack_folder
from memlab.runs.run_folder import RunFolder
from memlab.training.plan import StackPlan
from memlab.worker.material import Material


def example_ledger(
    run: RunFolder,
    experiment: Experiment,
    plan: StackPlan,
    material: Material,
    parts: Sequence[Corrupted],
    device: torch.device,
) -> Ledger | None:
    """The stack's ledger; None where the experiment has none.

    Raises:
        RunFolderError: if another ledger is there, or one that cannot be read.
        StorageError: if it cannot be written.
    """
    if "ledger" not in experiment.instruments.names:
        return None
    first = plan.members[0]
    splits = material.splits(first)
    facts = LedgerFacts(
        stack=plan.index,
        dataset=first.experiment.dataset.name,
        members=plan.indices,
        class_names=splits.class_names,
        index=splits.train.index,
        true=splits.train.y,
        given=[part.train_given for part in parts],
        corrupted=[part.corrupted for part in parts],
        evaluations=sum(1 for _ in plan.timeline.evaluations()),
        pictures=material.pictures(first),
        files=material.files(first),
        fake_class=splits.fake is not None,
    )
    return Ledger(stack_folder(run, plan.index), facts, device)
