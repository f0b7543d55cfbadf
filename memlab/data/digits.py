"""The 1,797 handwritten digits of 8×8 pixels that scikit-learn ships (UCI, Alpaydin 1998)."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np

from memlab.data.dataset import Raw, Request, dataset
from memlab.errors import DatasetUnavailable
from memlab.experiment.datasets import own

FACTS = own("digits")


@dataset(FACTS)
def digits(request: Request) -> Raw:
    """Pixels 0 … 16, float32 `[1797, 1, 8, 8]`, in scikit-learn's order."""
    table = _table()
    images = table[:, :-1].astype(np.float32).reshape(-1, 1, 8, 8)
    labels = table[:, -1].astype(np.int64)
    return Raw(FACTS.name, images, labels, None, None, FACTS.class_names)


def _table() -> np.ndarray:
    """Pixels and label, `[1797, 65]`; read past scikit-learn's import, which takes a second."""
    found = importlib.util.find_spec("sklearn")
    for place in (found.submodule_search_locations or ()) if found else ():
        path = Path(place) / "datasets" / "data" / "digits.csv.gz"
        if path.is_file():
            return np.loadtxt(path, delimiter=",")
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise DatasetUnavailable(
            "The digits come with scikit-learn, which is not installed: pip install scikit-learn."
        ) from error
    bunch = load_digits()
    return np.column_stack([bunch.data, bunch.target])
