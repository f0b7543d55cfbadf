"""MNIST-1D (Greydanus and Kobak, arXiv 2011.14439): procedural signals of 40 points, offline.

Made by the `mnist1d` package with its published arguments.
"""

from __future__ import annotations

import importlib.util
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from memlab.data.dataset import Raw, Request, dataset
from memlab.data.signals import drawn, signals
from memlab.errors import DatasetUnavailable, InvalidExperiment
from memlab.experiment.datasets import own, taken
from memlab.experiment.keys import key
from memlab.experiment.material_spec import DatasetSpec

FACTS = own("mnist1d")
LIMIT = 1_000_000


def _where(folders: Sequence[Path]) -> str | None:
    return "the mnist1d package" if importlib.util.find_spec("mnist1d") else None


@dataset(FACTS, where=_where)
def mnist1d(request: Request) -> Raw:
    """The published set, float32 `[4000, 40]` and its test set of 1,000; with `dataset.fresh` as
    many signals as are asked for, made anew for the split."""
    if _where(()) is None:
        raise DatasetUnavailable(
            "mnist1d is made by the mnist1d package, which is not installed: pip install mnist1d."
        )
    from mnist1d.data import get_dataset_args, make_dataset

    if request.spec.fresh:
        return anew(request.spec)
    with _global_randomness_kept():
        made = make_dataset(get_dataset_args())
    return Raw(
        FACTS.name,
        np.asarray(made["x"], dtype=np.float32),
        np.asarray(made["y"], dtype=np.int64),
        np.asarray(made["x_test"], dtype=np.float32),
        np.asarray(made["y_test"], dtype=np.int64),
        FACTS.class_names,
    )


def anew(spec: DatasetSpec) -> Raw:
    """Signals drawn by the split's key: as many as the split needs, of each class as many.

    Standardized by the mean and deviation of all of them, as the package does.
    """
    from mnist1d.data import get_dataset_args, get_templates

    asked = taken(spec)
    assert asked is not None
    arguments, templates = get_dataset_args(as_dict=True), get_templates()
    classes = len(FACTS.class_names)
    known = -(-(asked.train + asked.validation) // classes) * classes
    total = known + -(-asked.test // classes) * classes
    if total > LIMIT:
        raise InvalidExperiment(
            f"dataset.train, validation and test ask for {total:,} examples of mnist1d; it makes "
            f"at most {LIMIT:,}."
        )
    draw = key(spec.split_seed, "mnist1d")
    parts = [draw.permutation(np.arange(n) % classes) for n in (known, total - known)]
    y = np.concatenate(parts)
    shapes = np.asarray(templates["x"], np.float64)[y]
    x = signals(shapes, drawn(draw, total, arguments), arguments)
    x = ((x - x.mean()) / x.std()).astype(np.float32)
    return Raw(FACTS.name, x[:known], y[:known], x[known:], y[known:], FACTS.class_names)


@contextmanager
def _global_randomness_kept() -> Iterator[None]:
    """The package seeds the process' generators; they are put back as they were."""
    old, old_numpy = random.getstate(), np.random.get_state()
    try:
        yield
    finally:
        random.setstate(old)
        np.random.set_state(old_numpy)
