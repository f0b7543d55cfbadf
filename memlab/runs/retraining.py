"""Scores by retraining: all that a run's outcomes say of who is memorized and whom it helps.

Here the estimates of `memorization`, `influence` and `membership` are put together for networks
that differ in their subsets alone; where they are kept is `retraining_store`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memlab.errors import RunFolderError
from memlab.runs.influence import Influence, Side, influence, strongest
from memlab.runs.membership import likelihood_ratios, true_positive_rate
from memlab.runs.memorization import (
    THRESHOLD,
    Agreement,
    Difference,
    OverNetworks,
    convergence,
    margin_memorization,
    memorization,
    networks_to_decide,
    over_networks,
    rank_correlation,
)
from memlab.runs.outcomes import Mask, Outcomes
from memlab.runs.roc import roc_area
from memlab.runs.tail import likeness, tail

#: Fewer networks give no scores.
LEAST = 20
#: One training example: row in its source file, labels, whether it was corrupted; memorization by
#: correctness with plain standard error and Newcombe's 95 % interval, the shares right inside and
#: outside; the same by margin (logits, Welch); networks after which its interval would lie on one
#: side of 0.25; the share of its 15 nearest neighbours with its label, and the mean epoch at which
#: traced networks that had it learned it (NaN where not known).
EXAMPLE = np.dtype(
    [
        ("index", "<i8"),
        ("given", "<i4"),
        ("true", "<i4"),
        ("corrupted", "?"),
        ("memorization", "<f4"),
        ("standard_error", "<f4"),
        ("low", "<f4"),
        ("high", "<f4"),
        ("inside", "<f4"),
        ("outside", "<f4"),
        ("margin_memorization", "<f4"),
        ("margin_standard_error", "<f4"),
        ("margin_inside", "<f4"),
        ("margin_outside", "<f4"),
        ("networks_to_decide", "<f4"),
        ("neighbours", "<f4"),
        ("first_learned", "<f4"),
    ]
)
#: Training and test examples, training first: row in the source file, given and true label.
TARGET = np.dtype([("index", "<i8"), ("given", "<i4"), ("true", "<i4")])


@dataclass(frozen=True, eq=False)
class Scores:
    """What was estimated from some networks.

    `examples` `[train]` of `EXAMPLE`, `pairs` of `influence.PAIR`, `targets` `[train + test]` of
    `TARGET`; `summary` is plain data, what `memlab.reports` shows.
    """

    summary: Mapping[str, Any]
    examples: NDArray[np.void]
    pairs: NDArray[np.void]
    targets: NDArray[np.void]
    class_names: tuple[str, ...]

    @property
    def networks(self) -> int:
        """How many networks they rest on."""
        return int(self.summary["networks"])


def scores_of(outcomes: Outcomes) -> Scores:
    """All scores of these networks.

    Raises:
        RunFolderError: if they are fewer than `LEAST`.
    """
    if outcomes.networks < LEAST:
        raise RunFolderError(
            f"{outcomes.networks} networks say nothing of single examples; {LEAST} are needed."
        )
    train = outcomes.train
    own, correct, margin = outcomes.own, outcomes.correct[:, :train], outcomes.margin[:, :train]
    found, by_margin = memorization(own, correct), margin_memorization(own, margin)
    examples = _examples(outcomes, found, by_margin)
    pairs = influence(outcomes)
    targets = np.zeros(len(outcomes.given), TARGET)
    for name in ("index", "given", "true"):
        targets[name] = getattr(outcomes, name)
    groups = _groups(outcomes)
    ratios = likelihood_ratios(own, margin)
    summary = {
        "dataset": outcomes.dataset,
        "networks": outcomes.networks,
        "share": float(own.mean()),
        "train_examples": train,
        "test_examples": len(targets) - train,
        "groups": _distributions(own, correct, found.value, groups),
        "agreement": [_finite(one) for one in convergence(own, correct, margin)],
        "decided": float(((found.low > THRESHOLD) | (found.high < THRESHOLD)).mean()),
        "networks_to_decide": _quantiles(networks_to_decide(found), (0.5, 0.9)),
        "influence": _sides(pairs, outcomes),
        "tail": tail(outcomes),
        "baselines": _baselines(examples, outcomes.corrupted),
        "membership": {
            name: _or_none(true_positive_rate(ratios, own, mask)) for name, mask in groups.items()
        },
    }
    return Scores(summary, examples, pairs.pairs, targets, outcomes.class_names)


def _examples(outcomes: Outcomes, found: Difference, by_margin: Difference) -> NDArray[np.void]:
    made = np.zeros(outcomes.train, EXAMPLE)
    for name in ("index", "given", "true"):
        made[name] = getattr(outcomes, name)[: outcomes.train]
    made["corrupted"] = outcomes.corrupted
    made["memorization"] = found.value
    for name in ("standard_error", "low", "high", "inside", "outside"):
        made[name] = getattr(found, name)
    made["margin_memorization"] = by_margin.value
    for name in ("standard_error", "inside", "outside"):
        made[f"margin_{name}"] = getattr(by_margin, name)
    made["networks_to_decide"] = networks_to_decide(found)
    for name in ("neighbours", "first_learned"):
        values = getattr(outcomes, name)
        made[name] = np.nan if values is None else values
    return made


def _groups(outcomes: Outcomes) -> dict[str, Mask]:
    """All examples; truths and lies apart where there are lies."""
    everything = {"all": np.ones(outcomes.train, np.bool_)}
    if not outcomes.corrupted.any():
        return everything
    parts = {"truths": ~outcomes.corrupted, "lies": outcomes.corrupted}
    return everything | {name: mask for name, mask in parts.items() if mask.any()}


def _distributions(
    own: Mask, correct: Mask, value: NDArray[np.float64], groups: Mapping[str, Mask]
) -> list[dict[str, Any]]:
    """Of each group the mean, the share memorized in both halves, and quantiles."""

    def measure(halves: Sequence[NDArray[np.float64]]) -> list[float]:
        one, two = halves
        both = (one >= THRESHOLD) & (two >= THRESHOLD)
        numbers = []
        for mask in groups.values():
            scores = (one[mask] + two[mask]) / 2
            known = scores[np.isfinite(scores)]
            mean = float(known.mean()) if known.size else float("nan")
            numbers += [mean, float(both[mask].mean())]
        return numbers

    numbers = over_networks(own, correct, measure)
    return [
        {
            "name": name,
            "examples": int(mask.sum()),
            "mean": _finite(numbers[2 * at]),
            "memorized": _finite(numbers[2 * at + 1]),
            "quantiles": _quantiles(value[mask], (0.05, 0.25, 0.5, 0.75, 0.95, 0.99)),
        }
        for at, (name, mask) in enumerate(groups.items())
    ]


def _finite(number: OverNetworks | Agreement) -> dict[str, float | None]:
    """As plain data, None for what is not finite."""
    return {name: _or_none(value) for name, value in asdict(number).items()}


def _sides(found: Influence, outcomes: Outcomes) -> list[dict[str, Any]]:
    """What was significant; of it the share between examples of one class, beside chance."""
    return [_side(side, found.pairs, outcomes) for side in found.sides]


def _side(side: Side, pairs: NDArray[np.void], outcomes: Outcomes) -> dict[str, Any]:
    given, train = outcomes.given, outcomes.train
    bit, strength = (1, "influence") if side.by == "correctness" else (2, "z")
    mine = (pairs["by"] & bit > 0) & ((pairs["to"] < train) == (side.target == "train"))
    mine &= np.sign(pairs[strength]) == side.sign
    same = given[pairs["of"][mine]] == given[pairs["to"][mine]]
    part = given[:train] if side.target == "train" else given[train:]
    counts = [
        np.bincount(labels, minlength=int(given.max()) + 1) for labels in (given[:train], part)
    ]
    chance = float(counts[0] @ counts[1]) / (train * len(part))
    made = asdict(side) | {"threshold": _or_none(side.threshold)}
    share = float(same.mean()) if len(same) else None
    made |= likeness(outcomes, pairs[mine], side.target == "train")
    early = _early(side, int(mine.sum()), outcomes)
    return made | {"same_class": share, "same_class_of_all": chance} | early


def _early(side: Side, count: int, outcomes: Outcomes) -> dict[str, float | None]:
    """How like each other as many strongest pairs of the same networks are after one epoch.

    The rival of claim M3: what early networks find alike needs nothing to be memorized.
    """
    if outcomes.early is None or side.by != "correctness" or not count:
        return {}
    then = replace(outcomes, correct=outcomes.early)
    pairs = strongest(then, side.target, side.sign, count)
    same = outcomes.given[pairs["of"]] == outcomes.given[pairs["to"]]
    apart = likeness(outcomes, pairs, side.target == "train")
    return {"early_same_class": float(same.mean()), "early_distance": apart["distance"]}


def _baselines(examples: NDArray[np.void], corrupted: Mask) -> dict[str, Any]:
    """Rank correlation of cheap scores with memorization, and how well each finds the lies."""
    rivals = {
        "15-NN leave-one-out": -examples["neighbours"],
        "margin outside": -examples["margin_outside"],
        "margin inside": -examples["margin_inside"],
        "first learned": examples["first_learned"],
    }
    value = examples["memorization"].astype(np.float64)
    found: dict[str, Any] = {}
    scores = {"memorization": value} | {n: v.astype(np.float64) for n, v in rivals.items()}
    for name, score in scores.items():
        fine = np.isfinite(score) & np.isfinite(value)
        if not fine.any():
            continue
        area = roc_area(score[fine], corrupted[fine]).auc if corrupted.any() else math.nan
        found[name] = {
            "rank_correlation": _or_none(rank_correlation(score[fine], value[fine])),
            "lies_auc": _or_none(area),
        }
    early = rank_correlation(
        examples["outside"].astype(np.float64), examples["first_learned"].astype(np.float64)
    )
    return {"scores": found, "held_out_and_first_learned": _or_none(early)}


def _quantiles(values: NDArray[np.floating], points: Sequence[float]) -> dict[str, float | None]:
    finite = values[np.isfinite(values)]
    if not len(finite):
        return {f"{point:g}": None for point in points}
    return {f"{p:g}": float(np.quantile(finite, p)) for p in points}


def _or_none(value: float) -> float | None:
    return value if math.isfinite(value) else None
