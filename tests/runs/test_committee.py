"""A committee's judgement from sums that are known, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from memlab.errors import RunFolderError
from memlab.runs import committee
from memlab.runs.committee import judgement, label_quality, suggestion
from memlab.runs.committee_sums import CommitteeHeader, CommitteeSums

N, CLASSES = 6, 3
GIVEN = np.array([0, 0, 1, 1, 2, 2])
SIDED = ("networks", "margins", "probabilities")
HEADER = CommitteeHeader(
    stack=0, dataset="npz:/my/data.npz", members=(0, 1, 2, 3), examples=N,
    class_names=("cat", "dog", "owl"), best_epoch=3.0, files=None, known_truth=False, fake=False,
    neighbours=False,
)  # fmt: skip


@pytest.fixture(autouse=True)
def two_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """Classes have two examples here."""
    monkeypatch.setattr(committee, "FEW", 2)


def sums(header: CommitteeHeader = HEADER, **changes: np.ndarray) -> CommitteeSums:
    """All sure of the given label but for example 2, which is held for an owl."""
    probabilities = np.full((2, N, CLASSES), 0.1)
    believed = np.array([0, 0, 2, 1, 2, 2])
    probabilities[:, np.arange(N), believed] = 0.8
    votes = np.zeros((N, CLASSES), int)
    votes[np.arange(N), believed] = 2
    arrays = {
        "index": np.arange(N),
        "given": GIVEN,
        "true": GIVEN,
        "networks": np.full((2, N), 2),
        "margins": np.full((2, N), 4.0),
        "probabilities": 2 * probabilities,
        "votes": votes,
    }
    return CommitteeSums(header, arrays | changes)


def test_the_label_that_all_networks_contradict_ranks_first_with_its_suggestion():
    found = judgement([sums()])
    assert found.ranked[0] == 2
    assert found.is_label_issue.tolist() == [False, False, True, False, False, False]
    assert (found.suggested_label[2], found.class_names[2]) == (2, "owl")
    assert found.confidence[2] == pytest.approx(0.8)
    assert found.agreement.tolist() == [1, 1, 0, 1, 1, 1]
    assert (found.suggested_label != found.given_label).all()
    assert ((found.label_quality >= 0) & (found.label_quality <= 1)).all()
    np.testing.assert_allclose(found.in_margin, 2.0)


def test_stacks_add_up_and_rows_come_in_the_order_of_the_file():
    turned = np.array([3, 1, 0, 2, 5, 4])
    whole = sums()
    half = {
        name: array[:, turned]
        if name in ("networks", "margins", "probabilities")
        else array[turned]
        for name, array in whole.arrays.items()
    }
    found = judgement([sums(**half), sums(replace(HEADER, stack=1), **half)])
    assert found.index.tolist() == list(range(N))
    assert found.ranked[0] == 2
    assert found.networks == 8
    np.testing.assert_allclose(found.out_margin, 2.0)


def test_where_one_side_has_no_network_the_other_judges_and_where_none_has_nothing_is_said():
    networks = np.full((2, N), 2)
    networks[1, 2], networks[:, 5] = 0, 0
    probabilities = sums().arrays["probabilities"].copy()
    probabilities[networks == 0] = 0.0
    margins = 2.0 * networks
    found = judgement([sums(networks=networks, probabilities=probabilities, margins=margins)])
    assert found.ranked[0] == 2
    assert found.is_label_issue.sum() == 1
    assert np.isnan(found.out_margin[2])
    assert found.label_quality[5] == 1.0


def test_examples_of_a_fake_class_are_judged_by_the_other_set_alone():
    header = replace(HEADER, fake=True)
    first, second = np.zeros(N, bool), np.zeros(N, bool)
    first[[0, 2]], second[[1, 3]] = True, True
    sets = []
    for k, fake in enumerate((first, second)):
        margins = np.where(fake, -6.0, np.where(np.arange(N) == 2, -8.0, 8.0))
        given = np.where(fake, CLASSES, GIVEN)
        both = margins[None].repeat(2, 0)
        sets.append(sums(replace(header, stack=k), fake=fake, given=given, margins=both))
    found = judgement(sets)
    assert found.given_label.tolist() == GIVEN.tolist()
    assert found.unseen.tolist() == [2, 2, 2, 2, 4, 4]
    np.testing.assert_allclose(found.in_margin, [4, 4, -4, 4, 4, 4])
    assert found.below_threshold is not None
    assert found.below_threshold.tolist() == [False, False, True, False, False, False]
    with pytest.raises(RunFolderError, match="not judged all"):
        judgement(sets[:1])


def test_stacks_of_different_labels_are_no_committee():
    with pytest.raises(RunFolderError, match="different labels"):
        judgement([sums(), sums(given=GIVEN[::-1].copy())])


def test_a_header_that_does_not_agree_is_refused():
    document = HEADER.document()
    assert CommitteeHeader.of(document) == HEADER
    for name, value in (("members", []), ("examples", 0), ("files", ["a"]), ("class_names", [])):
        with pytest.raises(ValueError, match="do not agree"):
            CommitteeHeader.of(document | {name: value})


def test_labels_that_go_one_way_from_class_to_class_count_less_than_those_nothing_explains():
    """Two in five of class 0 were called 1, so that networks say 0.6 and 0.4 of all of class 0."""
    given = np.array([0] * 60 + [1] * 40 + [1] * 100)
    p = np.array([[0.6, 0.4]] * 100 + [[0.02, 0.98]] * 100)
    quality = label_quality(p, p, given)
    assert quality[60:100].max() < min(quality[:60].min(), quality[100:].min())
    plain = (1 + np.where(given == 0, p[:, 0] - p[:, 1], p[:, 1] - p[:, 0])) / 2
    assert (quality[60:100] < plain[60:100]).all()
    assert (quality[:60] > plain[:60]).all()


def test_labels_of_a_class_that_is_too_rare_are_not_held_for_wrong(monkeypatch):
    monkeypatch.setattr(committee, "FEW", 3)
    found = judgement([sums()])
    assert found.ranked[0] == 2
    assert not found.is_label_issue.any()


def test_a_suggestion_is_never_the_given_label():
    best, sure = suggestion(np.array([[0.9, 0.06, 0.04]]), np.array([0]))
    assert (best.tolist(), sure.tolist()) == ([1], [0.06])
