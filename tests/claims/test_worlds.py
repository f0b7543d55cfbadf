"""Claims' own rules on worlds where the truth is known: they keep their level and their power.

The worlds of a paper's claims stand beside this file, one a paper (`test_level_and_power` tries
them); here are those of the claims that the machinery itself is tried on.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from memlab.claims import criteria as that
from memlab.claims.claim import Claim, Contrast, Control, Found, Measured, Sensitivity
from memlab.claims.power import detectable
from tests.claims.worlds import TRIALS, World, check_level, check_power, rates, world

CONDITIONS = np.arange(5.0)


def _nothing(_: object) -> Measured:
    raise AssertionError("worlds are drawn, not measured")


def _difference(found: Found) -> Measured:
    gap = found["one"] - found["other"]
    return Measured((that.above("one − other", gap, 0.0),), contrast=gap)


def _slope(found: Found) -> Measured:
    slopes = that.slope_of(CONDITIONS, found["row"])
    return Measured((that.rises("slope", CONDITIONS, found["row"]),), contrast=slopes)


def _equality(found: Found) -> Measured:
    return Measured((that.equal("one − other", found["one"], found["other"], 1.5),))


BARE = Claim(
    id="X", paper="x", title="t", sentence="s", source="s", criterion="c", paper_had="p",
    refuted_by="r", rival="x", contrast=Contrast("one − other", "above"), measure=_nothing,
    control=Control("elsewhere", _nothing),
)  # fmt: skip
DIFFERENCE = replace(BARE, rule=_difference)
SLOPE = replace(BARE, rule=_slope)
EQUALITY = replace(
    BARE, rule=_equality, control=None, contrast=None, sensitivity=Sensitivity("known", _nothing)
)
ARMS = {"one": 0.0, "other": 0.0}
#: Of each claim: worlds in which it is false.
NULL: dict[str, tuple[Claim, dict[str, World]]] = {
    "difference": (
        DIFFERENCE,
        {
            "independent": world(ARMS, ARMS, deviation=1.0),
            "half in common": world(ARMS, ARMS, deviation=1.0, common=0.5),
            "heavy tails": world(ARMS, ARMS, deviation=1.0, heavy=True),
            "the rival does it": world(
                {"one": 1.0, "other": 0.0}, {"one": 1.0, "other": 0.0}, deviation=1.0
            ),
        },
    ),
    "slope": (
        SLOPE,
        {
            "independent": world({"row": 0 * CONDITIONS}, {"row": 0 * CONDITIONS}, deviation=1.0),
            "half in common": world(
                {"row": 0 * CONDITIONS}, {"row": 0 * CONDITIONS}, deviation=1.0, common=0.5
            ),
            "the rival does it": world({"row": CONDITIONS}, {"row": CONDITIONS}, deviation=1.0),
        },
    ),
    "equality": (
        EQUALITY,
        {
            "at the margin": world(
                {"one": 1.5, "other": 0.0}, {"one": 3.5, "other": 0.0}, deviation=0.3, common=0.5
            ),
            "cannot see": world(ARMS, {"one": 1.5, "other": 0.0}, deviation=0.5),
        },
    ),
}


@pytest.mark.parametrize("name", NULL)
def test_a_rule_is_supported_in_at_most_one_null_world_in_twenty(name: str):
    check_level(*NULL[name])


@pytest.mark.full
@pytest.mark.parametrize("name", NULL)
def test_a_rule_is_supported_in_at_most_one_of_twenty_in_a_thousand_null_worlds(name: str):
    check_level(*NULL[name], trials=TRIALS)


def test_a_rule_finds_the_effect_that_it_can_detect():
    # claim − control has twice the variance of the claim alone: the contrast asks for √2 more
    size = 2.0 * detectable(8, 0.9)
    check_power(DIFFERENCE, world({"one": size, "other": 0.0}, ARMS, deviation=1.0))
    check_power(SLOPE, world({"row": CONDITIONS}, {"row": 0 * CONDITIONS}, deviation=1.0))
    known = {"one": 4.0, "other": 0.0}
    check_power(EQUALITY, world(ARMS, known, deviation=0.5, common=0.5))


def test_conditions_alone_would_be_fooled_where_the_control_is_not():
    """What the control is for: a criterion that something else meets."""
    claim, worlds = NULL["difference"]
    fooled = worlds["the rival does it"]
    draw = np.random.default_rng(1)
    alone = [_difference(fooled(draw, 40)[0]).verdict for _ in range(100)]
    assert alone.count("supported") > 90
    assert rates(claim, fooled, 100).of("supported") < 0.1


def test_what_all_replicates_share_cannot_be_seen_from_inside():
    """The board says so: an offset of this one pool of examples passes for an effect."""

    def offset(draw: np.random.Generator, n: int) -> tuple[Found, Found]:
        pool = draw.normal(0, 1)
        own = {"one": pool + draw.normal(0, 1, n), "other": np.zeros(n)}
        return own, {"one": draw.normal(0, 1, n), "other": np.zeros(n)}

    assert not rates(DIFFERENCE, offset, 200).at_most("supported", 0.05)
