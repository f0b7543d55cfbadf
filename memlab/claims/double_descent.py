"""Is it a lookup table? Double descent in the lies (science.md, 7; L7)."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from memlab.claims import criteria as that
from memlab.claims import drawing
from memlab.claims.claim import Claim, Contrast, Control, Found, Measured, Values
from memlab.claims.finished_run import Evidence, FinishedRun
from memlab.claims.select import both, noise, width, widths
from memlab.claims.selection import cross_selected
from memlab.experiment.metrics import TEST_ACCURACY, TRAIN_ACCURACY

PAPER: Final = "lookup"
LIES: Final = 0.2
#: How far the peak has to stand above what is narrower and what is widest.
HEIGHT: Final = 0.02


def double_descent(evidence: Evidence, share: float = LIES) -> Measured:
    """With lies in the labels, test error over the width falls, rises to a peak and falls again."""
    run = evidence.run("double-descent")
    rungs = widths(run)
    errors = 1 - _finals(run, rungs, share, TEST_ACCURACY)
    fits = _finals(run, rungs, share, TRAIN_ACCURACY)
    found = {"error": errors, "width": np.array(rungs, np.float64)}
    title = f"{share:.0%} of the labels random"
    lines = [("test", rungs, list(errors.T)), ("train", rungs, list(1 - fits.T))]
    panel = drawing.against(title, "width", "error at the end", lines, log_x=True)
    return replace(has_a_peak(found), panels=(panel,))


def _finals(run: FinishedRun, rungs: list[int], share: float, metric: str) -> Values:
    """Final values of each width, [replicates, widths]."""
    cells = [run.cell(both(noise("labels", share), width(rung))) for rung in rungs]
    return np.array([cell.final(metric) for cell in cells]).T


def has_a_peak(found: Found) -> Measured:
    """Test `error` [replicates, widths] over the `width`s, rising.

    The peak, the width of largest error between the ends, and the best of what is narrower are
    chosen on one half of the replicates and measured on the other.
    """
    error, rungs = found["error"], np.atleast_2d(found["width"])[0]

    def select(half: np.ndarray) -> tuple[int, int]:
        mean = error[half].mean(axis=0)
        peak = 1 + int(mean[1:-1].argmax())
        return peak, int(mean[:peak].argmin())

    above, chosen = cross_selected(len(error), select, lambda at: error[:, at[0]] - error[:, at[1]])
    beyond, _ = cross_selected(len(error), select, lambda at: error[:, at[0]] - error[:, -1])
    places = ", ".join(
        dict.fromkeys(f"{rungs[peak]:g} over {rungs[low]:g}" for peak, low in chosen)
    )
    return Measured(
        (
            that.above("test error, peak − best narrower network", above, HEIGHT),
            that.above("test error, peak − widest network", beyond, HEIGHT),
        ),
        remarks=(f"Peak and best narrower width, as each half chose them: {places}.",),
        contrast=above,
    )


DOUBLE_DESCENT = Claim(
    id="L7",
    paper=PAPER,
    title="Double descent in the lies",
    sentence="Where labels lie, a network just wide enough to fit them answers worse than a "
    "narrower one, and than a much wider one.",
    source="Nakkiran 2020, arXiv 1912.02292, section 5",
    criterion=f"at p = {LIES:g}, trained long with a decaying rate: test error at the peak exceeds "
    f"that of the best narrower network (primary) and that of the widest by more than {HEIGHT:g}; "
    "peak and narrower width chosen on one half of the replicates, measured on the other",
    rival="networks of medium width train badly, whatever the labels",
    contrast=Contrast("test error, peak − best narrower network", "above"),
    paper_had="test error of ResNets over their width with a peak at the interpolation threshold, "
    "pronounced with 10 to 20 % label noise and hardly there without",
    refuted_by="an error that only falls with the width",
    presets=("double-descent",),
    measure=double_descent,
    rule=has_a_peak,
    control=Control("true labels", lambda e: double_descent(e, 0.0), ("double-descent",)),
    least=16,
    least_effect=0.04,
    budget=65.0,
)
