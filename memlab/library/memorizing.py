"""Scores by retraining from a data set or a preset to a run: what is trained, and what is left out.

Networks that were trained before, in a finished run of the same kind, are not trained again: the
new run trains the missing seeds and names the other as `extends`.
"""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memlab import settings
from memlab.errors import InvalidExperiment, MemlabError, RunFolderError
from memlab.library.consent import Consent, consent_to

if TYPE_CHECKING:
    from memlab.experiment.cost import Cost
    from memlab.experiment.spec import Experiment
    from memlab.library.results import Table
    from memlab.library.starting import Where
    from memlab.runs.outcomes import Outcomes
    from memlab.runs.retraining import Scores
    from memlab.runs.run import Run
    from memlab.runs.run_folder import RunFolder

NETWORKS, SHARE = 2000, 0.7
#: What is trained on data that come without an experiment: digits are fitted in 20 epochs,
#: and in 60 with a fifth of the labels flipped.
NETWORK: dict[str, Any] = {
    "model": {"name": "mlp", "width": 64, "depth": 2},
    "optimizer": {"learning_rate": 0.05, "momentum": 0.9, "batch_size": 50},
    "stop": {"epochs": 20},
    "evaluation": {"every": 20, "parts": ["train", "test"]},
    "checkpoints": {"keep": 1, "every_seconds": 120.0},
}


@dataclass(frozen=True)
class Wanted:
    """What is to be trained: `experiment` has the missing networks, `earlier` the others.

    `networks` are wanted for each combination of axis values; none is missing where `experiment`
    is None.
    """

    name: str
    networks: int
    experiment: Experiment | None
    earlier: RunFolder | None
    consent: Consent = field(default_factory=Consent)

    @property
    def missing(self) -> int:
        """How many networks are to be trained for each combination of axis values."""
        return 0 if self.experiment is None else len(self.experiment.seed_list)


def wanted(
    what: str,
    networks: int = NETWORKS,
    changes: Sequence[str] = (),
    allow_code: Sequence[str] = (),
) -> Wanted:
    """What `memlab memorize` trains on a dataset, a data file, a preset or an experiment file.

    Raises:
        InvalidExperiment: if there is no such thing, or it cannot be run so.
    """
    from memlab.experiment import reading
    from memlab.runs.retraining import LEAST

    if networks < LEAST:
        raise InvalidExperiment(f"--networks {networks}: {LEAST} at least are needed for scores.")
    name, tree = _tree(what)
    tree = reading.lift_axes(tree) | {"seeds": networks}
    dataset = {"subset": SHARE} | tree.get("dataset", {})
    tree["dataset"] = dataset
    tree["corruption"] = tree.get("corruption", {}) | {"shared": True}
    tree["evaluation"] = tree.get("evaluation", {}) | {"outcomes": True}
    tree["title"] = f"Who is memorized: {tree.get('title') or name}"
    made = reading.experiment(tree, name, changes)
    made = reading.with_absolute_paths(made, Path.cwd())
    return replace(_missing(name, made), consent=consent_to(changes, allow_code, what))


def _tree(what: str) -> tuple[str, dict[str, Any]]:
    from memlab.experiment import datasets, plugins, presets

    path = Path(what).expanduser()
    if what.endswith(".npz") and not what.startswith("npz:"):
        what = f"npz:{path}"
    elif path.is_dir() and os.sep in what:
        what = f"folder:{path}"
    known = (*datasets.NAMES, *plugins.names(plugins.DATASETS))
    if what in known or what.startswith(("npz:", "folder:")):
        return _short(what), NETWORK | {"dataset": {"name": what}}
    preset = presets.find(what, settings.presets_folder())
    left = {"instruments", "baselines", "claims", "seeds"}
    return preset.name, {key: value for key, value in preset.tree.items() if key not in left}


def _short(what: str) -> str:
    return Path(what.partition(":")[2]).stem if ":" in what else what


def _missing(name: str, made: Experiment) -> Wanted:
    """The experiment without the networks that an earlier run has."""
    best: tuple[set[int], RunFolder] | None = None
    for folder, seeds in _earlier(made):
        if best is None or len(seeds) > len(best[0]):
            best = seeds, folder
    networks = len(made.seed_list)
    if best is None:
        return Wanted(name, networks, made, None)
    missing = [seed for seed in made.seed_list if seed not in best[0]]
    rest = made.model_copy(update={"seeds": missing}) if missing else None
    return Wanted(name, networks, rest, best[1])


def _earlier(made: Experiment) -> list[tuple[RunFolder, set[int]]]:
    """Finished runs of ours that differ from this experiment in their seeds only."""
    from memlab.runs import lifecycle, origin, retraining_store, run_folder
    from memlab.runs.run import Run

    wanted_seeds, found = set(made.seed_list), []
    for folder in run_folder.list_runs(settings.runs_folder()):
        try:
            if b"outcomes = true" not in folder.experiment_bytes():
                continue
            run = Run(folder)
            same = run.experiment.model_copy(update={"seeds": 1}) == made.model_copy(
                update={"seeds": 1}
            )
            if not same or run.state.state != "finished":
                continue
            origin.require_ours(folder, "extended")
            lifecycle.require_code(folder)
            runs = retraining_store.linked(run)
            seeds = {seed for one in runs for seed in one.experiment.seed_list}
        except MemlabError:
            continue
        if seeds <= wanted_seeds or seeds >= wanted_seeds:
            found.append((folder, seeds))
    return found


def price(experiment: Experiment) -> Cost | None:
    """Time and disk, by what was measured on this machine; None where the data are not known."""
    from memlab.experiment import cost
    from memlab.runs import calibration

    return cost.expected(experiment, "cpu", calibration.load_kind("cpu"))


def begin(asked: Wanted, device: str | None, where: Where | None = None) -> RunFolder:
    """Starts the run of the missing networks, here or on the cluster that `where` names.

    Raises:
        DeviceUnavailable, InvalidExperiment, InvalidDataset, DatasetUnavailable: if it cannot be.
        SettingsError, StorageError, TrainingFailed: as `Start.begin`.
    """
    from memlab.library import starting
    from memlab.runs.retraining_store import EXTENDS

    assert asked.experiment is not None
    start = starting.checked(
        f"memorize-{asked.name}", asked.experiment, device, None, where, asked.consent
    )
    facts: dict[str, object] = {"preset": asked.name}
    if asked.earlier is not None:
        facts[EXTENDS] = asked.earlier.id
    return start.begin(facts)


def examples(run: Run, group: int) -> Table:
    """The training examples of a group as `Run.memorization` gives them."""
    import numpy as np

    from memlab.library.results import Table

    scores = _scores(run, group)
    rows = scores.examples
    assert rows.dtype.names is not None
    names = np.array(scores.class_names, dtype=object)
    columns: dict[str, Any] = {name: np.array(rows[name]) for name in rows.dtype.names}
    return Table(columns | {name: names[rows[name]] for name in ("given", "true")})


def pairs(run: Run, group: int) -> Table:
    """The significant pairs of a group as `Run.influence` gives them."""
    import numpy as np

    from memlab.library.results import Table

    scores = _scores(run, group)
    rows, targets = scores.pairs, scores.targets
    names = np.array(scores.class_names, dtype=object)
    train = len(scores.examples)
    columns: dict[str, Any] = {
        "of": targets["index"][rows["of"]],
        "of_label": names[targets["given"][rows["of"]]],
        "to": targets["index"][rows["to"]],
        "to_label": names[targets["given"][rows["to"]]],
        "target": np.where(rows["to"] < train, "train", "test").astype(object),
    }
    for name in ("influence", "standard_error", "margin_influence", "margin_standard_error"):
        columns[name] = np.array(rows[name])
    columns["by_correctness"] = rows["by"] & 1 > 0
    columns["by_margin"] = rows["by"] & 2 > 0
    return Table(columns)


def _scores(run: Run, group: int) -> Scores:
    from memlab.runs import retraining_store

    found = retraining_store.scores(run)
    if not 0 <= group < len(found):
        raise RunFolderError(f"{run.id} has no group {group}; it has {len(found)}.")
    return found[group]


def archive(outcomes: Outcomes) -> bytes:
    """Masks and outcomes as `.npz`, in the layout that data-attribution libraries take.

    `masks` `[K, N]` bool; `correct` `[K, M]` bool and `margin` `[K, M]` float16 of the M test
    examples, `correct_train` and `margin_train` `[K, N]` of the training examples; `seeds` `[K]`,
    rows in the source files and labels of both.
    """
    import numpy as np

    train, buffer = outcomes.train, io.BytesIO()
    arrays: dict[str, Any] = {
        "masks": outcomes.own,
        "correct": outcomes.correct[:, train:],
        "margin": outcomes.margin[:, train:],
        "correct_train": outcomes.correct[:, :train],
        "margin_train": outcomes.margin[:, :train],
        "seeds": outcomes.seeds,
        "train_index": outcomes.index[:train],
        "test_index": outcomes.index[train:],
        "train_labels": outcomes.given[:train],
        "test_labels": outcomes.given[train:],
        "train_true": outcomes.true[:train],
    }
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def influence_matrix(outcomes: Outcomes, margin: bool) -> bytes:
    """The influence of every pair, `[train, train + test]` float16, as `.npy`."""
    import numpy as np

    from memlab.runs.influence import matrix

    buffer = io.BytesIO()
    np.save(buffer, matrix(outcomes, margin), allow_pickle=False)
    return buffer.getvalue()


def outcomes(folder: RunFolder) -> Outcomes:
    """What became of every example in the networks of a run with one combination of axis values.

    Raises:
        RunFolderError: if it has several, kept none, or they are damaged.
    """
    from memlab.runs import retraining_store
    from memlab.runs.run import Run

    run = Run(folder)
    if len(run.groups) > 1:
        raise RunFolderError(
            f"{run.id} has {len(run.groups)} combinations of axis values; one is needed for a file."
        )
    return retraining_store.outcomes_of(run)
