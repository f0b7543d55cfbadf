"""Runs that another run's scores decide: what they are, that they are found again, their order."""

from __future__ import annotations

import numpy as np
import pytest

from memlab.claims import registry
from memlab.claims.batch import Batch
from memlab.claims.claim import Claim
from memlab.claims.finished_run import Evidence, FinishedRun, splits_of
from memlab.claims.long_tail import ARMS, memorized, outcomes_by_split, removed
from memlab.claims.needed import FollowUps, Needed, needed
from memlab.claims.select import noise
from memlab.experiment.grid import groups, with_values
from memlab.reports import scoreboard
from memlab.runs.run_folder import RunFolder
from tests.claims import synthetic

REPLICATES = list(range(100, 108))
M2: Claim = registry.named("M2")


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A finished run of networks with subsets of their own."""
    home = tmp_path_factory.mktemp("runs")
    return synthetic.write(home, "memorized", synthetic.planted, REPLICATES)


@pytest.fixture(scope="module")
def follower(scored: RunFolder) -> Needed:
    (one,) = FollowUps([M2], "laptop", REPLICATES)({"memorized": scored})
    return one


def test_a_run_that_follows_from_another_is_not_known_before_that_is_finished(scored):
    assert [one.preset for one in needed([M2], "laptop", REPLICATES)] == ["memorized"]
    assert FollowUps([M2], "laptop", REPLICATES)({}) == ()


def test_what_is_removed_is_memorized_or_as_many_others_of_any_or_of_the_same_classes(
    scored, follower
):
    outcomes = outcomes_by_split(FinishedRun(scored), noise("none"))
    assert splits_of(follower.experiment) == REPLICATES
    for split, own in outcomes.items():
        tail, anywhere, alike = removed(own, split)
        index, true = own.index[: own.train], own.true[: own.train]
        assert set(tail) == set(index[memorized(own)])
        assert len(tail) == len(anywhere) > 0
        assert not set(tail) & (set(anywhere) | set(alike))
        of_tail, of_alike = (np.bincount(true[np.isin(index, rows)]) for rows in (tail, alike))
        left = np.bincount(true) - of_tail
        assert of_alike.tolist() == np.minimum(of_tail, left).tolist()
    cells = [with_values(follower.experiment, g.axis_values) for g in groups(follower.experiment)]
    assert len(cells) == len(ARMS) * len(REPLICATES)
    assert list(cells[0].dataset.without) == list(removed(outcomes[100], 100)[0])
    assert all(cell.dataset.fresh for cell in cells)
    assert not set(follower.experiment.seed_list) & set(FinishedRun(scored).seeds)


def test_the_same_scores_give_the_same_run_and_others_another(scored, follower, tmp_path):
    again = FollowUps([M2], "laptop", REPLICATES)({"memorized": scored})
    assert [one.content for one in again] == [follower.content]
    other = synthetic.write(tmp_path, "memorized", synthetic.planted, [109, *REPLICATES[1:]])
    (changed,) = FollowUps([M2], "laptop", [109, *REPLICATES[1:]])({"memorized": other})
    assert changed.content != follower.content


def test_scores_that_cannot_be_read_are_told(tmp_path):
    broken = synthetic.write(tmp_path, "memorized", synthetic.planted, REPLICATES)
    for own in broken.examples.path.rglob("outcomes-own.npy"):
        own.write_bytes(b"nothing")
    follow = FollowUps([M2], "laptop", REPLICATES)
    assert follow({"memorized": broken}) == ()
    assert broken.id in follow.problems["removed"]
    board = scoreboard.build(
        [M2], "laptop", REPLICATES, {"memorized": broken}, problems=follow.problems
    )
    assert board.entries[0].shown == "not run"
    assert broken.id in board.entries[0].reason


@pytest.mark.parametrize(("lost", "verdict"), [(0.01, "supported"), (0.0, "inconclusive")])
def test_the_tail_is_compared_with_as_many_others(scored, follower, tmp_path, lost, verdict):
    removals = [axis["without"] for axis in follower.experiment.axes["dataset"]]

    def world(preset, e, draw):
        arm = removals.index(list(e.dataset.without)) % len(ARMS)
        return synthetic.flat(preset, e, draw) | {
            "test_accuracy": np.full(synthetic.ROWS, 0.9 - lost * (arm == 0))
            + draw.normal(0, 0.003)
        }

    few = follower.experiment.model_copy(update={"seeds": follower.experiment.seed_list[:4]})
    run = synthetic.write_experiment(tmp_path, "removed", few, world)
    board = scoreboard.build([M2], "laptop", REPLICATES, {"memorized": scored, "removed": run})
    assert board.entries[0].verdict == verdict, board.entries[0].reason
    assert board.entries[0].control.verdict != "supported"
    half = FinishedRun(run).only(REPLICATES[:4])
    assert half.replicates == REPLICATES
    assert len(half.cells) == 4 * len(ARMS)
    part = M2.measure(Evidence({"removed": half}, REPLICATES))
    assert np.isnan(part.contrast[4:]).all()


def test_a_batch_begins_it_when_the_other_is_finished(scored, tmp_path, monkeypatch):
    wanted, started = needed([M2], "laptop", REPLICATES), []

    def begin(self: Batch, job) -> None:
        job.handled = True
        started.append(job.needed.preset)
        job.folder = scored if job.needed.preset == "memorized" else None
        if job.folder is None:
            job.problem = "this test trains nothing"

    monkeypatch.setattr(Batch, "_begin", begin)
    batch = Batch(wanted, tmp_path, {}, follow=FollowUps([M2], "laptop", REPLICATES))
    assert [job.needed.preset for job in batch.jobs] == ["memorized"]
    assert batch.step()
    assert [job.needed.preset for job in batch.jobs] == ["memorized", "removed"]
    assert not batch.step()
    assert started == ["memorized", "removed"]
