"""Worlds where the truth is known for the claims of memorization."""

from __future__ import annotations

import numpy as np

from memlab.claims.registry import CLAIMS
from tests.claims.worlds import World, world

LEAST = {claim.id: claim.least_effect or 0.0 for claim in CLAIMS}


def tail(real: float, gaussian: float, common: float = 0.5) -> World:
    return world({"share": real}, {"share": gaussian}, deviation=0.007, common=common)


def removed(tail: float, alike: float) -> World:
    """Test accuracy lost without the tail, and without as many of the same classes."""
    arms = ({"random": 0.95, "without": 0.95 - lost} for lost in (tail, alike))
    return world(*arms, deviation=0.002, common=0.5)


def likes(same: float, early: float, nearer: float) -> World:
    own = {"same": same, "chance": 0.1, "distance": 8.0 - nearer, "others": 8.0}
    spread = {"same": 0.1, "chance": 0.002, "distance": 0.3, "others": 0.1}
    return world(own, own | {"same": early}, deviation=spread, common=0.5)


def memorized(lies: float, lucky: float) -> World:
    own, other = {"lies": lies, "truths": 0.15}, {"lies": 0.9, "truths": 0.9 - lucky}
    return world(own, other, deviation=0.03, common=0.5)


def leaks(end: float, early: float, lucky: float) -> World:
    def arm(end: float) -> dict[str, float]:
        logs = {"lies, end": np.log(0.06 * end), "truths, end": np.log(0.06)}
        return logs | {"lies, early": np.log(0.02 * early), "truths, early": np.log(0.02)}

    return world(arm(end), arm(lucky), deviation=0.12, common=0.5, as_seen=lambda _, v: np.exp(v))


def first(rank: float, partial: float, gaussian: float) -> World:
    own = {"rank": rank, "partial": partial}
    return world(own, {"rank": gaussian, "partial": 0.0}, deviation=0.06, common=0.5)


#: Of each claim: worlds in which it is false, and one in which it is true by what it can detect.
WORLDS: dict[str, tuple[dict[str, World], World]] = {
    "M1": (
        {"no tail": tail(0.01, 0.0), "Gaussians have it too": tail(0.05, 0.05)},
        tail(0.01 + LEAST["M1"], 0.002),
    ),
    "M2": (
        {"as much without others": removed(0.0, 0.0), "their classes": removed(0.01, 0.01)},
        removed(LEAST["M2"], 0.0),
    ),
    "M3": (
        {
            "by chance": likes(0.1, 0.1, 1.0),
            "as near as any": likes(0.8, 0.3, 0.0),
            "early already": likes(0.8, 0.8, 1.0),
        },
        likes(0.1 + LEAST["M3"], 0.1, 1.0),
    ),
    "M4": (
        {"at the border": memorized(0.65, 0.0), "luck too": memorized(0.9, 0.75)},
        memorized(0.65 + LEAST["M4"], 0.0),
    ),
    "M5": (
        {
            "at the border": leaks(10.0, 1.5, 1.0),
            "early too": leaks(15.0, 3.0, 1.0),
            "luck too": leaks(15.0, 1.5, 15.0),
        },
        leaks(10.0 + LEAST["M5"], 1.5, 1.0),
    ),
    "M6": (
        {"at the border": first(-0.5, -0.3, 0.0), "neighbours say it": first(-0.7, 0.0, 0.0)},
        first(-0.5 - LEAST["M6"], -0.3, 0.0),
    ),
}
