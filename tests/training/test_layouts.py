"""Layouts train the same networks to float tolerance, and each resumes to the last bit."""

from __future__ import annotations

import pytest
import torch

from memlab.experiment.architecture import resolve
from memlab.experiment.material_spec import ModelSpec
from memlab.training.layouts import layouts
from tests.training.conftest import CLASSES, members_of, trainer_of
from tests.training.test_trainer import VARIANTS, parameters, train

CONVNETS = ("cnn", "alexnet-small", "inception-small", "resnet20", "wrn16-4")


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_padded_perceptrons_learn_what_plain_ones_learn(variant):
    members = members_of(**VARIANTS[variant])
    plain, padded = trainer_of(members), trainer_of(members, layout="padded")
    for a, b in zip(parameters(train(plain)), parameters(train(padded)), strict=True):
        assert b.shape == a.shape
        torch.testing.assert_close(a, b, rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
@pytest.mark.parametrize("stop_at", [1, 7])
def test_padded_perceptrons_resume_to_the_last_bit(variant, stop_at):
    members = members_of(**VARIANTS[variant])
    whole = train(trainer_of(members, layout="padded"))
    half = train(trainer_of(members, layout="padded"), stop_at)
    state = {name: tensor.clone() for name, tensor in half.state().items()}
    again = trainer_of(members, layout="padded")
    again.restore(state, half.update, list(half.active), half.steps)
    train(again, whole.update - stop_at)
    for a, b in zip(parameters(whole), parameters(again), strict=True):
        assert torch.equal(a, b)


def test_padded_members_go_on_when_others_finish():
    members = members_of(seeds=4)
    whole, cut = (train(trainer_of(members, layout="padded"), 5) for _ in range(2))
    cut.keep([0, 2])
    train(whole, 5), train(cut, 5)
    for a, b in zip(parameters(whole), parameters(cut), strict=True):
        torch.testing.assert_close(a[[0, 2]], b, rtol=2e-4, atol=2e-5)


def test_a_diverged_padded_member_predicts_a_class():
    wild = {"optimizer": {"learning_rate": 1e4}, "seeds": 2}
    trainer = train(trainer_of(members_of(**wild), layout="padded"))
    trainer.model.output.weight.data.fill_(float("nan"))
    assert int(trainer.evaluate().train.predicted.max()) < CLASSES


@pytest.mark.parametrize("name", CONVNETS)
def test_channels_last_learns_what_contiguous_maps_learn(name):
    tree = {"model": {"name": name, "width": 8, "depth": None}, "optimizer": {"batch_size": 20}}
    members = members_of(**tree, seeds=1)
    plain = trainer_of(members, image=True)
    last = trainer_of(members, image=True, layout="channels_last")
    assert last.model.maps(torch.zeros(1, 2, 3, 8, 8)).is_contiguous(
        memory_format=torch.channels_last
    )
    for a, b in zip(parameters(train(plain, 2)), parameters(train(last, 2)), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-4)


def test_the_layouts_offered_are_those_that_make_a_difference():
    assert layouts(resolve(ModelSpec(name="mlp")))[0] == "padded"
    assert layouts(resolve(ModelSpec(name="cnn")))[0] == "channels_last"
    assert layouts(resolve(ModelSpec(name="mlp", activation="gelu"))) == ("contiguous",)
