"""Members with training examples of their own: how many, which, and that nothing else changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from memlab.data import preflight
from memlab.data.corruption import Corrupted
from memlab.errors import InvalidExperiment
from memlab.experiment import grid, reading
from memlab.experiment.grid import Member
from memlab.experiment.material_spec import DatasetSpec
from memlab.experiment.schedule import subset_size
from memlab.experiment.subset import subset_mask
from memlab.training.arrays import StackArrays
from memlab.training.plan import groups_of, plan
from memlab.training.trainer import Shapes, StackTrainer
from memlab.worker import planning
from memlab.worker.material import Material, source
from tests.training.conftest import CLASSES, FEATURES, TRAIN, data_for, members_of

SHARE = 0.7
OWN = 42


def data_of(member: Member) -> Corrupted:
    whole = data_for(member.seed)
    share = member.experiment.dataset.subset
    return replace(whole, own=subset_mask(share, TRAIN, member.seed)) if share < 1 else whole


def trainer_of(members, share: float = SHARE) -> StackTrainer:
    size = subset_size(share, TRAIN)
    (made,) = plan(members, [size] * len(members), [100] * len(members))
    arrays = StackArrays.of([data_of(m) for m in members], CLASSES, torch.device("cpu"))
    return StackTrainer(made, arrays, Shapes(None, FEATURES, CLASSES), torch.device("cpu"))


def subset_members(**tree):
    return members_of(dataset={"subset": SHARE}, **tree)


def train(trainer: StackTrainer, updates: int | None = None) -> StackTrainer:
    for _ in range(trainer.plan.timeline.updates if updates is None else updates):
        trainer.step()
    return trainer


@given(st.integers(1, 999), st.integers(1, 400), st.integers(0, 2**63 - 1))
def test_a_subset_has_exactly_the_floor_of_its_share(thousandths, examples, seed):
    mask = subset_mask(thousandths / 1000, examples, seed)
    assert mask.sum() == max(1, thousandths * examples // 1000)
    assert (mask == subset_mask(thousandths / 1000, examples, seed)).all()


def test_a_smaller_share_is_part_of_a_larger_one_and_seeds_differ():
    small, large = subset_mask(0.3, 100, 5), subset_mask(0.7, 100, 5)
    assert not (small & ~large).any()
    assert (subset_mask(0.7, 100, 6) != large).any()


def test_each_epoch_presents_each_of_a_members_own_examples_once_and_no_other():
    trainer = trainer_of(subset_members(seeds=3))
    assert trainer.plan.timeline.train_examples == OWN
    seen = []
    for _ in range(trainer.plan.timeline.updates):
        seen.append(trainer._batch_index(16))
        trainer.step()
    stream = torch.cat(seen, 1)
    own = torch.stack(
        [torch.from_numpy(np.flatnonzero(subset_mask(SHARE, TRAIN, s))) for s in range(3)]
    )
    for epoch in range(stream.shape[1] // OWN):
        part = stream[:, epoch * OWN : (epoch + 1) * OWN]
        assert torch.equal(part.sort(1).values, own)


def test_a_member_with_a_subset_learns_the_same_alone_as_in_a_stack_to_the_bit():
    members = subset_members(seeds=3)
    whole, again = train(trainer_of(members)), train(trainer_of(members))
    for a, b in zip(whole.model.parameters(), again.model.parameters(), strict=True):
        assert torch.equal(a, b)
    for position, member in enumerate(members):
        alone = train(trainer_of([member]))
        for a, b in zip(whole.model.parameters(), alone.model.parameters(), strict=True):
            torch.testing.assert_close(a[position], b[0], rtol=2e-4, atol=2e-5)


def test_a_pair_of_members_learns_the_same_beside_others_to_the_bit():
    """Stacks of one width have one layout: what else stands in them changes no bit."""
    members = subset_members(seeds=4)
    first, other = train(trainer_of(members[:2])), train(trainer_of((members[0], members[3])))
    for a, b in zip(first.model.parameters(), other.model.parameters(), strict=True):
        assert torch.equal(a[0], b[0])


@pytest.mark.parametrize("stop_at", [1, 5, 9])
def test_restored_training_on_subsets_ends_bit_for_bit_like_uninterrupted_training(stop_at):
    members = subset_members(seeds=3)
    whole = train(trainer_of(members))
    half = train(trainer_of(members), stop_at)
    state = {name: tensor.clone() for name, tensor in half.state().items()}
    again = trainer_of(members)
    again.restore(state, half.update, list(half.active), half.steps)
    train(again, whole.update - stop_at)
    for a, b in zip(whole.model.parameters(), again.model.parameters(), strict=True):
        assert torch.equal(a, b)


def test_training_metrics_are_of_the_members_own_examples():
    members = subset_members(seeds=3)
    trainer = train(trainer_of(members))
    found = trainer.evaluate(margins=True)
    assert found.train is not None
    for position, member in enumerate(members):
        part = data_of(member)
        right = found.train.predicted[position].numpy() == part.train_given
        losses = found.train.losses[position].double().numpy()
        lies = part.corrupted & part.own
        expected = {
            "train_accuracy": right[part.own].mean(),
            "train_loss": losses[part.own].mean(),
            "train_accuracy_corrupted": right[lies].mean(),
            "train_loss_clean": losses[part.own & ~part.corrupted].mean(),
        }
        for name, value in expected.items():
            assert float(found.metrics[name][position]) == pytest.approx(value), name
        assert not (found.repeated[position].numpy() & ~part.own).any()


def test_members_that_end_leave_the_others_their_own_examples():
    members = subset_members(seeds=3)
    trainer = train(trainer_of(members), 4)
    trainer.keep([0, 2])
    own = subset_mask(SHARE, TRAIN, members[2].seed)
    assert own[trainer._batch_index(16)[1].numpy()].all()


def test_shares_of_different_sizes_are_stacks_of_their_own():
    members = members_of(axes={"dataset.subset": [0.5, 1.0]}, seeds=2)
    sizes = [subset_size(m.experiment.dataset.subset, TRAIN) for m in members]
    groups = groups_of(members, sizes, [100] * len(members))
    assert [group.timeline.train_examples for group in groups] == [30, 60]


def test_the_ledger_is_refused_with_subsets():
    with pytest.raises(Exception, match="ledger"):
        reading.experiment({"dataset": {"subset": 0.5}, "instruments": {"on": ["ledger"]}}, "test")


@given(st.integers(1, 99), st.integers(2, 200), st.data())
def test_what_is_left_out_is_in_no_subset_and_the_share_is_of_the_others(
    hundredths, examples, data
):
    left_out = np.zeros(examples, dtype=bool)
    left_out[data.draw(st.lists(st.integers(0, examples - 1), max_size=examples - 1))] = True
    if left_out.all():
        left_out[0] = False
    mask = subset_mask(hundredths / 100, examples, 3, left_out=left_out)
    assert not (mask & left_out).any()
    assert mask.sum() == max(1, hundredths * (~left_out).sum() // 100)
    assert (subset_mask(1.0, examples, 3, left_out=left_out) == ~left_out).all()


def test_rows_left_out_are_trained_on_by_nobody_and_all_else_is_as_with_them():
    base = {"corruption": {"kind": "labels", "fraction": 0.5}, "seeds": 2}
    sizes = {"train": 200, "validation": 100, "test": 100}
    material = Material((), lambda done, total: None)
    (first, _) = grid.members(reading.experiment({"dataset": sizes, **base}, "here"))
    rows = material.splits(first).train.index[[3, 7, 150]].tolist()
    tree = {"dataset": {**sizes, "without": rows}, **base}
    for member in grid.members(reading.experiment(tree, "here")):
        assert material.splits(member) is material.splits(first)
        found, whole = material.corrupted(member), material.corrupted(first)
        assert found.own is not None
        assert np.flatnonzero(~found.own).tolist() == [3, 7, 150]
        if member.seed == first.seed:
            np.testing.assert_array_equal(found.train_given, whole.train_given)
            np.testing.assert_array_equal(found.train_x, whole.train_x)
        (group,), _ = planning.grouped([member], material)
        assert group.timeline.train_examples == 197
    shared = tree["dataset"] | {"subset": 0.5}
    (half, _) = grid.members(reading.experiment({**tree, "dataset": shared}, "here"))
    own = material.corrupted(half).own
    assert own is not None
    assert own.sum() == 98
    assert not own[[3, 7, 150]].any()


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [([1, 1], "row 1 stands in it twice"), ([10**6], "row 1000000, which is no training example")],
)
def test_rows_that_are_none_are_refused_in_words(rows, sentence):
    tree = {"dataset": {"train": 200, "validation": 100, "test": 100, "without": rows}}
    with pytest.raises(InvalidExperiment, match=sentence):
        preflight.check(reading.experiment(tree, "here"), ())


def test_arms_without_different_rows_are_an_axis():
    axes = {"dataset.without": [[], [1, 2], [3]]}
    members = grid.members(reading.experiment({"axes": axes}, "here"))
    assert [m.experiment.dataset.without for m in members] == [(), (1, 2), (3,)]


def test_what_older_runs_did_not_know_is_no_part_of_the_name_of_a_split():
    name = source(DatasetSpec())
    assert not [later for later in ("without", "bits", "degree", "modulus") if later in name]
    assert source(DatasetSpec(without=(3,))) == name
    assert source(DatasetSpec(bits=30)) != name
