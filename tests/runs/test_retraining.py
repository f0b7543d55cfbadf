"""All scores together: on what is usual, on what is odd, and membership on a known law."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from memlab.errors import RunFolderError
from memlab.runs.membership import likelihood_ratios, true_positive_rate
from memlab.runs.outcomes import Outcomes, together
from memlab.runs.retraining import scores_of


def outcomes_of(networks: int, share: float, seed: int = 0) -> Outcomes:
    """30 training and 10 test examples of two classes, a fifth of them lies that are memorized."""
    rng = np.random.default_rng(seed)
    own = np.stack([rng.permutation(30) < round(30 * share) for _ in range(networks)])
    lies = np.arange(30) % 5 == 0
    margin = rng.normal(2.0, 1.0, (networks, 40))
    margin[:, :30] += np.where(lies, np.where(own, 0.0, -4.0), 0.0)
    true = (np.arange(40) % 2).astype(np.int32)
    given = true.copy()
    given[:30][lies] = 1 - given[:30][lies]
    return Outcomes(
        own=own,
        correct=margin > 0,
        margin=margin.astype(np.float16),
        given=given,
        true=true,
        corrupted=lies,
        index=np.arange(40) + 100,
        class_names=("a", "b"),
        seeds=np.arange(networks),
        neighbours=np.where(lies, 0.1, 0.9).astype(np.float32),
    )


def test_lies_come_out_memorized_and_truths_not():
    found = scores_of(outcomes_of(400, 0.7))
    groups = {group["name"]: group for group in found.summary["groups"]}
    assert groups["lies"]["memorized"]["value"] == 1.0
    assert groups["truths"]["memorized"]["value"] == 0.0
    assert groups["lies"]["mean"]["low"] > 0.8
    assert found.summary["baselines"]["scores"]["memorization"]["lies_auc"] == 1.0
    assert found.summary["membership"]["lies"] > 5 * found.summary["membership"]["truths"]
    assert (found.examples["index"] == np.arange(30) + 100).all()


@pytest.mark.parametrize(("networks", "share"), [(20, 0.97), (20, 0.04), (21, 0.5), (25, 1.0)])
def test_odd_masks_give_plain_data_without_nan(networks, share):
    found = scores_of(outcomes_of(networks, share))
    json.dumps(dict(found.summary), allow_nan=False)


def test_networks_that_are_all_right_give_plain_data_too():
    outcomes = outcomes_of(30, 0.5)
    sure = np.full_like(outcomes.margin, 3.0)
    found = scores_of(replace(outcomes, margin=sure, correct=sure > 0))
    json.dumps(dict(found.summary), allow_nan=False)
    assert len(found.pairs) == 0


def test_too_few_networks_are_refused():
    with pytest.raises(RunFolderError, match="20 are needed"):
        scores_of(outcomes_of(19, 0.5))


def test_linked_runs_count_each_network_once_and_must_share_their_data():
    whole = outcomes_of(60, 0.7)
    names = ("own", "correct", "margin", "seeds")
    first, second = (
        replace(whole, **{name: getattr(whole, name)[part] for name in names})
        for part in (slice(0, 40), slice(30, 60))
    )
    both = together([second, first])
    for name in names:
        assert (getattr(both, name) == getattr(whole, name)).all()
    with pytest.raises(RunFolderError, match="different examples"):
        together([first, replace(second, given=1 - second.given)])


def test_members_are_found_as_often_as_two_normal_distributions_allow():
    """Margins that differ by two deviations: at 1 % false positives 37 % are found."""
    rng = np.random.default_rng(5)
    own = np.stack([rng.permutation(200) < 100 for _ in range(300)])
    margin = rng.normal(size=own.shape) + 2.0 * own
    rate = true_positive_rate(likelihood_ratios(own, margin), own, np.ones(200, bool))
    assert rate == pytest.approx(0.372, abs=0.03)


def test_members_of_networks_that_memorize_nothing_are_not_found():
    rng = np.random.default_rng(6)
    own = np.stack([rng.permutation(200) < 100 for _ in range(300)])
    rate = true_positive_rate(
        likelihood_ratios(own, rng.normal(size=own.shape)), own, np.ones(200, bool)
    )
    assert rate == pytest.approx(0.01, abs=0.004)


def test_as_many_strongest_pairs_after_one_epoch_stand_beside_the_significant_ones():
    """Examples 0 to 4 decide tests 0 to 4 at the end; after one epoch examples 5 to 9 did."""
    whole = outcomes_of(400, 0.7)
    correct, early = np.ones_like(whole.correct), np.ones_like(whole.correct)
    correct[:, 30:35], early[:, 30:35] = whole.own[:, :5], whole.own[:, 5:10]
    made = replace(whole, correct=correct, inputs=np.arange(40, dtype=np.float16)[:, None])
    without = scores_of(made).summary["influence"]
    kinds = [(side["target"], side["by"], side["sign"]) for side in without]
    at = kinds.index(("test", "correctness", 1))
    assert without[at]["pairs"] == 5
    assert "early_same_class" not in without[at]
    side = scores_of(replace(made, early=early)).summary["influence"][at]
    assert (side["same_class"], side["distance"]) == (0.8, 30.0)
    assert (side["early_same_class"], side["early_distance"]) == (0.2, 25.0)
