"""Forking a run: a new run that is the old one up to an epoch and goes on with other settings.

A fork is an experiment with a `fork` section, and trained from the start it gives the same
networks to the last bit, because all randomness is keyed. The old run's checkpoints only save the
time: the newest one before the fork is copied, with the tables up to it, where all of the networks
are one stack; otherwise the new run begins at the beginning.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from memlab.errors import InvalidExperiment
from memlab.experiment import grid, reading
from memlab.experiment.schedule import Timeline
from memlab.experiment.spec import Experiment
from memlab.experiment.training_spec import ForkSpec
from memlab.runs import copying, origin
from memlab.runs.door import Missing, Place
from memlab.runs.event_log import EventLog, EventReader
from memlab.runs.run import Run
from memlab.runs.run_folder import CHECKPOINT, RunFolder

#: What a fork inherits: tables and the ledger, nothing that was set aside.
ENDINGS: Final = (".rows", ".json", ".npy")
ENDS: Final = ("member-finished", "member-diverged")
#: Field of the experiment → field of the fork.
CHANGES: Final = {
    "optimizer.learning_rate": "learning_rate",
    "optimizer.batch_size": "batch_size",
    "schedule.kind": "schedule",
    "regularization.weight_decay": "weight_decay",
    "regularization.dropout": "dropout",
}


def forked(source: RunFolder, at: float, settings: Sequence[str]) -> Experiment:
    """The experiment of `source` with a fork at epoch `at`; `settings` are `key=value`.

    Raises:
        RunFolderError: if the run cannot be read, or came from elsewhere.
        InvalidExperiment: if it is a fork already, has no such epoch, or a setting is none that a
            fork may change.
    """
    origin.require_ours(source, "forked")
    run = Run(source)
    made = run.experiment
    if made.fork.at is not None or any(name.partition(".")[0] == "fork" for name in made.axes):
        raise InvalidExperiment(f"{source.id} is a fork already; fork the run that it came from.")
    if not 0 <= at < made.stop.epochs:
        raise InvalidExperiment(
            f"--at {at:g} is no epoch of {source.id}: it must be from 0 to below "
            f"{made.stop.epochs:g}."
        )
    changes = dict(_change(setting) for setting in settings)
    if not changes:
        raise InvalidExperiment(
            f"A fork needs something that changes: --set with one of {', '.join(CHANGES.values())}."
        )
    fork = {"claims": [], "fork": {"at": at, **changes}}  # claims are about another protocol
    branched = reading.experiment(run.tree | fork, "the fork")
    _check_reached(source, branched)
    return branched


def _check_reached(source: RunFolder, made: Experiment) -> None:
    """Refuses a fork that lies beyond the end of training, which `stop.updates` may set."""
    first = grid.members(made)[0].experiment
    for told in _stacks(source):
        examples = told.get("train_examples")
        if isinstance(examples, int):
            timeline = Timeline(first, examples)
            if timeline.fork is None or timeline.fork >= timeline.updates:
                end = timeline.examples_before(timeline.updates) / examples
                raise InvalidExperiment(
                    f"--at {made.fork.at:g} is beyond the end of {source.id}: stop.updates ends it "
                    f"at epoch {end:.3g}."
                )


def _change(setting: str) -> tuple[str, object]:
    """Field of the fork and its value."""
    key, equals, text = setting.partition("=")
    name = key.strip().removeprefix("fork.")
    leaf = name if name in ForkSpec.model_fields else CHANGES.get(reading.full_name(name), "")
    if not equals or leaf in ("", "at"):
        raise InvalidExperiment(
            f"--set {setting!r}: a fork may change {', '.join(CHANGES.values())}, as in "
            "learning_rate=0.01."
        )
    values = reading.parse_values(text)
    if len(values) != 1:
        raise InvalidExperiment(f"--set {setting!r}: a fork takes one value of {leaf}.")
    return leaf, values[0]


def inherit(source: RunFolder, made: Experiment, folder: RunFolder) -> int:
    """Copies into the new `folder` what saves training up to the fork; the update it starts at.

    0 where nothing could be copied.

    Raises:
        RunFolderError: if a file of the source cannot be read, or vanishes while it is copied.
        StorageError: if it cannot be written.
    """
    update = _fork_update(source, made)
    found = sorted(
        (int(match[2]), match[0])
        for name in _names(source.checkpoints)
        if (match := CHECKPOINT.fullmatch(name))
        and update is not None
        and int(match[2]) < update  # an evaluation at the fork tells its rate
    )
    if not found:
        return 0
    start, checkpoint = found[-1]
    if isinstance(data := source.environment().get("data"), dict):
        folder.add_environment(data=data)
    for stack in _names(source.examples):
        (folder.examples / stack).mkdir()
        copying.copy_files(source.examples / stack, folder.examples / stack, ENDINGS)
    skipped = ("progress.",)
    copying.copy_files(source.series, folder.series, ENDINGS, skipped)
    _copy_ends(source, folder, start)
    copying.copy_file(source.checkpoints / checkpoint, folder.checkpoints / checkpoint)
    return start


def _names(place: Place) -> list[str]:
    try:
        return [name for name in place.list() if not name.startswith(".")]
    except Missing:
        return []


def _copy_ends(source: RunFolder, folder: RunFolder, until: int) -> None:
    """Tells of the networks that had ended by the update `until`; the checkpoint has them so."""
    with EventLog(folder.events) as log:
        for event in EventReader(source.events).read():
            update = event.data.get("update")
            if event.type in ENDS and isinstance(update, int) and update <= until:
                log.append(event.type, **event.data)


def _stacks(source: RunFolder) -> list[Mapping[str, object]]:
    """What the run told of each stack that it began."""
    told = {
        event.data.get("stack"): event.data
        for event in EventReader(source.events).read()
        if event.type == "stack-started"
    }
    return list(told.values())


def _fork_update(source: RunFolder, made: Experiment) -> int | None:
    """The update of the fork; None where the checkpoint would not be one of the forked run.

    That is so where the networks are not all of one stack, before or after the fork, and where the
    fork changes how many evaluations there are, which the ledger makes room for.
    """
    stacks, members = _stacks(source), grid.members(made)
    if len(stacks) != 1:
        return None
    mine, examples = stacks[0].get("members"), stacks[0].get("train_examples")
    whole = isinstance(mine, list) and len(mine) == len(members)
    if not whole or not isinstance(examples, int):
        return None
    timelines = [Timeline(member.experiment, examples) for member in members]
    trunk = members[0].experiment.model_copy(update={"fork": ForkSpec()})
    before = len(Timeline(trunk, examples).evaluations())
    same = all(one.phases == timelines[0].phases for one in timelines)
    return timelines[0].fork if same and len(timelines[0].evaluations()) == before else None
