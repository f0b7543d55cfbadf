"""The threshold of the area under the margin against its definition, on invented ledgers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from memlab.instruments.ledger_store import LedgerFacts, LedgerStore, unlearned
from memlab.reports.aum_threshold import area_threshold, threshold_of
from memlab.runs import example_scores as scores
from memlab.runs.door import Place
from memlab.runs.ledger import MEMBERS, LedgerView, read_ledger
from memlab.runs.run_folder import RunFolder

EXAMPLES, CLASSES, SEEDS = 200, 4, 2
TRUE = np.arange(EXAMPLES) % CLASSES
GIVEN = np.where(np.arange(EXAMPLES) < 20, (TRUE + 1) % CLASSES, TRUE)
ORDER = np.random.default_rng(0).permutation(EXAMPLES)
SETS = [np.isin(np.arange(EXAMPLES), ORDER[:40]), np.isin(np.arange(EXAMPLES), ORDER[40:80])]
AREAS = np.random.default_rng(1).normal(size=(2, SEEDS, EXAMPLES))
AREAS[:, :, :20] -= 4.0
for which, fake in enumerate(SETS):
    AREAS[which][:, fake] = np.random.default_rng(2).normal(-4.0, 1.0, (SEEDS, 40))


def write(home: Path, stack: int, given: np.ndarray, areas: np.ndarray, fake: bool) -> None:
    """A stack of `SEEDS` members with these labels and mean margins `[members, examples]`."""
    facts = LedgerFacts(
        stack=stack,
        dataset="digits",
        members=[10 * stack + member for member in range(SEEDS)],
        class_names=[str(c) for c in range(CLASSES + fake)],
        index=np.arange(EXAMPLES),
        true=TRUE,
        given=[given] * SEEDS,
        corrupted=[given != TRUE] * SEEDS,
        evaluations=1,
        fake_class=fake,
    )
    store = LedgerStore(Place(home) / "examples" / f"stack-{stack:03d}", facts)
    made = unlearned(SEEDS, EXAMPLES)
    made["aum"], made["first_learned"] = areas, 1.0
    store.replace("scores", made)
    progress = np.zeros(SEEDS, MEMBERS)
    progress["evaluations"] = 5
    store.replace("members", progress)
    votes = np.zeros((1, EXAMPLES, CLASSES + fake), "<u4")
    votes[0, :, CLASSES - 1 + fake] = 9  # the fake class, where there is one
    votes[0, np.arange(EXAMPLES), (TRUE + 2) % CLASSES] += 1
    store.replace("votes", votes)
    store.close()


def with_sets(home: Path, *which: int) -> tuple[LedgerView, ...]:
    for stack, one in enumerate(which):
        write(home, stack, np.where(SETS[one], CLASSES, GIVEN), AREAS[one], True)
    return read_ledger(RunFolder(home))


def test_one_set_flags_what_the_paper_defines(tmp_path: Path) -> None:
    (labelling,) = scores.labellings(with_sets(tmp_path, 0))
    area = AREAS[0].astype(np.float32).mean(axis=0, dtype=np.float64)
    alpha = np.percentile(area[SETS[0]], 99)
    found = area_threshold(labelling, "aum")
    assert found is not None
    assert found.values == pytest.approx([alpha])
    assert found.samples == (40,)
    np.testing.assert_array_equal(found.below, (area <= alpha) & ~SETS[0])
    assert 5 < found.below.sum() < 60
    np.testing.assert_array_equal(labelling.judged, ~SETS[0])


def test_two_sets_judge_every_example_and_both_where_both_can(tmp_path: Path) -> None:
    (labelling,) = scores.labellings(with_sets(tmp_path, 0, 1))
    assert labelling.members == (0, 1, 10, 11)
    assert labelling.judged.all()
    np.testing.assert_array_equal(labelling.given, GIVEN)
    np.testing.assert_array_equal(labelling.corrupted, GIVEN != TRUE)
    areas = AREAS.astype(np.float32).mean(axis=1, dtype=np.float64)
    alphas = [np.percentile(area[fake], 99) for area, fake in zip(areas, SETS, strict=True)]
    own = [area <= alpha for area, alpha in zip(areas, alphas, strict=True)]
    expected = np.where(SETS[0], own[1], np.where(SETS[1], own[0], own[0] & own[1]))
    found = area_threshold(labelling, "aum")
    assert found is not None
    np.testing.assert_array_equal(found.below, expected)
    assert found.below[:20].sum() >= 15


def test_an_example_is_scored_by_the_networks_that_saw_its_label(tmp_path: Path) -> None:
    (labelling,) = scores.labellings(with_sets(tmp_path, 0, 1))
    areas = AREAS.astype(np.float32)
    mean = scores.mean_scores(labelling, "aum")
    assert mean[SETS[0]] == pytest.approx(areas[1][:, SETS[0]].mean(0), rel=1e-5)
    assert mean[SETS[1]] == pytest.approx(areas[0][:, SETS[1]].mean(0), rel=1e-5)
    assert scores.detection(labelling, "aum").positives == 20
    assert set(scores.ranking(labelling, "aum")) == set(range(EXAMPLES))


def test_the_fake_class_is_never_suggested(tmp_path: Path) -> None:
    (labelling,) = scores.labellings(with_sets(tmp_path, 0, 1))
    np.testing.assert_array_equal(scores.suggestions(labelling), (TRUE + 2) % CLASSES)


def test_threshold_samples_of_one_set_alone_are_not_ranked(tmp_path: Path) -> None:
    (labelling,) = scores.labellings(with_sets(tmp_path, 1))
    assert set(scores.ranking(labelling, "aum")) == set(np.flatnonzero(~SETS[1]))
    assert np.isfinite(scores.mean_scores(labelling, "aum")[~SETS[1]]).all()
    assert set(scores.member_detection(labelling, "aum")) == {0, 1}


def test_labels_that_differ_among_threshold_samples_are_no_one_labelling(tmp_path: Path) -> None:
    other = GIVEN.copy()
    other[np.flatnonzero(SETS[0])[0]] = (TRUE[np.flatnonzero(SETS[0])[0]] + 2) % CLASSES
    write(tmp_path, 0, np.where(SETS[1], CLASSES, GIVEN), AREAS[1], True)
    write(tmp_path, 1, np.where(SETS[1], CLASSES, other), AREAS[1], True)
    write(tmp_path, 2, np.where(SETS[0], CLASSES, GIVEN), AREAS[0], True)
    found = scores.labellings(read_ledger(RunFolder(tmp_path)))
    assert [one.members for one in found] == [(0, 1, 20, 21), (10, 11)]


def test_without_a_fake_class_there_is_no_threshold(tmp_path: Path) -> None:
    write(tmp_path, 0, GIVEN, AREAS[0], False)
    (labelling,) = scores.labellings(read_ledger(RunFolder(tmp_path)))
    assert area_threshold(labelling, "aum") is None
    assert labelling.judged.all()


def test_threshold_is_the_99th_percentile() -> None:
    assert threshold_of(np.arange(101.0)) == pytest.approx(99.0)
