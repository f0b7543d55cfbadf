"""Worlds where the truth is known for the lookup table's claims."""

from __future__ import annotations

import numpy as np

from memlab.claims.registry import CLAIMS
from tests.claims.worlds import World, world

LEAST = {claim.id: claim.least_effect or 0.0 for claim in CLAIMS}


def pairs(names: tuple[str, str], own: tuple, other: tuple, deviation: float = 0.02) -> World:
    """(network, rival) on the first and on the second data or kind, of claim and control."""
    arms = []
    for first, second in (own, other):
        arm = {}
        for name, (network, rival) in zip(names, (first, second), strict=True):
            arm |= {f"network, {name}": network, f"rival, {name}": rival}
        arms.append(arm)
    return world(*arms, deviation=deviation, common=0.5)


def better(names: tuple[str, str], chance: float) -> tuple[dict[str, World], World]:
    """Worlds where the claim is false, and one where it is true."""
    nothing = ((chance, chance), (chance, chance))
    win, lose, tie = (0.60, 0.55), (0.55, 0.60), (0.6, 0.6)
    null = {
        "a tie": pairs(names, (tie, tie), nothing),
        "only the second": pairs(names, (tie, win), nothing),
        "only the first": pairs(names, (win, lose), nothing),
        "better on nothing too": pairs(names, (win, win), (win, win)),
    }
    return null, pairs(names, (win, win), nothing)


def areas(digits: float, other: float, control: float = 0.5) -> World:
    return world(
        {"digits": digits, "mnist1d": other},
        {"digits": control, "mnist1d": control},
        deviation=0.03,
        common=0.5,
    )


def probes(hidden: float, other: float) -> World:
    rest = {"wide": 0.6, "matched": 0.5}
    return world({"hidden": hidden, **rest}, {"hidden": other, **rest}, deviation=0.02, common=0.5)


L1, L1_TRUE = better(("mnist1d", "digits"), 0.1)
L3, L3_TRUE = better(("uniform lies", "pair lies"), 0.5)
L2 = {"as wide ones": probes(0.6, 0.4), "not learned": probes(0.65, 0.65)}
L4 = {
    "at the border": areas(0.7, 0.7),
    "one of the data": areas(0.85, 0.5),
    "lies are not it": areas(0.85, 0.85, 0.85),
}
WIDTHS = np.array([4.0, 6.0, 8.0, 10.0, 14.0, 20.0, 100.0])
FALLING = np.array([0.2, 0.17, 0.16, 0.15, 0.14, 0.13, 0.12])
HUMP = np.array([0.2, 0.18, 0.2, 0.24, 0.22, 0.2, 0.15])


def descent(own: np.ndarray, other: np.ndarray) -> World:
    arms = [{"error": error, "width": WIDTHS} for error in (own, other)]
    return world(*arms, deviation={"error": 0.025}, common=0.5)


L7 = {
    "falls": descent(FALLING, FALLING),
    "flat, with the largest of noise for a peak": descent(np.full(7, 0.2), np.full(7, 0.2)),
    "too low a peak": descent(FALLING + 0.03 * (WIDTHS == 14.0), FALLING),
    "with true labels too": descent(HUMP, HUMP),
}


def not_local(network: float, rival: float, features: float, lazy: float = 0.5) -> World:
    own = {"network": network, "rival": rival, "features": features}
    other = {"network": lazy, "rival": rival, "features": rival - 0.1}
    return world(own, other, deviation=0.02, common=0.5)


L5 = {
    "at the margin": not_local(0.85, 0.75, 0.85),
    "kernels know it": not_local(0.97, 0.97, 0.97),
    "features that help no kernel": not_local(0.95, 0.75, 0.85),
    "lazy ones too": not_local(0.95, 0.75, 0.95, lazy=0.95),
}


def shares(name: str, values: np.ndarray) -> np.ndarray:
    return values if name in ("chance", "of") else np.clip(values, 0.0, 1.0)


def grokked(then: float, end: float, tables: float = 0.0, undecayed: float = 0.0) -> World:
    known = {"tables": tables, "chance": 1 / 31, "of": 144.0}
    own, other = {"then": then, "end": end, **known}, {"then": 0.0, "end": undecayed, **known}
    spread = {"then": 0.03, "end": 0.015, "tables": 0.003}
    return world(own, other, deviation=spread, common=0.5, as_seen=shares)


L6 = {
    "at the margin": grokked(0.48, 0.98),
    "not the whole rule": grokked(0.0, 0.95),
    "a table knows it": grokked(0.0, 0.98, tables=0.0323),
    "time alone": grokked(0.0, 0.98, undecayed=0.98),
}
#: Of each claim: worlds where it is false, and one where it is true.
WORLDS: dict[str, tuple[dict[str, World], World]] = {
    "L1": (L1, L1_TRUE),
    "L2": (L2, probes(0.65, 0.4)),
    "L3": (L3, L3_TRUE),
    "L4": (L4, areas(0.8, 0.8)),
    "L5": (L5, not_local(0.85 + LEAST["L5"], 0.75, 0.9)),
    "L6": (L6, grokked(0.48 - LEAST["L6"], 0.98)),
    "L7": (L7, descent(HUMP, FALLING)),
}
