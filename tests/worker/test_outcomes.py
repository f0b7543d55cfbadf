"""Outcomes of every network on every example, kept by real workers, resumed and in processes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from memlab.data.neighbours import neighbour_agreement
from memlab.errors import RunFolderError
from memlab.experiment.footprint import outcome_bytes, shown_bytes
from memlab.experiment.subset import subset_mask
from memlab.runs import lifecycle, plan, retraining_store
from memlab.runs.outcomes import Outcomes, joined, read_stacks
from memlab.runs.plan import PLAN_FILE, RunPlan
from memlab.runs.run import Run
from memlab.runs.run_folder import RunFolder
from memlab.training import checkpoint
from tests.patience import wait_for
from tests.worker.conftest import ended, finished_run, launched
from tests.worker.test_resume import EVERY, kill

SUBSETS = {
    "dataset": {"name": "digits", "train": 101, "test": 50, "subset": 0.7},
    "corruption": {"kind": "labels", "shared": True},
    "optimizer": {"batch_size": 32},
    "axes": {"corruption.fraction": [0.3]},
    "evaluation": {"outcomes": True},
    "seeds": 4,
    **EVERY,
}


def files(folder: RunFolder, stack: int = 0) -> dict[str, bytes]:
    place = folder.examples.path / f"stack-{stack:03d}"
    return {path.name: path.read_bytes() for path in sorted(place.iterdir())}


def outcomes_of(folder: RunFolder) -> Outcomes:
    run = Run(folder)
    seeds = {member.index: member.seed for member in run.members}
    found = joined(read_stacks(folder), seeds, list(seeds))
    assert found is not None
    return found


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """An uninterrupted run in one process; only to be read."""
    return finished_run(tmp_path_factory.mktemp("whole"), **SUBSETS)


def test_outcomes_are_of_the_networks_subsets_and_agree_with_the_recorded_accuracies(whole):
    found, view = outcomes_of(whole), Run(whole).view
    view.refresh()
    assert found.own.sum(1).tolist() == [70] * 4
    assert all((row == subset_mask(0.7, 101, seed)).all() for seed, row in enumerate(found.own))
    train = found.correct[:, :101]
    inside = np.array([row[own].mean() for row, own in zip(train, found.own, strict=True)])
    np.testing.assert_allclose(inside, view.latest("train_accuracy"), rtol=1e-12)
    np.testing.assert_allclose(
        found.correct[:, 101:].mean(1), view.latest("test_accuracy"), rtol=1e-12
    )
    clear = np.abs(found.margin.astype(float)) > 1e-3
    assert ((found.margin > 0) == found.correct)[clear].all()


def test_margins_of_the_first_networks_are_kept_at_every_evaluation(whole):
    (stack,) = read_stacks(whole)
    assert stack.arrays["epoch"].tolist() == [0, 1, 2, 3, 4, 5, 6]
    assert (stack.arrays["trace"][-1] == stack.arrays["margin"]).all()


def test_what_was_right_after_one_epoch_is_kept_of_all_networks(whole):
    (stack,) = read_stacks(whole)
    at = stack.arrays["epoch"].tolist().index(1)
    assert stack.early is not None
    assert (stack.early == (stack.arrays["trace"][at] > 0)).all()
    assert stack.early.any()
    assert not stack.early.all()


def test_the_files_take_what_was_foretold(whole):
    taken = sum(len(data) for name, data in files(whole).items() if name.endswith(".npy"))
    foretold = outcome_bytes(4, 101, 50, 7) + shown_bytes(101, 50, 10, 64, 64)
    assert taken == pytest.approx(foretold, abs=128 * 16)


def test_a_killed_and_resumed_run_keeps_the_same_outcomes_to_the_bit(home: Path, whole):
    folder = launched(home, **SUBSETS)
    wait_for(lambda: len(checkpoint.found(folder.checkpoints, 0)) >= 3)
    kill(folder)
    lifecycle.resume(folder)
    ended(folder)
    assert folder.state.state == "finished", folder.worker_log.path.read_text()
    assert files(folder) == files(whole)


def test_stacks_in_processes_of_their_own_keep_the_same_networks(home: Path, whole):
    from memlab.experiment import reading
    from tests.worker.conftest import SMALL, merged

    made = reading.experiment(merged(SMALL, **SUBSETS), "test")
    (home / "runs").mkdir(exist_ok=True)
    planned = RunPlan(((0, 2), (1, 3)), 2, 1)
    folder = ended(
        lifecycle.start(
            reading.to_toml(made),
            "test",
            home / "runs",
            fill=lambda folder: plan.write(folder.place / PLAN_FILE, planned),
        )
    )
    one, several = outcomes_of(whole), outcomes_of(folder)
    assert (one.own == several.own).all()
    assert one.seeds.tolist() == several.seeds.tolist()
    np.testing.assert_allclose(one.margin, several.margin, atol=0.02)
    assert (one.correct == several.correct).mean() > 0.99


def test_a_damaged_file_is_said_to_be_so(whole, tmp_path):
    import shutil

    copy = RunFolder(Path(shutil.copytree(whole.path, tmp_path / whole.path.name)))
    place = copy.examples.path / "stack-000" / "outcomes-margin.npy"
    place.write_bytes(place.read_bytes()[:-3])
    with pytest.raises(RunFolderError, match="damaged"):
        read_stacks(copy)


FEW = {**SUBSETS, "evaluation": {"outcomes": True, "every": 6}}
LONG = {**FEW, "stop": {"epochs": 200}, "evaluation": {"outcomes": True, "every": 200}}


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """Evaluated at its start and its end only."""
    return finished_run(tmp_path_factory.mktemp("few"), **FEW)


def test_margins_are_traced_between_few_evaluations_as_if_there_were_many(few, whole):
    (stack,), (other,) = read_stacks(few), read_stacks(whole)
    epoch = stack.arrays["epoch"]
    view = Run(few).view
    view.refresh()
    assert len(view.tables["stack-000"]) == 2
    assert len(epoch) > 12
    assert (np.diff(epoch) > 0).all()
    assert (epoch[0], epoch[-1]) == (0, 6)
    assert (stack.arrays["trace"][-1] == stack.arrays["margin"]).all()
    assert (stack.arrays["margin"] == other.arrays["margin"]).all()  # training is the same
    shared = [at for at, each in enumerate(epoch) if each in other.arrays["epoch"]]
    assert len(shared) >= 2
    for at in shared:
        row = other.arrays["epoch"].tolist().index(epoch[at])
        np.testing.assert_allclose(stack.arrays["trace"][at], other.arrays["trace"][row], atol=0.02)
    assert outcomes_of(few).first_learned is not None


def test_traces_of_a_killed_and_resumed_run_are_the_same_to_the_bit(home: Path, tmp_path_factory):
    whole = finished_run(tmp_path_factory.mktemp("long"), **LONG)
    often = {**LONG, "checkpoints": {"every_seconds": 0.001, "keep": 3}}
    folder = launched(home, **often)
    wait_for(lambda: len(checkpoint.found(folder.checkpoints, 0)) >= 2)
    kill(folder)
    lifecycle.resume(folder)
    ended(folder)
    assert folder.state.state == "finished", folder.worker_log.path.read_text()
    assert files(folder) == files(whole)


def test_networks_of_other_labels_and_splits_are_judged_apart(tmp_path: Path):
    """A stack keeps its labels and inputs once, so that it must not mix two kinds of them."""
    axes = {"corruption.fraction": [0.0, 0.3], "dataset.split_seed": [0, 1]}
    run = Run(finished_run(tmp_path, **(SUBSETS | {"axes": axes, "seeds": 2})))
    clean, other, corrupted, _ = (
        retraining_store.outcomes_of(run, group.index) for group in run.groups
    )
    assert not clean.corrupted.any()
    assert 10 < corrupted.corrupted.sum() < 40
    assert clean.seeds.tolist() == corrupted.seeds.tolist() == [0, 1]
    assert (clean.own == corrupted.own).all()
    assert (clean.inputs == corrupted.inputs).all()
    for found in (clean, other):
        assert found.first_learned is not None
        near = neighbour_agreement(found.inputs[:101].astype(np.float32), found.given[:101])
        np.testing.assert_allclose(found.neighbours, near, atol=0.07)  # of float16 inputs
    shown = [retraining_store.recorded(run, "values", group) for group in (0, 1)]
    assert (shown[1] == other.inputs).all()
    assert not (shown[0] == shown[1]).all()
