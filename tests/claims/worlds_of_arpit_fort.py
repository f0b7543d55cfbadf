"""Worlds where the truth is known for Arpit's and for Fort's claims.

`e` is the effect that a claim says it can detect; the spread is what was seen on the development
replicates, or what makes that effect just detectable. Half of the variance is common to the arms
of a replicate.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from memlab.claims.registry import named
from tests.claims.worlds import World, world

Arm = Mapping[str, ArrayLike]
#: Spread as a share of the detectable effect: claim − control has twice the variance of a
#: difference, and several conditions have to hold at once.
SHARE = 0.4


def effect(name: str) -> float:
    size = named(name).least_effect
    assert size is not None
    return size


def differences(name: str, true: tuple[Arm, Arm], nulls: Mapping[str, tuple[Arm, Arm]], **more):
    """A claim of differences between arms, in units of its detectable effect."""
    e, fixed, share = effect(name), more.pop("fixed", {}), more.pop("share", SHARE)

    def made(arms: tuple[Arm, Arm]) -> World:
        own, other = ({k: e * np.asarray(v) for k, v in arm.items()} | fixed for arm in arms)
        spread = dict.fromkeys(arms[0], share * e)
        return world(own, other, deviation=spread, common=0.5, **more)

    return {what: made(arms) for what, arms in nulls.items()}, made(true)


def three(real: float, labels: float, inputs: float) -> Arm:
    return {"real": real, "labels": labels, "inputs": inputs}


def spread_like(name: str):
    """Real data above both noises (A1, A2)."""
    nothing = three(0, 0, 0)
    return differences(
        name,
        (three(1, 0, 0), nothing),
        {
            "nothing": (nothing, nothing),
            "degree of fit": (three(1, 0, 0), three(1, 0, 0)),
            "one noise as real data": (three(1, 0, 1), nothing),
        },
    )


def across():
    real, alike = {"real": 1, "labels": 0}, {"real": 0, "labels": 0}
    nulls = {"nothing": (alike, alike), "degree of fit": (real, real)}
    return differences("A3", (real, alike), nulls)


UNITS = np.array([8.0, 16, 32, 64, 128])
EXAMPLES = np.array([250.0, 500, 1000, 2000])


def logistic(name: str, values: np.ndarray) -> np.ndarray:
    return values if name == "widths" else 1 / (1 + np.exp(-values))


def widths():
    e = effect("A4")
    place = np.log2(UNITS)

    def arm(real: float, some: float, most: float) -> Arm:
        return {"real": real * place, "some": some * place, "most": most * place, "widths": UNITS}

    def made(own: Arm, other: Arm) -> World:
        spread = {"real": 0.13, "some": 0.13, "most": 0.13}
        return world(own, other, deviation=spread, common=0.5, as_seen=logistic)

    flat = arm(0.1, 0.1, 0.1)
    true = arm(0.1, 0.1 + e, 0.1 + e)
    nulls = {
        "nothing": made(flat, flat),
        "fewer examples": made(true, true),
        "one level of noise": made(arm(0.1, 0.1, 0.1 + e), flat),
    }
    return nulls, made(true, flat)


def times(name: str, values: np.ndarray) -> np.ndarray:
    if name == "sizes" or name.endswith("censored"):
        return values
    return np.exp(values)


def examples():
    e, place, none = effect("A5"), np.log(EXAMPLES / 250), np.zeros(3)

    def arm(labels: float, inputs: float, late: float) -> Arm:
        found: dict[str, ArrayLike] = {"sizes": EXAMPLES, "real": 2 + 0 * place}
        found |= {"labels": 2 + late + labels * place, "inputs": 2 + late + inputs * place}
        found |= {"real by width": 2 + none, "real censored": none}
        for one in ("labels", "inputs"):
            found |= {f"{one} by width": 2 + late + none, f"{one} censored": none}
        return found

    spread = {k: 0.2 for k in arm(0, 0, 0) if k != "sizes" and not k.endswith("censored")}

    def made(own: Arm, other: Arm) -> World:
        return world(own, other, deviation=spread, common=0.5, as_seen=times)

    nothing = arm(0, 0, 0)
    nulls = {
        "nothing": made(nothing, nothing),
        "slower, not steeper": made(arm(0, 0, 1), nothing),
        "harder": made(arm(e, e, 1), arm(e, e, 1)),
    }
    return nulls, made(arm(e, e, 1), nothing)


SHARES = np.array([0.0, 0.25, 0.5, 0.75, 1.0])


def critical():
    def arm(labels: float, inputs: float) -> Arm:
        return {**three(0, labels, inputs), "ladder": labels * SHARES}

    nothing = arm(0, 0)
    nulls = {
        "nothing": (nothing, nothing),
        "time": (arm(1, 1), arm(1, 1)),
        "inputs alike": (arm(1, 0), nothing),
    }
    return differences("A6", (arm(1, 1), nothing), nulls, fixed={"shares": SHARES})


def peaks():
    cost, four = effect("A7"), np.ones(4)

    def arm(lost: ArrayLike, late: float = 20.0) -> Arm:
        return {
            "best": 0.7 * four,
            "final": 0.7 * four - lost,
            "epoch": 10 * four,
            "half": (10 + late) * four,
        }

    def made(own: Arm, other: Arm) -> World:
        spread = {"best": 0.022, "final": 0.022, "epoch": 4.0, "half": 4.0}
        return world(own, other, deviation=spread, common=0.5)

    true, nothing = arm(cost * np.array([1, 1.5, 1.5, 1.5])), arm(0 * four, 0)
    nulls = {
        "nothing": made(nothing, nothing),
        "at the margin": made(arm(0.03 * four), nothing),
        "the best of many": made(true, true),
        "lies first": made(arm(cost * four, 0), nothing),
    }
    return nulls, made(true, nothing)


def two(name: str, one: str, other: str, words: str):
    """A claim of one difference (A8)."""
    true, alike = {one: 1, other: 0}, {one: 0, other: 0}
    return differences(name, (true, alike), {"nothing": (alike, alike), words: (true, true)})


def added():
    """The margin is two fifths of the detectable effect."""
    true, none = {"first": 1, "fitted": 1}, {"first": 0, "fitted": 0}
    nulls = {
        "nothing": (none, none),
        "at the margin": ({"first": 0.4, "fitted": 1}, none),
        "any groups": (true, true),
        "not in the first epoch": ({"first": 0, "fitted": 1}, none),
    }
    return differences("F1", (true, none), nulls, share=SHARE / 2)


def lost():
    nulls = {"nothing": ({"within": 0}, {"within": 0}), "progress": ({"within": 1}, {"within": 1})}
    return differences("F2", ({"within": 1}, {"within": 0}), nulls)


def shared():
    """The margin is two thirds of the detectable effect."""
    true, none = {"real": 1, "labels": 0}, {"real": 0, "labels": 0}
    nulls = {
        "nothing": (none, none),
        "at the margin": ({"real": 2 / 3, "labels": 0}, none),
        "inputs alone": (true, true),
    }
    return differences("F3", (true, none), nulls, share=SHARE / 3)


def steeper():
    true, none = (
        {"trained": -1, "untrained": 0, "other": 0},
        {"trained": 0, "untrained": 0, "other": 0},
    )
    nulls = {
        "nothing": (none, none),
        "any labels": (true, true),
        "as steep on lies": ({"trained": -1, "untrained": 0, "other": -1}, none),
    }
    return differences("F4", (true, none), nulls)


RATES = np.array([0.05, 0.1, 0.2, 0.4])


def lengths():
    e, place = effect("F5"), np.log(RATES)

    def made(own: float, other: float) -> World:
        arms = ({"rates": RATES, "lengths": 1 + slope * place} for slope in (own, other))
        return world(*arms, deviation={"lengths": 0.06}, common=0.5)

    nulls = {"nothing": made(0, 0), "progress": made(-e, -e), "the reverse": made(e, 0)}
    return nulls, made(-e, 0)


WORLDS: dict[str, tuple[dict[str, World], World]] = {
    "A1": spread_like("A1"),
    "A2": spread_like("A2"),
    "A3": across(),
    "A4": widths(),
    "A5": examples(),
    "A6": critical(),
    "A7": peaks(),
    "A8": two("A8", "hinders", "decay", "early stopping"),
    "F1": added(),
    "F2": lost(),
    "F3": shared(),
    "F4": steeper(),
    "F5": lengths(),
}
