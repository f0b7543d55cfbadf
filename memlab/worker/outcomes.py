"""A stack's outcomes as the worker keeps and writes them; what they are is `memlab.runs.outcomes`.

A network's row is taken at the evaluation at which it ends. Rows and traces are in the stack's
checkpoints until the stack is done; then all files are written, their header last.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from memlab.data.corruption import Corrupted
from memlab.data.neighbours import neighbour_agreement
from memlab.data.split import Splits
from memlab.experiment.footprint import TRACED
from memlab.runs import npy
from memlab.runs.door import Place
from memlab.runs.outcomes import HEADER_FILE, OutcomeHeader
from memlab.training.evaluation import Evaluation, Outcome
from memlab.training.plan import StackPlan
from memlab.training.trainer import StackTrainer
from memlab.worker import shown

PREFIX = "outcomes."
HALF = float(torch.finfo(torch.float16).max)
#: Of more examples, neighbours are not looked for.
MOST_NEIGHBOURS = 10_000
#: Traces take no more memory than this; of large data, fewer networks are traced.
TRACE_BYTES = 128 << 20


class OutcomeRecorder:
    """Rows `[members, train + test]` of one stack, filled as its members end."""

    def __init__(
        self, folder: Place, plan: StackPlan, parts: Sequence[Corrupted], splits: Splits
    ) -> None:
        self._folder = folder
        self._parts = parts
        self._splits = splits
        first = parts[0]
        train, test = len(first.train_true), len(first.test_y)
        evaluations = len(plan.timeline.traces())
        places = [member.place for member in plan.members]
        whole = 0 in places  # what is the same for all networks of a group is kept once
        picture, features = None, 0
        if whole and all(part.train_x is first.train_x for part in parts):
            image = splits.image_shape is not None
            picture, features = shown.shown_sizes(train + test, first.train_x.shape[1:], image)
        alike = all(m.axis_values == plan.members[0].axis_values for m in plan.members)
        most = min(TRACED, TRACE_BYTES // (2 * evaluations * (train + test)))
        self._traced = [at for at, place in enumerate(places) if place < most]
        self._header = OutcomeHeader(
            stack=plan.index,
            dataset=plan.members[0].experiment.dataset.name,
            members=tuple(plan.indices),
            traced=tuple(plan.indices[at] for at in self._traced),
            evaluations=evaluations,
            train=train,
            test=test,
            class_names=splits.class_names,
            same=all(same_data(first, part) for part in parts),
            # A committee looks at them itself.
            neighbours=whole and 1 < train <= MOST_NEIGHBOURS and not splits.held_out,
            picture=picture,
            features=features,
            votes=alike,
            early=plan.timeline.early() is not None,
        )
        shape = (len(parts), train + test)
        self._correct = np.zeros(shape, np.bool_)
        self._early = np.zeros(shape, np.bool_)
        self._margin = np.full(shape, np.nan, np.float16)
        self._votes = np.zeros((train + test, len(splits.class_names)), np.uint32)
        self._epochs = np.full(evaluations, np.nan)
        self._trace = np.full((evaluations, len(self._traced), shape[1]), np.nan, np.float16)
        self._count = 0

    def take(
        self, evaluation: Evaluation, epoch: float, active: Sequence[int], ending: Sequence[int]
    ) -> None:
        """Takes in an evaluation of the members `active`, of whom those at `ending` end with it."""
        train, test = evaluation.train, evaluation.test
        assert train is not None
        assert test is not None
        positions = {member: at for at, member in enumerate(active)}
        traced = [(slot, positions[m]) for slot, m in enumerate(self._traced) if m in positions]
        for slot, at in traced:
            self._trace[self._count, slot] = _margins((train, test), [at])[0]
        self._epochs[self._count] = epoch
        self._count += 1
        if not ending:
            return
        rows = [active[at] for at in ending]
        self._margin[rows] = _margins((train, test), ending)
        self._vote((train, test), rows, ending)
        self._correct[rows] = np.concatenate(
            [
                self._right(train, "train_given", rows, ending),
                self._right(test, "test_y", rows, ending),
            ],
            axis=1,
        )

    def trace(self, trainer: StackTrainer, epoch: float) -> None:
        """Keeps the margins of the traced networks between evaluations; once for each epoch."""
        if self._count and self._epochs[self._count - 1] >= epoch:
            return
        positions = {member: at for at, member in enumerate(trainer.active)}
        traced = [(slot, positions[m]) for slot, m in enumerate(self._traced) if m in positions]
        if not traced:
            return
        found = trainer.margins([at for _, at in traced])
        self._trace[self._count, [slot for slot, _ in traced]] = _half(found)
        self._epochs[self._count] = epoch
        self._count += 1

    def look(self, trainer: StackTrainer) -> None:
        """Keeps what all networks are right on now, after one epoch."""
        margins = trainer.margins(range(len(trainer.active)))
        self._early[trainer.active] = (margins > 0).cpu().numpy()

    def _vote(self, found: Sequence[Outcome], rows: Sequence[int], ending: Sequence[int]) -> None:
        """Counts what the networks that end answer to examples that they were not trained on."""
        if not self._header.votes:
            return
        predicted = np.concatenate([o.predicted[list(ending)].cpu().numpy() for o in found], axis=1)
        for row, answers in zip(rows, predicted, strict=True):
            if not np.isfinite(self._margin[row]).all():
                continue
            own = self._parts[row].own
            unseen = np.ones(len(answers), np.bool_)
            unseen[: self._header.train] = False if own is None else ~own
            at = np.flatnonzero(unseen)
            self._votes[at, answers[at]] += 1

    def _right(
        self, found: Outcome, labels: str, rows: Sequence[int], at: Sequence[int]
    ) -> np.ndarray:
        wanted = np.stack([getattr(self._parts[row], labels) for row in rows])
        return np.asarray(found.predicted[list(at)].cpu().numpy() == wanted)

    def state(self, done: bool) -> dict[str, Tensor]:
        """What to keep in a checkpoint; nothing once all is written."""
        if done:
            return {}
        ended = np.flatnonzero(np.isfinite(self._margin).any(1) | self._correct.any(1))
        kept: dict[str, np.ndarray] = {
            "ended": ended,
            "correct": np.packbits(self._correct[ended], axis=1),
            "early": np.packbits(self._early, axis=1),
            "margin": self._margin[ended],
            "epochs": self._epochs[: self._count],
            "trace": self._trace[: self._count],
            "votes": self._votes.astype(np.int64),
        }
        return {PREFIX + name: torch.from_numpy(array.copy()) for name, array in kept.items()}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Takes out of `tensors` what `state` put there."""
        found = {
            name.removeprefix(PREFIX): tensors.pop(name).numpy()
            for name in [name for name in tensors if name.startswith(PREFIX)]
        }
        if not found:
            return
        ended, self._count = found["ended"], len(found["epochs"])
        bits = np.unpackbits(found["correct"], axis=1, count=self._header.examples)
        self._correct[ended] = bits.view(np.bool_)
        self._margin[ended] = found["margin"]
        self._epochs[: self._count] = found["epochs"]
        self._trace[: self._count] = found["trace"]
        if "votes" in found:  # a checkpoint of before votes were counted has none
            self._votes[:] = found["votes"]
        if "early" in found:
            self._early[:] = np.unpackbits(
                found["early"], axis=1, count=self._header.examples
            ).view(np.bool_)
        else:
            self._header = replace(self._header, early=False)

    def publish(self, trainer: StackTrainer) -> None:
        """Writes everything; a reader sees it once it is whole.

        Neighbours in the last hidden layer are those of the networks that `trainer` holds now.

        Raises:
            StorageError: if it cannot be written.
        """
        first, splits, header = self._parts[0], self._splits, self._header
        nearest = shown.hidden_neighbours(trainer) if header.neighbours else None
        if nearest is not None:
            self._header = header = replace(header, nearest=nearest.shape[1])
        whole = np.ones(header.train, np.bool_)
        own = np.stack([whole if part.own is None else part.own for part in self._parts])
        arrays = {
            "index": np.concatenate([splits.train.index, splits.test.index]),
            "given": np.concatenate([first.train_given, first.test_y]),
            "true": np.concatenate([first.train_true, splits.test.y]),
            "corrupted": first.corrupted,
            "own": np.packbits(own, axis=1),
            "correct": np.packbits(self._correct, axis=1),
            "early": np.packbits(self._early, axis=1),
            "margin": self._margin,
            "epoch": self._epochs,
            "trace": self._trace,
            "votes": self._votes,
        }
        if nearest is not None:
            arrays["nearest"] = nearest
        if header.picture is not None:
            arrays["pictures"] = shown.pictures(first.train_x, first.test_x)
        if header.features:
            arrays["values"] = shown.values(first.train_x, first.test_x)
        if header.neighbours:
            arrays["neighbours"] = neighbour_agreement(first.train_x, first.train_given)
        self._folder.parent.mkdir()
        self._folder.mkdir()
        for name, (dtype, _) in header.arrays().items():
            npy.replace(self._folder / f"outcomes-{name}.npy", arrays[name].astype(dtype))
        text = json.dumps(header.document()) + "\n"
        (self._folder / HEADER_FILE).replace(text.encode())


def same_data(one: Corrupted, other: Corrupted) -> bool:
    """Whether two members were given the same inputs and labels."""
    labels = one.train_given is other.train_given or bool(
        (one.train_given == other.train_given).all()
    )
    return labels and one.train_x is other.train_x


def _margins(found: Sequence[Outcome], at: Sequence[int]) -> np.ndarray:
    """Margins of the members at `at` on all examples, float16; too large becomes the largest."""
    pieces = []
    for outcome in found:
        assert outcome.margins is not None
        pieces.append(_half(outcome.margins[list(at)]))
    return np.concatenate(pieces, axis=1)


def _half(margins: Tensor) -> np.ndarray:
    return margins.clamp(-HALF, HALF).to(torch.float16).cpu().numpy()
