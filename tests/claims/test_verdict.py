"""The verdict machinery on synthetic data, where the truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from memlab.claims import verdict
from memlab.claims.verdict import Effect, Rule, Verdict, decide

TRIALS = 1_000
SEEDS = (3, 5, 10)
POSITIVE = Rule("above", 0.0)


def _one(make):
    return lambda draw, n, shift: make(draw.normal(shift, 1.0, n))


def _pair(make):
    def trial(draw, n, shift):
        shared = draw.normal(0.0, 5.0, n)  # what the seeds have in common must not matter
        return make(shared + draw.normal(shift, 0.7, n), shared + draw.normal(0, 0.7, n))

    return trial


def _apart(make):
    def trial(draw, n, shift):
        return make(draw.normal(shift, 1.0, n), draw.normal(0.0, 0.3, n))

    return trial


def _ranks(draw, n, shift):
    return verdict.rank_correlation(np.arange(6), draw.normal(0, 1, (n, 6)) + shift * np.arange(6))


KINDS = {
    "t": _one(verdict.t_interval),
    "bootstrap": _one(verdict.bootstrap),
    "paired t": _pair(verdict.paired_t),
    "paired bootstrap": _pair(verdict.paired_bootstrap),
    "Welch": _apart(verdict.unpaired_t),
    "unpaired bootstrap": _apart(verdict.unpaired_bootstrap),
    "rank correlation": _ranks,
    "geometric": lambda draw, n, shift: verdict.geometric_t(np.exp(draw.normal(shift, 1.0, n))),
}


def rates(kind: str, n: int, shift: float, trials: int = TRIALS) -> dict[str, float]:
    draw = np.random.default_rng(7)
    rule = Rule("above", 1.0) if kind == "geometric" else POSITIVE
    said = [decide(KINDS[kind](draw, n, shift), rule).verdict for _ in range(trials)]
    return {name: said.count(name) / trials for name in set(said)}


@pytest.mark.parametrize("n", SEEDS)
@pytest.mark.parametrize("kind", KINDS)
def test_under_the_null_at_most_one_trial_in_twenty_is_supported(kind: str, n: int):
    assert rates(kind, n, 0.0).get("supported", 0.0) <= 0.05


@pytest.mark.parametrize("kind", KINDS)
def test_a_planted_effect_is_found(kind: str):
    assert rates(kind, 10, 2.0, 200).get("supported", 0.0) >= 0.95
    assert rates(kind, 10, -2.0, 200).get("not supported", 0.0) >= 0.95
    assert rates(kind, 3, 12.0, 200).get("supported", 0.0) >= 0.9


@pytest.mark.parametrize("make", [verdict.t_interval, verdict.bootstrap])
def test_uniform_and_discrete_values_stay_within_the_rate_too(make):
    draw = np.random.default_rng(3)
    for n in SEEDS:
        flat = [decide(make(draw.uniform(-1, 1, n)), POSITIVE).verdict for _ in range(TRIALS)]
        assert flat.count("supported") / TRIALS <= 0.05
        steps = [decide(make(draw.integers(-4, 5, n)), POSITIVE).verdict for _ in range(TRIALS)]
        assert steps.count("supported") / TRIALS <= 0.05


@pytest.mark.parametrize("n", SEEDS)
def test_two_sides_together_are_supported_in_at_most_one_null_trial_in_twenty(n: int):
    draw, rule = np.random.default_rng(11), Rule("differs", 0.0, 0.3)
    null = [
        verdict.rank_correlation(np.arange(5), draw.normal(0, 1, (n, 5))) for _ in range(TRIALS)
    ]
    said = [decide(one, rule).verdict for one in null]
    assert said.count("supported") / TRIALS <= 0.05
    for sign in (1, -1):
        trend = sign * 3 * np.arange(5) + draw.normal(0, 1, (n, 5))
        assert decide(verdict.rank_correlation(np.arange(5), trend), rule).verdict == "supported"


def test_equivalence_is_supported_rarely_when_the_truth_is_at_the_margin():
    draw, rule = np.random.default_rng(1), Rule("within", 0.0, 0.5)
    for n in SEEDS:
        values = [decide(verdict.t_interval(draw.normal(0.5, 0.2, n)), rule) for _ in range(TRIALS)]
        assert sum(v.verdict == "supported" for v in values) / TRIALS <= 0.05
    exact = decide(verdict.t_interval(draw.normal(0.0, 0.05, 5)), rule)
    assert exact.verdict == "supported"
    assert decide(verdict.t_interval([0.9, 0.91, 0.92]), rule).verdict == "not supported"


def test_intervals_equal_scipys():
    draw = np.random.default_rng(0)
    one, other = draw.normal(1, 1, 6), draw.normal(0, 2, 6)
    mine = verdict.t_interval(one)
    low, high = stats.t.interval(0.95, 5, one.mean(), stats.sem(one))
    assert (mine.low, mine.high) == pytest.approx((low, high))
    mine = verdict.unpaired_t(one, other)
    theirs = stats.ttest_ind(one, other, equal_var=False).confidence_interval(0.95)
    assert (mine.low, mine.high) == pytest.approx((theirs.low, theirs.high))
    mine = verdict.paired_t(one, other)
    theirs = stats.ttest_rel(one, other).confidence_interval(0.95)
    assert (mine.low, mine.high) == pytest.approx((theirs.low, theirs.high))
    assert verdict.spearman(one, other) == pytest.approx(stats.spearmanr(one, other).statistic)


def test_a_bootstrap_of_many_seeds_is_near_the_t_interval_and_never_narrower():
    values = np.random.default_rng(2).normal(3, 1, 40)
    t, b = verdict.t_interval(values), verdict.bootstrap(values)
    assert b.low <= t.low
    assert b.high >= t.high
    assert b.high - b.low < 1.15 * (t.high - t.low)
    assert verdict.bootstrap(values) == b


def test_a_bootstrap_reaches_further_where_values_are_skewed():
    values = [0.0, 0.1, 0.0, 0.2, 3.0]
    t, b = verdict.t_interval(values), verdict.bootstrap(values)
    assert b.high > 1.05 * t.high
    assert b.low == t.low


def test_fewer_than_three_seeds_give_no_verdict():
    for values in ([], [1.0], [1.0, 1.0], [1.0, 1.0, np.nan]):
        made = decide(verdict.t_interval(values), POSITIVE)
        assert made.verdict == "inconclusive"
    assert decide(verdict.t_interval([1.0, 1.0]), POSITIVE).seeds_to_decide == 3
    assert decide(verdict.t_interval([1.0, 1.0, 1.0]), POSITIVE).verdict == "supported"


def test_the_number_of_seeds_that_would_decide_does_decide():
    values = np.array([0.5, -0.4, 0.9, 0.1, 0.2])
    made = decide(verdict.t_interval(values), POSITIVE)
    assert made.verdict == "inconclusive"
    n = made.seeds_to_decide
    assert n is not None
    spread, mean = values.std(ddof=1), values.mean()
    assert mean > stats.t.ppf(0.975, n - 1) * spread / np.sqrt(n)
    assert mean <= stats.t.ppf(0.975, n - 2) * spread / np.sqrt(n - 1)
    assert decide(verdict.t_interval([-1.0, 1.0, 0.0]), POSITIVE).seeds_to_decide is None


def test_a_ratio_is_decided_on_the_scale_of_logarithms():
    made = verdict.geometric_t([2.0, 4.0, 8.0])
    assert made.mean == pytest.approx(4.0)
    assert made.low * made.high == pytest.approx(16.0)
    assert decide(made, Rule("above", 2.0)).seeds_to_decide is not None
    with pytest.raises(ValueError, match="above 0"):
        verdict.geometric_t([1.0, 0.0])


def test_a_margin_is_asked_where_one_is_needed():
    for direction in ("within", "differs"):
        with pytest.raises(ValueError, match="needs a margin"):
            Rule(direction, 0.1)


def test_a_claim_of_several_conditions_is_as_good_as_its_worst():
    def said(name: str, seeds: int | None = None) -> Verdict:
        return Verdict(name, Effect(0, 0, 0, 3, 0, "t"), POSITIVE, seeds)  # type: ignore[arg-type]

    yes, no, maybe = said("supported"), said("not supported"), said("inconclusive", 8)
    assert verdict.all_of([yes, yes]) == "supported"
    assert verdict.all_of([yes, maybe]) == "inconclusive"
    assert verdict.all_of([maybe, no, yes]) == "not supported"
    assert verdict.all_of([]) == "inconclusive"
    assert verdict.seeds_to_decide([yes, maybe, said("inconclusive", 12)]) == 12
    assert verdict.seeds_to_decide([maybe, said("inconclusive")]) is None


def test_rank_correlation_is_made_within_each_seed():
    conditions = np.arange(5)
    seeds = np.array([[0, 1, 2, 3, 4], [10, 11, 12, 13, 14], [5, 6, 8, 7, 9]])
    made = verdict.rank_correlation(conditions, seeds)
    assert made.mean == pytest.approx((1 + 1 + 0.9) / 3)
    assert made.high == 1.0
    with pytest.raises(ValueError, match="4 conditions"):
        verdict.rank_correlation([1, 2, 3], np.ones((3, 3)))
