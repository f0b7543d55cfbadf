"""Arpit et al. 2017, arXiv 1706.05394: what networks make of noise, and what hinders them
(science.md, 2)."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from memlab.claims import criteria as that
from memlab.claims import drawing
from memlab.claims.claim import (
    Change,
    Claim,
    Contrast,
    Control,
    Found,
    Line,
    Measured,
    Panel,
    Values,
)
from memlab.claims.finished_run import Cell, Evidence, FinishedRun
from memlab.claims.select import NOISES, noise, regularized
from memlab.experiment.metrics import (
    TEST_ACCURACY,
    TRAIN_ACCURACY,
    TRAIN_ACCURACY_CORRUPTED,
    TRAIN_LOSS,
    VALIDATION_ACCURACY,
)

PAPER: Final = "arpit"
CHANGED: Final = "2026-11-27"
#: What a claim of "learned first" costs in the end, at least.
COST: Final = 0.03
#: The train loss at which A6 compares networks.
LOSS: Final = 0.1
#: The shares of lies of A7, the primary one first.
SHARES: Final = (0.4, 0.2, 0.6, 0.8)
#: The range of memorization in which A8 compares regularizers.
MEMORIZED: Final = (0.3, 0.7)


def complex_hypotheses(evidence: Evidence) -> Measured:
    """Noise has more critical samples than real data at equal train loss."""
    run = evidence.run("kinds")
    ratio = "critical-samples.ratio"
    cells = _kinds(run)
    ladder = _shares_of_labels(run)
    found = {name: cell.at_loss(ratio, LOSS) for name, cell in cells.items()}
    found["shares"] = np.array([share for share, _ in ladder])
    found["ladder"] = np.array([cell.at_loss(ratio, LOSS) for _, cell in ladder]).T
    shown = [("real", cells["real"]), *((n, run.cell(noise(kind))) for n, kind in NOISES)]
    return replace(
        more_critical(found),
        panels=(drawing.curves("critical samples", ratio, shown), _by_share(found)),
    )


def critical_with_time(evidence: Evidence) -> Measured:
    """As `complex_hypotheses`, real data after as many updates in the place of each noise."""
    run = evidence.run("kinds")
    cells, ladder = _kinds(run), _shares_of_labels(run)
    real = cells["real"]
    found = {
        "real": real.at_loss("critical-samples.ratio", LOSS),
        "labels": _at_times_of(real, cells["labels"]),
        "inputs": _at_times_of(real, cells["inputs"]),
        "shares": np.array([share for share, _ in ladder]),
        "ladder": np.array([_at_times_of(real, cell) for _, cell in ladder]).T,
    }
    return replace(more_critical(found), panels=(_by_share(found),))


def _kinds(run: FinishedRun) -> dict[str, Cell]:
    kinds = {"real": "none", "labels": "labels", "inputs": "inputs"}
    return {name: run.cell(noise(kind)) for name, kind in kinds.items()}


def _shares_of_labels(run: FinishedRun) -> list[tuple[float, Cell]]:
    """The cells by share of random labels, real data first."""
    cells = run.where(lambda e: e.corruption.kind in ("none", "labels"))
    found = [(cell.experiment.corruption.fraction, cell) for cell in cells]
    return sorted(found, key=lambda pair: pair[0])


def _at_times_of(cell: Cell, other: Cell) -> Values:
    """The ratio of `cell` at the epochs at which `other` came to the train loss."""
    pairs = zip(cell.series("critical-samples.ratio"), other.series(TRAIN_LOSS), strict=True)
    return np.array([one.between(losses.crossing(LOSS)) for one, losses in pairs])


def _by_share(found: Found) -> Panel:
    ladder = ("", list(found["shares"]), list(found["ladder"].T))
    return drawing.against(
        "by the share of random labels", "share", "critical sample ratio", [ladder]
    )


def more_critical(found: Found) -> Measured:
    """Ratios of `real` data, random `labels` and `inputs`, and a `ladder` over `shares`."""
    real = found["real"]
    return Measured(
        (
            that.exceeds("critical sample ratio, random labels − real", found["labels"], real),
            that.exceeds("critical sample ratio, random inputs − real", found["inputs"], real),
            that.rises("slope on the share of random labels", found["shares"], found["ladder"]),
        ),
        contrast=found["labels"] - real,
    )


COMPLEX_HYPOTHESES = Claim(
    id="A6",
    paper=PAPER,
    title="Noise makes hypotheses complex",
    sentence="Networks trained on noise change their answer near more examples.",
    source="Arpit 2017, section 4.1, figures 7 to 9",
    criterion=f"critical sample ratio on validation examples at train loss {LOSS:g}, radius 0.1: "
    "random labels − real > 0, random inputs − real > 0, slope on the share of random labels > 0",
    rival="time: noise needs more updates, and weights grow with them",
    contrast=Contrast("critical sample ratio, − real", "above"),
    paper_had="a ratio that rises and levels off, lowest for real data, on CIFAR-10 and MNIST",
    refuted_by="a ratio on noise at or below that of real data, or real data that come to it when "
    "they are trained as long",
    reading="a network of random inputs is judged on real ones, which are nothing like what it "
    "was trained on",
    done="Validation examples are real for every network, that of random inputs too.",
    presets=("kinds",),
    measure=complex_hypotheses,
    rule=more_critical,
    control=Control(
        "real data, trained for as many updates as each noise needed for that train loss",
        critical_with_time,
        ("kinds",),
    ),
    history=(
        Change(
            CHANGED,
            "the same at the end of training, all networks trained for 60 epochs",
            f"at train loss {LOSS:g}, against real data trained as long",
            "the control compared random labels with themselves and could not have failed",
        ),
    ),
    least_effect=0.1,
    budget=35.0,
)


def patterns_first(evidence: Evidence, preset: str = "ladder") -> Measured:
    """Accuracy on unseen data peaks before the lies are learned."""
    run = evidence.run(preset)
    cells = {share: _lies(run, share) for share in SHARES}
    best, final, half, when = [], [], [], []
    for cell in cells.values():
        value, epoch = cell.early_stopped(TEST_ACCURACY)
        best.append(value)
        when.append(epoch)
        final.append(cell.final(TEST_ACCURACY))
        half.append(cell.reaches(TRAIN_ACCURACY_CORRUPTED, 0.5, cell.last_epoch()))
    found = {
        name: np.array(values).T
        for name, values in (("best", best), ("final", final), ("half", half), ("epoch", when))
    }
    shown = [(f"p = {share:g}", cells[share]) for share in sorted(SHARES)]
    return replace(
        peaks_first(found),
        panels=(
            drawing.curves("unseen", VALIDATION_ACCURACY, shown),
            drawing.curves("lies", TRAIN_ACCURACY_CORRUPTED, shown),
        ),
    )


def _lies(run: FinishedRun, share: float) -> Cell:
    return run.cell(lambda e: abs(e.corruption.fraction - share) < 1e-9)


def peaks_first(found: Found) -> Measured:
    """`best` and `final` test accuracy, the `epoch` of the best and that at which `half` of the
    lies are fitted, each [replicates, shares] in the order of `SHARES`."""
    conditions = []
    for k, share in enumerate(SHARES):
        best, final, half, epoch = (found[n][:, k] for n in ("best", "final", "half", "epoch"))
        conditions += [
            that.exceeds(f"best − final test accuracy, p = {share:g}", best, final, COST),
            that.exceeds(f"half of the lies − best, p = {share:g}, epochs", half, epoch),
        ]
    return Measured(tuple(conditions), contrast=found["best"][:, 0] - found["final"][:, 0])


PATTERNS_FIRST = Claim(
    id="A7",
    paper=PAPER,
    title="Patterns are learned first",
    sentence="Among lies, a network first learns what is true, and only then the lies.",
    source="Arpit 2017, section 4.1, figures 7 and 8",
    criterion=f"best − final test accuracy > {COST:g} at p = 0.4, 0.2, 0.6, 0.8 (the first is the "
    "primary one), and the best epoch before half of the corrupted labels are fitted; best by "
    "validation",
    rival="the best of many noisy accuracies exceeds the last one",
    contrast=Contrast("best − final test accuracy, p = 0.4", "above"),
    paper_had="validation accuracy on MNIST and CIFAR-10 that peaks before it falls, at 20 to "
    "80 % noise",
    refuted_by="a share of lies at which the final network is the best one",
    presets=("ladder",),
    measure=patterns_first,
    rule=peaks_first,
    control=Control(
        "Gaussian inputs with the same shares of lies, where there is no pattern",
        lambda e: patterns_first(e, "ladder-gaussian"),
        ("ladder-gaussian",),
    ),
    history=(
        Change(
            CHANGED,
            "the same with p = 0.2 first, and p = 1 as the control",
            "p = 0.4 first, and Gaussian inputs with the same shares as the control",
            "the primary condition is named; the control has the same p",
        ),
    ),
    least_effect=0.065,
    budget=30.0,
)


def regularizers(evidence: Evidence) -> Measured:
    """At matched memorization dropout learns more than weight decay."""
    run = evidence.run("matched")
    curves = {name: _curve(run, name) for name in ("dropout", "weight_decay")}
    return _matched(curves["dropout"], curves["weight_decay"], "dropout")


def early_stopping(evidence: Evidence) -> Measured:
    """As `regularizers`, early stopping in the place of dropout."""
    run = evidence.run("matched")
    plain = {kind: _plain(run, fraction) for kind, fraction in (("real", 0.0), ("lies", 1.0))}
    _, lies = plain["lies"].table(TRAIN_ACCURACY)
    _, unseen = plain["real"].table(VALIDATION_ACCURACY)
    length = min(lies.shape[1], unseen.shape[1])
    stopped = lies[:, :length].T, np.maximum.accumulate(unseen, axis=1)[:, :length].T
    return _matched(stopped, _curve(run, "weight_decay"), "early stopping")


def _plain(run: FinishedRun, fraction: float) -> Cell:
    holds = regularized()
    return run.cell(lambda e: holds(e) and e.corruption.fraction == fraction)


def _matched(one: tuple[Values, Values], other: tuple[Values, Values], name: str) -> Measured:
    found = {"hinders": at_matched(*one), "decay": at_matched(*other)}
    lines = tuple(
        Line(label, m.mean(axis=1), v.T) for label, (m, v) in ((name, one), ("weight decay", other))
    )
    panel = Panel(
        "memorizing and learning",
        "final train accuracy on random labels",
        "best validation accuracy on real data",
        lines,
        marks=True,
    )
    return replace(learns_more(found), panels=(panel,))


def learns_more(found: Found) -> Measured:
    """Best validation accuracy at matched memorization, of what `hinders` and of weight `decay`."""
    label = "best validation accuracy at matched memorization, − weight decay"
    gap = found["hinders"] - found["decay"]
    return Measured((that.above(label, gap, 0.0),), contrast=gap)


def _curve(run: FinishedRun, name: str) -> tuple[Values, Values]:
    """Train accuracy on random labels and best validation accuracy on real data.

    Both are [strengths, replicates]; the first is the network without any regularization.
    """
    found = []
    for real in run.where(lambda e: e.corruption.fraction == 0.0):
        strength = float(getattr(real.experiment.regularization, name))
        holds = regularized(**{name: strength})
        if holds(real.experiment):
            lies = run.cell(lambda e, h=holds: h(e) and e.corruption.fraction == 1.0)  # type: ignore[misc]
            best = real.early_stopped(VALIDATION_ACCURACY)[0]
            found.append((strength, lies.final(TRAIN_ACCURACY), best))
    found.sort(key=lambda one: one[0])
    return np.array([one[1] for one in found]), np.array([one[2] for one in found])


def at_matched(memorized: Values, learned: Values) -> Values:
    """Mean of `learned` over memorization from 0.3 to 0.7, [replicates].

    Both are [strengths, replicates]; linear in between; NaN for a replicate whose strengths do not
    span that range.
    """
    at = np.linspace(*MEMORIZED, 41)
    found = []
    for x, y in zip(memorized.T, learned.T, strict=True):
        order = np.argsort(x)
        inside = x.min() <= MEMORIZED[0] and x.max() >= MEMORIZED[1]
        found.append(float(np.interp(at, x[order], y[order]).mean()) if inside else float("nan"))
    return np.array(found)


REGULARIZERS = Claim(
    id="A8",
    paper=PAPER,
    title="Dropout hits memorization harder than weight decay",
    sentence="Where dropout and weight decay let as many random labels be fitted, dropout leaves "
    "more to be learned from real data.",
    source="Arpit 2017, section 5, figures 10 and 11",
    criterion="best validation accuracy on real data at matched memorization (train accuracy on "
    "random labels from 0.3 to 0.7, interpolated between strengths), dropout − weight decay > 0",
    rival="whatever hinders memorization without hindering what is learned early does as well",
    contrast=Contrast("best validation accuracy, − weight decay", "above"),
    paper_had="dropout, best with adversarial training, above all others on CIFAR-10",
    refuted_by="weight decay above dropout, or early stopping as far above weight decay as dropout",
    reading="the paper has a convnet on CIFAR-10: at this size the regularizers hardly differ on "
    "real data; size full decides",
    presets=("matched",),
    measure=regularizers,
    rule=learns_more,
    control=Control("early stopping in the place of dropout", early_stopping, ("matched",)),
    history=(
        Change(
            CHANGED,
            "dropout 0.5: train accuracy on random labels falls by ≥ 0.2, best validation "
            "accuracy by < 0.02, its curve above weight decay's",
            "best validation accuracy at matched memorization alone, against early stopping",
            "the control was the claim with its sign turned, and came out supported on new seeds",
        ),
    ),
    least_effect=0.03,
    budget=50.0,
)
