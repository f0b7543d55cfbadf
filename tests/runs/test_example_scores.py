"""Example scores: statistics against scikit-learn, scipy and closed forms, on invented ledgers."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import roc_auc_score

from memlab.instruments.ledger_store import LedgerFacts, LedgerLimits, LedgerStore, unlearned
from memlab.runs import example_scores as scores
from memlab.runs.door import Place
from memlab.runs.ledger import MEMBERS, PRESENTED, LedgerView, read_ledger
from memlab.runs.roc import midranks, roc_area
from memlab.runs.run_folder import RunFolder

EXAMPLES, CLASSES = 30, 4
TRUE = np.arange(EXAMPLES) % CLASSES


def lies(seed: int) -> np.ndarray:
    """Labels of which the first six are wrong."""
    made = TRUE.copy()
    made[:6] = (TRUE[:6] + 1 + seed % 2) % CLASSES
    return made


def write_stack(
    home: Path,
    stack: int,
    given: Sequence[np.ndarray],
    fields: dict[str, np.ndarray],
    seen: Sequence[int],
    votes: np.ndarray | None = None,
    history: Sequence[tuple[float, np.ndarray]] = (),
) -> None:
    """A stack's ledger with these scores, `[members, examples]` each."""
    members = len(given)
    limits = LedgerLimits() if votes is not None else LedgerLimits(votes_bytes=0)
    facts = LedgerFacts(
        stack=stack,
        dataset="npz:/my/data.npz",
        members=[10 * stack + m for m in range(members)],
        class_names=[str(c) for c in range(CLASSES)],
        index=np.arange(EXAMPLES) + 500,
        true=TRUE,
        given=given,
        corrupted=[labels != TRUE for labels in given],
        evaluations=max(1, len(history)),
        limits=limits,
    )
    store = LedgerStore(Place(home) / "examples" / f"stack-{stack:03d}", facts)
    made = unlearned(members, EXAMPLES)
    for name, values in fields.items():
        if name != "presented":
            made[name] = values
    store.replace("scores", made)
    if "presented" in fields:
        shown = np.zeros((members, EXAMPLES), PRESENTED)
        shown["forgetting"], shown["learned"] = fields["presented"], True
        store.replace("presentations", shown)
    progress = np.zeros(members, MEMBERS)
    progress["evaluations"] = seen
    store.replace("members", progress)
    if votes is not None:
        store.replace("votes", votes.astype("<u4"))
    for evaluation, (epoch, predicted) in enumerate(history):
        zero = np.zeros(predicted.shape)
        store.append(evaluation, epoch, {"loss": zero, "margin": zero, "predicted": predicted})
    store.close()


def views(home: Path) -> tuple[LedgerView, ...]:
    return read_ledger(RunFolder(home))


def test_members_with_the_same_labels_are_taken_together_over_stacks(tmp_path: Path) -> None:
    margins = np.arange(3 * EXAMPLES, dtype=float).reshape(3, EXAMPLES)
    write_stack(tmp_path, 0, [lies(0), lies(1), lies(1)], {"aum": margins}, [5, 5, 5])
    write_stack(tmp_path, 1, [lies(1), lies(1)], {"aum": margins[:2] + 7}, [5, 0])
    found = scores.labellings(views(tmp_path))
    assert [one.members for one in found] == [(1, 2, 10), (0,)]
    expected = (margins[1] + margins[2] + margins[0] + 7) / 3
    assert scores.mean_scores(found[0], "aum") == pytest.approx(expected)
    assert found[0].truth_known


def test_members_without_an_evaluation_are_nobody(tmp_path: Path) -> None:
    write_stack(tmp_path, 0, [TRUE], {}, [0])
    assert scores.labellings(views(tmp_path)) == []


def test_never_learned_counts_as_more_than_every_learned_example(tmp_path: Path) -> None:
    first = np.full((2, EXAMPLES), 3.0)
    first[0, 4] = np.inf
    forgetting = np.zeros((2, EXAMPLES), np.uint32)
    forgetting[0, 5], forgetting[1, 4] = 8, 2
    fields = {"first_learned": first, "forgetting": forgetting}
    write_stack(tmp_path, 0, [TRUE, TRUE], fields, [9, 9])
    labelling = scores.labellings(views(tmp_path))[0]
    assert scores.member_scores(labelling, "first-learned")[0, 4] == 4.0
    counted = scores.member_scores(labelling, "forgetting-sampled")
    assert (counted[0, 4], counted[0, 5], counted[1, 4]) == (9.0, 8.0, 2.0)


def test_forgetting_is_that_of_presentations_and_of_evaluations_in_runs_from_before(
    tmp_path: Path,
) -> None:
    sampled, shown = np.zeros((1, EXAMPLES)), np.zeros((1, EXAMPLES))
    sampled[0, 3], shown[0, 3] = 2, 7
    fields = {"first_learned": np.ones((1, EXAMPLES)), "forgetting": sampled, "presented": shown}
    write_stack(tmp_path, 0, [TRUE], fields, [9])
    (view,) = views(tmp_path)
    before = dataclasses.replace(view, presented=None)
    for kept, expected in ((view, 7.0), (before, 2.0)):
        labelling = scores.labellings([kept])[0]
        assert scores.mean_scores(labelling, "forgetting")[3] == expected
        assert scores.mean_scores(labelling, "forgetting-sampled")[3] == 2.0


@pytest.mark.parametrize("name", list(scores.SCORES))
def test_every_score_that_separates_perfectly_has_area_one(tmp_path: Path, name: str) -> None:
    wrong = lies(0) != TRUE
    score = scores.SCORES[name]
    values = np.where(wrong, 1.0, 4.0) if score.low_is_suspect else np.where(wrong, 4.0, 1.0)
    shown = {"first_learned": np.ones((1, EXAMPLES)), "aum": np.zeros((1, EXAMPLES))}
    write_stack(tmp_path, 0, [lies(0)], shown | {score.field: values[None]}, [9])
    labelling = scores.labellings(views(tmp_path))[0]
    assert scores.detection(labelling, name).auc == 1.0
    assert scores.member_detection(labelling, name) == {0: 1.0}
    assert set(scores.ranking(labelling, name)[:6]) == set(np.flatnonzero(wrong))


def test_equal_scores_are_ranked_by_margin_then_by_index(tmp_path: Path) -> None:
    margins = np.zeros((1, EXAMPLES))
    margins[0, [8, 3]] = -2.0, -1.0
    fields = {"first_learned": np.full((1, EXAMPLES), 2.0), "aum": margins}
    write_stack(tmp_path, 0, [TRUE], fields, [9])
    order = scores.ranking(scores.labellings(views(tmp_path))[0], "first-learned")
    assert order[:4].tolist() == [8, 3, 0, 1]


def test_suggestion_is_the_class_of_most_votes_over_stacks(tmp_path: Path) -> None:
    votes = np.zeros((1, EXAMPLES, CLASSES), int)
    votes[0, :, 3] = 5
    more = votes.copy()
    more[0, 0] = [9, 9, 6, 0]  # class 1 is given to example 0 and does not count
    write_stack(tmp_path, 0, [lies(0)], {}, [9], votes)
    write_stack(tmp_path, 1, [lies(0)], {}, [9], more)
    found = scores.suggestions(scores.labellings(views(tmp_path))[0])
    assert found[0] == 0
    assert found[1] == 3


def test_suggestion_without_votes_comes_from_the_newest_predictions(tmp_path: Path) -> None:
    predicted = np.stack([lies(0), TRUE, TRUE])
    write_stack(tmp_path, 0, [lies(0)] * 3, {"predicted": predicted}, [9, 9, 9])
    found = scores.suggestions(scores.labellings(views(tmp_path))[0])
    assert found[:6].tolist() == TRUE[:6].tolist()
    assert (found[6:] == -1).all()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=2, max_size=40))
def test_area_equals_scikit_learns_with_ties(pairs: list[tuple[int, bool]]) -> None:
    values = np.array([value for value, _ in pairs], float)
    positive = np.array([flag for _, flag in pairs])
    area = roc_area(values, positive)
    if positive.all() or not positive.any():
        assert np.isnan(area.auc)
    else:
        assert area.auc == pytest.approx(roc_auc_score(positive, values), abs=1e-12)
        assert 0.0 <= area.low <= area.auc <= area.high <= 1.0


def test_midranks_equal_scipys() -> None:
    values = np.array([3.0, 1.0, np.inf, 3.0, -2.0, np.inf, 3.0])
    assert midranks(values).tolist() == stats.rankdata(values).tolist()


def test_interval_of_the_area_is_delongs() -> None:
    generator = np.random.default_rng(1)
    positive = generator.random(200) < 0.3
    values = np.round(generator.normal(size=200) + positive, 1)
    first, second = values[positive], values[~positive]
    kernel = (first[:, None] > second) + 0.5 * (first[:, None] == second)
    variance = kernel.mean(1).var(ddof=1) / len(first) + kernel.mean(0).var(ddof=1) / len(second)
    area = roc_area(values, positive)
    assert area.high - area.auc == pytest.approx(1.959964 * variance**0.5, rel=1e-6)
    assert area.auc - area.low == pytest.approx(area.high - area.auc)


def test_interval_covers_the_true_area_about_as_often_as_it_says() -> None:
    generator = np.random.default_rng(2)
    truth = stats.norm.cdf(1 / 2**0.5)
    positive = np.arange(120) < 40
    hits = 0
    for _ in range(400):
        area = roc_area(generator.normal(size=120) + positive, positive)
        hits += area.low <= truth <= area.high
    assert 0.91 <= hits / 400 <= 0.98


def test_answers_independent_of_the_example_have_no_excess() -> None:
    generator = np.random.default_rng(3)
    found = scores.easy_examples(generator.random((100, 2000)) < 0.7, generator, 200)
    assert found.binomial == pytest.approx((0.7 * 0.3 / 100) ** 0.5, rel=0.01)
    assert found.low < 0 < found.high


def test_easy_and_hard_examples_have_the_deviation_of_two_points() -> None:
    right = np.zeros((10, 100), bool)
    right[:, :80] = True
    found = scores.easy_examples(right, np.random.default_rng(0), 100)
    assert found.deviation == pytest.approx(0.4)
    assert found.excess == pytest.approx(0.4 - (0.8 * 0.2 / 10) ** 0.5)
    assert 0 < found.low < found.excess < found.high


def test_right_answers_are_read_at_the_first_kept_evaluation_from_the_epoch(
    tmp_path: Path,
) -> None:
    wrong = np.stack([lies(0), lies(0)])
    late = np.stack([TRUE, np.full(EXAMPLES, 255)])  # the second member had ended
    write_stack(
        tmp_path, 0, [lies(0)] * 2, {}, [9, 9], None, [(0.0, wrong), (2.0, wrong), (4.0, late)]
    )
    labelling = scores.labellings(views(tmp_path))[0]
    epoch, right = scores.right_at(labelling, 1.0)
    assert (epoch, right.shape, bool(right.all())) == (2.0, (2, EXAMPLES), True)
    epoch, right = scores.right_at(labelling, 3.0, "true")
    assert (epoch, right.shape, bool(right.all())) == (4.0, (1, EXAMPLES), True)
    assert scores.right_at(labelling, 3.0)[1].sum() == EXAMPLES - 6
    assert scores.right_at(labelling, 5.0)[1].shape == (0, EXAMPLES)
