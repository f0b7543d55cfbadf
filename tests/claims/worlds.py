"""Worlds where the truth is known, for a claim's own rule: conditions and control together.

A world draws what a claim's rule is given, values per replicate by name, once for the claim and
once for its control. `errors` counts how often the verdict is then wrong. How to use it is in
docs/contributing.md, "Add a claim":

    NULL = world({"train": 0.9, "test": 0.9}, {"train": 0.9, "test": 0.9}, deviation=0.02)
    TRUE = world({"train": 1.0, "test": 0.1}, {"train": 1.0, "test": 0.9}, deviation=0.02)

    def test_z1_keeps_its_level_and_its_power():
        check_level(Z1, {"alike": NULL})
        check_power(Z1, TRUE)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from memlab.claims.claim import Claim, Found
from memlab.claims.judgement import Outcome, judge

#: Null trials of the whole test, and of its short form in the suite.
TRIALS: Final = 1_000
FEW_TRIALS: Final = 200
LEVEL: Final = 0.05
POWER: Final = 0.8
#: One in a thousand runs of a short test fails although the rule keeps its level.
SLACK: Final = 1e-3

#: Generator and number of replicates → what the claim's rule and what its control's is given.
World = Callable[[np.random.Generator, int], tuple[Found, Found]]


def world(
    claim: Mapping[str, ArrayLike],
    control: Mapping[str, ArrayLike],
    *,
    deviation: float | Mapping[str, ArrayLike],
    common: float = 0.0,
    heavy: bool = False,
    as_seen: Callable[[str, np.ndarray], np.ndarray] = lambda name, values: values,
) -> World:
    """A world of normal values around these means, [] or [conditions] by name.

    Args:
        deviation: standard deviation of a value over replicates, for all or by name; those not
            named have none.
        common: the share of the variance that all arms of one replicate have in common, claim and
            control alike (a split that is easy is easy for all).
        heavy: Student's t with 4 degrees of freedom in place of the normal, of the same variance.
        as_seen: what is measured of a value: `np.clip` for accuracies, `np.exp` for ratios.
    """

    def noise(draw: np.random.Generator, *shape: int) -> np.ndarray:
        return draw.standard_t(4, shape) / np.sqrt(2) if heavy else draw.normal(size=shape)

    def arm(
        means: Mapping[str, ArrayLike], draw: np.random.Generator, shared: Mapping[str, np.ndarray]
    ) -> Found:
        made = {}
        for name, mean in means.items():
            centre = np.asarray(mean, np.float64)
            n = len(shared[name])
            spread = deviation.get(name, 0.0) if isinstance(deviation, Mapping) else deviation
            own = noise(draw, n, *centre.shape)
            same = shared[name].reshape(n, *(1,) * centre.ndim)
            mixed = np.sqrt(common) * same + np.sqrt(1 - common) * own
            made[name] = as_seen(name, centre + np.asarray(spread) * mixed)
        return made

    def draws(draw: np.random.Generator, replicates: int) -> tuple[Found, Found]:
        shared = {name: noise(draw, replicates) for name in {**claim, **control}}
        return arm(claim, draw, shared), arm(control, draw, shared)

    return draws


@dataclass(frozen=True)
class Rates:
    """How often each verdict came out of `trials`."""

    said: Mapping[Outcome, int]
    trials: int

    def of(self, outcome: Outcome) -> float:
        """Its share."""
        return self.said.get(outcome, 0) / self.trials

    def at_most(self, outcome: Outcome, level: float) -> bool:
        """Whether so many would be no surprise if their true share were `level`."""
        return bool(stats.binom.sf(self.said.get(outcome, 0) - 1, self.trials, level) > SLACK)

    def at_least(self, outcome: Outcome, level: float) -> bool:
        """Whether so few would be no surprise if their true share were `level`."""
        return bool(stats.binom.cdf(self.said.get(outcome, 0), self.trials, level) > SLACK)


def rates(claim: Claim, drawn: World, trials: int, seed: int = 0) -> Rates:
    """The claim's verdicts in `trials` worlds, with as many replicates as it asks for."""
    assert claim.rule is not None, f"{claim.id} has no rule to be tried"
    draw = np.random.default_rng([seed, 17])
    said: Counter[Outcome] = Counter()
    for _ in range(trials):
        own, other = drawn(draw, claim.least)
        said[judge(claim, claim.rule(own), claim.rule(other)).outcome] += 1
    return Rates(said, trials)


def check_level(claim: Claim, worlds: Mapping[str, World], trials: int = FEW_TRIALS) -> None:
    """In none of these worlds, where it is false, is the claim supported in more than 5 %."""
    for name, drawn in worlds.items():
        found = rates(claim, drawn, trials)
        assert found.at_most("supported", LEVEL), (
            f"{claim.id} is supported in {found.of('supported'):.1%} of {trials} worlds in which "
            f"it is false, {name}"
        )


def check_power(claim: Claim, drawn: World, trials: int = FEW_TRIALS) -> None:
    """In this world, where it is true, the claim is supported in at least 80 %."""
    found = rates(claim, drawn, trials)
    assert found.at_least("supported", POWER), (
        f"{claim.id} is supported in {found.of('supported'):.1%} of {trials} worlds in which it is "
        f"true: {dict(found.said)}"
    )
