"""Worlds where the truth is known for Zhang's claims."""

from __future__ import annotations

import numpy as np

from tests.claims.worlds import World, world

SHARES = np.linspace(0.0, 1.0, 11)
SIZES = np.array([125.0, 250.0, 500.0, 1000.0])
COUNTS = {"examples", "share", "chance", "censored"}


def accuracies(name: str, values: np.ndarray) -> np.ndarray:
    if name in COUNTS:
        return values
    return np.clip(np.round(values * 997) / 997, 0.0, 1.0)


def random_labels(train: float, test: float, true: float) -> World:
    """Train and test accuracy on random labels, test accuracy on true ones."""
    known = {"chance": 0.1, "examples": 1000.0}
    own, other = {"train": train, "test": test, **known}, {"train": 1.0, "test": true, **known}
    spread = {"train": 0.002, "test": 0.02}
    return world(own, other, deviation=spread, common=0.5, as_seen=accuracies)


Z1 = {
    "nothing is ever learned": random_labels(1.0, 0.1, 0.1),
    "not fitted": random_labels(0.985, 0.1, 0.9),
    "known": random_labels(1.0, 0.2, 0.9),
}


def ladder(own: tuple, other: tuple, common: float = 0.5) -> World:
    """(error by share, least train accuracy) of claim and control."""
    known = {"share": SHARES, "examples": 500.0}
    arms = [{**known, "error": error, "train": np.full(11, train)} for error, train in (own, other)]
    spread = {"error": 0.02, "train": 0.002}
    return world(*arms, deviation=spread, common=common, as_seen=accuracies)


RISING, FLAT = 0.05 + 0.85 * SHARES, np.full(11, 0.9)
FALLS_ONCE = RISING - 0.12 * (np.abs(SHARES - 0.5) < 0.01)
Z4 = {
    "no step": ladder((FLAT, 1.0), (FLAT, 1.0)),
    "independent": ladder((FLAT, 1.0), (FLAT, 1.0), common=0.0),
    "the rival does it": ladder((RISING, 1.0), (RISING, 1.0)),
    "one step down": ladder((FALLS_ONCE, 1.0), (FLAT, 1.0)),
    "not fitted": ladder((RISING, 0.98), (FLAT, 1.0)),
}


def slow(own: np.ndarray, other: np.ndarray, censored: float = 0.0) -> World:
    arms = [
        {"examples": SIZES, "ratio": np.log(own), "censored": np.zeros(4)},
        {"examples": SIZES, "ratio": np.log(other), "censored": np.full(4, censored)},
    ]
    return world(
        *arms,
        deviation={"ratio": 0.15},
        common=0.5,
        as_seen=lambda name, v: np.exp(v) if name == "ratio" else v,
    )


FACTOR = np.full(4, 4.0)
Z3 = {
    "at the border": slow(np.full(4, 10.0), np.full(4, 30.0), 1.0),
    "the rival is as fast": slow(FACTOR, FACTOR),
    "grows with N": slow(np.array([2.0, 2.8, 3.9, 5.5]), np.full(4, 30.0), 1.0),
}


def noises(permuted: float, gauss: float, least: float = 1.0, shuffled: float = 0.7) -> World:
    known = {"chance": 0.1, "examples": 500.0}
    own = {"least": least, "real": 0.95, "shuffled": shuffled, "permuted each": permuted}
    own |= {"Gaussian": gauss, **known}
    other = dict.fromkeys(("real", "shuffled", "permuted each", "Gaussian"), 0.95)
    other |= {"least": 1.0, **known}
    spread = dict.fromkeys(("real", "shuffled", "permuted each", "Gaussian"), 0.02)
    return world(own, other, deviation=spread, common=0.5, as_seen=accuracies)


Z2 = {
    "Gaussian is known": noises(0.2, 0.15),
    "noise is known too": noises(0.7, 0.1),
    "not fitted": noises(0.2, 0.1, least=0.98),
    "shuffled is known as well": noises(0.2, 0.1, shuffled=0.95),
}


def regularized(fit: float, plain: float, stopped: float = 0.6) -> World:
    own = {"weight_decay": fit, "dropout": fit, "plain": plain, "best": 0.95, "examples": 500.0}
    other = own | {"weight_decay": stopped, "dropout": stopped}
    spread = {"weight_decay": 0.001, "dropout": 0.001, "plain": 0.01, "best": 0.01}
    return world(own, other, deviation=spread, common=0.5, as_seen=accuracies)


Z5 = {
    "not fitted": regularized(0.985, 0.94),
    "needed": regularized(1.0, 0.85),
    "nothing stops it": regularized(1.0, 0.94, stopped=1.0),
}


def capacity(own: float, other: float, deviation: float = 0.1) -> World:
    arms = [
        {"examples": SIZES, "parameters": 5.0 + slope * np.log(SIZES)} for slope in (own, other)
    ]
    return world(
        *arms,
        deviation={"parameters": deviation},
        common=0.5,
        as_seen=lambda name, v: np.exp(v) if name == "parameters" else v,
    )


Z6 = {
    "at the margin": capacity(0.7, 0.0),
    "the rival does it": capacity(1.0, 1.0),
    "does not grow": capacity(0.0, 0.0),
}


def interpolants(accuracy: float, correlation: float, control: float = 0.1) -> World:
    own = {"accuracy": accuracy, "correlation": correlation}
    other = {"accuracy": control, "correlation": 0.0}
    spread = {"accuracy": 0.03, "correlation": 0.25}
    return world(own, other, deviation=spread, common=0.5)


Z7 = {
    "at the border": interpolants(0.5, 0.1),
    "the norm says which": interpolants(0.8, 0.5),
    "random labels as well": interpolants(0.8, 0.1, 0.8),
}
#: Of each claim: worlds where it is false, and one where it is true.
WORLDS: dict[str, tuple[dict[str, World], World]] = {
    "Z1": (Z1, random_labels(1.0, 0.1, 0.9)),
    "Z2": (Z2, noises(0.2, 0.1)),
    "Z3": (Z3, slow(FACTOR, np.array([9.0, 15.0, 25.0, 30.0]), 1.0)),
    "Z4": (Z4, ladder((RISING, 1.0), (FLAT, 1.0))),
    "Z5": (Z5, regularized(1.0, 0.94)),
    "Z6": (Z6, capacity(1.0, 0.0)),
    "Z7": (Z7, interpolants(0.8, 0.1)),
}
