"""The trainer against plain PyTorch, stacked against alone, and resumed against uninterrupted."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from memlab.training.trainer import StackTrainer
from tests.training.conftest import CLASSES, TRAIN, data_for, members_of, trainer_of


def train(trainer: StackTrainer, updates: int | None = None) -> StackTrainer:
    for _ in range(updates or trainer.plan.timeline.updates):
        trainer.step()
    return trainer


def parameters(trainer: StackTrainer) -> list[torch.Tensor]:
    return [p.detach().clone() for p in trainer.model.parameters()]


VARIANTS = {
    "plain": {},
    "momentum": {"optimizer": {"momentum": 0.9, "learning_rate": 0.02}},
    "adam": {"optimizer": {"name": "adam", "learning_rate": 0.01}},
    "tanh, squared": {"model": {"activation": "tanh"}, "loss": {"name": "squared"}},
    "sigmoid, smoothed": {"model": {"activation": "sigmoid"}, "loss": {"label_smoothing": 0.1}},
    "decay": {"regularization": {"weight_decay": 0.05}},
    "dropout": {"regularization": {"dropout": 0.3, "input_dropout": 0.1}},
    "noise": {"regularization": {"input_noise": 0.4, "hidden_noise": 0.1}},
    "linear": {"model": {"name": "linear", "width": None, "depth": None}},
}


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_fused_updates_equal_autograd(variant):
    members = members_of(**VARIANTS[variant])
    fused, autograd = trainer_of(members), trainer_of(members, fused=False)
    assert fused._fused is not None
    assert autograd._fused is None
    for a, b in zip(parameters(train(fused)), parameters(train(autograd)), strict=True):
        torch.testing.assert_close(a, b, rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize("variant", ["plain", "adam", "dropout", "noise"])
def test_a_member_learns_the_same_alone_and_in_a_stack(variant):
    members = members_of(**VARIANTS[variant])
    stack = parameters(train(trainer_of(members)))
    for position, member in enumerate(members):
        alone = parameters(train(trainer_of([member])))
        for whole, single in zip(stack, alone, strict=True):
            torch.testing.assert_close(whole[position], single[0], rtol=2e-4, atol=2e-5)


def test_a_stack_with_different_hyperparameters_trains_each_member_with_its_own():
    members = members_of(
        axes={"optimizer.learning_rate": [0.05, 0.3], "regularization.weight_decay": [0.0, 0.1]},
        seeds=1,
    )
    stack = parameters(train(trainer_of(members)))
    for position, member in enumerate(members):
        alone = parameters(train(trainer_of([member])))
        for whole, single in zip(stack, alone, strict=True):
            torch.testing.assert_close(whole[position], single[0], rtol=2e-4, atol=2e-5)


def test_one_member_equals_a_plain_pytorch_loop_over_the_same_batches():
    (member,) = members_of(seeds=1, optimizer={"momentum": 0.9, "learning_rate": 0.05})
    trainer = trainer_of([member])
    weights, biases = trainer.model.perceptron()
    linears = []
    for weight, bias in zip(weights, biases, strict=True):
        linear = torch.nn.Linear(weight.shape[1], weight.shape[2])
        linear.weight.data.copy_(weight[0].T)
        linear.bias.data.copy_(bias[0, 0])
        linears.append(linear)
    first, second, third = linears
    model = torch.nn.Sequential(first, torch.nn.ReLU(), second, torch.nn.ReLU(), third)
    optimizer = torch.optim.SGD(model.parameters(), 0.05, momentum=0.9)
    data = data_for(member.seed)
    x, y = torch.from_numpy(data.train_x), torch.from_numpy(data.train_given)
    for _ in range(trainer.plan.timeline.updates):
        index = trainer._batch_index(16)[0]
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(x[index]), y[index]).backward()
        optimizer.step()
        trainer.step()
    for weight, linear in zip(weights, linears, strict=True):
        torch.testing.assert_close(weight[0].T, linear.weight, rtol=1e-4, atol=1e-5)
    right = (model(x).argmax(1) == y).double().mean()
    assert float(trainer.evaluate().metrics["train_accuracy"][0]) == pytest.approx(float(right))


def test_every_epoch_sees_every_example_exactly_once():
    trainer = trainer_of(members_of(seeds=2))
    seen = []
    for _ in range(trainer.plan.timeline.updates):
        seen.append(trainer._batch_index(16))
        trainer.step()
    stream = torch.cat(seen, 1)
    for epoch in range(stream.shape[1] // TRAIN):
        part = stream[:, epoch * TRAIN : (epoch + 1) * TRAIN]
        assert (part.sort(1).values == torch.arange(TRAIN)).all()


@pytest.mark.parametrize("variant", ["plain", "momentum", "adam", "dropout"])
@pytest.mark.parametrize("stop_at", [1, 7, 18])
def test_restored_training_ends_bit_for_bit_like_uninterrupted_training(variant, stop_at):
    members = members_of(**VARIANTS[variant])
    whole = train(trainer_of(members))
    half = train(trainer_of(members), stop_at)
    state = {name: tensor.clone() for name, tensor in half.state().items()}
    again = trainer_of(members)
    again.restore(state, half.update, list(half.active), half.steps)
    train(again, whole.update - stop_at)
    for a, b in zip(parameters(whole), parameters(again), strict=True):
        assert torch.equal(a, b)


def test_a_restored_stack_has_only_the_members_that_were_active():
    members = members_of(seeds=4)
    half = train(trainer_of(members), 5)
    half.keep([0, 2, 3])
    state = {name: tensor.clone() for name, tensor in half.state().items()}
    again = trainer_of(members)
    again.restore(state, half.update, list(half.active), half.steps)
    assert again.active == [0, 2, 3]
    train(half, 5), train(again, 5)
    for a, b in zip(parameters(half), parameters(again), strict=True):
        assert torch.equal(a, b)


def test_members_that_go_on_are_not_changed_by_those_that_finish():
    members = members_of(seeds=3)
    whole, cut = train(trainer_of(members), 6), train(trainer_of(members), 6)
    cut.keep([0, 2])
    train(whole, 6), train(cut, 6)
    for a, b in zip(parameters(whole), parameters(cut), strict=True):
        torch.testing.assert_close(a[[0, 2]], b, rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize("fused", [True, False])
def test_a_diverging_member_is_marked_at_its_step_and_the_others_go_on_unharmed(fused):
    wild = {
        "axes": {"optimizer.learning_rate": [0.1, 1e4]},
        "seeds": 1,
        "loss": {"name": "squared"},
    }
    members = members_of(**wild)
    stack = train(trainer_of(members, fused))
    calm = train(trainer_of(members[:1], fused))
    steps = stack.diverged()
    assert steps[0] == -1
    assert 0 < steps[1] < stack.plan.timeline.updates
    for a, b in zip(parameters(stack), parameters(calm), strict=True):
        torch.testing.assert_close(a[0], b[0], rtol=2e-4, atol=2e-5)


def test_evaluation_counts_agree_with_counting_by_hand():
    members = members_of(seeds=2)
    trainer = train(trainer_of(members), 12)
    metrics = trainer.evaluate().metrics
    for position, member in enumerate(members):
        data = data_for(member.seed)
        with torch.no_grad():
            logits = trainer.model(torch.from_numpy(data.train_x)[None])[position].numpy()
        predicted, lies = logits.argmax(1), data.corrupted
        right = predicted == data.train_given
        expected = {
            "train_accuracy": right.mean(),
            "train_accuracy_clean": right[~lies].mean(),
            "train_accuracy_corrupted": right[lies].mean(),
            "recovered_true_labels": (predicted == data.train_true)[lies].mean(),
        }
        for name, value in expected.items():
            assert float(metrics[name][position]) == pytest.approx(value, abs=1e-12)
        shifted = logits - logits.max(1, keepdims=True)
        logs = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
        loss = -logs[np.arange(TRAIN), data.train_given].mean()
        assert float(metrics["train_loss"][position]) == pytest.approx(loss, rel=1e-5)


def test_growing_batches_in_a_stack_follow_the_timeline():
    members = members_of(schedule={"kind": "grow-batch", "milestones": [2], "factor": 3}, seeds=2)
    trainer = trainer_of(members)
    assert [p.batch_size for p in trainer.plan.timeline.phases] == [16, 48]
    train(trainer)
    assert trainer.examples == sum(p.updates * p.batch_size for p in trainer.plan.timeline.phases)


def test_adversarial_and_augmented_training_are_keyed():
    tree = {
        "regularization": {"adversarial_weight": 0.5, "adversarial_radius": 0.3},
        "optimizer": {"learning_rate": 0.05},
    }
    members = members_of(**tree)
    first, second = train(trainer_of(members), 6), train(trainer_of(members), 6)
    for a, b in zip(parameters(first), parameters(second), strict=True):
        assert torch.equal(a, b)
    shifted = members_of(
        model={"name": "cnn", "width": 4, "depth": None},
        regularization={"augmentation": "crop-flip"},
        seeds=1,
    )
    x, y = train(trainer_of(shifted, image=True), 3), train(trainer_of(shifted, image=True), 3)
    for a, b in zip(parameters(x), parameters(y), strict=True):
        assert torch.equal(a, b)


def test_chance_is_where_an_untrained_network_starts():
    metrics = trainer_of(members_of(seeds=3)).evaluate().metrics
    assert float(metrics["train_loss"].mean()) == pytest.approx(np.log(CLASSES), abs=0.2)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
@pytest.mark.parametrize("fused", [True, False])
def test_cuda_learns_what_the_cpu_learns(fused):
    from memlab.training.arrays import StackArrays
    from memlab.training.plan import plan
    from memlab.training.trainer import Shapes

    members = members_of()
    (made,) = plan(members, [TRAIN] * 3, [1] * 3)
    device = torch.device("cuda:0")
    arrays = StackArrays.of([data_for(m.seed) for m in members], CLASSES, device)
    there = train(StackTrainer(made, arrays, Shapes(None, 12, CLASSES), device, fused=fused))
    here = train(trainer_of(members, fused))
    for a, b in zip(parameters(there), parameters(here), strict=True):
        torch.testing.assert_close(a.cpu(), b, rtol=1e-3, atol=1e-4)
