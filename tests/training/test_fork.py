"""A fork: the same to the last bit up to its epoch, its own settings from there on."""

from __future__ import annotations

import pytest
import torch

from memlab.experiment.schedule import Timeline
from memlab.experiment.spec import Experiment
from memlab.training.trainer import StackTrainer
from tests.training.conftest import members_of, trainer_of


def train(trainer: StackTrainer, until: int | None = None) -> StackTrainer:
    while trainer.update < (until or trainer.plan.timeline.updates):
        trainer.step()
    return trainer


def same(one: StackTrainer, other: StackTrainer, place: int = 0) -> bool:
    pairs = zip(one.model.parameters(), other.model.parameters(), strict=True)
    return all(torch.equal(a[place], b[0]) for a, b in pairs)


def test_a_fork_of_the_rate_is_a_step_of_the_schedule_bit_for_bit():
    forked = trainer_of(members_of(seeds=1, fork={"at": 2, "learning_rate": 0.05}))
    schedule = {"kind": "step", "milestones": [2], "factor": 4}
    stepped = trainer_of(members_of(seeds=1, schedule=schedule))
    assert same(train(forked), train(stepped))
    assert float(forked.learning_rates()[0]) == 0.05


def test_forks_of_one_stack_share_the_trunk_and_part_at_their_own_epoch():
    axes = {"fork": [{}, {"at": 2, "learning_rate": 0.02}, {"at": 4, "weight_decay": 0.5}]}
    stack, trunk = trainer_of(members_of(seeds=1, axes=axes)), trainer_of(members_of(seeds=1))
    first, second = (
        Timeline(member.experiment, stack.plan.timeline.train_examples).fork
        for member in stack.plan.members[1:]
    )
    assert first is not None
    assert second is not None
    stages = [(first, (True, True)), (second, (False, True)), (None, (False, False))]
    for until, equal in stages:
        train(stack, until)
        train(trunk, until)
        found = list(zip(*(p.detach() for p in stack.model.parameters()), strict=True))
        for place, wanted in zip((1, 2), equal, strict=True):
            alike = all(torch.equal(a, b) for a, b in zip(found[0], found[place], strict=True))
            assert alike == wanted
        whole = zip(found[0], trunk.model.parameters(), strict=True)
        for a, b in whole:
            torch.testing.assert_close(a, b[0], rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize("stop_at", [3, 7, 8, 12])
def test_resuming_on_either_side_of_a_fork_changes_no_bit(stop_at):
    fork = {"at": 2, "learning_rate": 0.05, "weight_decay": 0.1, "dropout": 0.3}
    members = members_of(seeds=2, fork=fork)
    whole = train(trainer_of(members))
    cut = train(trainer_of(members), stop_at)
    state = {name: tensor.clone() for name, tensor in cut.state().items()}
    again = trainer_of(members)
    again.restore(state, cut.update, cut.active, cut.steps)
    for name, tensor in train(again).state().items():
        assert torch.equal(tensor, whole.state()[name]), name


def test_a_fork_of_the_batch_size_counts_updates_from_its_epoch():
    tree = {"optimizer": {"batch_size": 10}, "fork": {"at": 3, "batch_size": 50}}
    made = Timeline(Experiment.model_validate(tree | {"stop": {"epochs": 5}}), 1_000)
    assert made.fork == 300
    assert [(p.updates, p.batch_size) for p in made.phases] == [(300, 10), (40, 50)]
    assert made.forked(300)
    assert not made.forked(299)
    assert [epoch for _, epoch in made.evaluations()] == [0, 1, 2, 3, 4, 5]


def test_a_fork_at_the_start_leaves_no_trunk_and_one_beyond_the_end_no_branch():
    tree = {"optimizer": {"batch_size": 10}, "stop": {"epochs": 5}}
    early, late = (
        Timeline(Experiment.model_validate(tree | {"fork": {"at": at, "batch_size": 20}}), 1_000)
        for at in (0, 5)
    )
    assert [(p.updates, p.batch_size) for p in early.phases] == [(250, 20)]
    assert early.forked(0)
    assert [(p.updates, p.batch_size) for p in late.phases] == [(500, 10)]
    assert late.fork is None


def test_early_evaluations_are_dense_and_the_later_ones_as_they_were():
    evaluation = {"every": 2, "early": 0.25, "early_until": 1}
    made = Timeline(
        Experiment.model_validate({"evaluation": evaluation, "stop": {"epochs": 6}}), 1_000
    )
    updates = {update for update, _ in made.evaluations()}
    assert [epoch for _, epoch in made.evaluations()] == [0, 0.25, 0.5, 0.75, 1, 2, 4, 6]
    assert len(updates) == 8
