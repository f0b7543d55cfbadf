"""Is it a lookup table? Where the truth is not local: sparse parity (science.md, 7; L5)."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from memlab.claims import criteria as that
from memlab.claims import drawing
from memlab.claims.claim import Claim, Contrast, Control, Found, Measured
from memlab.claims.finished_run import Cell, Evidence
from memlab.claims.selection import best_by_validation
from memlab.experiment.metrics import TEST_ACCURACY, TRAIN_ACCURACY, VALIDATION_ACCURACY

PAPER: Final = "lookup"
#: What has no features that are learned; the polynomial is of the parity's own degree.
RIVALS: Final = (
    "k-nn",
    "rbf",
    "laplace",
    "polynomial",
    "tangent-kernel",
    "random-forest",
    "random-features",
)
#: A kernel on the network's last hidden layer.
ON_FEATURES: Final = "rbf-features"
#: How much better the network has to be, and how much of that a kernel on its features keeps.
BETTER: Final = 0.1
SHARE: Final = 0.5


def features_beat_kernels(evidence: Evidence, lazy: bool = False) -> Measured:
    """The network against the best of all kernels and tables, and a kernel on its features.

    With `lazy` the network whose outputs are scaled, so that it moves as its tangent kernel does.
    """
    (known,), (scaled,) = (evidence.run(name).cells for name in ("parity", "parity-lazy"))
    judged = {name: known.baseline(name, VALIDATION_ACCURACY) for name in RIVALS}
    others = {name: known.baseline(name, TEST_ACCURACY) for name in RIVALS}
    best, names = best_by_validation(judged, others)
    cell = scaled if lazy else known
    found = {
        "network": cell.final(TEST_ACCURACY),
        "rival": best,
        "features": cell.baseline(ON_FEATURES, TEST_ACCURACY),
    }
    own = known.experiment.dataset
    told = (
        f"The best of them by validation: {', '.join(dict.fromkeys(names))}, with {own.bits} bits "
        f"and {own.train:,} examples. Train accuracy: network {_fit(known)}, lazy network "
        f"{_fit(scaled)}."
    )
    title = f"parity of {own.degree or 3} of {own.bits} bits"
    bars = []
    for name, one in (("network", known), ("lazy network", scaled)):
        features = one.baseline(ON_FEATURES, TEST_ACCURACY)
        bars += [(name, one.final(TEST_ACCURACY)), (f"kernel on {name}'s features", features)]
    panel = drawing.named(title, "test accuracy", [*bars, *others.items()], 0.5)
    return replace(beats_kernels(found), panels=(panel,), remarks=(told,))


def _fit(cell: Cell) -> str:
    return drawing.mean_told(cell.final(TRAIN_ACCURACY))


def beats_kernels(found: Found) -> Measured:
    """Test accuracy of the `network`, of the best `rival` by validation and of a kernel on the
    network's `features`, [replicates]."""
    network, rival = found["network"], found["rival"]
    ahead = that.exceeds("test accuracy, network − best kernel or table", network, rival, BETTER)
    halfway = rival + SHARE * (network - rival)
    return Measured(
        (
            ahead,
            that.exceeds("test accuracy, kernel on features − half of the way to the network",
                         found["features"], halfway),
        ),
        contrast=ahead.values,
    )  # fmt: skip


FEATURES_BEAT_KERNELS = Claim(
    id="L5",
    paper=PAPER,
    title="Features beat kernels where the truth is not local",
    sentence="Where neighbours say nothing of the answer, a network finds the features that do, "
    "and a kernel on those features knows it too.",
    source="Chizat 2019, arXiv 1812.07956; Fort 2020, arXiv 2010.15110; claim of science.md, "
    "section 7",
    criterion="sparse parity, test accuracy: network − the best by validation of k-NN, RBF, "
    "Laplace, the polynomial of the parity's own degree, the tangent kernel at initialization, "
    f"forest and random features > {BETTER:g} (primary), and a Gaussian kernel on the learned "
    f"features beyond {SHARE:g} of the way from that rival to the network",
    rival="any network with so many units knows the answer, by its kernel at the start",
    contrast=Contrast("test accuracy, network − best kernel or table", "above"),
    paper_had="lazy convnets on CIFAR-10 far below those whose features move; for parities no "
    "kernel with fewer than about bits^degree examples",
    refuted_by="a kernel or a table that does as well, or a lazy network",
    reading="with more examples for its bits the cubic kernel knows the answer too",
    presets=("parity", "parity-lazy"),
    measure=features_beat_kernels,
    rule=beats_kernels,
    control=Control(
        "the lazy network, its outputs scaled by 100, trained until it has its examples by heart",
        lambda e: features_beat_kernels(e, lazy=True),
        ("parity", "parity-lazy"),
    ),
    least_effect=0.05,
    budget=25.0,
)
