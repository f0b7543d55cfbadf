"""Intervals, trends, p values and power on synthetic data, where the truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from memlab.claims import criteria, intervals, power, significance, trend
from memlab.claims.replicates import replicates_of
from memlab.claims.selection import best_by_validation, cross_selected
from memlab.claims.verdict import Rule, decide
from memlab.errors import BadInput

TRIALS = 1_000
REPLICATES = (8, 10, 20)
POSITIVE = Rule("above", 0.0)


def _pair(draw, n, shift):
    shared = draw.normal(0.0, 5.0, n)  # what both arms of a replicate have in common
    one, other = shared + draw.normal(shift, 0.7, n), shared + draw.normal(0, 0.7, n)
    return intervals.paired_t(one, other)


def _slope(draw, n, shift):
    y = draw.normal(0, 1, (n, 6)) + shift * np.arange(6) + draw.normal(0, 3, (n, 1))
    return intervals.t_interval(criteria.slope_of(np.arange(6), y))


KINDS = {
    "t": lambda draw, n, shift: intervals.t_interval(draw.normal(shift, 1.0, n)),
    "paired t": _pair,
    "slope": _slope,
    "geometric": lambda draw, n, shift: intervals.geometric_t(np.exp(draw.normal(shift, 1.0, n))),
}


def rates(kind: str, n: int, shift: float, trials: int = TRIALS) -> dict[str, float]:
    draw = np.random.default_rng(7)
    rule = Rule("above", 1.0) if kind == "geometric" else POSITIVE
    said = [decide(KINDS[kind](draw, n, shift), rule) for _ in range(trials)]
    return {name: said.count(name) / trials for name in set(said)}


@pytest.mark.parametrize("n", REPLICATES)
@pytest.mark.parametrize("kind", KINDS)
def test_under_the_null_at_most_one_trial_in_twenty_is_supported(kind: str, n: int):
    assert rates(kind, n, 0.0).get("supported", 0.0) <= 0.05


@pytest.mark.parametrize("kind", KINDS)
def test_a_planted_effect_is_found(kind: str):
    assert rates(kind, 10, 2.0, 200).get("supported", 0.0) >= 0.95
    assert rates(kind, 10, -2.0, 200).get("not supported", 0.0) >= 0.95


@pytest.mark.parametrize("n", REPLICATES)
def test_two_sides_together_are_supported_in_at_most_one_null_trial_in_twenty(n: int):
    draw, rule = np.random.default_rng(11), Rule("differs", 0.0, 0.3)
    said = [decide(_slope(draw, n, 0.0), rule) for _ in range(TRIALS)]
    assert said.count("supported") / TRIALS <= 0.05
    assert all(decide(_slope(draw, n, sign * 3.0), rule) == "supported" for sign in (1, -1))


def test_equivalence_is_supported_rarely_when_the_truth_is_at_the_margin():
    draw, rule = np.random.default_rng(1), Rule("within", 0.0, 0.5)
    for n in REPLICATES:
        said = [decide(intervals.t_interval(draw.normal(0.5, 0.2, n)), rule) for _ in range(TRIALS)]
        assert said.count("supported") / TRIALS <= 0.05
    assert decide(intervals.t_interval(draw.normal(0.0, 0.05, 8)), rule) == "supported"
    assert decide(intervals.t_interval(np.linspace(0.9, 0.92, 8)), rule) == "not supported"


def test_intervals_equal_scipys():
    draw = np.random.default_rng(0)
    one, other = draw.normal(1, 1, 8), draw.normal(0, 2, 8)
    mine = intervals.t_interval(one)
    low, high = stats.t.interval(0.95, 7, one.mean(), stats.sem(one))
    assert (mine.low, mine.high) == pytest.approx((low, high))
    mine = intervals.paired_t(one, other)
    theirs = stats.ttest_rel(one, other).confidence_interval(0.95)
    assert (mine.low, mine.high) == pytest.approx((theirs.low, theirs.high))


@pytest.mark.parametrize(("hits", "of"), [(0, 30), (29, 30), (30, 30), (997, 1000)])
def test_clopper_pearson_is_scipys_exact_interval(hits: int, of: int):
    theirs = stats.binomtest(hits, of).proportion_ci(0.95, "exact")
    mine = intervals.clopper_pearson(hits / of, of)
    assert mine == pytest.approx((theirs.low, theirs.high))


def test_an_accuracy_at_its_bound_has_an_interval_of_positive_width():
    perfect = np.ones(8)
    assert intervals.t_interval(perfect).low == 1.0
    assert 0.99 < intervals.share_t(perfect, 1000).low < 0.997
    assert criteria.fitted("all right", perfect, 1000).verdict == "supported"
    assert criteria.fitted("of few", perfect, 100).verdict == "inconclusive"
    assert criteria.fitted("of unknown size", perfect).verdict == "inconclusive"
    middle = np.linspace(0.4, 0.6, 8)
    assert intervals.share_t(middle, 1000) == intervals.t_interval(middle)


def test_the_interval_at_the_bound_holds_the_truth_as_often_as_it_says():
    draw, truth = np.random.default_rng(5), 0.999
    held = 0
    for _ in range(TRIALS):
        made = intervals.share_t(draw.binomial(500, truth, 8) / 500, 500)
        held += made.low <= truth <= made.high
    assert held / TRIALS >= 0.95


def test_fewer_than_eight_replicates_give_no_verdict():
    for values in ([], [1.0], [1.0] * 7, [1.0] * 7 + [np.nan]):
        assert decide(intervals.t_interval(values), POSITIVE) == "inconclusive"
    assert decide(intervals.t_interval([1.0] * 8), POSITIVE) == "supported"
    assert decide(intervals.t_interval([1.0] * 8), POSITIVE, least=20) == "inconclusive"


def test_a_censored_ratio_is_a_lower_bound():
    ratios, cut = np.linspace(20, 30, 8), np.arange(8) == 0
    assert criteria.ratio_below("ratio", ratios, 10).verdict == "not supported"
    assert criteria.ratio_below("ratio", ratios, 10, cut).verdict == "not supported"
    assert criteria.ratio_below("ratio", ratios, 50).verdict == "supported"
    open_ = criteria.ratio_below("ratio", ratios, 50, cut)
    assert open_.verdict == "inconclusive"
    assert open_.effect.high == np.inf
    assert open_.effect.document()["ci95"][1] is None
    assert open_.p == 1.0
    with pytest.raises(ValueError, match="above 0"):
        intervals.geometric_t([1.0, 0.0])


def test_a_margin_is_asked_where_one_is_needed():
    for direction in ("within", "differs"):
        with pytest.raises(ValueError, match="needs a margin"):
            Rule(direction, 0.1)


def test_a_slope_is_made_within_each_replicate_on_the_scale_that_is_asked():
    x = np.array([1.0, 2.0, 4.0, 8.0])
    y = np.array([3 * x**2, 5 * x**1.5, x**2.5])
    assert criteria.slope_of(x, y, "xy") == pytest.approx([2.0, 1.5, 2.5])
    y[1, 2] = np.nan
    assert np.isnan(criteria.slope_of(x, y, "xy")[1])
    with pytest.raises(BadInput, match="over 4 values or more of what is varied, and there are 3"):
        criteria.slope_of([1, 2, 3], np.ones((3, 3)))


def test_a_trends_p_is_by_permutation_within_replicates():
    draw = np.random.default_rng(3)
    level = draw.normal(0, 10, (8, 1))  # replicates differ far more than conditions do
    steep = trend.trend(np.arange(5), 0.5 * np.arange(5) + draw.normal(0, 1, (8, 5)) + level)
    flat = [trend.trend(np.arange(5), draw.normal(0, 1, (8, 5)) + level) for _ in range(40)]
    assert steep.p < 0.01
    assert steep.rank_p < 0.01
    assert sum(one.p < 0.05 for one in flat) <= 6  # 99.7 % of 40 trials at one in twenty
    assert "stratified permutation" in steep.words
    assert criteria.rises("t", np.arange(5), steep.y).p == steep.p


def test_p_and_interval_never_disagree():
    draw = np.random.default_rng(4)
    for rule in (POSITIVE, Rule("below", 0.2), Rule("within", 0.0, 0.6)):
        for _ in range(200):
            effect = intervals.t_interval(draw.normal(0.3, 0.5, 8))
            assert (significance.p_value(effect, rule) < 0.05) == (
                decide(effect, rule) != "inconclusive"
            )
    values = draw.normal(0.3, 0.5, 8)
    theirs = stats.ttest_1samp(values, 0.0).pvalue
    assert significance.p_value(intervals.t_interval(values), POSITIVE) == pytest.approx(theirs)


def test_holms_adjustment_is_the_textbooks():
    made = significance.holm([0.04, 0.01, float("nan"), 0.03])
    assert made[:2] == pytest.approx([0.06, 0.03])
    assert np.isnan(made[2])
    assert made[3] == pytest.approx(0.06)


@pytest.mark.parametrize("n", REPLICATES)
def test_the_smallest_detectable_effect_is_detected_in_four_trials_of_five(n: int):
    draw, size = np.random.default_rng(6), power.detectable(n)
    said = [decide(intervals.t_interval(draw.normal(size, 1, n)), POSITIVE) for _ in range(2_000)]
    assert said.count("supported") / 2_000 == pytest.approx(0.8, abs=0.03)


@pytest.mark.parametrize("rule", [POSITIVE, Rule("within", 0.0, 1.2), Rule("within", 3.0, 1.0)])
def test_so_many_replicates_decide_in_four_trials_of_five(rule: Rule):
    draw = np.random.default_rng(8)
    seen = intervals.t_interval(0.35 + stats.zscore(draw.normal(size=8), ddof=1))
    n = power.to_decide(seen, rule)
    assert n is not None
    assert n >= 8
    said = [decide(intervals.t_interval(draw.normal(0.35, 1, n)), rule) for _ in range(1_000)]
    assert said.count("inconclusive") / 1_000 <= 0.22
    assert power.power_of(rule, 0.35, 1.0, n - 1) < 0.8 or n == 8


def test_what_no_number_of_replicates_decides_is_not_promised():
    exact = intervals.t_interval(stats.zscore(np.arange(8.0), ddof=1))
    assert power.to_decide(exact, POSITIVE) is None
    assert power.to_decide(intervals.t_interval([1.0]), POSITIVE) is None


def test_what_is_selected_on_noise_is_measured_without_its_luck():
    draw, means, picked = np.random.default_rng(9), [], []
    for _ in range(300):
        scores = draw.normal(0, 1, (8, 10))
        values, _ = cross_selected(
            8,
            lambda half, s=scores: int(s[half].mean(0).argmax()),
            lambda at, s=scores: s[:, at],
        )
        means.append(values.mean())
        picked.append(scores.mean(0).max())
    assert abs(np.mean(means)) < 0.1
    assert np.mean(picked) > 0.4


def test_the_best_rival_is_chosen_on_validation_for_each_replicate():
    values, names = best_by_validation(
        {"a": [0.9, 0.1, np.nan], "b": [0.5, 0.5, 0.5]}, {"a": [1.0, 2.0, 3.0], "b": [4, 5, 6]}
    )
    assert list(values) == [1.0, 5.0, 6.0]
    assert names == ("a", "b", "b")
    with pytest.raises(ValueError, match="same rivals"):
        best_by_validation({"a": [1.0]}, {"b": [1.0]})


def test_a_claim_that_needs_more_replicates_takes_those_that_follow():
    assert replicates_of(8, range(200, 208)) == tuple(range(200, 208))
    assert replicates_of(20, range(200, 208)) == tuple(range(200, 220))
    assert replicates_of(20, range(3)) == (0, 1, 2)


def test_rows_that_do_not_vary_have_no_rank_and_outweigh_nothing():
    places = np.arange(5.0)
    rising = np.tile(places, (7, 1)) + np.arange(7)[:, None]
    level = np.vstack([rising, np.full((1, 5), 3.0)])
    found = trend.trend(places, level)
    assert found.rank == pytest.approx(7 / 8)
    assert found.rank_p < 0.01


def test_one_arm_falls_short_of_another_below_no_minus_zero():
    low, high = np.arange(8.0), np.arange(8.0) + 1
    made = criteria.falls_short("low − high", low, high)
    assert (made.verdict, made.rule.words) == ("supported", "< 0")
    assert criteria.falls_short("low − high", low, high, 1.5).rule.words == "< −1.5"
