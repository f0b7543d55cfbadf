"""Jastrzębski et al. 2017, arXiv 1711.04623: three factors (science.md, 3)."""

from __future__ import annotations

from collections.abc import Sequence
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
    Sensitivity,
    Values,
)
from memlab.claims.finished_run import Cell, Evidence, FinishedRun
from memlab.claims.jastrzebski_minima import LOSS, at_the_end, batch_of, rate_of, ratio_of
from memlab.claims.selection import cross_selected
from memlab.experiment.metrics import (
    TEST_ACCURACY,
    TRAIN_ACCURACY_CORRUPTED,
    TRAIN_LOSS,
    VALIDATION_ACCURACY,
)

PAPER: Final = "jastrzebski"
#: Accuracy on corrupted labels at which generalization is compared.
MEMORIZED: Final = 0.5
#: Replicates of that.
OF_MEMORIZATION: Final = 10
#: Within which λ₁ (a factor of 1.2, as a logarithm) and test accuracy count as equal.
SAME_FACTOR: Final = float(np.log(1.2))
SAME_ACCURACY: Final = 0.01
#: A quarter of what log λ₁ differs by between the constant ends of the cycles, on replicates 100
#: to 109.
QUARTER: Final = 0.11


def memorization(evidence: Evidence, signal: bool = True) -> Measured:
    """At equal memorization a larger η/S generalizes better; without `signal`, Gaussian inputs."""
    run = evidence.run("ratio")
    shares = sorted({cell.experiment.corruption.fraction for cell in run.cells})
    found: dict[str, Values] = {}
    panels = []
    for share in shares:
        cells = _arms(run, share, signal)
        if cells:
            reached = np.array([_at_memorized(cell) for cell in cells]).T
            ratios = [ratio_of(cell) for cell in cells]
            found |= {f"{share:.0%}": reached, "η/S": np.tile(ratios, (len(reached), 1))}
            panels.append(_path(f"{share:.0%} random labels", cells, _arms(run, share, False)))
    return replace(better_with_the_ratio(found), panels=tuple(panels))


def _arms(run: FinishedRun, share: float, signal: bool) -> list[Cell]:
    """The cells with that share of random labels, on real or on Gaussian inputs, by η/S."""
    kind = "labels" if signal else "labels+inputs"
    cells = run.where(lambda e: e.corruption.kind == kind and e.corruption.fraction == share)
    return sorted(cells, key=ratio_of)


def better_with_the_ratio(found: Found) -> Measured:
    """Validation accuracy where half of the lies are fitted, by share of lies, and `η/S`, all
    [replicates, arms]; the first share is the primary one."""
    slopes = tuple(
        that.rises(f"slope of validation accuracy on log η/S, {name} lies", found["η/S"], reached,
                   log="x")
        for name, reached in found.items()
        if name != "η/S"
    )  # fmt: skip
    return Measured(slopes, contrast=slopes[0].values)


def _at_memorized(cell: Cell) -> Values:
    """Validation accuracy when half of the corrupted labels are repeated, [replicates]."""
    made = []
    for lies, unseen in zip(
        cell.series(TRAIN_ACCURACY_CORRUPTED), cell.series(VALIDATION_ACCURACY), strict=True
    ):
        after = np.flatnonzero(lies.values >= MEMORIZED)
        if not len(after) or after[0] == 0:
            made.append(float("nan"))
            continue
        i = after[0]
        low, high = lies.values[i - 1], lies.values[i]
        part = (MEMORIZED - low) / (high - low)
        made.append(float(unseen.values[i - 1] * (1 - part) + unseen.values[i] * part))
    return np.array(made)


def _path(title: str, cells: Sequence[Cell], noise: Sequence[Cell]) -> Panel:
    """Validation accuracy against the accuracy on corrupted labels, as the paper's figure 5."""
    lines = []
    for label, dashed, own in (("", False, cells), ("Gaussian, ", True, noise)):
        for cell in own:
            _, lies = cell.table(TRAIN_ACCURACY_CORRUPTED)
            _, unseen = cell.table(VALIDATION_ACCURACY)
            name = f"{label}η/S {ratio_of(cell):.2g}"
            lines.append(Line(name, lies.mean(axis=0), unseen, dashed))
    return Panel(title, "accuracy on corrupted labels", "validation accuracy", tuple(lines))


MEMORIZATION = Claim(
    id="T3",
    paper=PAPER,
    title="Larger η/S generalizes better at equal memorization",
    sentence="When as many lies are known by heart, the network trained with larger η/S is the "
    "better one.",
    source="Jastrzębski 2017, section 4.3, figure 5",
    criterion="slope > 0 of validation accuracy on log η/S at the epoch where "
    f"{MEMORIZED:.0%} of the corrupted labels are repeated, at 25 % (primary) and at 50 % noise; "
    f"{OF_MEMORIZATION} replicates",
    rival="the reading: at another η/S the place where half of the lies are fitted is found "
    "otherwise",
    contrast=Contrast("slope of validation accuracy on log η/S", "above"),
    paper_had="validation accuracy higher for larger η/S at the same accuracy on random "
    "labels, an MLP on MNIST",
    refuted_by="a validation accuracy that does not rise with η/S at equal memorization",
    reading="on digits, and on mnist1d on replicates 100 to 109, it falls a little with η/S; the "
    "paper has MNIST with many times the examples",
    presets=("ratio",),
    measure=memorization,
    rule=better_with_the_ratio,
    control=Control(
        "Gaussian inputs: nothing is to be generalized",
        lambda e: memorization(e, signal=False),
        ("ratio",),
    ),
    least=OF_MEMORIZATION,
    budget=60.0,
)


def breakdown(evidence: Evidence) -> Measured:
    """Beyond some β, networks at β η and β S are no longer those at η and S."""
    run = evidence.run("breakdown")
    sizes = sorted({cell.experiment.dataset.train or 0 for cell in run.cells})
    table = {size: _deviations(_scaled(run, size)) for size in sizes}
    found = table[sizes[-1]]
    shown = [
        (f"{name}, N {size}", list(own["β"][0]), list(own[name].T))
        for size, own in table.items()
        for name in DEVIATIONS
    ]
    told = [f"N {size}: {_where(own)}" for size, own in table.items()]
    panel = drawing.against("equal η/S", "β", "from β = 1, in margins", shown, log_x=True, level=1)
    return replace(breaks(found), panels=(panel,), remarks=("; ".join(told) + ".",))


def _scaled(run: FinishedRun, size: int) -> list[Cell]:
    """The cells of one ratio and N, β rising: the ratio that most have."""
    cells = run.where(lambda e: e.dataset.train == size)
    ratios = [ratio_of(cell) for cell in cells]
    common = max(ratios, key=ratios.count)
    return sorted((cell for cell in cells if ratio_of(cell) == common), key=batch_of)


def _deviations(cells: Sequence[Cell]) -> dict[str, Values]:
    """Of all but the first, from the first: log λ₁ and test accuracy in margins, and β."""
    logs = [np.log(at_the_end(cell, LOSS)[0]) for cell in cells]
    tests = [
        np.where(np.isnan(one), np.nan, c.final(TEST_ACCURACY))
        for one, c in zip(logs, cells, strict=True)
    ]
    factors = [rate_of(cell) / rate_of(cells[0]) for cell in cells[1:]]
    return {
        "log λ₁": np.array([one - logs[0] for one in logs[1:]]).T / SAME_FACTOR,
        "test accuracy": np.array([one - tests[0] for one in tests[1:]]).T / SAME_ACCURACY,
        "β": np.tile(factors, (len(logs[0]), 1)),
    }  # fmt: skip


def _where(found: Found) -> str:
    """Where the equivalence breaks, in words."""
    for place, factor in enumerate(found["β"][0]):
        for name in DEVIATIONS:
            one = that.within(name, found[name][:, place], 0.0, 1.0)
            if one.verdict == "not supported":
                return f"broken from β = {factor:g} on ({name})"
    return f"not broken up to β = {found['β'][0][-1]:g}"


def one_rate(evidence: Evidence) -> Measured:
    """What is known to differ: η alone is raised, S is not."""
    run = evidence.run("breakdown")
    size = max(cell.experiment.dataset.train or 0 for cell in run.cells)
    first = _scaled(run, size)[0]
    (other,) = run.where(
        lambda e: (
            e.dataset.train == size
            and e.optimizer.batch_size == batch_of(first)
            and e.optimizer.learning_rate != rate_of(first)
        )
    )
    found = _deviations([first, other])
    return breaks({"log λ₁": found["log λ₁"], "known": np.ones(len(found["β"]))})


#: What may deviate, in margins of its own.
DEVIATIONS: Final = ("log λ₁", "test accuracy")


def breaks(found: Found) -> Measured:
    """`log λ₁` and `test accuracy` at β (2 the first) − at 1, in margins, [replicates, β]; NaN
    where the train loss was not reached. Of what is `known` to differ only the first is asked.

    The largest β that all reach, what deviates there and to which side are chosen on one half of
    the replicates and measured on the other.
    """
    near = [that.within(f"{name}, β = 2 − β = 1, in margins", found[name][:, 0], 0.0, 1.0)
            for name in DEVIATIONS if name in found]  # fmt: skip
    if "known" in found:
        return Measured((near[0],))

    def select(half: np.ndarray) -> tuple[str, int, float]:
        whole = [k for k in range(found["β"].shape[1])
                 if np.isfinite(found["log λ₁"][half, k]).all()]  # fmt: skip
        last = whole[-1] if whole else 0
        means = {name: float(np.mean(found[name][half, last])) for name in DEVIATIONS}
        name = max(means, key=lambda each: abs(means[each]))
        return name, last, float(np.sign(means[name]))

    def measure(choice: tuple[str, int, float]) -> Values:
        name, place, sign = choice
        return np.asarray(sign * found[name][:, place])

    far, chosen = cross_selected(len(found["β"]), select, measure)
    told = " and ".join(f"{name} at β = {found['β'][0][place]:g}" for name, place, _ in chosen)
    return Measured(
        (that.above("deviation at the largest β, in margins", far, 1.0), *near),
        remarks=(f"Chosen on one half, measured on the other: {told}.",),
    )


BREAKDOWN = Claim(
    id="T4",
    paper=PAPER,
    title="The equivalence breaks at large steps",
    sentence="Beyond some common factor β, learning rate and batch size are no longer "
    "exchangeable.",
    source="Jastrzębski 2017, section 4.4, figure 6",
    criterion=f"read at train loss {LOSS:g}: at the largest β at which it is reached, λ₁ (factor "
    f"{np.exp(SAME_FACTOR):.2g}) or test accuracy (± {SAME_ACCURACY:g}) lies outside of its "
    "margin around β = 1, while at β = 2 both lie inside; the β where it breaks, and for half of "
    "the examples, is reported",
    rival="large rates diverge, whatever the batch; or nothing is ever equal",
    paper_had="a breakdown at a β that depends on the data set size",
    refuted_by="λ₁ and test accuracy within their margins up to the largest β",
    presets=("breakdown",),
    measure=breakdown,
    rule=breaks,
    sensitivity=Sensitivity("η alone raised by 4", one_rate, ("breakdown",)),
    budget=20.0,
    history=(
        Change(
            "2026-11-27",
            "test accuracy at the largest β lower by more than 0.02 than at β = 1",
            "at the largest β with which the training loss is reached, λ₁ or test accuracy outside "
            "of a margin within which both lie at β = 2",
            "the largest β of the first board (64) diverged, which says nothing of equivalence",
        ),
    ),
)


def cycles(evidence: Evidence) -> Measured:
    """Cycles of the batch size and of the learning rate end alike."""
    arms = _of_cycles(evidence.run("cycles"))
    pair = arms["cyclic S"], arms["cyclic η"]
    sharp = [(name, at_the_end(cell, LOSS)[0]) for name, cell in arms.items()]
    return replace(
        alike(_between(*pair)),
        panels=(
            drawing.named(f"at train loss {LOSS:g}", "largest eigenvalue λ₁", sharp),
            drawing.curves("test accuracy", TEST_ACCURACY, list(arms.items())),
            drawing.curves("train loss", TRAIN_LOSS, list(arms.items())),
        ),
    )


def _of_cycles(run: FinishedRun) -> dict[str, Cell]:
    """The cycles from the small batch, and their two constant ends."""
    small = min(batch_of(cell) for cell in run.cells)

    def cell(kind: str, large: bool = False) -> Cell:
        return run.cell(
            lambda e: e.schedule.kind == kind and (e.optimizer.batch_size > small) == large
        )

    return {
        "cyclic S": cell("cyclic-batch"),
        "cyclic η": cell("cyclic"),
        "constant, small S": cell("constant"),
        "constant, large S": cell("constant", large=True),
    }


def _between(one: Cell, other: Cell) -> dict[str, Values]:
    logs = [np.log(at_the_end(cell, LOSS)[0]) for cell in (one, other)]
    tests = [cell.final(TEST_ACCURACY) for cell in (one, other)]
    return {"log λ₁": logs[0] - logs[1], "test accuracy": tests[0] - tests[1]}


def constant_ends(evidence: Evidence) -> Measured:
    """What is known to differ: the two batch sizes between which the cycles go."""
    arms = _of_cycles(evidence.run("cycles"))
    found = _between(arms["constant, large S"], arms["constant, small S"])
    return alike({"log λ₁": found["log λ₁"]})


def alike(found: Found) -> Measured:
    """Differences of `log λ₁` and, of the cycles, of `test accuracy`, [replicates]."""
    made = [that.within("log λ₁, cyclic S − cyclic η", found["log λ₁"], 0.0, QUARTER)]
    if "test accuracy" in found:
        gap = found["test accuracy"]
        made.append(that.within("test accuracy, cyclic S − cyclic η", gap, 0.0, SAME_ACCURACY))
    return Measured(tuple(made))


CYCLES = Claim(
    id="T5",
    paper=PAPER,
    title="Batch-size schedules replace learning-rate schedules",
    sentence="Cycling the batch size does what cycling the learning rate does.",
    source="Jastrzębski 2017, section 4.5, figure 7",
    criterion=f"at train loss {LOSS:g}, cyclic S − cyclic η: log λ₁ within 0 ± {QUARTER:g}, a "
    "quarter of the difference between the constant ends on replicates 100 to 109, and test "
    f"accuracy within 0 ± {SAME_ACCURACY:g}",
    rival="neither cycle matters, or too few replicates to see that they differ",
    paper_had="equal curves for cyclic S 128 to 640 and cyclic η 0.001 to 0.005",
    refuted_by="a difference in λ₁ or test accuracy",
    presets=("cycles",),
    measure=cycles,
    rule=alike,
    sensitivity=Sensitivity("the two constant batch sizes", constant_ends, ("cycles",)),
    budget=15.0,
    history=(
        Change(
            "2026-11-27",
            "final λ₁ of the two schedules equal to a factor of 1.5, test accuracy to 0.02",
            f"at equal train loss, log λ₁ within 0 ± {QUARTER:g} and test accuracy within ± 0.01",
            "at equal times λ₁ follows the loss; a factor of 1.5 is about what the constant ends "
            "differ by",
        ),
    ),
)
