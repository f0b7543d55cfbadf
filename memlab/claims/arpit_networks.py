"""Arpit et al. 2017, arXiv 1706.05394: what noise asks of a network, capacity and time
(science.md, 2)."""

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
    Condition,
    Contrast,
    Control,
    Found,
    Measured,
    Values,
)
from memlab.claims.finished_run import Cell, Evidence, FinishedRun
from memlab.claims.select import NOISES, noise, width, widths
from memlab.experiment.metrics import TRAIN_ACCURACY, VALIDATION_ACCURACY

PAPER: Final = "arpit"
CHANGED: Final = "2026-11-27"


def capacity(evidence: Evidence) -> Measured:
    """Width helps more where inputs are noise."""
    run = evidence.run("capacity")
    units = widths(run)
    kinds = {"real": noise("none"), "some": noise("inputs", 0.4), "most": noise("inputs", 0.8)}
    cells = {name: run.where(holds) for name, holds in kinds.items()}
    return _needed(units, cells, {"real": "real", "some": "40 % noise", "most": "80 % noise"})


def capacity_of_fewer(evidence: Evidence) -> Measured:
    """As `capacity`, as many real examples fewer in the place of noise."""
    run, fewer = evidence.run("capacity"), evidence.run("capacity-fewer")
    sizes = _sizes(fewer)
    cells = {"real": run.where(noise("none"))}
    for name, size in (("most", sizes[0]), ("some", sizes[-1])):
        cells[name] = fewer.where(lambda e, size=size: e.dataset.train == size)  # type: ignore[misc]
    labels = {"real": "real", "some": f"{sizes[-1]} examples", "most": f"{sizes[0]} examples"}
    return _needed(widths(run), cells, labels)


def _needed(
    units: Sequence[int], cells: dict[str, tuple[Cell, ...]], labels: dict[str, str]
) -> Measured:
    found: dict[str, Values] = {"widths": np.asarray(units, np.float64)}
    lines = []
    for name, of in cells.items():
        rising = sorted(of, key=lambda cell: cell.experiment.model.width or 0)
        values = [cell.final(VALIDATION_ACCURACY) for cell in rising]
        found[name] = np.array(values).T
        lines.append((labels[name], list(units), values))
    panel = drawing.against("capacity", "units per layer", "validation accuracy", lines, log_x=True)
    told = ", ".join(
        f"{labels[name]} {_gain(found, name).mean():+.3f}" for name in ("real", "some", "most")
    )
    return replace(
        width_helps_more(found),
        panels=(panel,),
        remarks=(f"Logits of validation accuracy gained a doubling of width: {told}.",),
    )


def _gain(found: Found, name: str) -> Values:
    """Logit of accuracy gained a doubling of width, [replicates]."""
    share = np.clip(found[name], 1e-3, 1 - 1e-3)
    return that.slope_of(np.log2(found["widths"]), np.log(share / (1 - share)))


def width_helps_more(found: Found) -> Measured:
    """Accuracies of `real` data and of `some` and `most` noise at the `widths`,
    [replicates, widths]."""
    real, some, most = (_gain(found, name) for name in ("real", "some", "most"))
    label = "logit gained a doubling of width"
    return Measured(
        (
            that.exceeds(f"{label}, 80 % noise − real", most, real),
            that.exceeds(f"{label}, 40 % noise − real", some, real),
        ),
        contrast=most - real,
    )


CAPACITY = Claim(
    id="A4",
    paper=PAPER,
    title="Noise needs capacity",
    sentence="Width helps more on data with noise in the inputs than on real data.",
    source="Arpit 2017, section 4.2, figure 5",
    criterion="logit of validation accuracy gained a doubling of width, noise in inputs − real "
    "> 0, at 80 % (primary) and at 40 %, on data where real accuracy stays below 0.95",
    rival="noise leaves fewer real examples, and with fewer examples width helps more, or less",
    contrast=Contrast("logit gained a doubling of width, − real", "above"),
    paper_had="validation accuracy that needs more units the more inputs are noise, on MNIST; "
    "no relation for label noise on CIFAR-10",
    refuted_by="a gain on noise no larger than on real data, or as large with fewer examples and "
    "no noise",
    presets=("capacity",),
    measure=capacity,
    rule=width_helps_more,
    control=Control(
        "as many real examples as are left between the noise, without it",
        capacity_of_fewer,
        ("capacity", "capacity-fewer"),
    ),
    history=(
        Change(
            CHANGED,
            "validation accuracy gained a doubling of width, noise in inputs − real > 0, on digits",
            "the same on the scale of logits, on mnist1d, against fewer examples",
            "on digits accuracies near 1 leave width nothing to gain on real data: a ceiling",
        ),
    ),
    least_effect=0.1,
    budget=30.0,
)


def slower(evidence: Evidence) -> Measured:
    """Noise takes longer, the more so the more examples there are."""
    by_size, by_width = evidence.run("examples"), evidence.run("width")
    cells = {name: _by_size(by_size, kind) for name, kind in (("real", "none"), *NOISES)}
    wide = {name: _by_width(by_width, kind) for name, kind in (("real", "none"), *NOISES)}
    return _slower(_sizes(by_size), cells, widths(by_width), wide)


def slower_if_harder(evidence: Evidence) -> Measured:
    """As `slower`, real data for networks of fewer hidden layers in the place of both noises."""
    by_size, by_width = evidence.run("examples"), evidence.run("width")
    cells = {"real": _by_size(by_size, "none")}
    wide = {"real": _by_width(by_width, "none")}
    for name, _ in NOISES:
        cells[name] = _by_size(evidence.run("examples-shallow"), "none")
        wide[name] = _by_width(evidence.run("width-shallow"), "none")
    return _slower(_sizes(by_size), cells, widths(by_width), wide)


def _by_size(run: FinishedRun, kind: str) -> list[Cell]:
    cells = run.where(noise(kind))
    return sorted(cells, key=lambda cell: cell.experiment.dataset.train or 0)


def _by_width(run: FinishedRun, kind: str) -> list[Cell]:
    return [cell for units in widths(run) for cell in run.where(noise(kind))
            if width(units)(cell.experiment)]  # fmt: skip


def _sizes(run: FinishedRun) -> list[int]:
    return sorted({cell.experiment.dataset.train or 0 for cell in run.cells})


def _times(cells: Sequence[Cell]) -> tuple[Values, Values]:
    """Epochs to 100 % train accuracy and whether they are lower bounds, [replicates, cells]."""
    reached = np.array([cell.reaches(TRAIN_ACCURACY, 1.0) for cell in cells]).T
    ends = np.array([cell.last_epoch() for cell in cells]).T
    return np.where(np.isnan(reached), ends, reached), np.isnan(reached)


def _slower(
    sizes: Sequence[int],
    cells: dict[str, list[Cell]],
    units: Sequence[int],
    wide: dict[str, list[Cell]],
) -> Measured:
    found: dict[str, Values] = {"sizes": np.asarray(sizes, np.float64)}
    for name, of in cells.items():
        arm = name.replace("random ", "")
        found[arm], _ = _times(of)
        found[f"{arm} by width"], found[f"{arm} censored"] = _times(wide[name])
    y = "epochs to 100 % train accuracy"
    panels = [
        drawing.against(
            title, x, y, [(n, list(at), list(_times(of)[0].T)) for n, of in drawn.items()],
            log_x=True, log_y=True,
        )
        for title, x, at, drawn in (
            ("examples", "training examples", sizes, cells),
            ("width", "units per layer", units, wide),
        )
    ]  # fmt: skip
    return replace(steeper_with_examples(found, units), panels=tuple(panels))


def steeper_with_examples(found: Found, units: Sequence[int] = (64, 128, 256)) -> Measured:
    """Epochs of `real` data, random `labels` and `inputs` at the `sizes`, [replicates, sizes];
    `… by width` at the `units`, [replicates, widths], with `… censored` for lower bounds."""
    slope = {
        arm: that.slope_of(found["sizes"], found[arm], log="xy")
        for arm in ("real", "labels", "inputs")
    }
    label = "log-log slope of epochs on examples"
    conditions: list[Condition] = [
        that.exceeds(f"{label}, random {arm} − real", slope[arm], slope["real"])
        for arm in ("labels", "inputs")
    ]
    for arm in ("labels", "inputs"):
        for k, w in enumerate(units):
            ratio = found[f"{arm} by width"][:, k] / found["real by width"][:, k]
            late = np.asarray(found[f"{arm} censored"][:, k], np.bool_)
            words = f"epochs, random {arm} ÷ real, {w} units"
            conditions.append(that.ratio_above(words, ratio, 1.0, late))
    return Measured(tuple(conditions), contrast=slope["labels"] - slope["real"])


SLOWER = Claim(
    id="A5",
    paper=PAPER,
    title="Noise converges slower",
    sentence="Noise takes longer to fit than real data at every width, and the more examples "
    "there are the larger the difference.",
    source="Arpit 2017, section 4.2, figure 6",
    criterion="log-log slope of epochs to 100 % train accuracy on the number of examples, over "
    "four of them: random labels − real > 0 and random inputs − real > 0; ratio of epochs > 1 at "
    "each width. A network that is not done at the end counts with its last epoch",
    rival="what is harder takes longer, and longer with more examples, be it noise or not",
    contrast=Contrast("log-log slope, − real", "above"),
    paper_had="time to convergence on MNIST that grows with the noise in inputs, with N, and "
    "falls with width",
    refuted_by="a slope of noise no steeper than that of real data, or one as steep for a network "
    "to which real data are harder",
    reading="on mnist1d, which perceptrons fit hardly better than noise, random inputs were "
    "faster than real data (a factor of 0.74 on replicates 100 to 102) and random labels 1.2 times "
    "slower: the claim is about data that are easy for the network, as images are",
    presets=("width", "examples"),
    measure=slower,
    rule=steeper_with_examples,
    control=Control(
        "real data for networks of one hidden layer, to which they are harder",
        slower_if_harder,
        ("width", "examples", "width-shallow", "examples-shallow"),
    ),
    history=(
        Change(
            CHANGED,
            "epochs to fit, noise ÷ real ≥ 2 at each width; epochs against N rise faster for noise",
            "log-log slopes first, ratios > 1 at each width, against harder real data",
            "epochs of what takes longer rise faster on any linear scale, and the control was the "
            "claim with its arms exchanged",
        ),
    ),
    least_effect=0.3,
    budget=50.0,
)
