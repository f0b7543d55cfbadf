"""Zhang, Bengio, Hardt, Recht, Vinyals 2017, arXiv 1611.03530: functions of least norm that fit
every label (science.md, 1; Z7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from memlab.claims import criteria as that
from memlab.claims import drawing
from memlab.claims.claim import Change, Claim, Contrast, Control, Found, Measured, Values
from memlab.claims.finished_run import Evidence, FinishedRun
from memlab.claims.select import both, examples, noise
from memlab.errors import RunFolderError
from memlab.experiment.metrics import TEST_ACCURACY

PAPER: Final = "zhang"
#: Baselines that interpolate, and their multiples of the median distance.
INTERPOLANTS: Final = {"rbf-interpolating": "Gaussian", "laplace-interpolating": "Laplace"}
WIDTHS: Final = ("0.0625", "0.125", "0.25", "0.5", "1", "2")
GENERALIZES: Final = 0.5
RELATED: Final = 0.5


def minimum_norm(evidence: Evidence, fraction: float = 0.0) -> Measured:
    """Kernel interpolants generalize, and of several the norm does not say which does so best."""
    run = evidence.run("interpolants")
    sizes = sorted({cell.experiment.dataset.train or 0 for cell in run.cells})
    chosen: dict[str, list[Values]] = {name: [] for name in INTERPOLANTS}
    related, norms, errors = [], [], []
    for size in sizes:
        cell = run.cell(both(noise("labels", fraction), examples(size)))
        for name, own in chosen.items():
            own.append(cell.baseline(name, TEST_ACCURACY))
        table = [_tried(run, member) for member in cell.members]
        related.append([_related(*row) for row in table])
        norms.append([row[0] for row in table])
        errors.append([row[1] for row in table])
    accuracies = np.array(list(chosen.values()))
    found = {
        "accuracy": accuracies.min(axis=(0, 1)),
        "correlation": np.array(related).mean(axis=0),
    }
    shown = [(INTERPOLANTS[name], sizes, own) for name, own in chosen.items()]
    panels = (
        drawing.against(
            "width by validation", "training examples N", "test accuracy", shown, log_x=True
        ),
        drawing.named("norm against test error", "correlation over kernels and widths",
                      [(f"N {n}", np.array(own)) for n, own in zip(sizes, related, strict=True)],
                      0.0),
    )  # fmt: skip
    told = (
        "Norms of the interpolants of the largest N ranged from "
        f"{np.nanmin(norms[-1]):.3g} to {np.nanmax(norms[-1]):.3g}, their test errors from "
        f"{np.nanmin(errors[-1]):.3f} to {np.nanmax(errors[-1]):.3f}."
    )
    return replace(norm_does_not_say(found), panels=panels, remarks=(told,))


def _tried(run: FinishedRun, member: int) -> tuple[Values, Values]:
    """Norm and test error of every interpolant of a member, by kernel and width; NaN for none.

    Raises:
        RunFolderError: if the run did not measure them.
    """
    norms, errors = [], []
    for name in INTERPOLANTS:
        tried = run.baselines(name).get(member, {}).get("tried")
        if not isinstance(tried, Mapping):
            raise RunFolderError(f"The run {run.id} has not measured the norms of {name}.")
        for multiple in WIDTHS:
            one = tried.get(multiple)
            known = one if isinstance(one, Mapping) else {}
            norms.append(float(known.get("norm", np.nan)))
            errors.append(1 - float(known.get(TEST_ACCURACY, np.nan)))
    return np.array(norms), np.array(errors)


def _related(norms: Values, errors: Values) -> float:
    """Correlation of log norm and test error; NaN where neither varies."""
    known = np.isfinite(norms) & np.isfinite(errors)
    x, y = np.log(norms[known]), errors[known]
    if len(x) < 3 or not x.std() or not y.std():
        return float("nan")
    return float(np.corrcoef(x, y)[0, 1])


def norm_does_not_say(found: Found) -> Measured:
    """The least test `accuracy` over N and kernels, and the `correlation` of log norm and test
    error over kernels and widths, mean over N, [replicates]."""
    return Measured(
        (
            that.above("least test accuracy over N and kernels", found["accuracy"], GENERALIZES),
            that.below("correlation of log norm and test error", found["correlation"], RELATED),
        ),
        contrast=found["accuracy"],
    )


MINIMUM_NORM = Claim(
    id="Z7",
    paper=PAPER,
    title="Minimum-norm solutions generalize, and the norm does not say which",
    sentence="Kernel functions of least norm that fit every real label generalize, and among them "
    "it is not the ones of smaller norm that generalize better.",
    source="Zhang 2017, section 5, table 2",
    criterion=f"test accuracy of Gaussian and Laplace interpolants above {GENERALIZES:g} on all "
    "four N; over both kernels, scaled to k(x, x) = 1, and six widths, the correlation of log norm "
    f"and test error, mean over N, below {RELATED:g}",
    rival="anything that fits every label of so many examples answers like that",
    contrast=Contrast("least test accuracy over N and kernels", "above"),
    paper_had="1.2 % test error on MNIST, 46 % on CIFAR-10 without preprocessing, by exact "
    "kernel regression; preprocessing that raised the norm lowered the error",
    refuted_by="an interpolant whose test accuracy is near chance",
    presets=("interpolants",),
    measure=minimum_norm,
    rule=norm_does_not_say,
    control=Control("random labels", lambda e: minimum_norm(e, 1.0), ("interpolants",)),
    history=(
        Change(
            "2026-11-27",
            "train accuracy 1, test accuracy above 0.5, for two kernels and a linear model",
            f"test accuracy above {GENERALIZES:g} on all of four N, and the correlation of norm "
            f"and test error below {RELATED:g}",
            "that interpolants generalize is half of the section; that the norm does not explain "
            "which was not asked",
        ),
    ),
    least_effect=0.05,
    budget=70.0,
)
