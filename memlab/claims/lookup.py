"""Is it a lookup table? The podcast's question (science.md, 7; L1 to L4)."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from memlab.claims import criteria as that
from memlab.claims import drawing
from memlab.claims.claim import Change, Claim, Contrast, Control, Found, Measured, Values
from memlab.claims.finished_run import Cell, Evidence
from memlab.claims.select import Holds, noise
from memlab.claims.selection import best_by_validation, cross_selected
from memlab.errors import RunFolderError
from memlab.experiment.metrics import TEST_ACCURACY, VALIDATION_ACCURACY

PAPER: Final = "lookup"
LIES: Final = 0.4
BASELINES: Final = (
    "1-nn",
    "k-nn",
    "rbf-interpolating",
    "rbf",
    "laplace-interpolating",
    "laplace",
    "random-forest",
    "ridge",
    "logistic",
    "minimum-norm",
    "random-features",
)
#: Data on which a network is compared with all of them, the primary one first: its preset.
DATA: Final = dict(mnist1d="lookup", digits="lookup-digits")  # noqa: C408
#: What says which labels are lies without a network, and the kinds of lies.
NEIGHBOURS: Final = ("k-nn", "rbf")
KINDS: Final = {"uniform lies": "labels", "pair lies": "labels-pair"}
#: Data on which forgetting is counted, the primary one first: the preset.
FORGETTING: Final = dict(digits="known-lies-digits", mnist1d="known-lies")  # noqa: C408
MARKED: Final = 0.7


def _lies(kind: str = "labels", gaussian: bool = False, share: float = LIES) -> Holds:
    """Cells of this kind of lies, on Gaussian inputs or on the data's own."""
    return noise(f"{kind}+inputs" if gaussian else kind, share)


def _areas(evidence: Evidence, preset: str, holds: Holds, score: str) -> Values:
    """Area under the ROC curve of `score` for labels that differ from the truth, [replicates]."""
    from memlab.runs.example_scores import labellings, member_detection
    from memlab.runs.ledger import read_ledger

    cell = evidence.run(preset).cell(holds)
    found: dict[int, float] = {}
    for labelling in labellings(read_ledger(cell.run.folder)):
        if not set(labelling.members).isdisjoint(cell.members):
            lies = replace(labelling, corrupted=labelling.given != labelling.true)
            found.update(member_detection(lies, score))
    if not set(cell.members) <= found.keys():
        raise RunFolderError(f"The run {cell.run.id} kept no ledger of all its examples.")
    return np.array([found[member] for member in cell.members])


def more_than_smoothing(evidence: Evidence, share: float = LIES) -> Measured:
    """Stopped early, a network is better than the best of all baselines on the same labels."""
    found: dict[str, Values] = {}
    panels, remarks = [], []
    for data, preset in DATA.items():
        cell = evidence.run(preset).cell(noise("labels", share))
        early, final = cell.early_stopped(TEST_ACCURACY)[0], cell.final(TEST_ACCURACY)
        others = {name: cell.baseline(name, TEST_ACCURACY) for name in BASELINES}
        judged = {name: cell.baseline(name, VALIDATION_ACCURACY) for name in BASELINES}
        best, names = best_by_validation(judged, others)
        found |= {f"network, {data}": early, f"rival, {data}": best}
        bars = [("network, early", early), ("network, final", final), *others.items()]
        panels.append(
            drawing.named(f"{data}, {share:.0%} of the labels random", "test accuracy", bars)
        )
        remarks.append(
            f"On {data} the early-stopped network reached {early.mean():.3f}, the best baseline by "
            f"validation ({', '.join(dict.fromkeys(names))}) {best.mean():.3f}."
        )
    return replace(beats_the_best(found), panels=tuple(panels), remarks=tuple(remarks))


def beats_the_best(found: Found) -> Measured:
    """Test accuracy of the `network, DATA` stopped early and of the `rival, DATA`, the best of all
    baselines by validation, [replicates]; of each of `DATA`."""
    conditions = tuple(
        that.exceeds(
            f"{data}: early-stopped network − best baseline",
            found[f"network, {data}"],
            found[f"rival, {data}"],
        )
        for data in DATA
    )
    return Measured(conditions, contrast=conditions[0].values)


MORE_THAN_SMOOTHING = Claim(
    id="L1",
    paper=PAPER,
    title="A network is more than smoothed lookup",
    sentence="Among lies, a network stopped early answers better than the stored examples do, "
    "however they are smoothed.",
    source="the podcast's question; Zhang 2017, section 1",
    criterion=f"at p = {LIES:g}, test accuracy: early-stopped network − best of all "
    f"{len(BASELINES)} baselines, chosen on validation data for each replicate, > 0 on mnist1d "
    "(primary) and on digits",
    rival="whatever averages over neighbours sees through the lies as well",
    contrast=Contrast("mnist1d: early-stopped network − best baseline", "above"),
    paper_had="nothing: the question is the podcast's",
    refuted_by="a smoothed lookup table, or any other baseline, that answers as well",
    reading="a perceptron on 1,000 examples has little that local averaging lacks; pictures and "
    "convnets, at size full and paper, may answer otherwise",
    presets=tuple(DATA.values()),
    measure=more_than_smoothing,
    rule=beats_the_best,
    control=Control(
        "labels that are all drawn by lot: there is nothing to see through to",
        lambda e: more_than_smoothing(e, 1.0),
        tuple(DATA.values()),
    ),
    history=(
        Change(
            "2026-11-27",
            "at p = 0.4: early-stopped test accuracy − 1-nearest-neighbour's > 0.2; the final "
            "network's is between the two",
            "early-stopped network − the best of eleven baselines by validation > 0, on mnist1d "
            "and on digits",
            "five baselines passed the old one: any smoothing beats a single neighbour among lies",
        ),
    ),
    least_effect=0.02,
    budget=75.0,
)


def learned_from_lies(evidence: Evidence, share: float = LIES) -> Measured:
    """A linear probe of the truth reads the hidden layer better than random features."""
    run = evidence.run("representation")
    cell, clean = run.cell(noise("labels", share)), run.cell(noise("none"))
    found = {
        "hidden": cell.final("probes.last"),
        "wide": clean.baseline("random-features", TEST_ACCURACY),
        "matched": cell.final("probes.random"),
    }
    bars = [
        ("hidden layer", found["hidden"]),
        ("2,048 random features", found["wide"]),
        ("as many random features", found["matched"]),
        ("inputs", cell.final("probes.inputs")),
    ]
    early, _ = cell.early_stopped(TEST_ACCURACY)
    told = f"The early-stopped network itself reached {np.nanmean(early):.3f}."
    title = f"probes of true labels, {share:.0%} random labels"
    panel = drawing.named(title, "test accuracy", bars)
    return replace(reads_better(found), panels=(panel,), remarks=(told,))


def reads_better(found: Found) -> Measured:
    """Test accuracy of probes for true labels on the last `hidden` layer, on `wide` random features
    and on as many as the layer has (`matched`), [replicates]."""
    wide = that.exceeds("probe, hidden − 2,048 random features", found["hidden"], found["wide"])
    matched = that.exceeds("probe, hidden − as many random ones", found["hidden"], found["matched"])
    return Measured((wide, matched), contrast=wide.values)


LEARNED_FROM_LIES = Claim(
    id="L2",
    paper=PAPER,
    title="Representation is learned even from lies",
    sentence="Hidden layers trained on lies separate the true classes better than random features "
    "do.",
    source="ours; after Arpit 2017, section 4",
    criterion=f"at p = {LIES:g}, at the end: test accuracy of a linear probe of true labels on the "
    "last hidden layer − that on 2,048 random features > 0, and − that on as many random features "
    "as the layer has > 0; penalties by validation",
    rival="a probe of true labels reads them from any features, learned or not",
    contrast=Contrast("probe, hidden − 2,048 random features", "above"),
    paper_had="nothing: this claim is ours",
    refuted_by="random features that a probe reads as well",
    reading="a layer that has been bent to fit the lies can be worse than one that learned nothing",
    presets=("representation",),
    measure=learned_from_lies,
    rule=reads_better,
    control=Control(
        "hidden layers trained on labels that are all drawn by lot",
        lambda e: learned_from_lies(e, 1.0),
        ("representation",),
    ),
    history=(
        Change(
            "2026-11-27",
            "probe on the last hidden layer − on an untrained one of the same width > 0, and − on "
            "the inputs > 0, on digits",
            "− on 2,048 random features > 0, and − on as many as the layer has > 0, on mnist1d",
            "wider random features, which cost nothing to learn, read better than the layer did",
        ),
    ),
    least_effect=0.02,
    budget=60.0,
)


def knows_the_lies(evidence: Evidence, gaussian: bool = False) -> Measured:
    """The network's margin finds lies better than their neighbours and kernel ridge do."""
    run = evidence.run("known-lies")
    found: dict[str, Values] = {}
    bars, areas = [], []
    for name, kind in KINDS.items():
        holds = _lies(kind, gaussian)
        margin = _areas(evidence, "known-lies", holds, "aum-until-best")
        others = [_found_by(run.cell(holds), other) for other in NEIGHBOURS]
        found |= {f"network, {name}": margin, f"rival, {name}": _better_of(others)}
        bars += [(f"margin, {name}", margin)]
        bars += list(zip((f"k-NN, {name}", f"kernel, {name}"), others, strict=True))
        areas.append(f"{margin.mean():.3f} of {name}")
    told = f"The margin's own area: {' and '.join(areas)}."
    panel = drawing.named("finding the lies", "AUC", bars, 0.5)
    return replace(better_than_neighbours(found), panels=(panel,), remarks=(told,))


def _found_by(cell: Cell, name: str) -> Values:
    return cell.baseline(name, "lies_found")


def _better_of(others: list[Values]) -> Values:
    """The values of the one that is better on the other half of the replicates, [replicates]."""
    table = np.array(others)

    def select(half: np.ndarray) -> int:
        return int(table[:, half].mean(axis=1).argmax())

    return cross_selected(table.shape[1], select, lambda at: table[at])[0]


def better_than_neighbours(found: Found) -> Measured:
    """AUC for lies by the `network, KIND`'s margin and by its `rival, KIND`, [replicates]."""
    conditions = tuple(
        that.exceeds(
            f"AUC, margin − best of neighbours and kernel, {name}",
            found[f"network, {name}"],
            found[f"rival, {name}"],
        )
        for name in KINDS
    )
    return Measured(conditions, contrast=conditions[0].values)


KNOWS_THE_LIES = Claim(
    id="L3",
    paper=PAPER,
    title="The network knows the lies better than their neighbours do",
    sentence="How sure a network is of the given label while it learns tells lies from truth, "
    "better than the labels of similar examples do.",
    source="Pleiss 2020, arXiv 2001.10528, section 3",
    criterion=f"at p = {LIES:g} on mnist1d, area under the ROC curve for labels that differ from "
    "the truth: margin averaged up to the best epoch − the better of k-NN disagreement (k by "
    "validation) and leave-one-out kernel ridge > 0, under uniform (primary) and under pair noise; "
    "which is better is said by the other half of the replicates",
    rival="the labels of similar examples tell lies as well, without any training",
    contrast=Contrast("AUC, margin − best of neighbours and kernel, uniform lies", "above"),
    paper_had="corrupted examples found on CIFAR with 40 % noise, and lower test error without "
    "them; no comparison with neighbours",
    refuted_by="neighbours or a kernel that find the lies as well",
    presets=("known-lies",),
    measure=knows_the_lies,
    rule=better_than_neighbours,
    control=Control(
        "Gaussian inputs with the same lies, which nothing can know",
        lambda e: knows_the_lies(e, gaussian=True),
        ("known-lies",),
    ),
    history=(
        Change(
            "2026-11-27",
            "at p = 0.4 on digits: AUC > 0.9 by margin until the best epoch and by first-learned "
            "epoch",
            "on mnist1d: AUC by margin − the best of k-NN disagreement and leave-one-out kernel "
            "ridge > 0, under uniform and pair noise",
            "15 neighbours find the lies among digits as well as the network does",
        ),
    ),
    least_effect=0.02,
    budget=40.0,
)


def forgets_the_hard(evidence: Evidence, gaussian: bool = False) -> Measured:
    """Lies are forgotten more often, counted at presentations."""
    holds = _lies("labels", gaussian)
    found = {
        data: _areas(evidence, preset, holds, "forgetting") for data, preset in FORGETTING.items()
    }
    panel = drawing.named("lies by forgetting events", "AUC", list(found.items()), MARKED)
    return replace(marks_the_lies(found), panels=(panel,))


def marks_the_lies(found: Found) -> Measured:
    """AUC for lies by forgetting events on each of the data of `FORGETTING`, [replicates]."""
    conditions = tuple(
        that.at_least(f"AUC by forgetting events, {data}", found[data], MARKED)
        for data in FORGETTING
    )
    return Measured(conditions, contrast=found[next(iter(FORGETTING))])


FORGETS_THE_HARD = Claim(
    id="L4",
    paper=PAPER,
    title="Forgetting marks the hard",
    sentence="Lies are forgotten more often than truths while they are learned.",
    source="Toneva 2019, arXiv 1812.05159, section 4",
    criterion=f"at p = {LIES:g}: area under the ROC curve ≥ {MARKED:g} for labels that differ from "
    "the truth by forgetting events, counted at presentations, never learned counting as the most; "
    "on digits (primary) and on mnist1d",
    rival="any example that is hard to fit is forgotten, whatever its label",
    contrast=Contrast("AUC by forgetting events, digits", "above"),
    paper_had="examples with noisy labels among the most forgotten ones",
    refuted_by=f"an area below {MARKED:g}",
    reading="where most truths are hard as well, they are forgotten like lies",
    presets=tuple(FORGETTING.values()),
    measure=forgets_the_hard,
    rule=marks_the_lies,
    control=Control(
        "Gaussian inputs with the same lies: all examples are as hard",
        lambda e: forgets_the_hard(e, gaussian=True),
        tuple(FORGETTING.values()),
    ),
    history=(
        Change(
            "2026-11-27",
            "at p = 0.4 on digits: AUC by forgetting events > 0.5",
            f"≥ {MARKED:g}, counted at presentations, on digits and on mnist1d",
            "more than nothing is not a mark, and one data set does not speak for another",
        ),
    ),
    least_effect=0.03,
    budget=50.0,
)
