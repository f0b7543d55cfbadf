"""Feldman and Zhang 2020, arXiv 2008.03703, and what follows: who is memorized (science.md, 8).

A replicate is a split of the data with networks of its own, each trained on a random 70 % of the
training examples; what is said of an example is worked out from the networks' outcomes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from memlab.claims import criteria as that
from memlab.claims import drawing
from memlab.claims.claim import Claim, Contrast, Control, Found, Measured, Values
from memlab.claims.finished_run import Evidence
from memlab.claims.long_tail import PAPER, each_replicate, right_on_train
from memlab.claims.select import Holds, noise
from memlab.runs import retraining_store
from memlab.runs.membership import likelihood_ratios, true_positive_rate
from memlab.runs.memorization import memorization, partial_rank, rank_correlation
from memlab.runs.outcomes import Outcomes

#: Lies are memorized by so much more than truths.
APART: Final = 0.5
#: What memorization leaks: at the end so many times as often of a lie, early at most so many.
LEAKS: Final = 10.0
EARLY: Final = 3.0
LEARNED_FIRST: Final = -0.5
LIES: Final = 0.2
#: Of claim M5, where the table has its figures: a tenth flipped, networks on halves.
FEW_LIES: Final = 0.1


def _lies(outcomes: Outcomes) -> NDArray[np.bool_]:
    """A lie is a label that differs from the truth, `[train]`."""
    return np.asarray(outcomes.given != outcomes.true)[: outcomes.train]


def likes(evidence: Evidence, early: bool = False) -> Measured:
    """Of the pairs that help a test example: how many are of one class, and how near they are."""
    made: dict[str, list[float]] = {"same": [], "chance": [], "distance": [], "others": []}
    run = evidence.run("memorized")
    groups = {group.members: group.index for group in run.run.groups}
    for cell in run.cells:
        if noise("none")(cell.experiment):
            scores = retraining_store.scores_of_group(run.run, groups[cell.members])
            (side,) = (
                one
                for one in scores.summary["influence"]
                if (one["by"], one["target"], one["sign"]) == ("correctness", "test", 1)
            )
            of = "early_" if early else ""
            keys = (f"{of}same_class", "same_class_of_all", f"{of}distance", "distance_same_class")
            for name, key in zip(made, keys, strict=True):
                value = side.get(key)
                made[name].append(np.nan if value is None else float(value))
    found = {name: np.array(values) for name, values in made.items()}
    bars = [("pairs that help", found["distance"]), ("others of one class", found["others"])]
    panels = (
        drawing.named("distance in input space", "distance", bars),
        drawing.named("pairs of one class", "share", [("pairs that help", found["same"])]),
    )
    return replace(their_likes(found), panels=panels)


def their_likes(found: Found) -> Measured:
    """`same` class share and its `chance`, `distance` and that of `others`, each [replicates]."""
    nearer = found["distance"] - found["others"]
    return Measured(
        (
            that.exceeds("share of one class − chance", found["same"], found["chance"]),
            that.below("distance of pairs that help − of others of one class", nearer, 0.0),
        ),
        contrast=found["same"],
    )


THEIR_LIKES = Claim(
    id="M3",
    paper=PAPER,
    title="Memorized examples help their likes",
    sentence="What an example that is memorized helps is of its own class, and near to it.",
    source="Feldman and Zhang 2020, section 3, figures 2 and 3",
    criterion="pairs (train → test) beyond the threshold at which permuted masks expect 5 % false: "
    "share of one class above chance, and nearer in input space than pairs of one class",
    rival="networks that know hardly anything yet are moved by any example of a class alike",
    contrast=Contrast("share of pairs of one class", "above"),
    paper_had="pairs that look like one another, found by eye on CIFAR-100 and ImageNet",
    refuted_by="pairs of other classes as often as chance has it, or no nearer than any other",
    presets=("memorized",),
    measure=likes,
    rule=their_likes,
    control=Control(
        "as many strongest pairs of the same networks after one epoch",
        lambda e: likes(e, early=True),
        ("memorized",),
    ),
    least_effect=0.2,
    budget=20.0,
)


def lies_and_truths(evidence: Evidence, holds: Holds | None = None) -> Measured:
    """How much lies are memorized, and how much truths."""
    made: dict[str, list[float]] = {"lies": [], "truths": []}
    for outcomes in each_replicate(evidence, "lies", holds or noise("labels-other", LIES)):
        value, lies = memorization(outcomes.own, right_on_train(outcomes)).value, _lies(outcomes)
        made["lies"].append(float(np.nanmean(value[lies])))
        made["truths"].append(float(np.nanmean(value[~lies])))
    found = {name: np.array(values) for name, values in made.items()}
    bars = [("lies", found["lies"]), ("truths", found["truths"])]
    panel = drawing.named("memorization", "mean memorization", bars)
    return replace(more_for_lies(found), panels=(panel,))


def more_for_lies(found: Found) -> Measured:
    """Mean memorization of `lies` and of `truths`, [replicates]."""
    return Measured(
        (that.exceeds("memorization, lies − truths", found["lies"], found["truths"], APART),),
        contrast=found["lies"] - found["truths"],
    )


MORE_FOR_LIES = Claim(
    id="M4",
    paper=PAPER,
    title="Lies are memorized, truths less",
    sentence="A wrong label is known only to networks that saw it; a right one mostly to all.",
    source="Feldman and Zhang 2020, section 2; claim of science.md, section 8",
    criterion=f"memorization of lies − of truths > {APART:g} where a fifth of the labels is wrong",
    rival="labels that the networks' own answers happen to meet are known to all, true or not",
    contrast=Contrast("memorization, lies − truths", "above"),
    paper_had="no such experiment; the score is defined so that a label drawn by lot has about 1",
    refuted_by=f"a difference of at most {APART:g}",
    presets=("lies",),
    measure=lies_and_truths,
    rule=more_for_lies,
    control=Control(
        "all labels drawn by lot: lies against labels that are right by luck",
        lambda e: lies_and_truths(e, noise("labels")),
        ("lies",),
    ),
    least_effect=0.05,
    budget=150.0,
)


def membership(evidence: Evidence, holds: Holds | None = None) -> Measured:
    """How often an attack finds that an example was trained on, lies and truths."""
    chosen = holds or noise("labels-other", FEW_LIES)
    found: dict[str, Values] = {}
    for when, preset in (("end", "leaks"), ("early", "leaks-early")):
        rates = [_found(outcomes) for outcomes in each_replicate(evidence, preset, chosen)]
        found[f"lies, {when}"], found[f"truths, {when}"] = np.array(rates).T
    panel = drawing.named("members found at 1 % false positives", "share", list(found.items()))
    return replace(lies_leak(found), panels=(panel,))


def _found(outcomes: Outcomes) -> tuple[float, float]:
    """Members found among lies and among truths; half a member where none is."""
    own, lies = outcomes.own, _lies(outcomes)
    ratios = likelihood_ratios(own, outcomes.margin[:, : outcomes.train])
    one, other = (
        max(true_positive_rate(ratios, own, mask), 0.5 / max(1, int(own[:, mask].sum())))
        for mask in (lies, ~lies)
    )
    return one, other


def lies_leak(found: Found) -> Measured:
    """Members found among `lies` and `truths` at the `end` and `early`, each [replicates]."""
    end, early = (found[f"lies, {when}"] / found[f"truths, {when}"] for when in ("end", "early"))
    return Measured(
        (
            that.ratio_above("members found, lies ÷ truths, at the end", end, LEAKS),
            that.ratio_below("members found, lies ÷ truths, stopped early", early, EARLY),
        ),
        contrast=np.log(end),
    )


LIES_LEAK = Claim(
    id="M5",
    paper=PAPER,
    title="Memorization leaks membership",
    sentence="From a network's answers one can tell which wrong labels it was trained on, and "
    "hardly so of a network that was stopped before it memorized them.",
    source="Carlini 2022, arXiv 2112.03570, algorithm 1 (LiRA), figure 13",
    criterion="each network attacked with the others as shadows, one threshold a group at 1 % "
    f"false positives: true-positive rate of lies ÷ truths > {LEAKS:g} at the end, < {EARLY:g} "
    "of networks stopped where validation accuracy was best on development replicates",
    rival="wrong labels are told apart by an attack whatever the network learned of the others",
    contrast=Contrast("log ratio of members found, lies ÷ truths", "above"),
    paper_had="examples out of distribution attacked many times as often on CIFAR-10",
    refuted_by="a ratio below ten at the end",
    presets=("leaks", "leaks-early"),
    measure=membership,
    rule=lies_leak,
    control=Control(
        "all labels drawn by lot: lies against labels that are right by luck",
        lambda e: membership(e, noise("labels")),
        ("leaks", "leaks-early"),
    ),
    least_effect=3.0,
    budget=40.0,
)


def learned_first(evidence: Evidence, holds: Holds | None = None) -> Measured:
    """Held-out correctness against the epoch at which examples are learned."""
    chosen = holds or noise("none")
    made: dict[str, list[float]] = {"rank": [], "partial": []}
    pairs = zip(
        each_replicate(evidence, "memorized", chosen),
        each_replicate(evidence, "learned-first", chosen),
        strict=True,
    )
    for outcomes, traced in pairs:
        outside = memorization(outcomes.own, right_on_train(outcomes)).outside
        first, near = traced.first_learned, outcomes.neighbours
        nothing = np.full(outcomes.train, np.nan)
        epochs = nothing if first is None else first.astype(np.float64)
        made["rank"].append(rank_correlation(outside, epochs))
        known = nothing if near is None else near.astype(np.float64)
        made["partial"].append(partial_rank(outside, epochs, known))
    found = {name: np.array(values) for name, values in made.items()}
    bars = [("as it is", found["rank"]), ("given 15 neighbours", found["partial"])]
    panel = drawing.named("held-out correctness and first epoch", "rank correlation", bars)
    return replace(first_is_known(found), panels=(panel,))


def first_is_known(found: Found) -> Measured:
    """`rank` correlation and the `partial` one given neighbours, [replicates]."""
    return Measured(
        (
            that.below("rank correlation", found["rank"], LEARNED_FIRST),
            that.below("partial rank correlation given 15 neighbours", found["partial"], 0.0),
        ),
        contrast=found["rank"],
    )


LEARNED_FIRST_KNOWN = Claim(
    id="M6",
    paper=PAPER,
    title="What is learned first needs no memorizing",
    sentence="Examples that networks learn first are those that networks know which never saw "
    "them.",
    source="C-scores, arXiv 2002.03206; data maps, arXiv 2009.10795; prediction depth, 2106.09647",
    criterion=f"rank correlation of held-out correctness and first-learned epoch < "
    f"{LEARNED_FIRST:g} on clean data; partial correlation given the agreement of 15 nearest "
    "neighbours < 0",
    rival="whatever happens to lie near many others is both learned first and known unseen",
    contrast=Contrast("rank correlation", "below"),
    paper_had="consistency scores and learning speed agree on CIFAR-10 and ImageNet",
    refuted_by=f"a rank correlation above {LEARNED_FIRST:g}",
    presets=("memorized", "learned-first"),
    measure=learned_first,
    rule=first_is_known,
    control=Control(
        "Gaussian inputs with the same labels",
        lambda e: learned_first(e, noise("inputs")),
        ("memorized", "learned-first"),
    ),
    least_effect=0.1,
    budget=30.0,
)
