"""MNIST-1D (Greydanus and Kobak, arXiv 2011.14439): procedural signals of 40 points, offline.

Made by the `mnist1d` package, an extra, with its published arguments.
"""

from __future__ import annotations

import importlib.util
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from memlab.data.dataset import Raw, Request, dataset
from memlab.errors import DatasetUnavailable
from memlab.experiment.datasets import own

FACTS = own("mnist1d")


def _where(folders: Sequence[Path]) -> str | None:
    return "the mnist1d package" if importlib.util.find_spec("mnist1d") else None


@dataset(FACTS, where=_where)
def mnist1d(request: Request) -> Raw:
    """The published set: float32 `[4000, 40]`, and its test set of 1,000."""
    if _where(()) is None:
        raise DatasetUnavailable(
            "mnist1d is made by the mnist1d package, which is not installed: "
            "pip install 'memlab[mnist1d]'."
        )
    from mnist1d.data import get_dataset_args, make_dataset

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


@contextmanager
def _global_randomness_kept() -> Iterator[None]:
    """The package seeds the process' generators; they are put back as they were."""
    old, old_numpy = random.getstate(), np.random.get_state()
    try:
        yield
    finally:
        random.setstate(old)
        np.random.set_state(old_numpy)
