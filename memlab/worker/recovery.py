"""Whether a run can be taken up where it was left: decided as a whole before anything is changed.

A run is resumed only where its data are those it was trained on and every stack's newest
checkpoint, and the rows that it counts on, can be read. `--restart` sets aside what cannot be
read, stack by stack, and those stacks are trained again. Nothing is ever deleted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from memlab.data.fingerprint import fingerprint
from memlab.errors import RunFolderError
from memlab.experiment.grid import Member
from memlab.runs import aside
from memlab.runs.committee_sums import HEADER_FILE as COMMITTEE_FILE
from memlab.runs.committee_sums import stack_sums
from memlab.runs.door import Missing, Place
from memlab.runs.event_log import EventLog, EventReader
from memlab.runs.ledger import HEADER_FILE, read_stack, stack_folder
from memlab.runs.outcomes import HEADER_FILE as OUTCOMES_FILE
from memlab.runs.outcomes import stack_outcomes
from memlab.runs.run_folder import RunFolder
from memlab.runs.table import Table
from memlab.runs.table_writer import require
from memlab.training import checkpoint
from memlab.training.plan import StackPlan
from memlab.worker.material import Material, source

RESTARTED, CHECKPOINT = "restarted", "checkpoint"
INSTRUMENT = "instrument "
OF_A_STACK = ("instrument-", "memorized-")


def check_data(folder: RunFolder, members: Sequence[Member], material: Material) -> None:
    """Refuses to go on with other data than the run began with; records what it begins with.

    Raises:
        RunFolderError: if the arrays of a dataset are not those of before.
        StorageError: if they cannot be recorded.
    """
    known = folder.environment().get("data")
    before: Mapping[str, object] = known if isinstance(known, dict) else {}
    now: dict[str, object] = {}
    for member in members:
        name = source(member.experiment.dataset)
        if name in now:
            continue
        now[name] = fingerprint(material.splits(member))
        if before.get(name, now[name]) != now[name]:
            raise RunFolderError(
                f"The data of {member.experiment.dataset.name} are not those that {folder.id} was "
                "trained on: put the file back as it was, or start a new run."
            )
    if now != before:
        folder.add_environment(data={**before, **now})


def check(
    folder: RunFolder, stacks: Sequence[StackPlan], events: EventLog, restart: bool = False
) -> None:
    """Makes sure that every stack can go on from its newest checkpoint, or begin.

    Args:
        restart: set aside what cannot be read instead of refusing.

    Raises:
        RunFolderError: if something that recorded results depend on cannot be read; nothing has
            been changed then.
        StorageError: if something cannot be set aside.
    """
    promised = _promised(folder)
    for plan in stacks:
        try:
            _check_stack(folder, plan, plan.index in promised)
        except RunFolderError as error:
            if not restart:
                raise _refusal(error) from error
            events.append(RESTARTED, stack=plan.index, reason=str(error))
            _set_aside(folder, plan.index)


def _promised(folder: RunFolder) -> set[int]:
    """Stacks of which the log tells a checkpoint, and no restart since."""
    found: set[int] = set()
    for event in EventReader(folder.events).read(strict=True):
        stack = event.data.get("stack")
        if event.type == CHECKPOINT and isinstance(stack, int):
            found.add(stack)
        elif event.type == RESTARTED and isinstance(stack, int):
            found.discard(stack)
    return found


def _check_stack(folder: RunFolder, plan: StackPlan, promised: bool) -> None:
    kept = checkpoint.newest(folder.checkpoints, plan.index)
    if kept is None:
        if promised:
            raise RunFolderError(
                f"{folder.id} had checkpoints of its networks, and {folder.checkpoints} has none."
            )
        return
    progress, _ = kept
    for name, rows in progress.rows.items():
        if rows:
            require(Table.open(table_of(folder, plan, name), thorough=True), rows)
    ledger = stack_folder(folder, plan.index)
    if (ledger / HEADER_FILE).info() is not None:
        read_stack(ledger)
    if (ledger / OUTCOMES_FILE).info() is not None:
        stack_outcomes(ledger)
    if (ledger / COMMITTEE_FILE).info() is not None:
        stack_sums(ledger)


def table_of(folder: RunFolder, plan: StackPlan, name: str) -> Place:
    """The table whose rows a checkpoint counts under `name`."""
    if name.startswith(INSTRUMENT):
        name = f"instrument-{name.removeprefix(INSTRUMENT)}-{plan.index:03d}"
    return folder.series / name


def _refusal(error: RunFolderError) -> RunFolderError:
    said = str(error)
    if "--restart" in said or "newer memlab" in said:
        return error
    return RunFolderError(
        f"{said} This run cannot be resumed as it is; nothing was changed. With --restart its "
        "networks are trained again, and what is there is kept beside."
    )


def _set_aside(folder: RunFolder, stack: int) -> None:
    """Everything of one stack, under names that no reader takes for its own."""
    for _, place in checkpoint.found(folder.checkpoints, stack):
        aside.move(place)
    mine = (f"stack-{stack:03d}.", f"-{stack:03d}.")
    for name in _names(folder.series):
        own = name.startswith(mine[0]) or (name.startswith(OF_A_STACK) and mine[1] in name)
        if own and name.endswith((".rows", ".json")):
            aside.move(folder.series / name)
    ledger = stack_folder(folder, stack)
    if ledger.info() is not None:
        aside.move(ledger)


def _names(place: Place) -> list[str]:
    try:
        return place.list()
    except Missing:
        return []
