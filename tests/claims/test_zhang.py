"""Zhang's claims: what the budget ended, and what their measures read."""

from __future__ import annotations

import numpy as np
import pytest

from memlab.claims.registry import named
from memlab.claims.zhang_models import _crossing
from tests.claims.worlds import rates
from tests.claims.worlds_of_zhang import slow


def test_a_factor_that_the_budget_ended_refutes_and_never_supports():
    never = slow(np.full(4, 30.0), np.full(4, 30.0), 1.0)
    draw = np.random.default_rng(0)
    own, _ = never(draw, 8)
    ended = dict(own) | {"censored": np.ones((8, 4))}
    rule = named("Z3").rule
    assert rule is not None
    assert rule(ended).primary.verdict == "not supported"
    low = dict(own) | {"ratio": np.full((8, 4), 4.0), "censored": np.ones((8, 4))}
    assert rule(low).primary.verdict == "inconclusive"
    assert rates(named("Z3"), never, 20).of("supported") == 0.0


def test_the_smallest_width_lies_between_the_rungs_on_a_log_scale():
    assert _crossing([2, 4, 8], np.array([0.5, 0.98, 1.0])) == pytest.approx(4 * 2**0.5)
    assert _crossing([2, 4, 8], np.array([0.995, 1.0, 1.0])) == 2.0
    assert np.isnan(_crossing([2, 4, 8], np.array([0.5, 0.6, 0.7])))
