"""What a correction gains: networks trained on the data before and after it, in pairs.

Both arms have the settings of the run whose suspects were reviewed, the same seeds, and all of the
data. Where the data have a test set, which no review touches, both are measured on it. Else each
example is held out once, in one of several folds that are the same for both arms, and the answers
are compared with the labels before and with those after: a network that learned the reviewed labels
is closer to them by itself, so that neither alone would be fair.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from memlab.errors import InvalidDataset, RunFolderError
from memlab.estimate import Estimate, over_seeds
from memlab.library import reviewing
from memlab.library.correcting import Correction
from memlab.library.reviewing import Integers

if TYPE_CHECKING:
    from memlab.experiment.spec import Experiment
    from memlab.runs.outcomes import Outcomes
    from memlab.runs.run import Run

#: Seeds of each arm, and the most folds; of few examples there are fewer.
SEEDS, FOLDS = 10, 5
TEST, ORIGINAL, REVIEWED = "the test set", "the original labels", "the reviewed labels"
Values = NDArray[np.float64]


@dataclass(frozen=True)
class Gain:
    """Accuracy measured `against` these labels, means over seeds; `gain` is paired, after − before.

    `examples` are those measured on.
    """

    against: str
    examples: int
    before: Estimate
    after: Estimate
    gain: Estimate

    def document(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "against": self.against,
            "examples": self.examples,
            "before": self.before.document(),
            "after": self.after.document(),
            "gain": self.gain.document(),
        }


@dataclass(frozen=True, eq=False)
class Comparison:
    """An experiment that trains both arms on files in `folder`, before first, fold by fold.

    `folds` has the rows that are held out, nothing where a test set is.
    """

    made: Correction
    folder: Path
    folds: tuple[Integers, ...]
    experiment: Experiment

    def remove(self) -> None:
        """Removes the files; the run then stays, and cannot be trained again."""
        shutil.rmtree(self.folder, ignore_errors=True)


def prepared(made: Correction, folder: Path, seeds: int = SEEDS) -> Comparison:
    """Writes the files of both arms into `folder`, and says what is to be trained on them.

    Raises:
        InvalidDataset, InvalidExperiment: if one of the arms cannot be trained.
        StorageError: if a file cannot be written.
    """
    raw = made.labelled.raw
    tested = raw.test_y is not None
    folds = () if tested else _folds(made)
    files = []
    for name, labels in (("before", made.before), ("after", made.after)):
        for number, held in enumerate(folds or (np.array([], np.int64),)):
            path = folder / f"{name}-{number}.npz"
            _write(path, made, labels, held)
            files.append(f"npz:{path}")
    return Comparison(made, folder, folds, _experiment(made, files, seeds))


def _folds(made: Correction) -> tuple[Integers, ...]:
    """Rows of each fold, the classes after the review in proportion; who goes is spread evenly.

    Raises:
        InvalidDataset: if there are too few examples to hold some out.
    """
    from memlab.data.npz import MIN_EXAMPLES
    from memlab.experiment.keys import key

    folds = min(FOLDS, len(made.after) // MIN_EXAMPLES)
    if folds < 2:
        raise InvalidDataset(f"{len(made.after)} examples are too few to hold some of them out.")
    order = key(0, "folds of a review").permutation(len(made.after))
    order = order[np.argsort(made.after[order], kind="stable")]
    return tuple(np.sort(order[start::folds]) for start in range(folds))


def _write(path: Path, made: Correction, labels: Integers, held: Integers) -> None:
    """One arm's file: trained on all that stays but for `held`, which is measured on.

    Held out examples come with their labels before; those with another one after it a second time,
    with that.
    """
    from memlab import export
    from memlab.data.corrected import packed_arrays

    raw = made.labelled.raw
    trained = labels >= 0
    trained[held] = False
    arrays = {"x": raw.x[trained], "y": labels[trained]}
    if raw.test_x is not None and raw.test_y is not None:
        arrays |= {"x_test": raw.test_x, "y_test": raw.test_y}
    else:
        again = _relabelled(made, held)
        rows = np.concatenate([held, again])
        shown = np.concatenate([made.before[held], made.after[again]])
        arrays |= {"x_test": raw.x[rows], "y_test": shown}
    export.export(path, packed_arrays(arrays, False))


def _relabelled(made: Correction, held: Integers) -> Integers:
    changed = (made.after != made.before) & (made.after >= 0)
    found: Integers = held[changed[held]]
    return found


def _experiment(made: Correction, files: Sequence[str], seeds: int) -> Experiment:
    from memlab.experiment import reading

    run, listed = made.labelled.run, made.labelled.listed
    spec = reviewing.dataset_of(run, listed)
    base = next(m.experiment for m in run.members if m.experiment.dataset == spec)
    tree = reading.from_toml(reading.to_toml(base), run.id)
    for name in ("axes", "corruption", "fork", "instruments", "baselines", "claims"):
        tree.pop(name, None)
    tree |= {
        "title": f"Before and after the review of {run.id}",
        "question": "What did the correction of the labels gain?",
        "seeds": seeds,
        "dataset": {
            "name": files[0],
            "whole": True,
            "scaling": spec.scaling,
            **({} if spec.crop is None else {"crop": spec.crop}),
        },
        "axes": {"dataset.name": list(files)},
        "evaluation": {"parts": ["train", "test"], "outcomes": True},
        "checkpoints": {"keep": 1, "every_seconds": 120.0},
    }
    stop = tree.get("stop", {})
    stop.pop("patience", None)  # nothing is held out that it could wait for
    if base.stop.train_accuracy is None:
        tree["evaluation"]["every"] = base.stop.epochs
    tree["stop"] = stop
    return reading.of_run(tree, run.id)


def gains(comparison: Comparison, run: Run) -> list[Gain]:
    """What the finished run of a comparison found.

    Raises:
        RunFolderError: if its outcomes cannot be read, or too few networks did not diverge.
    """
    from memlab.runs.retraining_store import outcomes_of

    parts = max(1, len(comparison.folds))
    found = [outcomes_of(run, group) for group in range(2 * parts)]
    seeds = sorted(set.intersection(*(set(one.seeds.tolist()) for one in found)))
    if len(seeds) < 2:
        raise RunFolderError("Too few of the networks could be trained to the end to compare them.")
    right = [_right(one, seeds) for one in found]
    if not comparison.folds:
        return [_gain(TEST, right[0].shape[1], right[0].mean(1), right[1].mean(1))]
    return [
        _over_folds(ORIGINAL, comparison, right, reviewed=False),
        _over_folds(REVIEWED, comparison, right, reviewed=True),
    ]


def _right(found: Outcomes, seeds: Sequence[int]) -> NDArray[np.bool_]:
    """Whether each network was right on each test example, `[seeds, test]`, in the file's order."""
    rows = [int(np.flatnonzero(found.seeds == seed)[0]) for seed in seeds]
    order = np.argsort(found.index[found.train :], kind="stable")
    return found.correct[rows][:, found.train :][:, order]


def _over_folds(
    against: str, comparison: Comparison, right: Sequence[NDArray[np.bool_]], reviewed: bool
) -> Gain:
    made, folds = comparison.made, comparison.folds
    arms: list[Values] = []
    for arm in (right[: len(folds)], right[len(folds) :]):
        answers = [
            _answers(made, held, one, reviewed) for held, one in zip(folds, arm, strict=True)
        ]
        arms.append(np.concatenate(answers, axis=1).mean(1))
    measured = int((made.after >= 0).sum()) if reviewed else len(made.after)
    return _gain(against, measured, *arms)


def _answers(
    made: Correction, held: Integers, right: NDArray[np.bool_], reviewed: bool
) -> NDArray[np.bool_]:
    """Right on those held out, by their labels before; or by those after, without who goes."""
    own = right[:, : len(held)]
    if not reviewed:
        return own
    own = own.copy()
    own[:, np.searchsorted(held, _relabelled(made, held))] = right[:, len(held) :]
    return own[:, made.after[held] >= 0]


def _gain(against: str, examples: int, before: Values, after: Values) -> Gain:
    differences = over_seeds(after - before)
    return Gain(against, examples, over_seeds(before), over_seeds(after), differences)
