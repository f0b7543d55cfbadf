"""Real data have a long tail, and it is needed: Feldman and Zhang 2020 (science.md, 8; M1, M2).

What M2 removes follows from the scores of another run, so that its networks can be trained only
after those are finished (`FollowUp`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from memlab.claims import criteria as that
from memlab.claims import drawing
from memlab.claims.claim import (
    Claim,
    Contrast,
    Control,
    FollowUp,
    Found,
    Line,
    Measured,
    Panel,
    Values,
)
from memlab.claims.finished_run import SPLITS, Evidence, FinishedRun
from memlab.claims.select import Holds, noise
from memlab.errors import RunFolderError
from memlab.experiment.keys import key
from memlab.experiment.metrics import TEST_ACCURACY
from memlab.experiment.reading import Tree
from memlab.runs import retraining_store
from memlab.runs.memorization import THRESHOLD, memorization
from memlab.runs.outcomes import Outcomes

PAPER: Final = "feldman"
#: A tail is there where more than this share of the true examples is memorized.
TAIL: Final = 0.01
#: What is removed from the training set of each replicate, in this order.
ARMS: Final = ("memorized", "as many at random", "as many of the same classes")
_Rows = NDArray[np.int64]


def each_replicate(evidence: Evidence, preset: str, holds: Holds) -> list[Outcomes]:
    """The outcomes of the networks of each replicate, in their order."""
    return list(outcomes_by_split(evidence.run(preset), holds).values())


def outcomes_by_split(run: FinishedRun, holds: Holds) -> dict[int, Outcomes]:
    """The outcomes of the networks of each replicate, by its split, in their order."""
    groups = {group.members: group.index for group in run.run.groups}
    return {
        cell.experiment.dataset.split_seed: retraining_store.outcomes_of(
            run.run, groups[cell.members]
        )
        for cell in run.cells
        if holds(cell.experiment)
    }


def right_on_train(outcomes: Outcomes) -> NDArray[np.bool_]:
    """Which networks are right on which training examples, `[networks, train]`."""
    return outcomes.correct[:, : outcomes.train]


def memorized(outcomes: Outcomes) -> NDArray[np.bool_]:
    """Whether an example is memorized by one half of the networks and by the other, `[train]`."""
    first = np.arange(outcomes.networks) % 2 == 0
    halves = [
        memorization(outcomes.own[half], right_on_train(outcomes)[half]).value
        for half in (first, ~first)
    ]
    return np.asarray(np.all([np.nan_to_num(h) >= THRESHOLD for h in halves], axis=0))


def long_tail(evidence: Evidence, holds: Holds | None = None) -> Measured:
    """The share of true examples that are memorized."""
    every = each_replicate(evidence, "memorized", holds or noise("none"))
    found = {"share": np.array([memorized(outcomes).mean() for outcomes in every])}
    at = np.linspace(0.0, 1.0, 41)
    scores = [memorization(outcomes.own, right_on_train(outcomes)).value for outcomes in every]
    above = np.array([[np.mean(np.nan_to_num(each) >= x) for x in at] for each in scores])
    line = Line("examples", at, above)
    panel = Panel("how many are memorized so much", "memorization ≥", "share", (line,), log_y=True)
    return replace(a_tail(found), panels=(panel,))


def a_tail(found: Found) -> Measured:
    """`share` of the true examples that are memorized, [replicates]."""
    condition = that.above("share of true examples memorized", found["share"], TAIL)
    return Measured((condition,), contrast=found["share"])


LONG_TAIL = Claim(
    id="M1",
    paper=PAPER,
    title="Real data have a long tail",
    sentence="Some examples that are labelled rightly are known only to networks that saw them.",
    source="Feldman and Zhang 2020, section 3, figure 1",
    criterion=f"share of true examples with a memorization of at least {THRESHOLD:g} on both "
    f"halves of the networks > {TAIL:g}",
    rival="as many examples in as many dimensions have odd ones among them, whatever they show",
    contrast=Contrast("share of true examples memorized", "above"),
    paper_had="on MNIST, CIFAR-100 and ImageNet a sizeable share of the examples at or above 0.25",
    refuted_by="no more than one true example in a hundred that is memorized",
    presets=("memorized",),
    measure=long_tail,
    rule=a_tail,
    control=Control(
        "class-conditional Gaussians with the classes' means and covariances",
        lambda e: long_tail(e, noise("inputs-class")),
        ("memorized",),
    ),
    least_effect=0.01,
    budget=160.0,
)


def without_the_tail(tree: Tree, source: FinishedRun) -> Tree:
    """The preset with three training sets for each split: see `ARMS`.

    Its networks are others than the scored ones. A split in which nothing is memorized has no arms.

    Raises:
        RunFolderError: if there is none with anything memorized.
    """
    tables = []
    for split, outcomes in outcomes_by_split(source, noise("none")).items():
        for rows in removed(outcomes, split):
            tables.append({"split_seed": split, "without": rows.tolist()})
    if not tables:
        raise RunFolderError("no example is memorized in any replicate.")
    axes = {name: values for name, values in tree["axes"].items() if name != SPLITS}
    after = max(source.seeds) + 1
    others = list(range(after, after + len(tree["seeds"])))
    return tree | {"axes": axes | {"dataset": tables}, "seeds": others}


def removed(outcomes: Outcomes, split: int) -> list[_Rows]:
    """Rows in the dataset for each of `ARMS`, ascending; none where nothing is memorized.

    Memorized is what both halves of the networks know alone. What is random is drawn by the split
    from the other training examples, in the last arm as many of each class, or all that are left.
    """
    tail = memorized(outcomes)
    index, labels = outcomes.index[: outcomes.train], outcomes.true[: outcomes.train]
    others = np.flatnonzero(~tail)
    if not tail.any() or len(others) < tail.sum():
        return []
    order = key(split, "tail removed").permutation(others)
    counts = np.bincount(labels[tail], minlength=int(labels.max()) + 1)
    alike = [order[labels[order] == label][:count] for label, count in enumerate(counts)]
    chosen = np.flatnonzero(tail), order[: tail.sum()], np.concatenate(alike)
    return [np.sort(index[each]) for each in chosen]


def tail_is_needed(evidence: Evidence, arm: str = ARMS[0]) -> Measured:
    """Test accuracy without the memorized tail against without as many others.

    `arm` stands in the memorized one's place.
    """
    run = evidence.run("removed")
    made: dict[str, Values] = {}
    sizes = []
    for place, name in enumerate(ARMS):
        values = []
        for split in evidence.replicates:
            cells = run.where(lambda e, split=split: e.dataset.split_seed == split)  # type: ignore[misc]
            if len(cells) != len(ARMS):
                values.append(float("nan"))
                continue
            values.append(float(np.nanmean(cells[place].final(TEST_ACCURACY))))
            sizes.append(len(cells[place].experiment.dataset.without))
        made[name] = np.array(values)
    told = f"{min(sizes)} to {max(sizes)} examples were removed." if sizes else "None was removed."
    panel = drawing.named("what is removed", "test accuracy", list(made.items()))
    found = {"without": made[arm], "random": made[ARMS[1]]}
    return replace(costs_more(found), panels=(panel,), remarks=(told,))


def costs_more(found: Found) -> Measured:
    """Mean test accuracy `without` some examples and without as many at `random`, [replicates]."""
    cost = that.exceeds("test accuracy lost, memorized − random", found["random"], found["without"])
    return Measured((cost,), contrast=cost.values)


TAIL_IS_NEEDED = Claim(
    id="M2",
    paper=PAPER,
    title="The memorized tail is needed",
    sentence="Without the true examples that are memorized, a network does worse on unseen ones "
    "than without as many others.",
    source="Feldman and Zhang 2020, section 3.3, figure 4",
    criterion="removing clean examples with a memorization of at least "
    f"{THRESHOLD:g} on both halves of the networks costs more test accuracy than removing as many "
    "at random, > 0; scores from one set of networks, removal tested with 100 others an arm",
    rival="what is memorized is of the rarer or harder classes, and examples of those are missed, "
    "memorized or not",
    contrast=Contrast("test accuracy lost, − as many at random", "above"),
    paper_had="2.5 % of accuracy on ImageNet against 1 % for as many at random",
    refuted_by="as much lost without others, or without as many of the same classes",
    presets=("memorized", "removed"),
    follow_ups=(FollowUp("removed", "memorized", without_the_tail),),
    measure=tail_is_needed,
    rule=costs_more,
    control=Control(
        "as many random examples of the same classes in the memorized ones' place",
        lambda e: tail_is_needed(e, ARMS[2]),
        ("memorized", "removed"),
    ),
    least_effect=0.005,
    budget=45.0,
)
