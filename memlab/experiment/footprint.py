"""The memory of a worker and the size of a run folder, in bytes, estimated without torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod

from memlab.experiment.architecture import alone, count
from memlab.experiment.datasets import Taken
from memlab.experiment.metrics import METRICS
from memlab.experiment.schedule import Timeline
from memlab.experiment.spec import Experiment
from memlab.experiment.walks import TWO_STAGE

FLOAT = 4
#: A worker with its libraries and nothing to train, where it was not measured (torch 2.14, Linux).
WORKER_BYTES = 587_000_000
#: Events, state, environment, experiment, report: what every run folder has.
FOLDER_BYTES = 30_000
#: Of a run's report and events, for each network.
MEMBER_BYTES = 2_000
#: One stack's ledger keeps at most so much of its history (`instruments.ledger_store`).
HISTORY_BYTES = 256 << 20
#: Per member and example: the ledger's scores, presentations', label and mark; its history a row;
#: a vote a class.
SCORES_BYTES, HISTORY_ROW_BYTES, VOTE_BYTES = 38, 5, 4
CHECKPOINT_SCORES_BYTES = 67
#: Networks whose margins are kept at every evaluation (`runs.outcomes`).
TRACED = 12
#: A committee's sums, per example, and per example and class (`runs.committee`).
COMMITTEE_BYTES, COMMITTEE_CLASS_BYTES = 32, 12
#: Pictures of the examples, and their values, are kept beside outcomes up to so much each.
SHOWN_BYTES = 32 << 20
#: Side of the largest picture that is kept.
PICTURE_SIDE = 28
#: Numbers of the largest activation that an evaluation on a CPU keeps at once, small enough for its
#: cache; and of networks with large dense layers, whose weights are read anew for each such chunk.
CHUNK_FLOATS, DENSE_CHUNK_FLOATS = 1 << 20, 1 << 23


@dataclass
class Stack:
    """Networks that train together: `members` of them like `cell`, of `parameters` each."""

    cell: Experiment
    data: Taken
    timeline: Timeline
    parameters: int
    evaluations: int
    members: int = 0
    inputs: set[str] = field(default_factory=set)

    def add(self, cell: Experiment, networks: int) -> None:
        """So many more networks, all with the corruption of `cell`."""
        self.members += networks
        corruption = cell.corruption
        changed = "+" in corruption.kind or corruption.kind in ("inputs", "pixel-shuffle")
        changed = changed or corruption.kind == "pixel-random"
        seeds = 1 if corruption.shared or not changed else networks
        if cell.dataset.split_per_seed:
            seeds = networks
        self.inputs |= {f"{corruption if changed else ''}{seed}" for seed in range(seeds)}

    @property
    def seen(self) -> int:
        """Examples that its networks see, over all."""
        return self.timeline.examples_before(self.timeline.updates) * self.members

    @property
    def parts(self) -> int:
        """How many stacks it really is: networks on images train one by one."""
        return self.members if alone(self.cell.model) else 1

    @property
    def moments(self) -> int:
        """Numbers that the optimizer keeps for each parameter."""
        optimizer = self.cell.optimizer
        return (1 if optimizer.momentum > 0 else 0) if optimizer.name == "sgd" else 2


def memory(stack: Stack, worker_bytes: int | None = None) -> int:
    """The worker's resident set while it trains `stack`, instruments left out.

    `worker_bytes` is that of one with nothing to train.
    """
    data, members = stack.data, stack.members // stack.parts
    examples = data.train + data.validation + data.test
    features = prod(data.image) if data.image else data.features
    # As numpy arrays of the split, and once more for the device where there are several.
    inputs = (
        FLOAT * features * examples * (2 if len(stack.inputs) == 1 else 1 + 2 * len(stack.inputs))
    )
    labels = members * examples * 8 * 3
    parameters = FLOAT * stack.parameters * members * (3 + stack.moments)
    shape = count(stack.cell.model, data.image, data.features, data.classes)
    batch = max(phase.batch_size for phase in stack.timeline.phases)
    training = FLOAT * 3 * shape.activations * batch * members
    most = evaluation_floats(stack.cell.model.name)
    chunk = max(16, most // max(1, members * shape.widest)) * members
    evaluating = FLOAT * 3 * shape.widest * min(chunk, examples * members)
    return (worker_bytes or WORKER_BYTES) + inputs + labels + parameters + max(training, evaluating)


def evaluation_floats(model: str) -> int:
    """Numbers of the largest activation that an evaluation on a CPU keeps at once."""
    return DENSE_CHUNK_FLOATS if model in TWO_STAGE else CHUNK_FLOATS


def folder(stacks: Sequence[Stack], seconds: float) -> int:
    """The run folder after `seconds` of training, the instruments' own tables left out."""
    each = seconds / max(1, sum(stack.parts for stack in stacks))
    listed = (
        _rows(s) + _kept(s, each) * _checkpoint(s) + _ledger(s) + _outcomes(s) for s in stacks
    )
    return FOLDER_BYTES + sum(listed) + sum(map(_shown, stacks))


def outcome_bytes(members: int, train: int, test: int, evaluations: int) -> int:
    """What `evaluation.outcomes` takes: a float16 and two bits an example, a bit a mask, traces.

    >>> outcome_bytes(2000, 1000, 400, 2)
    6644616
    """
    examples = train + test
    each = 2 * examples + 2 * -(-examples // 8) + -(-train // 8)
    traces = 2 * min(members, TRACED) * examples * evaluations
    return members * each + traces + 16 * examples + 5 * train + 8 * evaluations


def shown_bytes(train: int, test: int, classes: int, features: int, picture: int) -> int:
    """What is kept of the examples themselves, once: pictures, values, hidden neighbours, votes.

    `picture` counts a picture's pixels, 0 where the data are none.

    >>> shown_bytes(1000, 400, 10, 64, 64)
    369600
    """
    examples = train + test
    kept = sum(
        size for size in (picture * examples, 2 * features * examples) if size <= SHOWN_BYTES
    )
    return kept + examples * (4 * classes + 32)


def _shown(stack: Stack) -> int:
    if not stack.cell.evaluation.outcomes:
        return 0
    data = stack.data
    picture = prod(min(PICTURE_SIDE, side) for side in data.image[1:]) if data.image else 0
    features = prod(data.image) if data.image else data.features
    return shown_bytes(data.train, data.test, data.classes, features, picture)


def _rows(stack: Stack) -> int:
    return stack.members * (MEMBER_BYTES + 8 * len(METRICS) * stack.evaluations)


def _kept(stack: Stack, seconds: float) -> int:
    """Checkpoints left of a stack that trained for so long, or half as long again."""
    spec = stack.cell.checkpoints
    made = stack.evaluations if spec.every_seconds == 0 else int(1.5 * seconds / spec.every_seconds)
    return min(spec.keep, 1 + made)


def _checkpoint(stack: Stack) -> int:
    on = stack.cell.instruments.names
    vectors = 1 + (stack.moments > 1)  # of Adam the preconditioned Hessian's too
    numbers = 1 + stack.moments + ("curvature" in on) * vectors
    ledger = CHECKPOINT_SCORES_BYTES * stack.data.train if "ledger" in on else 0
    return stack.members * (FLOAT * stack.parameters * numbers + ledger)


def _outcomes(stack: Stack) -> int:
    if not stack.cell.evaluation.outcomes:
        return 0
    data = stack.data
    sums = 0
    if stack.cell.dataset.whole and stack.cell.dataset.subset < 1.0:
        sums = data.train * (COMMITTEE_BYTES + COMMITTEE_CLASS_BYTES * data.classes) * stack.parts
    traces = len(stack.timeline.traces())
    return sums + outcome_bytes(stack.members, data.train, data.test, traces)


def _ledger(stack: Stack) -> int:
    if "ledger" not in stack.cell.instruments.names:
        return 0
    examples = stack.members * stack.data.train
    row = HISTORY_ROW_BYTES * examples
    rows = stack.evaluations
    while rows > 1 and rows * row > HISTORY_BYTES:
        rows = -(-rows // 2)
    votes = VOTE_BYTES * stack.data.classes * examples
    return examples * SCORES_BYTES + rows * row + (votes if votes <= 64 << 20 else 0)
