"""`python -m memlab.worker.probe FOLDER`: instruments after the fact, from a run's checkpoints.

Writes one JSON document to standard output: per stack the checkpoint's epoch, its members, and
each instrument's quantities, or why it could not measure. The run itself is not changed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from memlab import settings
from memlab.errors import MemlabError, RunFolderError, reason_of
from memlab.experiment.instruments import instrument
from memlab.instruments.measuring import measured
from memlab.models import own_import
from memlab.runs import lifecycle, origin
from memlab.runs.door import Place
from memlab.runs.run import Run
from memlab.runs.run_folder import RunFolder
from memlab.strict_json import tamed
from memlab.training import checkpoint
from memlab.training.arrays import StackArrays
from memlab.training.checkpoint import Progress
from memlab.training.plan import StackPlan
from memlab.training.trainer import StackTrainer
from memlab.worker import device as devices
from memlab.worker import planning
from memlab.worker.instruments import subject_of
from memlab.worker.material import Material
from memlab.worker.shard import Work


def probe(
    folder: RunFolder, names: Sequence[str], epoch: float | None, device: torch.device
) -> list[dict[str, Any]]:
    """One entry per stack: `stack`, `epoch`, `update`, `members`, `instruments`, `failed`.

    Of each stack the checkpoint nearest to `epoch` is measured, the newest where that is None.

    Raises:
        RunFolderError: if there is no readable checkpoint, or the run came from elsewhere.
        MemlabError: if the experiment or its data are not there.
    """
    origin.require_ours(folder, "measured again")
    own_import.permit(lifecycle.require_code(folder))
    run = Run(folder)
    experiment = run.experiment
    folders = settings.dataset_folders()
    material = Material(folders, lambda done, total: None)
    groups, parameters = planning.grouped(run.members, material)
    threads = torch.get_num_threads()
    plan = planning.of_run(folder, groups, threads) or planning.uncut(groups, threads)
    stacks = planning.stacks_of(groups, plan)
    work = Work(folder, experiment, run.members, stacks, parameters, material, plan)
    found = [_stack(work, stack, names, epoch, device) for stack in stacks]
    kept = [entry for entry in found if entry is not None]
    if not kept:
        raise RunFolderError(
            f"{folder.id} has no checkpoint to measure; `memlab resume {folder.id}` makes one."
        )
    return kept


def _stack(
    work: Work,
    plan: StackPlan,
    names: Sequence[str],
    epoch: float | None,
    device: torch.device,
) -> dict[str, Any] | None:
    experiment, material = work.experiment, work.material
    kept = _checkpoint(work.folder.checkpoints, plan, epoch)
    if kept is None:
        return None
    progress, tensors = kept
    parts = [material.corrupted(member) for member in plan.members]
    shapes = material.shapes(plan.members[0])
    arrays = StackArrays.of(parts, shapes.classes, device)
    trainer = StackTrainer(plan, arrays, shapes, device, layout=work.plan.layout)
    own = {
        n: t
        for n, t in tensors.items()
        if n.startswith(("model.", "optimizer.", "diverged", "sharpness"))
    }
    trainer.restore(own, progress.update, progress.active, progress.optimizer_steps)
    evaluation = trainer.evaluate(margins=True)
    results: dict[str, Any] = {}
    failed: dict[str, str] = {}
    for name in names:
        subject = subject_of(trainer, evaluation, progress.epoch, experiment.sample_seed)
        try:
            made = instrument(name)
            values = measured(made, subject, experiment.instruments.settings_of(name))
            results[name] = {key: tamed(array.tolist()) for key, array in values.items()}
        except Exception as error:
            failed[name] = reason_of(error)
    material.forget()
    return {
        "stack": plan.index,
        "epoch": progress.epoch,
        "update": progress.update,
        "members": [plan.indices[position] for position in progress.active],
        "instruments": results,
        "failed": failed,
    }


def _checkpoint(
    folder: Place, plan: StackPlan, epoch: float | None
) -> tuple[Progress, dict[str, torch.Tensor]] | None:
    found = checkpoint.found(folder, plan.index)
    examples = plan.timeline.train_examples

    def distance(entry: tuple[int, Place]) -> float:
        if epoch is None:
            return -entry[0]
        return abs(plan.timeline.examples_before(entry[0]) / examples - epoch)

    for _, place in sorted(found, key=distance):
        try:
            return checkpoint.load(place)
        except RunFolderError:
            continue
    return None


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the document; an error is a sentence on standard error and status 1."""
    parser = argparse.ArgumentParser(prog="python -m memlab.worker.probe")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--at", type=float)
    parser.add_argument("--instrument", action="append", required=True)
    parser.add_argument("--device", default="auto")
    options = parser.parse_args(arguments)
    try:
        device = devices.choose(options.device)
        folder = RunFolder(options.folder)
        document = probe(folder, options.instrument, options.at, device)
    except MemlabError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    json.dump(document, sys.stdout)
    print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
