"""From a data file to a committee that judges all of its labels: what is trained, and how much.

Networks are trained on random subsets of all examples, so that some have seen each example and some
have not. How many, and for how long, follows from how many examples there are; what they found is
`memlab.runs.committee`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memlab import settings
from memlab.errors import InvalidDataset, InvalidExperiment

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from memlab.data.dataset import Raw
    from memlab.experiment.cost import Cost
    from memlab.experiment.spec import Experiment
    from memlab.library.results import Table
    from memlab.runs.run_folder import RunFolder

#: The share that each network is trained on, and how many there are of up to so many examples.
SHARE = 0.7
NETWORKS = ((20_000, 40), (200_000, 20))
FEWEST_NETWORKS, LEAST_NETWORKS = 10, 4
#: Epochs of up to so many examples; of more, fewer, as each epoch has more updates.
EPOCHS, EPOCHS_UP_TO, FEWEST_EPOCHS = 30, 2_000, 4
MOST_EXAMPLES, MOST_CLASSES = 2_000_000, 10_000
#: A fake class is added where there are so many classes, and so many threshold samples of it.
CLASSES, SAMPLES = 5, 20
FORMATS = {".npz": "npz", ".csv": "csv"}


@dataclass(frozen=True)
class Asked:
    """A committee that may be trained, and the data that it is to judge."""

    name: str
    experiment: Experiment
    raw: Raw

    @property
    def networks(self) -> int:
        """How many networks it has."""
        from memlab.experiment.grid import member_count

        return member_count(self.experiment)


def data_name(what: str) -> str | None:
    """The dataset that `what` names: one of memlab's, or a file or folder that exists.

    None where it names none, and may be a run. A run's folder is no data.

    >>> data_name("digits"), data_name("last")
    ('digits', None)
    """
    from memlab.experiment import datasets, plugins

    known = (*datasets.NAMES, *plugins.names(plugins.DATASETS))
    kind, colon, _ = what.partition(":")
    if what in known or (colon and kind in datasets.OWN_DATA_KINDS):
        return what
    path = Path(what).expanduser()
    if path.is_dir() and not (path / "experiment.toml").exists():
        return f"folder:{path}"
    if path.suffix.lower() in FORMATS and (path.exists() or os.sep in what or "." in what):
        return f"{FORMATS[path.suffix.lower()]}:{path}"
    if path.is_file():
        raise InvalidExperiment(
            f"{path} is no data that memlab reads; it reads .npz, .csv and folders of pictures."
        )
    return None


def asked(
    what: str,
    networks: int | None = None,
    model: str | None = None,
    label: str | None = None,
    changes: Sequence[str] = (),
) -> Asked:
    """The committee for a dataset's name or a data file.

    Args:
        networks: how many; default: by the number of examples.
        model: the architecture; default: an mlp.
        label: the column of labels in a CSV file.
        changes: `key=value` settings of the experiment.

    Raises:
        InvalidExperiment, InvalidDataset, DatasetUnavailable: in a sentence.
    """
    from memlab.data.registry import load
    from memlab.experiment import reading
    from memlab.experiment.material_spec import DatasetSpec

    name = data_name(what)
    if name is None:
        raise InvalidExperiment(f"There is no data file, folder or dataset {what}.")
    if networks is not None and networks < LEAST_NETWORKS:
        raise InvalidExperiment(f"--networks {networks}: {LEAST_NETWORKS} at least judge a label.")
    dataset: dict[str, Any] = {"name": name, "whole": True, "subset": SHARE}
    if label is not None:
        dataset["label"] = label
    spec = reading.with_absolute_paths(
        reading.experiment({"dataset": dataset}, what), Path.cwd()
    ).dataset
    raw = load(DatasetSpec.model_validate(spec.model_dump()), settings.dataset_folders(), True)
    if len(raw.y) > MOST_EXAMPLES:
        raise InvalidExperiment(
            f"{what} has {len(raw.y):,} examples; a committee judges {MOST_EXAMPLES:,} at most: "
            "give it a part of them."
        )
    short = Path(name.partition(":")[2]).stem if ":" in name else name
    tree = network_of(len(raw.y), raw.x.ndim == 4) | {
        "title": f"Suspects: {short}",
        "dataset": spec.model_dump(exclude_none=True) | _scaling(raw),
        "corruption": {"shared": True},
    }
    tree |= _seeds(networks or networks_for(len(raw.y)), raw)
    if model is not None:
        tree["model"] = {"name": model}
    made = reading.experiment(tree, what, changes)
    if not made.dataset.whole or made.dataset.subset == 1.0 or not made.evaluation.outcomes:
        raise InvalidExperiment(
            "A committee needs dataset.whole, dataset.subset below 1 and evaluation.outcomes."
        )
    return Asked(short, made, raw)


def _seeds(networks: int, raw: Raw) -> dict[str, Any]:
    """As many networks; half of them with one set of threshold samples, half with another.

    Of few classes a set would take a large part of the examples: N/(C + 1).
    """
    enough = len(raw.y) >= SAMPLES * (raw.classes + 1)
    if raw.classes < CLASSES or networks < 2 * FEWEST_NETWORKS or not enough:
        return {"seeds": networks}
    return {"seeds": networks // 2, "axes": {"dataset.fake_class": [1, 2]}}


def networks_for(examples: int) -> int:
    """How many networks judge so many examples.

    >>> networks_for(1000), networks_for(50_000), networks_for(1_000_000)
    (40, 20, 10)
    """
    return next((count for most, count in NETWORKS if examples <= most), FEWEST_NETWORKS)


def network_of(examples: int, images: bool) -> dict[str, Any]:
    """What is trained on so many examples, as a tree of settings."""
    epochs = EPOCHS * min(1.0, EPOCHS_UP_TO / examples) ** 0.4
    own = int(SHARE * examples)
    batch = 50 if examples <= 5_000 else 100 if examples <= 100_000 else 500
    return {
        "model": {"name": "mlp", "width": 128 if images or examples > 2000 else 64, "depth": 2},
        "optimizer": {
            "learning_rate": 0.05,
            "momentum": 0.9,
            "batch_size": max(1, min(batch, max(8, own // 14), own)),
        },
        "stop": {"epochs": max(FEWEST_EPOCHS, round(epochs))},
        "evaluation": {"parts": ["train", "validation", "test"], "outcomes": True},
        "checkpoints": {"keep": 1, "every_seconds": 120.0},
    }


def _scaling(raw: Raw) -> dict[str, Any]:
    """Columns of a table are of different units, pixels of one."""
    return {"scaling": "standardize" if raw.x.ndim == 4 else "features"}


def price(asked: Asked) -> Cost | None:
    """Time, memory and disk, by what was measured on this machine."""
    from memlab.experiment import cost
    from memlab.experiment.datasets import Taken
    from memlab.runs import calibration

    raw = asked.raw
    shape = raw.shape
    image = (shape[0], shape[1], shape[2]) if len(shape) == 3 else None
    features = int(raw.x[0].size)
    test = raw.classes if raw.test_y is None else len(raw.test_y)
    data = Taken(image, features, raw.classes, len(raw.y), raw.classes, test)
    return cost.expected(asked.experiment, "cpu", calibration.load_kind("cpu"), data)


def begin(wanted: Asked, device: str | None) -> RunFolder:
    """Starts the committee's run.

    Raises:
        DeviceUnavailable, InvalidExperiment, InvalidDataset, DatasetUnavailable: if it cannot be.
        SettingsError, StorageError, TrainingFailed: as `Start.begin`.
    """
    from memlab.library import starting
    from memlab.library.consent import Consent

    # Its networks are named by whoever asks, by --model or --set.
    own = Consent(own=True)
    start = starting.checked(f"suspects-{wanted.name}", wanted.experiment, device, consent=own)
    return start.begin({"preset": wanted.name})


def of_arrays(
    x: ArrayLike,
    y: ArrayLike,
    networks: int | None,
    model: str | None,
    device: str | None,
    progress: bool,
) -> Table:
    """The columns that `memlab.suspects` gives; raises as it does."""
    import numpy as np

    from memlab.library.results import Table
    from memlab.library.run import Run
    from memlab.runs.committee import judged

    inputs, labels = np.asarray(x), np.asarray(y)
    if labels.shape != (len(inputs),) or labels.dtype.kind not in "biufUSO":
        raise InvalidDataset(
            f"y has shape {labels.shape}; it must have one label for each of the {len(inputs)} "
            "examples."
        )
    try:
        classes, numbers = np.unique(labels, return_inverse=True)
    except TypeError as error:
        raise InvalidDataset("y mixes texts and numbers; labels are of one kind.") from error
    if len(classes) > min(MOST_CLASSES, len(inputs) // 2):
        raise InvalidDataset(
            f"y has {len(classes):,} different values for {len(inputs):,} examples; labels are "
            "classes, not measurements."
        )
    path = _kept(inputs, numbers.reshape(-1).astype(np.int64))
    wanted = asked(f"npz:{path}", networks, model)
    run = Run(begin(wanted, device)).wait(progress)
    found = judged(run)
    return Table(
        {
            "index": found.index,
            "given_label": classes[found.given_label],
            "suggested_label": classes[found.suggested_label],
            "label_quality": found.label_quality,
            "is_label_issue": found.is_label_issue,
            "confidence": found.confidence,
        }
    )


def _kept(x: NDArray[Any], y: NDArray[Any]) -> Path:
    """The arrays as a file in the data folder, which the run goes on naming; equal ones share one.

    Raises:
        InvalidDataset: if `x` holds no numbers.
        SettingsError, StorageError: if it cannot be written.
    """
    import io
    from hashlib import sha256

    import numpy as np

    from memlab.atomic import storing, write_atomically

    if x.dtype.kind not in "biuf":
        raise InvalidDataset(f"x holds values of type {x.dtype}, not numbers.")
    buffer = io.BytesIO()
    np.savez(buffer, x=x, y=y)
    digest = sha256(np.ascontiguousarray(x).tobytes() + y.tobytes()).hexdigest()[:16]
    folder = settings.prepared(settings.data_folder() / "arrays")
    path = folder / f"arrays-{digest}.npz"
    if not path.exists():
        with storing(path):
            write_atomically(path, buffer.getvalue())
    return path
