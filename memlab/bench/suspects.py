"""`memlab bench suspects`: who finds labels that were made wrong, ours or the references.

Ours is the committee that `memlab suspects` trains; the references get as many networks of the same
kind, trained for as long, on five folds. Every replicate draws examples, wrong labels and networks
anew; replicates below 200 were used to decide how ours scores (decision 018).
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from memlab import settings
from memlab.bench import committees, label_noise
from memlab.bench.cases import Bench
from memlab.bench.mislabelled import Found, measured
from memlab.bench.suspects_table import OURS, One, tables
from memlab.bench.timing import tell
from memlab.data.neighbours import neighbour_agreement
from memlab.data.registry import load
from memlab.experiment.keys import key
from memlab.experiment.material_spec import DatasetSpec
from memlab.library import suspecting
from memlab.runs.committee import probability_margin

#: The data, and at most how many examples of each.
DATA = ("digits", "fashion-mnist", "mnist1d")
MOST = (1000, 5000, 2000)
NOISE = ("none", *label_noise.KINDS)
RATES = (0.05, 0.2, 0.4)
REPLICATES, FIRST, FOLDS = 5, 200, 5
Scores = dict[str, tuple[NDArray[np.float64], int, float]]


@dataclass(frozen=True)
class Wanted:
    """The part of the bench that is run; `examples` and `networks` None are its own."""

    data: Sequence[str] = DATA
    noise: Sequence[str] = NOISE
    rates: Sequence[float] = RATES
    replicates: int = REPLICATES
    first: int = FIRST
    networks: int | None = None
    examples: int | None = None
    changes: Sequence[str] = ()

    def cells(self) -> Iterator[tuple[str, str, float]]:
        """Data, kind of noise and rate."""
        for data in self.data:
            for noise in self.noise:
                for rate in (0.0,) if noise == "none" else self.rates:
                    yield data, noise, rate


def document(wanted: Wanted, bench: Bench) -> dict[str, object]:
    """The tables of the part that is wanted."""
    return tables(
        [
            One((data, noise, rate), method, replicate, found)
            for data, noise, rate in wanted.cells()
            for replicate in range(wanted.first, wanted.first + wanted.replicates)
            for method, found in _cell(data, noise, rate, replicate, wanted, bench).items()
        ]
    )


def _cell(
    data: str, noise: str, rate: float, replicate: int, wanted: Wanted, bench: Bench
) -> dict[str, Found]:
    """What every method finds in one replicate."""
    tell(f"{data}, {noise} {rate:.0%}, replicate {replicate} …")
    x, y, classes = drawn(data, wanted.examples or MOST[DATA.index(data)], replicate)
    given = y if noise == "none" else label_noise.KINDS[noise](x, y, classes, rate, replicate)
    path = bench.folder / "suspects.npz"
    np.savez(path, x=x, y=given)
    asked = suspecting.asked(f"npz:{path}", wanted.networks, changes=wanted.changes)
    start = time.perf_counter()
    found = committees.judged(asked.experiment, bench.device, replicate)
    seconds = time.perf_counter() - start
    scores: Scores = {OURS: (-found.label_quality, int(found.is_label_issue.sum()), seconds)}
    scores |= references(asked, x, given, replicate, bench)
    wrong = given != y
    return {
        name: measured(score, wrong, issues, spent)
        for name, (score, issues, spent) in scores.items()
    }


def drawn(
    data: str, examples: int, replicate: int
) -> tuple[NDArray[np.float32], NDArray[np.int64], int]:
    """Examples of a dataset, drawn anew for each replicate: inputs, true labels, classes."""
    folders = (*settings.dataset_folders(), Path("/usr/share/datasets"))
    raw = load(DatasetSpec(name=data, split_seed=replicate), folders)
    take = key(replicate, "bench examples").permutation(len(raw.y))[:examples]
    x = raw.x[take].astype(np.float32)
    return x, raw.y[take], raw.classes


def references(
    asked: suspecting.Asked,
    x: NDArray[np.float32],
    given: NDArray[np.int64],
    replicate: int,
    bench: Bench,
) -> Scores:
    """Each reference's score (high: wrong), how many labels it holds for wrong, and its seconds."""
    out = committees.folds(asked.experiment, FOLDS, bench.device, replicate)
    rows = np.arange(len(given))
    confident = committees.off_diagonal(out.probabilities, given)
    start = time.perf_counter()
    flat = x.reshape(len(x), -1)
    near = 1.0 - neighbour_agreement(flat, given).astype(np.float64)
    seconds = time.perf_counter() - start
    found: Scores = {
        "self-confidence": (-out.probabilities[rows, given], confident, out.seconds),
        "normalized margin": (
            -probability_margin(out.probabilities, given),
            confident,
            out.seconds,
        ),
        "15-NN disagreement": (near, int((near > 0.5).sum()), seconds),
        "AUM": (-out.area, int((out.area < 0).sum()), out.seconds),
    }
    if (ranked := cleanlab(out.probabilities, given)) is not None:
        found["cleanlab"] = (*ranked, out.seconds)
    return found


def cleanlab(
    probabilities: NDArray[np.float64], given: NDArray[np.int64]
) -> tuple[NDArray[np.float64], int] | None:
    """Its scores with probabilities adjusted by class, and its issues; None where it is missing."""
    from importlib import import_module

    try:
        rank, filters = import_module("cleanlab.rank"), import_module("cleanlab.filter")
    except ImportError:
        return None
    quality = rank.get_label_quality_scores(
        given, probabilities, method="normalized_margin", adjust_pred_probs=True
    )
    issues = filters.find_label_issues(given, probabilities, n_jobs=1)
    return -np.asarray(quality, np.float64), int(np.asarray(issues).sum())


def missing() -> list[str]:
    """What would take part if it were installed, in a sentence each."""
    from importlib.util import find_spec

    if find_spec("cleanlab") is not None:
        return []
    return ["cleanlab is not installed and takes no part: `pip install 'memlab[bench]'`."]
