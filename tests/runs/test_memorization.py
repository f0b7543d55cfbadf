"""Estimates of memorization and influence against brute force, a law of their own, and chance."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from memlab.runs.influence import influence, matrix, strongest
from memlab.runs.memorization import (
    convergence,
    margin_memorization,
    memorization,
    networks_to_decide,
    newcombe,
    over_networks,
)
from memlab.runs.outcomes import Outcomes

TRAIN, TEST = 12, 7
SHARES = Path(__file__).with_name("real_shares.csv")


def outcomes_of(own, correct, margin=None) -> Outcomes:
    train, examples = own.shape[1], correct.shape[1]
    if margin is None:
        margin = np.where(correct, 1.0, -1.0)
    labels = np.zeros(examples, np.int32)
    return Outcomes(
        own=own,
        correct=correct,
        margin=margin.astype(np.float16),
        given=labels,
        true=labels,
        corrupted=np.zeros(train, bool),
        index=np.arange(examples),
        class_names=("a", "b"),
        seeds=np.arange(len(own)),
    )


def random_outcomes(networks: int = 40, seed: int = 0) -> Outcomes:
    rng = np.random.default_rng(seed)
    own = np.zeros((networks, TRAIN), bool)
    for row in own:
        row[rng.permutation(TRAIN)[:8]] = True
    margin = rng.normal(size=(networks, TRAIN + TEST)).astype(np.float16)
    margin[:, :TRAIN] += own.astype(np.float16)
    return outcomes_of(own, margin > 0, margin)


def brute(outcomes: Outcomes, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Influence and squared plain standard error (population variances), pair by pair."""
    found = np.empty((outcomes.train, values.shape[1]))
    for i, j in itertools.product(range(outcomes.train), range(values.shape[1])):
        inside = outcomes.own[:, i]
        found[i, j] = values[inside, j].mean() - values[~inside, j].mean()
    return found


def test_all_pairs_by_blocks_are_those_by_brute_force():
    outcomes = random_outcomes()
    by_correctness = brute(outcomes, outcomes.correct.astype(float))
    by_margin = brute(outcomes, outcomes.margin.astype(float))
    np.testing.assert_allclose(matrix(outcomes), by_correctness, atol=1e-3)
    np.testing.assert_allclose(matrix(outcomes, margin=True), by_margin, atol=3e-3)
    own, train = outcomes.own, outcomes.correct[:, :TRAIN]
    np.testing.assert_allclose(memorization(own, train).value, np.diag(by_correctness), atol=1e-12)
    found = margin_memorization(own, outcomes.margin[:, :TRAIN])
    np.testing.assert_allclose(found.value, np.diag(by_margin), atol=1e-9)
    one, none = outcomes.margin[own[:, 3], 3], outcomes.margin[~own[:, 3], 3]
    welch = one.astype(float).var(ddof=1) / len(one) + none.astype(float).var(ddof=1) / len(none)
    assert found.standard_error[3] == pytest.approx(np.sqrt(welch))
    assert found.inside[3] == pytest.approx(one.astype(float).mean())


def planted(networks: int = 400) -> Outcomes:
    """Example 2 decides test example 4, and harms training example 5; the rest is chance."""
    outcomes = random_outcomes(networks, 3)
    rng = np.random.default_rng(4)
    margin = rng.normal(size=outcomes.margin.shape)
    seen = outcomes.own[:, 2]
    margin[:, TRAIN + 4] += np.where(seen, 1.5, -1.5)
    margin[:, 5] -= np.where(seen, 1.5, -1.5)
    return outcomes_of(outcomes.own, margin > 0, margin)


def test_planted_pairs_are_found_with_their_standard_errors_and_hardly_others():
    outcomes = planted()
    found = influence(outcomes, permutations=40)
    pairs = {(int(p["of"]), int(p["to"])): p for p in found.pairs}
    assert {(2, TRAIN + 4), (2, 5)} <= set(pairs)
    assert len(pairs) <= 4
    pair = pairs[2, TRAIN + 4]
    inside, right = outcomes.own[:, 2], outcomes.correct[:, TRAIN + 4]
    one, none = right[inside].mean(), right[~inside].mean()
    plain = one * (1 - one) / inside.sum() + none * (1 - none) / (~inside).sum()
    assert pair["influence"] == pytest.approx(one - none, abs=1e-5)
    assert pair["standard_error"] == pytest.approx(np.sqrt(plain), rel=1e-4)
    margin = outcomes.margin[:, TRAIN + 4].astype(float)
    welch = (
        margin[inside].var(ddof=1) / inside.sum() + margin[~inside].var(ddof=1) / (~inside).sum()
    )
    assert pair["margin_standard_error"] == pytest.approx(np.sqrt(welch), rel=1e-3)
    assert pairs[2, 5]["influence"] < 0


def test_where_all_is_chance_hardly_any_pair_is_significant():
    counts = []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        own = random_outcomes(200, seed).own
        margin = rng.normal(size=(200, TRAIN + 200))
        counts.append(len(influence(outcomes_of(own, margin > 0, margin)).pairs))
    assert sum(count > 0 for count in counts) <= 2


def test_an_example_is_no_pair_with_itself():
    outcomes = random_outcomes(300)
    margin = outcomes.margin.astype(float)
    margin[:, :TRAIN] += 4 * outcomes.own
    found = influence(outcomes_of(outcomes.own, margin > 0, margin))
    assert not (found.pairs["of"] == found.pairs["to"]).any()


@pytest.mark.parametrize("run", ["clean", "flipped"])
@pytest.mark.parametrize("networks", [100, 1000])
def test_intervals_cover_the_truth_in_94_percent_averaged_over_the_shares_of_a_real_run(
    run, networks
):
    """The shares right in and out of sample of digits' 1,000 training examples, as two runs had
    them: `memlab memorize digits --networks 1000`, and with 20 % of the labels flipped (500
    networks, 60 epochs). Rows count the examples that have them."""
    rows = [line.split(",") for line in SHARES.read_text().splitlines()[1:]]
    table = np.array([row[1:] for row in rows if row[0] == run], float)
    inside, outside = np.repeat(table[:, :2], table[:, 2].astype(int), axis=0).T
    assert len(inside) == 1000
    rng = np.random.default_rng(1)
    one, none = round(0.7 * networks), networks - round(0.7 * networks)
    truth, covered, edge = inside - outside, [], []
    between = (inside < 1) | (outside < 1)
    for _ in range(30):
        low, high = newcombe(
            rng.binomial(one, inside).astype(float),
            np.full(1000, float(one)),
            rng.binomial(none, outside).astype(float),
            np.full(1000, float(none)),
        )
        held = (low <= truth) & (truth <= high)
        covered.append(held.mean())
        edge.append(held[between].mean())
    assert np.mean(covered) >= 0.94
    assert np.mean(edge) >= 0.94


def test_intervals_have_a_width_where_every_network_is_right():
    own = np.arange(40)[:, None] % 4 > 0
    found = memorization(own, np.ones((40, 1), bool))
    assert found.value[0] == found.standard_error[0] == 0
    assert found.low[0] < -0.05 < 0.05 < found.high[0]


def test_what_no_network_lacks_has_no_score():
    found = memorization(np.ones((5, 2), bool), np.ones((5, 2), bool))
    assert np.isnan(found.value).all()


def test_agreement_of_halves_rises_with_the_networks():
    rng = np.random.default_rng(2)
    strength = rng.exponential(0.7, 60)
    own = np.stack([rng.permutation(60) < 42 for _ in range(800)])
    margin = own * strength + rng.normal(size=own.shape)
    found = convergence(own, margin > 0, margin)
    assert [one.networks for one in found] == [50, 100, 200, 400, 800]
    assert found[0].by_margin < found[-1].by_margin
    assert found[-1].by_margin > found[-1].by_correctness > 0.5


def test_networks_that_would_decide_are_few_far_from_the_threshold():
    own = np.arange(100)[:, None] % 10 < np.array([7, 7])
    correct = np.stack([own[:, 0], np.arange(100) % 3 > 0], 1)
    far, near = networks_to_decide(memorization(own, correct))
    assert far < 50 < near


def test_a_share_over_examples_gets_its_interval_from_drawn_networks():
    rng = np.random.default_rng(3)
    own = np.stack([rng.permutation(40) < 28 for _ in range(300)])
    correct = own | (rng.random(own.shape) < 0.5)
    (mean,) = over_networks(own, correct, lambda halves: [float(np.mean(halves))])
    assert mean.low < 0.5 < mean.high
    assert mean.high - mean.low < 0.1


@pytest.mark.parametrize(("target", "sign"), [("train", 1), ("train", -1), ("test", 1)])
def test_the_strongest_pairs_are_those_of_the_whole_matrix(monkeypatch, target, sign):
    monkeypatch.setattr("memlab.runs.influence.BLOCK", 64)
    outcomes = random_outcomes(200)
    whole = matrix(outcomes).astype(float)
    np.fill_diagonal(whole, -sign * np.inf)
    part = whole[:, :TRAIN] if target == "train" else whole[:, TRAIN:]
    best = np.sort((sign * part).ravel())[::-1][:7]
    found = strongest(outcomes, target, sign, 7)
    values = np.sort(sign * whole[found["of"], found["to"]])[::-1]
    np.testing.assert_allclose(values, best, atol=1e-2)
    assert len(strongest(outcomes, target, sign, 10**6)) == part.size
