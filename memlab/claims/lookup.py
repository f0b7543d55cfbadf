"""Is it a lookup table? The podcast's question (science.md, 7)."""

from __future__ import annotations

from typing import Final

import numpy as np

from memlab.claims import criteria as that
from memlab.claims import drawing
from memlab.claims.claim import Claim, Control, Measured, Values
from memlab.claims.finished_run import Evidence
from memlab.claims.select import noise
from memlab.errors import RunFolderError
from memlab.experiment.metrics import TEST_ACCURACY

PAPER: Final = "lookup"
LIES: Final = 0.4
BASELINES: Final = (
    "1-nn",
    "k-nn",
    "rbf-interpolating",
    "rbf",
    "random-forest",
    "ridge",
    "random-features",
)


def _areas(evidence: Evidence, score: str, shuffled: bool) -> Values:
    """Area under the ROC curve of `score` for corrupted examples, [replicates]."""
    from dataclasses import replace

    from memlab.experiment.keys import key
    from memlab.runs.example_scores import labellings, member_detection
    from memlab.runs.ledger import read_ledger

    cell = evidence.run("labels").cell(noise("labels", LIES))
    found: dict[int, float] = {}
    for labelling in labellings(read_ledger(cell.run.folder)):
        if set(labelling.members).isdisjoint(cell.members):
            continue
        if shuffled:
            order = key(labelling.members[0], "L control").permutation(len(labelling.index))
            labelling = replace(labelling, corrupted=labelling.corrupted[order])
        found.update(member_detection(labelling, score))
    if not set(cell.members) <= found.keys():
        raise RunFolderError(f"The run {cell.run.id} kept no ledger of all its examples.")
    return np.array([found[member] for member in cell.members])


def no_lookup_table(evidence: Evidence, control: bool = False) -> Measured:
    """Stopped early, the network is far better than the literal lookup table."""
    cell = evidence.run("lookup").cell(noise("labels", LIES))
    early, final = cell.early_stopped(TEST_ACCURACY)[0], cell.final(TEST_ACCURACY)
    if control:
        table = cell.baseline("1-nn", TEST_ACCURACY)
        return Measured((that.exceeds("1-nearest-neighbour − itself", table, table, 0.2),))
    others = {name: cell.baseline(name, TEST_ACCURACY) for name in BASELINES}
    table = others["1-nn"]
    bars = [("network, early", early), ("network, final", final), *others.items()]
    told = ", ".join(f"{name} {values.mean():.2f}" for name, values in bars)
    return Measured(
        (
            that.exceeds("early-stopped network − 1-nearest-neighbour", early, table, 0.2),
            that.exceeds("final network − 1-nearest-neighbour", final, table),
            that.exceeds("early-stopped − final network", early, final),
        ),
        (drawing.named(f"{LIES:.0%} of the labels are lies", "test accuracy", bars, 0.1),),
        (f"Test accuracies: {told}.",),
    )


NO_LOOKUP_TABLE = Claim(
    id="L1",
    paper=PAPER,
    title="A network is no lookup table",
    sentence="Among lies, a network stopped early answers better than the stored examples do; "
    "trained on, it lies in between.",
    source="the podcast's question; Zhang 2017, section 1",
    criterion="at p = 0.4: early-stopped test accuracy − 1-nearest-neighbour's > 0.2; the "
    "final network's is between the two",
    paper_had="nothing: the question is the podcast's",
    refuted_by="a network no better than its nearest stored example",
    presets=("lookup",),
    measure=no_lookup_table,
    control=Control(
        "the lookup table in the network's place",
        lambda e: no_lookup_table(e, control=True),
        ("lookup",),
        cannot_fail="it compares a baseline with itself",
    ),
)


def learned_from_lies(evidence: Evidence, untrained: bool = False) -> Measured:
    """A linear probe of the truth reads the hidden layer better than what was not learned."""
    cell = evidence.run("lookup").cell(noise("labels", LIES))
    random, inputs = cell.final("probes.random"), cell.final("probes.inputs")
    hidden = random if untrained else cell.final("probes.last")
    early, _ = cell.early_stopped(TEST_ACCURACY)
    epoch, values = cell.table("probes.last")
    best = values.mean(axis=0)
    bars = [("hidden, final", hidden), ("random features", random), ("inputs", inputs)]
    return Measured(
        (
            that.exceeds("probe accuracy, hidden − random features", hidden, random),
            that.exceeds("probe accuracy, hidden − inputs", hidden, inputs),
        ),
        (
            drawing.named("linear probes of true labels", "test accuracy", bars),
            drawing.curves("last hidden layer", "probes.last", [("hidden", cell)]),
        ),
        (
            f"The probe of the hidden layer was best at epoch {epoch[int(best.argmax())]:g} "
            f"({best.max():.3f}); the early-stopped network itself reached {early.mean():.3f}.",
        ),
    )


LEARNED_FROM_LIES = Claim(
    id="L2",
    paper=PAPER,
    title="Representation is learned even from lies",
    sentence="Hidden layers trained on lies separate the true classes better than inputs or "
    "random features do.",
    source="ours; after Arpit 2017, section 4",
    criterion="at p = 0.4, at the end: test accuracy of a linear probe of true labels on the "
    "last hidden layer − on random features > 0, and − on inputs > 0",
    paper_had="nothing: this claim is ours",
    refuted_by="a probe that reads random features as well",
    presets=("lookup",),
    measure=learned_from_lies,
    control=Control(
        "an untrained network of the same law in its place",
        lambda e: learned_from_lies(e, untrained=True),
        ("lookup",),
        cannot_fail="it compares random features with themselves",
    ),
)


def knows_the_lies(evidence: Evidence, shuffled: bool = False) -> Measured:
    """Margins and first-learned epochs tell corrupted from clean examples."""
    areas = {
        "margin until the best epoch": _areas(evidence, "aum-until-best", shuffled),
        "first-learned epoch": _areas(evidence, "first-learned", shuffled),
    }
    return Measured(
        tuple(that.above(f"AUC by {name}", values, 0.9) for name, values in areas.items()),
        (drawing.named("finding the lies", "AUC", list(areas.items()), 0.5),),
    )


KNOWS_THE_LIES = Claim(
    id="L3",
    paper=PAPER,
    title="The network knows the lies",
    sentence="How sure a network is of the given label while it learns tells lies from truth.",
    source="Pleiss 2020, arXiv 2001.10528, section 3",
    criterion="at p = 0.4: area under the ROC curve > 0.9 for corrupted examples, by margin "
    "averaged up to the best epoch and by first-learned epoch",
    paper_had="corrupted examples found on CIFAR with 40 % noise, and lower test error without "
    "them",
    refuted_by="an area of 0.9 or less",
    presets=("labels",),
    measure=knows_the_lies,
    control=Control(
        "the marks of corruption permuted", lambda e: knows_the_lies(e, True), ("labels",)
    ),
)


def forgets_the_hard(evidence: Evidence, shuffled: bool = False) -> Measured:
    """Corrupted examples are forgotten more often."""
    areas = _areas(evidence, "forgetting", shuffled)
    return Measured(
        (that.above("AUC by forgetting events", areas, 0.5),),
        (drawing.named("forgetting", "AUC", [("forgetting events", areas)], 0.5),),
    )


FORGETS_THE_HARD = Claim(
    id="L4",
    paper=PAPER,
    title="Forgetting marks the hard",
    sentence="Lies are forgotten more often than truths while they are learned.",
    source="Toneva 2019, arXiv 1812.05159, section 4",
    criterion="at p = 0.4: area under the ROC curve > 0.5 for corrupted examples by forgetting "
    "events, never learned counting as the most",
    paper_had="examples with noisy labels among the most forgotten ones",
    refuted_by="an area of 0.5 or less",
    presets=("labels",),
    measure=forgets_the_hard,
    control=Control(
        "the marks of corruption permuted", lambda e: forgets_the_hard(e, True), ("labels",)
    ),
)
