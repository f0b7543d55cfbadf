"""Forking a run: a new run that is the old one up to an epoch and goes on with other settings.

A fork is an experiment with a `fork` section, and trained from the start it gives the same
networks to the last bit, because all randomness is keyed. The old run's checkpoints only save the
time: of each stack the newest one before the fork is copied, with the tables up to it, and the plan
by which they were trained; where the fork would cut the stacks otherwise, the new run begins at the
beginning.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from memlab.cores import usable_cores
from memlab.errors import InvalidExperiment
from memlab.experiment import grid, network_fields, reading
from memlab.experiment.schedule import Timeline
from memlab.experiment.spec import Experiment
from memlab.experiment.training_spec import ForkSpec
from memlab.runs import copying, origin, plan
from memlab.runs.door import Missing, Place
from memlab.runs.event_log import EventLog, EventReader
from memlab.runs.plan import PLAN_FILE, RunPlan
from memlab.runs.recorded import require_trained_here
from memlab.runs.run import Run
from memlab.runs.run_folder import CHECKPOINT, RunFolder, checkpoint_name

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


@dataclass(frozen=True)
class Told:
    """A stack as the run's log has it: its members' indices, and training examples of each."""

    members: tuple[int, ...]
    examples: int


def forked(source: RunFolder, at: float, settings: Sequence[str]) -> Experiment:
    """The experiment of `source` with a fork at epoch `at`; `settings` are `key=value`.

    Raises:
        RunFolderError: if the run cannot be read, or came from elsewhere.
        InvalidExperiment: if it is a fork already, has no such epoch, or a setting is none that a
            fork may change.
    """
    require_trained_here(source, "forked")
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
    branched = reading.of_run(run.tree | fork, "the fork")
    cells = [member.experiment for member in grid.members(branched)]
    network_fields.check_hidden(cells, branched.axes, "the fork", ("fork.dropout",))
    _check_reached(source, branched)
    return branched


def _check_reached(source: RunFolder, made: Experiment) -> None:
    """Refuses a fork that lies beyond the end of training, which `stop.updates` may set."""
    first = grid.members(made)[0].experiment
    for told in _stacks(source).values():
        timeline = Timeline(first, told.examples)
        if timeline.fork is None or timeline.fork >= timeline.updates:
            end = timeline.examples_before(timeline.updates) / told.examples
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

    That is the earliest of its stacks; 0 where nothing could be copied.

    Raises:
        RunFolderError: if a file of the source cannot be read, or vanishes while it is copied.
        StorageError: if it cannot be written.
    """
    stacks = _stacks(source)
    forks = _fork_updates(stacks, made)
    starts: dict[int, int] = {}
    for name in sorted(_names(source.checkpoints)):
        match = CHECKPOINT.fullmatch(name)
        stack, update = (int(match[1]), int(match[2])) if match else (-1, 0)
        if update < forks.get(stack, 0):  # an evaluation at the fork tells its rate
            starts[stack] = max(update, starts.get(stack, 0))
    if not starts:
        return 0
    plan.write(folder.place / PLAN_FILE, plan.read(source.place / PLAN_FILE) or _as_told(stacks))
    if isinstance(data := source.environment().get("data"), dict):
        folder.add_environment(data=data)
    for stack_name in _names(source.examples):
        (folder.examples / stack_name).mkdir()
        copying.copy_files(source.examples / stack_name, folder.examples / stack_name, ENDINGS)
    copying.copy_files(source.series, folder.series, ENDINGS, ("progress.",))
    _copy_ends(source, folder, starts, stacks)
    for stack, update in starts.items():
        name = checkpoint_name(stack, update)
        copying.copy_file(source.checkpoints / name, folder.checkpoints / name)
    return min(starts.get(stack, 0) for stack in stacks)


def _as_told(stacks: Mapping[int, Told]) -> RunPlan:
    """The plan of a run from before there were plans: one process, with all cores."""
    return RunPlan(tuple(tuple(stacks[at].members) for at in sorted(stacks)), 1, usable_cores())


def _names(place: Place) -> list[str]:
    try:
        return [name for name in place.list() if not name.startswith(".")]
    except Missing:
        return []


def _copy_ends(
    source: RunFolder, folder: RunFolder, starts: Mapping[int, int], stacks: Mapping[int, Told]
) -> None:
    """Tells of the networks that had ended by their stack's start; the checkpoint has them so."""
    until = {m: starts[at] for at, told in stacks.items() if at in starts for m in told.members}
    with EventLog(folder.events) as log:
        for event in EventReader(source.events).read():
            update, member = event.data.get("update"), event.data.get("member")
            if event.type not in ENDS or not isinstance(member, int):
                continue
            if isinstance(update, int) and update <= until.get(member, -1):
                log.append(event.type, **event.data)


def _stacks(source: RunFolder) -> dict[int, Told]:
    """What the run told of each stack that it began, by index."""
    found: dict[int, Told] = {}
    for event in EventReader(source.events).read():
        stack, members = event.data.get("stack"), event.data.get("members")
        examples = event.data.get("train_examples")
        if event.type != "stack-started" or not isinstance(stack, int):
            continue
        if isinstance(members, list) and isinstance(examples, int) and members:
            found[stack] = Told(tuple(m for m in members if isinstance(m, int)), examples)
    return found


def _fork_updates(stacks: Mapping[int, Told], made: Experiment) -> dict[int, int]:
    """The update of the fork by stack; empty where checkpoints would not be the forked run's.

    That is so where the fork would put the networks of a stack apart, and where it changes how
    many evaluations there are, which the ledger makes room for.
    """
    members = grid.members(made)
    if sorted(m for told in stacks.values() for m in told.members) != list(range(len(members))):
        return {}
    found: dict[int, int] = {}
    for at, told in stacks.items():
        timelines = [Timeline(members[m].experiment, told.examples) for m in told.members]
        first = timelines[0]
        trunk = members[told.members[0]].experiment.model_copy(update={"fork": ForkSpec()})
        before = len(Timeline(trunk, told.examples).evaluations())
        same = all(one.phases == first.phases for one in timelines)
        if not same or len(first.evaluations()) != before or first.fork is None:
            return {}
        found[at] = first.fork
    return found
