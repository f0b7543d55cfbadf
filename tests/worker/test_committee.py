"""A committee's sums by real workers: against the outcomes, resumed, in processes, damaged."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from memlab.errors import RunFolderError
from memlab.experiment import reading
from memlab.experiment.subset import subset_mask
from memlab.runs import lifecycle, plan
from memlab.runs.committee import judged, read_sums
from memlab.runs.outcomes import read_stacks
from memlab.runs.plan import PLAN_FILE, RunPlan
from memlab.runs.run import Run
from memlab.runs.run_folder import RunFolder
from memlab.training import checkpoint
from tests.patience import wait_for
from tests.worker.conftest import SMALL, ended, finished_run, launched, merged
from tests.worker.test_resume import EVERY, kill

N = 90


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three classes in 6 features, the labels of rows 0, 30 and 60 wrong."""
    generator = np.random.default_rng(0)
    y = np.repeat(np.arange(3), N // 3)
    x = generator.standard_normal((N, 6)).astype(np.float32) + 4 * np.eye(6)[y]
    y[[0, 30, 60]] = [1, 2, 0]
    path = tmp_path_factory.mktemp("data") / "mine.npz"
    np.savez(path, x=x, y=y)
    return path


def committee(data: Path, **changes: object) -> dict[str, object]:
    """12 networks on shares of 70 %, evaluated each epoch."""
    made: dict[str, object] = {
        "dataset": {"name": f"npz:{data}", "whole": True, "subset": 0.7, "scaling": "features"},
        "corruption": {"kind": "none", "shared": True},
        "optimizer": {"batch_size": 7, "learning_rate": 0.2},
        "axes": {"corruption.fraction": [0.0]},
        "evaluation": {"outcomes": True},
        "seeds": 12,
        **EVERY,
    }
    return merged(made, **changes)


def files(folder: RunFolder) -> dict[str, bytes]:
    place = folder.examples.path / "stack-000"
    return {path.name: path.read_bytes() for path in place.glob("committee*")}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, data: Path) -> RunFolder:
    """An uninterrupted run; only to be read."""
    return finished_run(tmp_path_factory.mktemp("whole"), **committee(data))


def test_the_wrong_labels_rank_first_and_the_suggestions_are_right(whole):
    found = judged(Run(whole))
    assert sorted(found.ranked[:3].tolist()) == [0, 30, 60]
    assert found.suggested_label[[0, 30, 60]].tolist() == [0, 1, 2]
    assert found.index.tolist() == list(range(N))
    assert found.true_label is None


def test_sums_are_those_of_the_networks_that_saw_each_example_and_that_did_not(
    tmp_path_factory, data
):
    """Evaluated only at the end, the best epoch is the last, and outcomes say the same."""
    home = tmp_path_factory.mktemp("last")
    run = Run(finished_run(home, **committee(data, evaluation={"every": 6.0})))
    (one,), (outcomes,) = read_sums(run), read_stacks(run.folder)
    own, given = outcomes.own, one.arrays["given"]
    assert one.header.best_epoch == 6.0
    assert all((row == subset_mask(0.7, N, seed)).all() for seed, row in enumerate(own))
    assert one.arrays["networks"].tolist() == [own.sum(0).tolist(), (~own).sum(0).tolist()]
    margins = outcomes.arrays["margin"][:, :N].astype(float)
    expected = [(margins * own).sum(0), (margins * ~own).sum(0)]
    np.testing.assert_allclose(one.arrays["margins"], expected, atol=0.05)
    correct = outcomes.correct[:, :N]
    right = one.arrays["votes"][np.arange(N), given]
    assert right.tolist() == (correct & ~own).sum(0).tolist()
    sides = one.arrays["probabilities"].sum(-1)
    np.testing.assert_allclose(sides, one.arrays["networks"], atol=1e-3)
    view = run.view
    view.refresh()
    held_out = [row[~mask].mean() for row, mask in zip(correct, own, strict=True)]
    for part in ("validation", "test"):
        np.testing.assert_allclose(view.latest(f"{part}_accuracy"), held_out, rtol=1e-12)


def test_a_killed_and_resumed_committee_keeps_the_same_sums_to_the_bit(home: Path, data, whole):
    folder = launched(home, **committee(data))
    wait_for(lambda: len(checkpoint.found(folder.checkpoints, 0)) >= 3)
    kill(folder)
    lifecycle.resume(folder)
    ended(folder)
    assert folder.state.state == "finished", folder.worker_log.path.read_text()
    assert files(folder) == files(whole)


@pytest.mark.full
def test_stacks_in_processes_of_their_own_judge_alike(home: Path, data, whole):
    made = reading.experiment(merged(SMALL, **committee(data)), "test")
    (home / "runs").mkdir(exist_ok=True)
    planned = RunPlan((tuple(range(0, 12, 2)), tuple(range(1, 12, 2))), 2, 1)
    folder = ended(
        lifecycle.start(
            reading.to_toml(made),
            "test",
            home / "runs",
            fill=lambda folder: plan.write(folder.place / PLAN_FILE, planned),
        )
    )
    one, several = judged(Run(whole)), judged(Run(folder))
    assert several.networks == one.networks == 12
    assert several.unseen.tolist() == one.unseen.tolist()
    assert set(several.ranked[:3].tolist()) == {0, 30, 60}


def test_two_sets_of_threshold_samples_judge_all_examples(home: Path, data):
    axes = {"corruption.fraction": [0.0], "dataset.fake_class": [1, 2]}
    run = Run(ended(launched(home, **committee(data, axes=axes, seeds=10))))
    found = judged(run)
    assert found.networks == 20
    assert found.class_names == ("0", "1", "2")
    assert found.below is not None
    assert found.below_threshold is not None
    assert found.below_threshold[[0, 30, 60]].all()
    first, second = read_sums(run)
    assert not (first.arrays["fake"] & second.arrays["fake"]).any()
    assert first.arrays["networks"][0].tolist() != second.arrays["networks"][0].tolist()


def test_a_damaged_file_and_a_run_that_is_no_committee_are_said_to_be_so(
    whole, tmp_path, tmp_path_factory
):
    copy = RunFolder(Path(shutil.copytree(whole.path, tmp_path / whole.path.name)))
    place = copy.examples.path / "stack-000" / "committee-votes.npy"
    data = place.read_bytes()
    place.write_bytes(data[:-4] + b"\xff\xff\xff\x7f")
    with pytest.raises(RunFolderError, match="out of bounds"):
        judged(Run(copy))
    place.write_bytes(data[:-3])
    with pytest.raises(RunFolderError, match="damaged"):
        judged(Run(copy))
    (copy.examples.path / "stack-000" / "committee.json").unlink()
    with pytest.raises(RunFolderError, match="has judged nothing yet"):
        judged(Run(copy))
    other = copy.path / "experiment.toml"
    other.write_text(other.read_text().replace("whole = true", "whole = false"))
    with pytest.raises(RunFolderError, match="is no committee"):
        judged(Run(RunFolder(copy.path)))
