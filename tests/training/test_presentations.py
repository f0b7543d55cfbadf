"""Forgetting at presentations against a plain loop that asks the networks before each update."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from memlab.training.captured import Execution
from memlab.training.presentations import Presentations
from memlab.training.trainer import StackTrainer
from tests.training.conftest import members_of, trainer_of

STATIC = Execution(counts_there=False, step="static")
#: 7 does not divide the number of examples: mini-batches go across the end of an epoch.
NOISY = {
    "corruption": {"kind": "labels", "fraction": 0.5},
    "optimizer": {"learning_rate": 0.6, "batch_size": 7},
    "stop": {"epochs": 12},
}


def observed(updates: int, keep: dict[int, list[int]] | None = None, **how) -> StackTrainer:
    """A trainer that tells of its answers; after `keep`'s updates only some members go on."""
    trainer = made(**how)
    for update in range(updates):
        trainer.step()
        if keep and update + 1 in keep:
            trainer.keep(keep[update + 1])
    return trainer


def made(**how) -> StackTrainer:
    execution = how.pop("execution", None)
    fused = how.pop("fused", True)
    members = members_of(**{**NOISY, **how})
    more = {} if execution is None else {"execution": execution}
    trainer = trainer_of(members, fused=fused, **more)
    shape = trainer.arrays.train.labels.shape
    trainer.tell(Presentations(*shape, torch.device("cpu")))
    return trainer


def asked(updates: int, **how) -> tuple[np.ndarray, np.ndarray]:
    """(learned, forgetting events) of every example, by asking before each update."""
    trainer = made(**how)
    trainer.presented = None
    labels = trainer.arrays.train.labels
    right = np.zeros(labels.shape, bool)
    learned, events = right.copy(), np.zeros(labels.shape, int)
    total = labels.shape[1]
    for _ in range(updates):
        batch = trainer.plan.timeline.phase(trainer.update).batch_size
        index = trainer._batch_index(batch).numpy()
        left = total - trainer.examples % total
        with torch.no_grad():
            answers = trainer.model(trainer.arrays.train.inputs.batch(torch.from_numpy(index)))
        for member, row in enumerate(index):
            said = answers[member].argmax(-1).numpy() == labels[member].numpy()[row]
            for part in (slice(0, left), slice(left, None)):
                for example, now in zip(row[part], said[part], strict=True):
                    events[member, example] += right[member, example] and not now
                    right[member, example] = now
                    learned[member, example] |= now
        trainer.step()
    return learned, events


@pytest.mark.parametrize("updates", [1, 17, 60, 101])
@pytest.mark.parametrize("fused", [True, False])
def test_counts_are_those_of_a_loop_that_asks_before_each_update(updates, fused):
    learned, events = asked(updates, fused=fused)
    found = observed(updates, fused=fused).presented.counts()
    assert np.array_equal(found[0], learned)
    assert np.array_equal(found[1], events)
    if updates == 101:
        assert events.sum() > 50
        assert 0.2 < learned.mean() < 1


def test_telling_of_answers_changes_no_bit_of_training():
    plain = made()
    plain.presented = None
    for _ in range(60):
        plain.step()
    told = observed(60)
    for name, tensor in plain.state().items():
        assert torch.equal(tensor, told.state()[name]), name


def test_a_step_over_fixed_buffers_tells_the_same():
    expected, found = observed(60).presented, observed(60, execution=STATIC).presented
    for name, tensor in expected.state.items():
        assert torch.equal(tensor, found.state[name]), name


@pytest.mark.parametrize("most", [1, 50])
def test_counts_do_not_depend_on_when_predictions_are_looked_at(monkeypatch, most):
    expected = observed(60).presented
    monkeypatch.setattr("memlab.training.presentations.MOST", most)
    found = observed(60).presented
    for name, tensor in expected.state.items():
        assert torch.equal(tensor, found.state[name]), name


def test_members_that_ended_keep_their_counts_and_the_others_go_on_as_they_would():
    whole, at_end = observed(60).presented.counts(), observed(33).presented.counts()
    last = observed(60, keep={33: [0, 2], 40: [1]}).presented.counts()
    for kind in range(2):
        assert torch.equal(last[kind][1], at_end[kind][1])
        assert torch.equal(last[kind][2], whole[kind][2])


def test_a_diverged_member_answers_nothing_from_then_on():
    trainer = observed(30)
    before = [part.clone() for part in trainer.presented.counts()]
    for parameter in trainer.model.parameters():
        parameter.data[1] = torch.nan
    for _ in range(40):
        trainer.step()
    after = trainer.presented.counts()
    for old, new in zip(before, after, strict=True):
        assert torch.equal(old[1], new[1])
    assert not torch.equal(before[1][0], after[1][0])


@pytest.mark.parametrize("at", [7, 33, 60])
def test_counts_after_a_resume_within_an_epoch_are_those_of_the_uninterrupted_run(at):
    whole = observed(80, keep={20: [0, 2]})
    first = observed(at, keep={20: [0, 2]})
    kept = {name: tensor.clone() for name, tensor in first.presented.state.items()}
    again = made()
    for name, tensor in again.presented.state.items():
        tensor.copy_(kept[name])
    state = {name: tensor.clone() for name, tensor in first.state().items()}
    again.restore(state, first.update, first.active, first.steps)
    for update in range(at, 80):
        again.step()
        if update + 1 == 20:
            again.keep([0, 2])
    for name, tensor in whole.presented.state.items():
        assert torch.equal(tensor, again.presented.state[name]), name
