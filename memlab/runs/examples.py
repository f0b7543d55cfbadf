"""What a run recorded of its single examples, from scores by retraining and outcomes or a ledger.

Training examples stand first, test examples behind them where the run has scores by retraining.
What follows from it for one example is `example_life`. No torch, and nothing is trained to look.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memlab.errors import RunFolderError
from memlab.runs import retraining_store
from memlab.runs.example_scores import (
    Labelling,
    labellings,
    mean_scores,
    own_label,
    ranking,
    suggestions,
)
from memlab.runs.ledger import read_ledger
from memlab.runs.memorization import THRESHOLD
from memlab.runs.outcomes import LEAST_EVALUATIONS, Mask, StackOutcomes, read_stacks
from memlab.runs.retraining import Scores
from memlab.runs.run import Run
from memlab.runs.view import Memorized

Integers = NDArray[np.int64]
Values = NDArray[np.float64]
MEMORIZED, SUSPECTS, LEARNED, CLASS = "memorized", "suspects", "learned", "class:"
#: Lies that a network has just learned, of which so many are looked at.
STREAM = 512


@dataclass(frozen=True, eq=False)
class Trace:
    """Margins that were kept while training, of networks that were evaluated at the same epochs.

    `epoch` `[evaluations]`, `margin` `[evaluations, networks, examples]` in logits, NaN where a
    network had ended; `saw` `[networks, examples]` says whether it was trained on the example, and
    `judges` whether it counts for it at all.
    """

    epoch: Values
    margin: NDArray[np.floating[Any]]
    saw: Mask
    judges: Mask


@dataclass(frozen=True, eq=False)
class Examples:
    """The examples of a run, or of one of its groups; None for what it did not record.

    `index` (row in the source file), `given` and `true` are `[examples]`, `corrupted` `[train]`;
    `pictures` `[examples, height, width]` of 0 to 255, `values` `[examples, features]` as networks
    see them, `nearest` `[examples, k]` training examples in the last hidden layer, `votes`
    `[examples, classes]` how many networks that had not seen it answered so. `first_learned`
    (epoch) and `forgotten` (times) `[train]` are means over networks that saw it, NaN for never.
    `suggested` `[train]` are the ledger's, −1 for none; `order` are the suspects, most suspect
    first, and `learned` the lies that networks learned to repeat last.
    """

    run_id: str
    dataset: str
    train: int
    index: Integers
    given: Integers
    true: Integers
    corrupted: Mask
    class_names: tuple[str, ...]
    files: tuple[str, ...] | None
    is_picture: bool
    traces: tuple[Trace, ...]
    order: Integers
    pictures: NDArray[np.uint8] | None = None
    values: NDArray[np.float16] | None = None
    nearest: NDArray[np.int32] | None = None
    votes: Integers | None = None
    suggested: Integers | None = None
    first_learned: Values | None = None
    forgotten: Values | None = None
    scores: Scores | None = None
    learned: Integers | None = None

    @property
    def truth_known(self) -> bool:
        """Whether examples were corrupted on purpose, so that the true labels are known."""
        return bool(self.corrupted.any())

    @cached_property
    def positions(self) -> dict[tuple[bool, int], int]:
        """Where an example stands, by whether it is of the test set, and its index."""
        tests = np.arange(len(self.index)) >= self.train
        return {
            (bool(t), int(i)): at for at, (t, i) in enumerate(zip(tests, self.index, strict=True))
        }

    def position(self, index: int, test: bool = False) -> int:
        """Where the training example (or test example) of that index stands.

        Raises:
            RunFolderError: if there is none.
        """
        found = self.positions.get((test, index))
        if found is None:
            part = self.index[self.train :] if test else self.index[: self.train]
            where = "test" if test else "training"
            if not len(part):
                raise RunFolderError(f"The run {self.run_id} recorded no {where} examples.")
            raise RunFolderError(
                f"The run {self.run_id} has no {where} example {index}; it has {len(part):,}, with "
                f"indices from {part.min()} to {part.max()}."
            )
        return found

    def listing(self, name: str) -> Integers:
        """Positions of the training examples of a list, first come first.

        `suspects` are most suspect first; `memorized` the truths with memorization of 0.25 or more;
        `learned` lies that were learned, the last first;
        `class:NAME` those that were given this class, in the order of the suspects.

        Raises:
            RunFolderError: if there is no such list.
        """
        if name == SUSPECTS:
            return self.order
        if name == MEMORIZED:
            return self._memorized()
        if name == LEARNED and self.learned is not None:
            return self.learned
        label = name.removeprefix(CLASS)
        if not name.startswith(CLASS) or label not in self.class_names:
            known = [*self._special, *(f"{CLASS}{each}" for each in self.class_names[:20])]
            raise RunFolderError(f"There is no list {name!r}. Known: {', '.join(known)}.")
        everyone = np.arange(self.train)
        rest = everyone[~np.isin(everyone, self.order)]
        order = np.concatenate([self.order, rest])
        found: Integers = order[self.given[order] == self.class_names.index(label)]
        return found

    def _memorized(self) -> Integers:
        if self.scores is None:
            raise RunFolderError(
                f"The run {self.run_id} has no scores of memorization; `memlab memorize` makes"
                " them."
            )
        rows = self.scores.examples
        value = rows["memorization"].astype(np.float64)
        value[np.isnan(value)] = -np.inf
        order = np.lexsort((-rows["margin_memorization"], -value))
        return order[(value[order] >= THRESHOLD) & ~self.corrupted[order]]

    @property
    def lists(self) -> tuple[str, ...]:
        """The lists that there are and that are not empty."""
        names = [*self._special, *(f"{CLASS}{each}" for each in self.class_names)]
        return tuple(name for name in names if len(self.listing(name)))

    @property
    def _special(self) -> list[str]:
        there = {MEMORIZED: self.scores is not None, LEARNED: self.learned is not None}
        return [name for name in (MEMORIZED, SUSPECTS, LEARNED) if there.get(name, True)]


def examples_of(run: Run, group: int | None = None) -> Examples:
    """What the run recorded of the examples of a group; by None of the first that has something.

    Raises:
        RunFolderError: if it recorded nothing of single examples, it cannot be read, or it has no
            such group.
    """
    if group is not None and not 0 <= group < len(run.groups):
        raise RunFolderError(f"The run {run.id} has no group {group}; it has {len(run.groups)}.")
    run.view.refresh()
    everything = run.view.memorized(STREAM)
    if group is None:
        group = _first_group(run, everything)
    members = set(run.groups[group].members)
    stream = [each for each in everything if each.member in members]
    if retraining_store.kept(run) and read_stacks(run.folder):
        return _with_learned(_by_retraining(run, group), stream)
    present = labellings(read_ledger(run.folder))
    if present:
        own = [each for each in present if members & set(each.members)]
        return _with_learned(_by_ledger(run, (own or present)[0]), stream)
    if not stream:
        raise RunFolderError(
            f"The run {run.id} recorded nothing of single examples, or not yet: make one with "
            "`memlab memorize`, or with --set instruments.on=ledger."
        )
    return _by_stream(run, stream)


def _first_group(run: Run, stream: Sequence[Memorized]) -> int:
    """The group of the lie that was learned last, where a run has nothing else to show."""
    if not stream or run.experiment.evaluation.outcomes or len(run.groups) == 1:
        return 0
    last = stream[0].member
    return next((group.index for group in run.groups if last in group.members), 0)


def _with_learned(examples: Examples, stream: Sequence[Memorized]) -> Examples:
    """With the lies that were learned last, those that are among the examples."""
    at = [examples.positions.get((False, each.index)) for each in stream]
    there = list(dict.fromkeys(each for each in at if each is not None))
    return replace(examples, learned=np.array(there, np.int64)) if there else examples


def _by_stream(run: Run, stream: Sequence[Memorized]) -> Examples:
    """Of an ordinary run, the lies that were learned, with their labels and pictures."""
    first: dict[int, Memorized] = {}
    for each in stream:
        first.setdefault(each.index, each)
    found = list(first.values())
    given, true = (np.array([getattr(each, n) for each in found]) for n in ("given", "true"))
    pictures = np.stack([each.picture for each in found])
    everyone = np.arange(len(found))
    return Examples(
        run_id=run.id,
        dataset=run.experiment.dataset.name,
        train=len(found),
        index=np.array(list(first), np.int64),
        given=given.astype(np.int64),
        true=true.astype(np.int64),
        corrupted=np.ones(len(found), np.bool_),
        class_names=tuple(map(str, range(1 + max(0, int(given.max()), int(true.max()))))),
        files=None,
        is_picture=not _is_strip(pictures),
        traces=(),
        order=everyone[:0],
        pictures=pictures,
        first_learned=np.array([each.epoch for each in found]),
        learned=everyone,
    )


def _by_retraining(run: Run, group: int) -> Examples:
    scores = retraining_store.scores(run)[group]
    runs = retraining_store.linked(run)
    stacks = [(one, stack) for one in runs for stack in read_stacks(one.folder)]
    kept: dict[str, Any] = {}
    for name in ("pictures", "values", "nearest"):
        found = retraining_store.recorded(run, name, group)
        kept[name] = found if found is not None and len(found) == len(scores.targets) else None
    rows, targets = scores.examples, scores.targets
    traces = [_trace(stack, one.groups[group].members, len(targets)) for one, stack in stacks]
    present = tuple(trace for trace in traces if trace is not None)
    outside = rows["margin_outside"].astype(np.float64)
    order = np.lexsort((rows["index"], outside))
    learned = rows["first_learned"].astype(np.float64)
    return Examples(
        run_id=run.id,
        dataset=run.experiment.dataset.name,
        train=len(rows),
        index=targets["index"].astype(np.int64),
        given=targets["given"].astype(np.int64),
        true=targets["true"].astype(np.int64),
        corrupted=np.asarray(rows["corrupted"]),
        class_names=scores.class_names,
        files=None,
        is_picture=kept["pictures"] is not None,
        traces=present,
        order=order[outside[order] < 0],
        votes=_votes(stacks, group, (len(targets), len(scores.class_names))),
        first_learned=learned if np.isfinite(learned).any() else None,
        forgotten=_forgotten(present, len(rows)),
        scores=scores,
        **kept,
    )


def _votes(
    stacks: list[tuple[Run, StackOutcomes]], group: int, shape: tuple[int, int]
) -> Integers | None:
    """Answers of the group's networks, over stacks and runs; None where a stack has none."""
    total: Integers | None = None
    for run, stack in stacks:
        members = set(run.groups[group].members)
        if not members.intersection(stack.header.members):
            continue
        if not stack.header.votes or stack.arrays["votes"].shape != shape:
            return None
        votes = stack.arrays["votes"].astype(np.int64)
        total = votes if total is None else total + votes
    return total


def _trace(stack: StackOutcomes, members: tuple[int, ...], examples: int) -> Trace | None:
    """The traced networks of a stack that are of the group; None where there are none.

    Raises:
        RunFolderError: if its epochs fall.
    """
    header, wanted = stack.header, set(members)
    columns = [at for at, member in enumerate(header.traced) if member in wanted]
    if not columns or header.examples != examples:
        return None
    epoch = np.asarray(stack.arrays["epoch"], np.float64)
    rows = int(np.isfinite(epoch).sum())
    if not np.isfinite(epoch[:rows]).all() or (np.diff(epoch[:rows]) < 0).any():
        raise RunFolderError("The outcomes of this run are damaged: their epochs fall.")
    seats = [header.members.index(header.traced[at]) for at in columns]
    saw = np.zeros((len(columns), header.examples), np.bool_)
    saw[:, : header.train] = stack.own[seats]
    margin = stack.arrays["trace"][:rows][:, columns]
    return Trace(epoch[:rows], margin, saw, np.ones_like(saw))


def _forgotten(traces: tuple[Trace, ...], train: int) -> Values | None:
    """How often networks that saw an example got it wrong after having had it right, `[train]`.

    From one kept evaluation to the next; None where too few were kept to say so.
    """
    times, count = np.zeros(train), np.zeros(train)
    for trace in traces:
        if len(trace.epoch) < LEAST_EVALUATIONS:
            continue
        right = np.asarray(trace.margin[1:, :, :train] > 0)
        lost = (right[:-1] & ~right[1:]).sum(0)
        saw = trace.saw[:, :train]
        times += np.where(saw, lost, 0).sum(0)
        count += saw.sum(0)
    if not count.any():
        return None
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(times / count)


def _by_ledger(run: Run, labelling: Labelling) -> Examples:
    view = labelling.parts[0][0]
    header = view.header
    learned, forgotten = (mean_scores(labelling, n) for n in ("first-learned", "forgetting"))
    return Examples(
        run_id=run.id,
        dataset=header.dataset,
        train=len(labelling.index),
        index=labelling.index,
        given=labelling.given,
        true=labelling.true,
        corrupted=labelling.corrupted,
        class_names=header.class_names,
        files=header.files,
        is_picture=view.pictures is not None and not _is_strip(view.pictures),
        traces=_ledger_traces(labelling),
        order=ranking(labelling),
        pictures=view.pictures,
        suggested=suggestions(labelling),
        first_learned=learned,
        forgotten=forgotten,
    )


def _is_strip(pictures: NDArray[np.uint8]) -> bool:
    """Whether they are strips of equal rows, as data that are no pictures are drawn."""
    some = pictures[:100]
    return some.shape[1] == 4 and bool((some == some[:, :1]).all())


def _ledger_traces(labelling: Labelling) -> tuple[Trace, ...]:
    made = []
    for part in labelling.parts:
        view, seats, _ = part
        if view.history is None or not len(view.history.epoch):
            continue
        margin = view.history.margin[:, seats]
        judges = np.broadcast_to(own_label(part), margin.shape[1:])
        made.append(Trace(view.history.epoch, margin, np.ones_like(judges), judges))
    return tuple(made)
