"""Worlds where the truth is known for T1 to T5, S1 to S3 and the early trajectory."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from memlab.claims.registry import CLAIMS
from tests.claims.worlds import World, world

LEAST = {claim.id: claim.least_effect or 0.0 for claim in CLAIMS}
RATIOS = np.array([4.0, 8.0, 16.0, 32.0, 64.0])
RATES = np.array([0.05, 0.1, 0.2, 0.4, 0.8])
#: What is on the scale of the world as it is; everything else but differences is an exponential.
PLACES = ("η", "η/S", "β")
ARMS = np.zeros(5)


def exponential(name: str, values: np.ndarray) -> np.ndarray:
    return values if name.startswith(PLACES) else np.exp(values)


def sloped(
    names: list[str], place: str | list[str], x: np.ndarray, deviation: float
) -> Callable[..., World]:
    """Worlds of slopes: `made(claim's slopes, control's slopes)`, by name in their order."""

    def made(own: list[float], other: list[float], common: float = 0.5) -> World:
        def arm(slopes: list[float]) -> dict[str, np.ndarray]:
            values = {n: s * np.log(x / x[0]) for n, s in zip(names, slopes, strict=True)}
            return values | dict.fromkeys(place if isinstance(place, list) else [place], x)

        spread = dict.fromkeys(names, deviation)
        return world(arm(own), arm(other), deviation=spread, common=common, as_seen=exponential)

    return made


WIDER = sloped(
    ["cross-entropy", "squared"], ["η/S, cross-entropy", "η/S, squared"], RATIOS, deviation=0.085
)
LOWER = sloped(["peak"], "η", RATES, deviation=0.43)
BETTER = sloped(["Tr K ÷ λ_K", "λ* ÷ λ_K"], "η", RATES, deviation=0.11)


def memory(own: float, other: float, second: float | None = None) -> World:
    x = np.log(RATIOS[:4])
    means = {"25%": 0.5 + own * x, "50%": 0.4 + (own if second is None else second) * x}
    noise = {"25%": 0.1 + other * x}
    return world(
        means | {"η/S": RATIOS[:4]},
        noise | {"η/S": RATIOS[:4]},
        deviation={"25%": 0.012, "50%": 0.015},
        common=0.5,
    )


def plain(
    own: dict[str, float], other: dict[str, float], deviation: object, common: float = 0.5
) -> World:
    return world(own, other, deviation=deviation, common=common)  # type: ignore[arg-type]


def ratio(step: float, known: float, change: float = 0.5, deviation: float = 0.08) -> World:
    return world(
        {"step": np.full(3, step), "ratio": change},
        {"step": np.full(1, known), "ratio": change, "known": 1.0},
        deviation={"step": deviation, "ratio": 0.06},
    )


def edge(mean: float, inside: float, largest: float, slow: float) -> World:
    own = {"mean": mean, "largest": largest, "first": 0.4, "inside": inside, "of": 60.0}
    late = {"inside": float(slow > 0.9), "of": 60.0}
    other = {"mean": 0.9 * slow, "largest": slow, "first": 0.1} | late
    spread = {"mean": 0.03, "largest": 0.03, "first": 0.03, "inside": 0.02}
    return world(own, other, deviation=spread, as_seen=_share)


def _share(name: str, values: np.ndarray) -> np.ndarray:
    return np.clip(values, 0.0, 1.0) if name == "inside" else values


def scaled(far: float, near: float, known: float, deviation: float = 0.5) -> World:
    factors = np.array([2.0, 4.0, 8.0, 16.0, 32.0])
    grown = near + (far - near) * np.arange(5) / 4
    return world(
        {"log λ₁": grown, "test accuracy": np.zeros(5), "β": factors},
        {"log λ₁": np.array([known]), "β": factors[:1], "known": 1.0},
        deviation={"log λ₁": deviation, "test accuracy": deviation},
        common=0.5,
    )


def stages(gap: float, constant: float, of: str = "decay-rate", deviation: float = 0.012) -> World:
    own = {f"{n} − {of}, {o}, epoch {k}": gap if (n, o, k) == ("grow", "sgd", 32) else 0.0
           for o in ("sgd", "momentum", "nesterov") for n in ("grow", "hybrid")
           for k in (32, 16, 24)}  # fmt: skip
    other = {f"constant − {of}, {o}": constant for o in ("sgd", "momentum", "nesterov")}
    return world(own, other, deviation=deviation)


def ends(gap: float, few: float) -> World:
    own = {name: gap if name == "sgd" else 0.0 for name in ("sgd", "momentum", "nesterov")}
    return world(own, {"few": few}, deviation=0.009)


def cyclic(gap: float, constant: float) -> World:
    return world(
        {"log λ₁": gap, "test accuracy": 0.0},
        {"log λ₁": constant},
        deviation={"log λ₁": 0.06, "test accuracy": 0.006},
    )


def batches(by_rate: float, by_size: float, train: float = 1.0) -> World:
    """Accuracy with its top at a batch size of these powers of η and N; the train loss falls with
    the batch, `train` of the way."""
    rates, sizes = np.array([1.0, 1.6, 2.5, 4]), np.array([400.0, 540, 735, 1000])
    grid = np.log(2.0 ** np.arange(1, 8))
    best = 1.6 + by_rate * np.log(rates)[:, None, None] + by_size * np.log(sizes / 400)[:, None]
    own = 0.9 - 0.02 * (grid - best) ** 2
    other = train * 0.1 * np.broadcast_to(grid, own.shape) + (1 - train) * own
    places = {"η": rates, "N": sizes, "S": np.exp(grid)}
    return world({"score": own} | places, {"score": other} | places, deviation={"score": 0.005})


def barriers(start: float, late: float, brief: float) -> World:
    """After a fork at the start, a late one, and one at the start with as little time."""
    own, other = {"start": start, "late": late}, {"start": start, "late": brief}
    return world(own, other, deviation={"start": 0.028, "late": 0.01}, common=0.5)


def thrown(rise: float, edge: float, left: float, small: float = 1.1) -> World:
    """Three step sizes beyond 2 ÷ λ₀ and two below, which leave `small` of λ₀."""
    own = {
        "rise": np.log(rise * np.array([1, 2, 4])),
        "edge": np.log(edge * np.array([1, 0.8, 0.7])),
    }
    other = {"rise": np.zeros(2), "edge": np.log([0.8, 0.5]), "left": np.full(2, np.log(small))}
    spread = {"rise": 0.09, "edge": 0.05, "left": 0.05}
    own |= {"left": np.full(3, np.log(left))}
    return world(own, other, deviation=spread, common=0.5, as_seen=lambda _, v: np.exp(v))


def penalty(early: float, late: float, slope: float) -> World:
    """What a penalty gains early and late; the slope of log max Tr F on log η."""
    place = {"η": RATES, "peak": 5 + slope * np.log(RATES)}
    return world({"gain": early, **place}, {"gain": late, **place},
                 deviation={"gain": 0.008, "peak": 0.1}, common=0.5,
                 as_seen=exponential_peak)  # fmt: skip


def exponential_peak(name: str, values: np.ndarray) -> np.ndarray:
    return np.exp(values) if name == "peak" else values


DOSE = {"loss": 0.15, "updates": 0.15}
#: Of each claim: worlds where it is false, and one where it is true.
WORLDS: dict[str, tuple[dict[str, World], World]] = {
    "S1a": (
        {"at the margin": stages(0.02, 0.05), "cannot see": stages(0.0, 0.02)},
        stages(0.0, 0.05),
    ),
    "T1": (
        {
            "too little": WIDER([-0.05, -0.05], [0, 0]),
            "progress alone": WIDER([-0.3, -0.3], [-0.3, -0.3]),
            "cross-entropy alone": WIDER([-0.3, 0], [0, 0]),
            "independent": WIDER([0, 0], [0, 0], common=0.0),
        },
        WIDER([LEAST["T1"]] * 2, [0, 0]),
    ),
    "T2": (
        {
            "at the margin": ratio(-0.125, -0.5),
            "nothing matters": ratio(0.0, 0.0, change=0.0),
            "cannot see": ratio(0.0, -0.125),
        },
        ratio(0.0, -0.5),
    ),
    "T3": (
        {"no effect": memory(0, 0), "the reading": memory(0.02, 0.02), "one": memory(0.02, 0, 0)},
        memory(0.02, 0),
    ),
    "T4": (
        {
            "at the margin": scaled(1.0, 0.0, 2.5),
            "never equal": scaled(3.0, 1.0, 2.5),
            "cannot see": scaled(2.5, 0.0, 1.0),
        },
        scaled(2.5, 0.0, 2.5),
    ),
    "T5": (
        {"at the margin": cyclic(0.11, 0.45), "cannot see": cyclic(0.0, 0.11)},
        cyclic(0.0, 0.45),
    ),
    "S1": (
        {"at the margin": stages(0.02, 0.05), "cannot see": stages(0.0, 0.02)},
        stages(0.0, 0.05),
    ),
    "S2": ({"at the margin": ends(0.01, -0.05), "cannot see": ends(0.0, -0.01)}, ends(0.0, -0.05)),
    "S3": (
        {
            "not with η": batches(0.4, 1.0),
            "not with N": batches(1.0, 0.4),
            "too few updates": batches(1.0, 1.0, train=0.0),
        },
        batches(1.0, 1.0),
    ),
    "B1": (
        {
            "no rise": plain({"rise": 0.69, "fall": 0.3}, {"rise": 0.0, "fall": 0.0}, 0.15),
            "no fall": plain({"rise": 1.0, "fall": 0.09}, {"rise": 0.0, "fall": 0.0}, 0.1),
            "weights grow": plain({"rise": 1.0, "fall": 0.3}, {"rise": 1.0, "fall": 0.3}, 0.15),
        },
        plain({"rise": 1.2, "fall": 0.3}, {"rise": 0.1, "fall": 0.0}, 0.15),
    ),
    "B2": (
        {"too little": LOWER([-0.05], [0]), "progress alone": LOWER([-0.2], [-0.2])},
        LOWER([LEAST["B2"]], [0]),
    ),
    "B3": (
        {
            "too little": BETTER([0.05, 0.05], [0, 0]),
            "progress alone": BETTER([0.2, 0.2], [0.2, 0.2]),
            "one": BETTER([0.2, 0], [0, 0]),
        },
        BETTER([LEAST["B3"]] * 2, [0, 0]),
    ),
    "B4": (
        {
            "leaves the band": edge(1.2, 0.5, 1.4, 0.4),
            "not reached": edge(0.9, 1.0, 1.0, 0.4),
            "any rate": edge(1.02, 1.0, 1.05, 1.05),
        },
        edge(1.02, 0.98, 1.1, 0.4),
    ),
    "B5": (
        {
            "no effect": plain({"loss": 0, "updates": 0}, {"loss": 0, "updates": 0}, DOSE),
            "any time": plain({"loss": -0.3, "updates": -0.3}, {"loss": -0.3, "updates": -0.3},
                              DOSE),
            "recency": plain({"loss": -0.3, "updates": 0}, {"loss": 0, "updates": 0}, DOSE),
        },
        plain({"loss": -0.35, "updates": -0.35}, {"loss": 0, "updates": 0}, DOSE),
    ),
    "B6": (
        {
            "at the margin": barriers(0.105, 0.005, 0.1),
            "late as well": barriers(0.2, 0.02, 0.2),
            "time alone": barriers(0.2, 0.005, 0.005),
        },
        barriers(0.105 + LEAST["B6"], 0.005, 0.15),
    ),
    "B7": (
        {
            "nothing": penalty(0.0, 0.0, -0.4),
            "at any time": penalty(0.012, 0.012, -0.4),
            "whatever η": penalty(0.012, 0.0, -0.05),
        },
        penalty(LEAST["B7"], 0.0, -0.4),
    ),
    "B8": (
        {
            "at the margin": thrown(1.2, 0.8, 0.4),
            "beyond the edge": thrown(1.5, 1.0, 0.4),
            "as sharp as before": thrown(1.5, 0.8, 0.8),
            "any step size": thrown(1.5, 0.8, 0.5, small=0.5),
        },
        thrown(1.2 * LEAST["B8"], 0.8, 0.4),
    ),
}  # fmt: skip
