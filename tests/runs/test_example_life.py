"""One example's life, from invented outcomes in real files and from a ledger's arrays."""

from __future__ import annotations

import numpy as np
import pytest

from memlab.errors import RunFolderError
from memlab.runs.example_life import distances, histogram_line, life, nearest
from memlab.runs.examples import Examples, Trace
from memlab.runs.retraining import scores_of
from tests.runs.test_retraining import outcomes_of


def made(lies: bool = True, **changes: object) -> Examples:
    """30 training examples of two classes and 10 test examples, every fifth a memorized lie."""
    outcomes = outcomes_of(400, 0.7)
    scores = scores_of(outcomes)
    epoch = np.arange(8.0)
    saw = np.zeros((4, 40), bool)
    saw[:3, :30] = True
    margin = np.zeros((8, 4, 40), np.float16)
    margin[:, :3] = (epoch - 3.5)[:, None, None]
    margin[:, 3] = -2.0
    values = np.zeros((40, 3), np.float16)
    values[:, 0] = np.arange(40)
    votes = np.zeros((40, 2), np.int64)
    votes[:, 1] = 3
    votes[:, 0] = 1
    fields: dict[str, object] = {
        "run_id": "r",
        "dataset": "digits",
        "train": 30,
        "index": outcomes.index.astype(np.int64),
        "given": outcomes.given.astype(np.int64),
        "true": outcomes.true.astype(np.int64),
        "corrupted": outcomes.corrupted if lies else np.zeros(30, bool),
        "class_names": ("a", "b"),
        "files": None,
        "is_picture": False,
        "traces": (Trace(epoch, margin, saw, np.ones_like(saw)),),
        "order": np.array([5, 0, 10]),
        "values": values,
        "votes": votes,
        "first_learned": np.arange(30.0),
        "forgotten": np.zeros(30),
        "scores": scores,
    }
    return Examples(**(fields | changes))  # type: ignore[arg-type]


def test_the_bands_are_of_the_networks_that_saw_the_example_and_of_the_others():
    found = life(made(), 7)
    assert found.saw is not None
    assert found.did_not is not None
    assert (found.saw.networks, found.did_not.networks) == (3, 1)
    assert found.saw.mean[-1] == 3.5
    assert found.saw.deviation[-1] == 0.0
    assert set(found.did_not.mean) == {-2.0}
    test = life(made(), 33)
    assert test.saw is None
    assert test.did_not is not None
    assert test.did_not.networks == 4


def test_a_band_ends_where_its_networks_have_ended_and_leaves_out_who_does_not_judge():
    trace = made().traces[0]
    margin = trace.margin.copy()
    margin[5:, :3, 7] = np.nan
    judges = np.ones_like(trace.saw)
    judges[0, 7] = False
    found = life(made(traces=(Trace(trace.epoch, margin, trace.saw, judges),)), 7)
    assert found.saw is not None
    assert found.saw.networks == 2
    assert found.saw.epoch == (0.0, 1.0, 2.0, 3.0, 4.0)


def test_a_lie_is_among_the_most_memorized_of_all_and_ranks_so():
    found = life(made(), 5).memorized
    assert found is not None
    assert found.value > 0.8
    assert found.low < found.value < found.high
    assert found.rank <= 6
    assert sum(found.histogram) == found.of == 30
    line, mark = histogram_line(found)
    assert line[mark.index("▲")] != " "


def test_the_truth_is_said_only_where_it_is_known():
    assert life(made(), 5).true == 1
    assert life(made(), 5).given == 0
    assert life(made(lies=False), 5).true is None


def test_what_networks_that_had_not_seen_it_answer_is_suggested_with_their_share():
    found = life(made(), 5)
    assert (found.suggested, found.suggested_share) == (1, 0.75)


def test_neighbours_are_other_training_examples_nearest_first():
    examples = made()
    assert [near.position for near in nearest(examples, 10, 4)] == [9, 11, 8, 12]
    assert [near.position for near in nearest(examples, 39, 2)] == [29, 28]
    assert distances(examples, 0, np.array([3, 7])).tolist() == [3.0, 7.0]
    assert nearest(made(values=None), 10) == ()
    assert "near" in life(made(values=None), 10).missing


def test_pairs_are_told_from_both_ends_by_their_sign():
    examples = made()
    pairs = np.zeros(3, examples.scores.pairs.dtype)
    pairs["of"], pairs["to"] = [4, 4, 9], [33, 12, 4]
    pairs["influence"], pairs["z"] = [0.4, 0.0, -0.2], [9.0, -8.0, -7.0]
    pairs["margin_influence"], pairs["by"] = [3.0, -2.0, -1.0], [1, 2, 3]
    scores = type(examples.scores)(
        examples.scores.summary,
        examples.scores.examples,
        pairs,
        examples.scores.targets,
        ("a", "b"),
    )
    found = life(made(scores=scores), 4)
    assert [effect.position for effect in found.helps] == [33]
    assert [effect.position for effect in found.hurts] == [12]
    assert [effect.position for effect in found.hurt_by] == [9]
    assert found.helped_by == ()


def test_lists_are_of_training_examples_and_an_unknown_one_names_the_known():
    examples = made()
    assert examples.listing("suspects").tolist() == [5, 0, 10]
    assert set(examples.listing("class:a").tolist()) == set(
        np.flatnonzero(examples.given[:30] == 0)
    )
    assert examples.listing("class:a")[0] in (5, 0, 10)
    assert not examples.corrupted[examples.listing("memorized")].any()
    with pytest.raises(RunFolderError, match="class:a"):
        examples.listing("class:zebra")


def test_an_index_that_is_not_there_is_refused_in_words():
    examples = made()
    assert examples.position(107) == 7
    assert examples.position(133, test=True) == 33
    with pytest.raises(RunFolderError, match="indices from 100 to 129"):
        examples.position(133)


def test_what_an_ordinary_run_did_not_record_is_left_out_and_said():
    found = life(made(scores=None, votes=None, traces=(), first_learned=None), 3)
    assert found.memorized is None
    assert found.saw is None
    assert found.suggested is None
    assert {"memorized", "margins", "learned", "near_hidden"} <= set(found.missing)
