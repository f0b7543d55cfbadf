"""The functions of `import memlab`: what can be run, what has run, and a new run."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from memlab.library.run import Run

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from memlab.experiment.presets import Preset
    from memlab.library.results import Table


def run(
    preset_or_file: str | os.PathLike[str],
    settings: Mapping[str, object] | None = None,
    seeds: int | Sequence[int] | None = None,
    device: str | None = None,
    plan: str | os.PathLike[str] | None = None,
    on: str | None = None,
    shared: str | os.PathLike[str] | None = None,
    allow_code: Sequence[str] = (),
) -> Run:
    """Trains a preset or an experiment file in a worker of its own, which outlives this process.

    Args:
        settings: fields by their dotted names, as `memlab schema --table` lists them; a sequence
            is several values, an axis.
        seeds: how many, or which.
        device: auto, cpu, cuda or cuda:N; default: the settings'.
        plan: the plan.json of another run of these networks, to be trained bit for bit as they
            were; default: what is fastest here.
        on: processes (default), ray, or ray://HOST:PORT of a cluster.
        shared: a folder that all machines of the cluster see, through which their data go.
        allow_code: modules that an experiment file from elsewhere names and that may be imported.

    Raises:
        InvalidExperiment, InvalidDataset, DatasetUnavailable, DeviceUnavailable: if it cannot be
            run so.
        SettingsError, StorageError, TrainingFailed: if no run can be made or no worker started.

    >>> made = memlab.run("noise-ladder", {"corruption.fraction": 0.4, "stop.epochs": 1}, seeds=1)
    >>> made.wait().state.state
    'finished'
    >>> memlab.run("noise-leader")
    Traceback (most recent call last):
    memlab.errors.InvalidExperiment: There is no preset 'noise-leader'; did you mean ...
    """
    from memlab.library import starting
    from memlab.library.consent import consent_to
    from memlab.library.settings_text import settings_text

    changes = settings_text(settings, seeds)
    name, experiment = starting.experiment_of(preset_or_file, changes)
    where = starting.checked_where(on, shared)
    wanted = os.fspath(preset_or_file)
    own = consent_to(
        changes, allow_code, wanted if isinstance(preset_or_file, str) else Path(wanted)
    )
    start = starting.checked(name, experiment, device, plan, where, own)
    return Run(start.begin({"preset": name}))


def memorize(
    what: str | os.PathLike[str],
    settings: Mapping[str, object] | None = None,
    networks: int = 2000,
    device: str | None = None,
) -> Run:
    """Trains many networks, each on its own 70 % of the examples, as `memlab memorize` does.

    Networks that a finished run of the same kind has are not trained again; where it has all of
    them, it is the run that comes back. `Run.memorization` and `Run.influence` are what was found.

    Args:
        what: a dataset, a `.npz` file, a folder of pictures, a preset or an experiment file.
        settings, device: as for `run`.

    Raises:
        InvalidExperiment, InvalidDataset, DatasetUnavailable, DeviceUnavailable, SettingsError,
            StorageError, TrainingFailed: as `run`.

    >>> made = memlab.memorize("digits", {"stop.epochs": 2}, networks=20).wait(progress=False)
    >>> made.findings.memorization[0].networks
    20
    """
    from memlab.library import memorizing
    from memlab.library.settings_text import settings_text

    asked = memorizing.wanted(os.fspath(what), networks, settings_text(settings, None))
    if asked.experiment is None:
        assert asked.earlier is not None
        return Run(asked.earlier)
    return Run(memorizing.begin(asked, device))


def suspects(
    x: ArrayLike,
    y: ArrayLike,
    networks: int | None = None,
    model: str | None = None,
    device: str | None = None,
    progress: bool = False,
) -> Table:
    """Which labels are wrong: a committee is trained on the arrays, as `memlab suspects` does.

    Every example is judged, by networks that had it among their training examples and by networks
    that had not. A row for each, in the order of `x`, in columns that are called as those of
    `Run.suspects`: `index`, `given_label`, `suggested_label`,
    `label_quality` in [0, 1] (low is suspicious; sort by it), `is_label_issue`, and `confidence`,
    the suggestion's probability.

    Args:
        x: numbers `[examples, features]`, or pictures `[examples, height, width]`, channels first
            or last.
        y: labels `[examples]`, integers or texts.
        networks: how many; default: 40, of many examples fewer.
        model, device: the architecture, default an mlp; where it trains.
        progress: whether to show how far it is.

    Raises:
        InvalidDataset, InvalidExperiment: if labels cannot be judged so, in a sentence.
        DeviceUnavailable, SettingsError, StorageError, TrainingFailed: as `run`.

    >>> from sklearn.datasets import load_digits
    >>> x, y = load_digits(return_X_y=True)
    >>> x, y = x[:400], y[:400].copy()
    >>> y[:4]
    array([0, 1, 2, 3])
    >>> y[:4] = [7, 7, 7, 7]
    >>> found = memlab.suspects(x, y, networks=20)
    >>> worst = found["label_quality"].argsort()[:4]
    >>> sorted(found["index"][worst].tolist()), bool(found["is_label_issue"][:4].all())
    ([0, 1, 2, 3], True)
    >>> found["suggested_label"][:4]
    array([0, 1, 2, 3])
    """
    from memlab.library import suspecting

    return suspecting.of_arrays(x, y, networks, model, device, progress)


def load(name: str | os.PathLike[str]) -> Run:
    """The run of that id, or whose id alone starts so, the newest for `last`, or that in a folder.

    Raises:
        RunFolderError: if there is none (with the nearest), several, or of a newer version.

    >>> memlab.load(run.id[:20]).id == run.id
    True
    >>> memlab.load(run.folder.path).id == run.id
    True
    """
    from memlab import settings
    from memlab.runs import run_folder

    wanted = name if isinstance(name, str) else os.path.abspath(Path(name).expanduser())
    return Run(run_folder.find(settings.runs_folder(), wanted, by_path=True))


def list_runs() -> list[Run]:
    """All runs, newest first; nothing of them is read yet.

    >>> run.id in [each.id for each in memlab.list_runs()]
    True
    """
    from memlab import settings
    from memlab.runs import run_folder

    return [Run(folder) for folder in run_folder.list_runs(settings.runs_folder())]


def list_presets(replication: bool = False) -> list[Preset]:
    """All presets, the user's own last; each has `name`, `title` and `experiment()`.

    `replication`: those that stand behind the claims too.

    >>> memlab.list_presets()[0].title
    'Noise ladder'
    """
    from memlab import settings
    from memlab.experiment import presets

    found = presets.find_all(settings.presets_folder())
    return [preset for preset in found if replication or not preset.replicates]


def compare(run: Run | str, *others: Run | str) -> Table:
    """Other runs minus `run`, cell by cell, paired over their seeds, with 95 % intervals.

    A row for each run, cell that both have, and quantity: `difference` is the mean over the `n`
    seeds that both have of what the seed reached there minus what it reached in `run`.

    Raises:
        RunFolderError: if there is no other, or two have no cell or no seed in common.

    >>> found = memlab.compare(run, run)
    >>> found["difference"][found["quantity"] == "test_accuracy"]
    array([0., 0.])
    """
    from memlab.library import comparison

    opened = [each if isinstance(each, Run) else load(each) for each in (run, *others)]
    return comparison.compared(opened)
