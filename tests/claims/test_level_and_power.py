"""Each claim's rule, conditions and control together, on worlds where the truth is known."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from memlab.claims.claim import SIZES
from memlab.claims.contract import check_claim
from memlab.claims.registry import CLAIMS, named
from tests.claims import (
    worlds_of_arpit_fort,
    worlds_of_descent,
    worlds_of_lookup,
    worlds_of_memorization,
    worlds_of_zhang,
)
from tests.claims.worlds import TRIALS, World, check_level, check_power

#: Of each claim: worlds where it is false, and one where it is true.
WORLDS: Mapping[str, tuple[dict[str, World], World]] = {
    **worlds_of_zhang.WORLDS,
    **worlds_of_arpit_fort.WORLDS,
    **worlds_of_descent.WORLDS,
    **worlds_of_lookup.WORLDS,
    **worlds_of_memorization.WORLDS,
}
#: Trials of the short form; S3 makes a jackknife in each.
FEW = {"Z1": 200, "S3": 25}


def test_every_claim_is_tried():
    assert {claim.id for claim in CLAIMS} == set(WORLDS)


@pytest.mark.parametrize("name", WORLDS)
def test_a_claim_keeps_its_level_and_has_its_power(name: str):
    false, true = WORLDS[name]
    check_level(named(name), false, FEW.get(name, 100))
    check_power(named(name), true, FEW.get(name, 100))


@pytest.mark.full
@pytest.mark.parametrize("name", WORLDS)
def test_a_claim_keeps_its_level_and_has_its_power_in_a_thousand_worlds(name: str):
    false, true = WORLDS[name]
    check_level(named(name), false, TRIALS)
    check_power(named(name), true, TRIALS)


@pytest.mark.parametrize("size", SIZES)
def test_every_claim_keeps_to_the_contract(size):
    for claim in CLAIMS:
        check_claim(claim, size)
        assert claim.budget is not None
